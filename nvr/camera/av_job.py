"""What the child is told to open, and what libav may use for it. Pure."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal
from urllib.parse import quote, urlsplit, urlunsplit

from nvr.stream_address import StreamAddress

Kind = Literal["file", "v4l2", "network"]
MAX_JOB_BYTES = 64 << 10
NO_PROTOCOL = "none"
"""No protocol of libav has this name: it can open nothing by itself. A file reaches it as an open descriptor."""
PROTOCOLS = {"http": "http,tcp", "https": "https,tls,tcp", "rtmp": "rtmp,tcp"}
"""Also for whatever a stream refers to. Never file, concat, subfile, crypto, data; a redirect cannot leave TLS."""
FILE_FORMATS = "mov,matroska,webm,avi,mpegts,flv,yuv4mpegpipe,mjpeg,mpjpeg"
NETWORK_FORMATS = "mpegts,flv,live_flv,mpjpeg,mjpeg"
"""No playlists (HLS, DASH, concat, SDP): those make libav open further addresses."""
CODECS = "h264,hevc,mjpeg,rawvideo"
OPEN_S, READ_S = 10.0, 5.0
PIXEL_FORMATS = {"h264": "h264", "mjpeg": "mjpeg", "yuyv": "yuyv422"}
"""Our words to those of libavdevice's `input_format`."""


@dataclass(frozen=True, slots=True)
class Job:
    """`path`: the file or device. `url`: what libav opens of the network, with user and password. `port`: the only one
    that may be connected to. `options`: of libav's container."""

    kind: Kind
    options: dict[str, str]
    path: str = ""
    url: str = ""
    port: int = 0

    def pack(self) -> bytes:
        """As one line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def unpack(cls, line: bytes) -> Job:
        fields: dict[str, Any] = json.loads(line)
        return cls(**fields)


def job_for(address: StreamAddress, username: str, password: str) -> Job:
    """The job for any address but RTSP. Raises ValueError for that."""
    options = {"codec_whitelist": CODECS, "probesize": str(2 << 20), "analyzeduration": "3000000"}
    match address.scheme:
        case "file":
            options |= {"protocol_whitelist": NO_PROTOCOL, "format_whitelist": FILE_FORMATS}
            return Job("file", options, path=address.path)
        case "v4l2":
            options |= {"protocol_whitelist": NO_PROTOCOL, "format_whitelist": "v4l2"}
            if address.size is not None:
                options["video_size"] = "{}x{}".format(*address.size)
            if address.fps is not None:
                options["framerate"] = str(address.fps)
            if address.pixel_format is not None:
                options["input_format"] = PIXEL_FORMATS[address.pixel_format]
            return Job("v4l2", options, path=address.path)
        case "http" | "https" | "rtmp" as scheme:
            options |= {"protocol_whitelist": PROTOCOLS[scheme], "format_whitelist": NETWORK_FORMATS}
            options["fpsprobesize"] = "0"  # a live stream is not kept waiting to measure its rate
            url = _with_login(address.url, username, password)
            return Job("network", options, url=url, port=address.port)
        case "rtsp":
            raise ValueError("RTSP is not played through libav")


def _with_login(url: str, username: str, password: str) -> str:
    if not username:
        return url
    parts = urlsplit(url)
    login = f"{quote(username, safe='')}:{quote(password, safe='')}@"
    return urlunsplit(parts._replace(netloc=login + parts.netloc))
