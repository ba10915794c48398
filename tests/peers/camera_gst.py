#!/usr/bin/python3
"""A camera whose next keyframe never comes unless it is asked: gst-rtsp-server, and as much of ONVIF as that takes.

Prints "RTSP_PORT HTTP_PORT", serves rtsp://…/Streaming/101 (H.264, 160x96 at 25 fps, a keyframe when play begins) and
http://…/onvif/device_service until its standard input ends. User "anna", password "quê hương", by WS-UsernameToken. Its
clock is an hour ahead, and what is signed by another it refuses. GET /asked: how many keyframes it was asked for.
"""

import base64
import hashlib
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

USER, PASSWORD = "anna", "quê hương"
AHEAD_S, SKEW_S = 3600, 60
LAUNCH = (
    "( videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=160,height=96,framerate=25/1"
    " ! x264enc name=encoder tune=zerolatency key-int-max=1000000 option-string=scenecut=0"
    " ! video/x-h264,profile=baseline ! h264parse config-interval=-1 ! rtph264pay name=pay0 pt=96 )"
)
FORCE = (
    "GstForceKeyUnit, running-time=(guint64)18446744073709551615, all-headers=(boolean)true, count=(uint)1"
)
ANSWER = (
    '<?xml version="1.0"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:tds='
    '"http://www.onvif.org/ver10/device/wsdl" xmlns:trt="http://www.onvif.org/ver10/media/wsdl" xmlns:tt='
    '"http://www.onvif.org/ver10/schema"><s:Body>{}</s:Body></s:Envelope>'
)
FAULT = (
    "<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text>{}</s:Text></s:Reason></s:Fault>"
)


class Camera:
    def __init__(self):
        self.encoder, self.asked, self.rtsp_port, self.http_port = None, 0, 0, 0

    def configured(self, _factory, media):
        self.encoder = media.get_element().get_by_name("encoder")

    def connected(self, _server, client):
        """A keyframe for each who begins to play, as all cameras do it."""
        client.connect("play-request", lambda *_: GLib.timeout_add(100, self.force))

    def force(self):
        event = Gst.Event.new_custom(Gst.EventType.CUSTOM_UPSTREAM, Gst.Structure.from_string(FORCE)[0])
        self.encoder.get_static_pad("src").send_event(event)

    def is_signed(self, root):
        found = {e.tag.rpartition("}")[2]: e.text or "" for e in root.iter()}
        if not {"Username", "Password", "Nonce", "Created"} <= found.keys():
            return False
        signed = base64.b64decode(found["Nonce"]) + found["Created"].encode() + PASSWORD.encode()
        digest = base64.b64encode(hashlib.sha1(signed).digest()).decode()
        created = datetime.strptime(found["Created"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        is_now = abs(created.timestamp() - time.time() - AHEAD_S) < SKEW_S
        return found["Username"] == USER and found["Password"] == digest and is_now

    def answer(self, root):
        """(status, what stands in the Body)."""
        body = next(e for e in root if e.tag.endswith("}Body"))
        operation = body[0].tag.rpartition("}")[2]
        if operation == "GetSystemDateAndTime":
            now = datetime.fromtimestamp(time.time() + AHEAD_S, UTC)
            utc = (
                f"<tt:Time><tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute><tt:Second>{now.second}"
                f"</tt:Second></tt:Time><tt:Date><tt:Year>{now.year}</tt:Year><tt:Month>{now.month}</tt:Month><tt:Day>"
                f"{now.day}</tt:Day></tt:Date>"
            )
            return 200, (
                "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:UTCDateTime>"
                f"{utc}</tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
            )
        if not self.is_signed(root):
            return 400, FAULT.format("Sender not authorized")
        token = "".join(e.text or "" for e in body.iter() if e.tag.endswith("}ProfileToken"))
        if operation == "GetCapabilities":
            # As a camera behind a router says it: an address that nobody else has.
            address = "http://192.0.2.1/onvif/media?a=1"
            inside = (
                f"<tds:Capabilities><tt:Media><tt:XAddr>{address}</tt:XAddr></tt:Media></tds:Capabilities>"
            )
            return 200, f"<tds:GetCapabilitiesResponse>{inside}</tds:GetCapabilitiesResponse>"
        if operation == "GetProfiles":
            profiles = "".join(f'<trt:Profiles token="{name}"/>' for name in ("other", "first"))
            return 200, f"<trt:GetProfilesResponse>{profiles}</trt:GetProfilesResponse>"
        if operation == "GetStreamUri":
            uri = "rtsp://192.0.2.1/Streaming/" + ("101?transport=unicast" if token == "first" else "102")
            uri = f"<trt:MediaUri><tt:Uri>{uri}</tt:Uri></trt:MediaUri>"
            return 200, f"<trt:GetStreamUriResponse>{uri}</trt:GetStreamUriResponse>"
        if operation == "SetSynchronizationPoint" and token == "first":
            self.asked += 1
            GLib.idle_add(self.force)
            return 200, "<trt:SetSynchronizationPointResponse/>"
        return 400, FAULT.format("no such operation or profile")


def main():
    Gst.init(None)
    camera = Camera()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_args):
            pass

        def do_GET(self):
            self.reply(200, str(camera.asked))

        def do_POST(self):
            root = ElementTree.fromstring(self.rfile.read(int(self.headers["Content-Length"])))
            status, inside = camera.answer(root)
            self.reply(status, ANSWER.format(inside))

        def reply(self, status, text):
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(LAUNCH)
    factory.set_shared(True)
    factory.connect("media-configure", camera.configured)
    server.get_mount_points().add_factory("/Streaming/101", factory)
    server.connect("client-connected", camera.connected)
    server.attach(None)
    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    print(server.get_bound_port(), http.server_port, flush=True)
    loop = GLib.MainLoop()
    threading.Thread(target=lambda: (sys.stdin.read(), loop.quit()), daemon=True).start()
    loop.run()


main()
