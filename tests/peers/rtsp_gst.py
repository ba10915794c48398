#!/usr/bin/python3
"""A real RTSP server as peer of the tests: gst-rtsp-server (Debian: gir1.2-gst-rtsp-server-1.0, python3-gi).

usage: rtsp_gst.py none|basic|digest. Mounts, 160x96 at 25 fps: /h264 /bframes /h265
/h265-bframes /jpeg /audio. With a login:
user "anna", password "quê hương". Prints its port, then serves until its standard input ends.
"""

import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

USER, PASSWORD = "anna", "quê hương"
SOURCE = "videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=160,height=96,framerate=25/1"
H264 = "x264enc key-int-max=10 {} ! video/x-h264,profile={} ! h264parse config-interval={} ! rtph264pay name=pay0 pt=96"
H265 = "x265enc key-int-max=10 speed-preset=ultrafast {} ! h265parse config-interval={} ! rtph265pay name=pay0 pt=98"
MOUNTS = {
    "/h264": f"( {SOURCE} ! {H264.format('tune=zerolatency', 'baseline', '-1')} )",
    "/bframes": f"( {SOURCE} ! {H264.format('bframes=2 b-adapt=false', 'main', '0')} )",
    "/h265": f"( {SOURCE} ! {H265.format('tune=zerolatency', '-1')} )",
    "/h265-bframes": f"( {SOURCE} ! {H265.format('option-string=bframes=2:b-adapt=0', '0')} )",
    "/jpeg": f"( {SOURCE} ! jpegenc ! rtpjpegpay name=pay0 )",
    "/audio": "( audiotestsrc is-live=true ! audio/x-raw,rate=8000,channels=1 ! alawenc ! rtppcmapay name=pay0 )",
}


def main() -> None:
    login = sys.argv[1]
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    if login != "none":
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "user")
        auth = GstRtspServer.RTSPAuth()
        if login == "digest":
            auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
            auth.add_digest(USER, PASSWORD, token)
        else:
            auth.set_supported_methods(GstRtsp.RTSPAuthMethod.BASIC)
            auth.add_basic(GstRtspServer.RTSPAuth.make_basic(USER, PASSWORD), token)
        server.set_auth(auth)
    for path, launch in MOUNTS.items():
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(launch)
        factory.set_shared(True)
        if login != "none":
            rights = "user,media.factory.access=(boolean)true,media.factory.construct=(boolean)true"
            factory.add_role_from_structure(Gst.Structure.from_string(rights)[0])
        server.get_mount_points().add_factory(path, factory)
    server.attach(None)
    print(server.get_bound_port(), flush=True)
    loop = GLib.MainLoop()
    threading.Thread(target=lambda: (sys.stdin.read(), loop.quit()), daemon=True).start()
    loop.run()


main()
