#!/usr/bin/python3
"""A real RTSP server as peer of the tests: gst-rtsp-server (Debian: gir1.2-gst-rtsp-server-1.0, python3-gi).

usage: rtsp_gst.py none|basic|digest. Mounts, 160x96 at 25 fps: /h264 /bframes /h265
/h265-bframes /jpeg /audio, and /h264-aac /h264-alaw /h264-ulaw /h265-aac /h264-opus, whose picture is white and whose
sound is loud in the first 0.2 s of each second. With a login:
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
FLASH = SOURCE.replace("pattern=ball", "pattern=black name=flash")
BEEP = "audiotestsrc name=beep is-live=true freq=1000 volume=0 samplesperbuffer={} ! audio/x-raw,rate={},channels=1"
PLAIN_H264 = H264.format("tune=zerolatency", "baseline", "-1")
PLAIN_H265 = H265.format("tune=zerolatency", "-1")
AAC = f"{BEEP.format(960, 48000)} ! audioconvert ! voaacenc ! rtpmp4gpay name=pay1 pt=97"
G711 = f"{BEEP.format(160, 8000)} ! {{}}enc ! rtp{{}}pay name=pay1"
FLASH_NS = 200_000_000
MOUNTS = {
    "/h264-aac": f"( {FLASH} ! {PLAIN_H264} {AAC} )",
    "/h264-alaw": f"( {FLASH} ! {PLAIN_H264} {G711.format('alaw', 'pcma')} )",
    "/h264-ulaw": f"( {FLASH} ! {PLAIN_H264} {G711.format('mulaw', 'pcmu')} )",
    "/h265-aac": f"( {FLASH} ! {PLAIN_H265} {AAC} )",
    "/h264-opus": f"( {FLASH} ! {PLAIN_H264} {BEEP.format(320, 16000)} ! opusenc ! rtpopuspay name=pay1 pt=98 )",
    "/h264": f"( {SOURCE} ! {H264.format('tune=zerolatency', 'baseline', '-1')} )",
    "/bframes": f"( {SOURCE} ! {H264.format('bframes=2 b-adapt=false', 'main', '0')} )",
    "/h265": f"( {SOURCE} ! {H265.format('tune=zerolatency', '-1')} )",
    "/h265-bframes": f"( {SOURCE} ! {H265.format('option-string=bframes=2:b-adapt=0', '0')} )",
    "/jpeg": f"( {SOURCE} ! jpegenc ! rtpjpegpay name=pay0 )",
    "/audio": "( audiotestsrc is-live=true ! audio/x-raw,rate=8000,channels=1 ! alawenc ! rtppcmapay name=pay0 )",
}


def flash_and_beep(_factory, media) -> None:
    """A property set for one buffer shows in the next."""
    for name, key, off, on in (("flash", "pattern", "black", "white"), ("beep", "volume", 0.0, 0.8)):
        source = media.get_element().get_by_name(name)
        if source is not None:
            source.get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, switch, source, key, off, on)


def switch(_pad, info, source, key, off, on):
    buffer = info.get_buffer()
    is_on = (buffer.pts + buffer.duration) % Gst.SECOND < FLASH_NS
    Gst.util_set_object_arg(source, key, str(on if is_on else off))
    return Gst.PadProbeReturn.OK


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
        factory.connect("media-configure", flash_and_beep)
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
