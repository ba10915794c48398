#!/usr/bin/python3
"""A WHEP player as peer of the tests: GStreamer's webrtcbin (Debian: gstreamer1.0-plugins-bad, gstreamer1.0-nice,
gir1.2-gst-plugins-bad-1.0, python3-gi).

usage: whep_gst.py URL CA_FILE TOKEN PICTURES. Offers to receive H.264, decodes, prints `WIDTHxHEIGHT` of the first
picture, after PICTURES of them `played`, and leaves with DELETE. Ends with 1 and a reason on standard error otherwise.
"""

import ssl
import sys
import urllib.parse
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

CAPS = "application/x-rtp,media=video,encoding-name=H264,clock-rate=90000,payload=96,packetization-mode=(string)1"
DECODE = "rtph264depay ! h264parse ! openh264dec ! fakesink name=sink sync=false signal-handoffs=true"


class Player:
    def __init__(self, url, ca_file, token, pictures):
        self.url, self.token, self.left = url, token, pictures
        self.tls = ssl.create_default_context(cafile=ca_file)
        self.session = None
        self.shown = False
        self.loop = GLib.MainLoop()
        self.pipeline = Gst.Pipeline.new()
        self.webrtc = Gst.ElementFactory.make("webrtcbin", "webrtc")
        self.webrtc.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
        self.pipeline.add(self.webrtc)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", lambda _bus, message: self.fail(message.parse_error()))
        self.webrtc.connect("pad-added", self.play)
        self.webrtc.connect("on-negotiation-needed", self.negotiate)
        self.webrtc.connect("notify::ice-gathering-state", self.gathered)
        direction = GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY
        self.webrtc.emit("add-transceiver", direction, Gst.Caps.from_string(CAPS))

    def run(self):
        self.pipeline.set_state(Gst.State.PLAYING)
        self.loop.run()
        if self.session:
            self.request("DELETE", self.session)
        self.pipeline.set_state(Gst.State.NULL)

    def negotiate(self, _webrtc):
        def offer(promise):
            reply = promise.get_reply()  # owns the offer
            self.webrtc.emit("set-local-description", reply.get_value("offer"), Gst.Promise.new())

        self.webrtc.emit("create-offer", None, Gst.Promise.new_with_change_func(offer))

    def gathered(self, _webrtc, _state):
        complete = (
            self.webrtc.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE
        )
        if complete and self.session is None:
            self.session = ""
            GLib.idle_add(self.post)

    def post(self):
        offer = self.webrtc.get_property("local-description").sdp.as_text()
        try:
            answer, headers = self.request(
                "POST", self.url, offer.encode(), {"Content-Type": "application/sdp"}
            )
        except OSError as error:
            self.fail(error)
            return
        self.session = urllib.parse.urljoin(self.url, headers["Location"])
        _, message = GstSdp.SDPMessage.new_from_text(answer.decode())
        kind = GstWebRTC.WebRTCSDPType.ANSWER
        description = GstWebRTC.WebRTCSessionDescription.new(kind, message)
        self.webrtc.emit("set-remote-description", description, Gst.Promise.new())

    def request(self, method, url, body=None, headers=None):
        headers = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        request = urllib.request.Request(url, body, headers, method=method)
        with urllib.request.urlopen(request, timeout=20, context=self.tls) as response:
            return response.read(), response.headers

    def play(self, _webrtc, pad):
        decoder = Gst.parse_bin_from_description(DECODE, True)
        decoder.get_by_name("sink").connect("handoff", self.picture)
        self.pipeline.add(decoder)
        decoder.sync_state_with_parent()
        pad.link(decoder.get_static_pad("sink"))

    def picture(self, _sink, _buffer, pad):
        if not self.shown:
            self.shown = True
            size = pad.get_current_caps().get_structure(0)
            print(f"{size.get_value('width')}x{size.get_value('height')}", flush=True)
        self.left -= 1
        if self.left == 0:
            print("played", flush=True)
            self.loop.quit()

    def fail(self, why):
        print(why, file=sys.stderr, flush=True)
        self.loop.quit()


def main():
    Gst.init(None)
    url, ca_file, token, pictures = sys.argv[1:]
    player = Player(url, ca_file, token, int(pictures))
    GLib.timeout_add_seconds(60, lambda: player.fail("no pictures within 60 s"))
    player.run()
    sys.exit(0 if player.left <= 0 else 1)


main()
