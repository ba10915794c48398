"""Where a camera's stream comes from: the addresses that `main` and `sub` of nvr.toml take. Pure.

::

    rtsp://192.168.1.64:554/Streaming/Channels/101     almost every camera
    v4l2:/dev/v4l/by-id/usb-…-video-index0?size=1280x720&fps=15&format=mjpeg
    file:/srv/videos/street.mp4
    http://192.168.1.70/stream.ts   https://…   rtmp://…
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

Scheme = Literal["rtsp", "v4l2", "file", "http", "https", "rtmp"]
PixelFormat = Literal["h264", "mjpeg", "yuyv"]
DEFAULT_PORTS = {"rtsp": 554, "http": 80, "https": 443, "rtmp": 1935}
ALLOWED = (
    "an address as rtsp://192.168.1.64:554/Streaming/Channels/101, v4l2:/dev/v4l/by-id/…, file:/path/video.mp4,"
    " http://…, https://… or rtmp://…"
)
MAX_PIXELS = 4096 * 2304
_SIZE = re.compile(r"([0-9]{2,4})x([0-9]{2,4})", re.ASCII)
_FPS = re.compile(r"[0-9]{1,3}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x20\x7f]")


@dataclass(frozen=True, slots=True)
class StreamAddress:
    """`url`: as it was written. `path`: of a device or file, else "". `host`, `port`: of a server, else "" and 0.
    `size` (width, height in pixels), `fps`, `pixel_format`: what a V4L2 device is asked for; None: its own choice."""

    scheme: Scheme
    url: str
    path: str = ""
    host: str = ""
    port: int = 0
    size: tuple[int, int] | None = None
    fps: int | None = None
    pixel_format: PixelFormat | None = None


def parse_address(url: str) -> StreamAddress:
    """Raises ValueError that says what is wrong, without the address itself: it may hold a password."""
    if _CONTROL.search(url):
        raise ValueError("an address has no spaces and control characters; write %20 for a space")
    parts = urlsplit(url)
    match parts.scheme:
        case "rtsp" | "http" | "https" | "rtmp" as scheme:
            if not parts.hostname:
                raise ValueError(f"no host in the address; for example {scheme}://192.168.1.64/…")
            if parts.username is not None or parts.password is not None:
                raise ValueError("user and password belong in the camera's keys `username` and `password`")
            port = parts.port  # raises ValueError for a port that is no number
            return StreamAddress(scheme, url, host=parts.hostname, port=port or DEFAULT_PORTS[scheme])
        case "file" | "v4l2" as scheme:
            path = unquote(parts.path)
            if parts.netloc or not path.startswith("/") or "\x00" in path or parts.fragment:
                raise ValueError(f"not an absolute path; for example {_EXAMPLES[scheme]}")
            if scheme == "v4l2":
                return _v4l2(url, path, parts.query)
            if parts.query:
                raise ValueError("a file's address has no options; write %3F for a question mark in its name")
            return StreamAddress("file", url, path)
    raise ValueError(f"not a stream's address; allowed: {ALLOWED}")


_EXAMPLES = {"file": "file:/srv/videos/street.mp4", "v4l2": "v4l2:/dev/v4l/by-id/usb-…-video-index0"}


def _v4l2(url: str, path: str, query: str) -> StreamAddress:
    if not path.startswith("/dev/") or ".." in path.split("/"):
        raise ValueError(f"not a device; for example {_EXAMPLES['v4l2']}")
    size: tuple[int, int] | None = None
    fps: int | None = None
    pixel_format: PixelFormat | None = None
    options = parse_qsl(query, keep_blank_values=True)
    for name, value in options:
        match name, value:
            case "size", _ if (found := _SIZE.fullmatch(value)) and int(found[1]) * int(
                found[2]
            ) <= MAX_PIXELS:
                size = int(found[1]), int(found[2])
            case "fps", _ if _FPS.fullmatch(value) and 1 <= int(value) <= 120:
                fps = int(value)
            case "format", "h264" | "mjpeg" | "yuyv" as known:
                pixel_format = known
            case _:
                raise ValueError(
                    "after ? stand size=1280x720, fps=15 and format=h264, mjpeg or yuyv, with & between"
                )
    if len({name for name, _ in options}) < len(options):
        raise ValueError("an option stands twice behind the ?")
    return StreamAddress("v4l2", url, path, size=size, fps=fps, pixel_format=pixel_format)
