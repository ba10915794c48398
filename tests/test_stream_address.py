"""Addresses of streams: what each means, and that everything else is refused without being repeated."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvr.stream_address import StreamAddress, parse_address


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("rtsp://h/x?a=1&b=2", StreamAddress("rtsp", "rtsp://h/x?a=1&b=2", host="h", port=554)),
        ("http://h:81/a.ts", StreamAddress("http", "http://h:81/a.ts", host="h", port=81)),
        ("https://h/a", StreamAddress("https", "https://h/a", host="h", port=443)),
        ("rtmp://h/live/a", StreamAddress("rtmp", "rtmp://h/live/a", host="h", port=1935)),
        ("file:/v/a%20b.mp4", StreamAddress("file", "file:/v/a%20b.mp4", "/v/a b.mp4")),
        ("file:///v/a.mp4", StreamAddress("file", "file:///v/a.mp4", "/v/a.mp4")),
        ("v4l2:/dev/video0", StreamAddress("v4l2", "v4l2:/dev/video0", "/dev/video0")),
        (
            "v4l2:/dev/v4l/by-id/usb-046d_C920:1.0-video-index0?size=1280x720&fps=15&format=yuyv",
            StreamAddress(
                "v4l2",
                "v4l2:/dev/v4l/by-id/usb-046d_C920:1.0-video-index0?size=1280x720&fps=15&format=yuyv",
                "/dev/v4l/by-id/usb-046d_C920:1.0-video-index0",
                size=(1280, 720),
                fps=15,
                pixel_format="yuyv",
            ),
        ),
    ],
)
def test_what_is_understood(url, expected):
    assert parse_address(url) == expected


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("udp://h:1234", "allowed: an address as rtsp://"),
        ("concat:/a|/b", "allowed"),
        ("/dev/video0", "allowed"),
        ("http:///x", "no host"),
        ("http://h:x/", "ort"),
        ("https://u:hunter2@h/", "`username` and `password`"),
        ("rtsp://u@h/", "`username` and `password`"),
        ("file:clip.mp4", "absolute path"),
        ("file://server/clip.mp4", "absolute path"),
        ("file:/a.mp4?x=1", "no options"),
        ("file:/a%00.mp4", "absolute path"),
        ("v4l2:/etc/passwd", "not a device"),
        ("v4l2:/dev/../etc/passwd", "not a device"),
        ("v4l2:/dev/video0?size=9999x9999", "size=1280x720"),
        ("v4l2:/dev/video0?fps=0", "fps=15"),
        ("v4l2:/dev/video0?format=rgb", "format=h264"),
        ("v4l2:/dev/video0?input_format=mjpeg", "format=h264"),
        ("v4l2:/dev/video0?fps=5&fps=6", "twice"),
        ("rtsp://h/a b", "%20"),
        ("http://h/\r\nX: y", "%20"),
    ],
)
def test_what_is_refused(url, words):
    with pytest.raises(ValueError, match=r".") as caught:
        parse_address(url)
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)


@given(st.text(max_size=60) | st.text("v4l2:/dev?size=x&1fp%#@", max_size=40).map("v4l2:/dev/".__add__))
def test_any_text_is_understood_or_refused(text):
    try:
        address = parse_address(text)
    except ValueError:
        return
    assert address.path.startswith("/") or address.host
