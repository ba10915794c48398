"""The two messages about still pictures, and what they share with all others (see protocol.py). Pure."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from nvr.media.access_unit import Codec

MAX_PARAMETER_SET = 4096
JPEG_START, JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
_WANTED = struct.Struct(">IBHHH")
_CODECS: tuple[Codec, ...] = ("h264", "h265")
_MADE = struct.Struct(">I")
WANTED_HEAD_BYTES = _WANTED.size + 3 * MAX_PARAMETER_SET
"""Most that a `PictureWanted` has besides its keyframe."""


class ProtocolError(ValueError):
    """The other side broke the protocol; the message says where."""


def checked_jpeg(data: bytes) -> bytes:
    """`data`, if it could be a JPEG. Raises ProtocolError."""
    if not data.startswith(JPEG_START) or not data.endswith(JPEG_END):
        raise ProtocolError("a picture is no JPEG")
    return data


@dataclass(frozen=True, slots=True)
class PictureWanted:
    """To the worker: make a JPEG of this keyframe, `data` as `AccessUnit.data`. `number`, below 2**32, names the
    wish."""

    number: int
    codec: Codec
    vps: bytes
    sps: bytes
    pps: bytes
    data: bytes = field(repr=False)

    def pack(self) -> bytes:
        sets = (self.vps, self.sps, self.pps)
        head = _WANTED.pack(self.number, _CODECS.index(self.codec), *map(len, sets))
        return head + b"".join(sets) + self.data

    @classmethod
    def unpack(cls, body: bytes) -> PictureWanted:
        """Raises ProtocolError."""
        if len(body) < _WANTED.size:
            raise ProtocolError("a wanted picture's message is too short")
        number, codec, *lengths = _WANTED.unpack_from(body)
        if codec >= len(_CODECS):
            raise ProtocolError("a wanted picture's message names no codec")
        if max(lengths) > MAX_PARAMETER_SET or _WANTED.size + sum(lengths) >= len(body):
            raise ProtocolError("a wanted picture's message has impossible lengths")
        sps_at = _WANTED.size + lengths[0]
        pps_at = sps_at + lengths[1]
        data_at = pps_at + lengths[2]
        vps, sps, pps = body[_WANTED.size : sps_at], body[sps_at:pps_at], body[pps_at:data_at]
        return cls(number, _CODECS[codec], vps, sps, pps, body[data_at:])


@dataclass(frozen=True, slots=True)
class PictureMade:
    """To the service: what a `PictureWanted` led to; `jpeg` is empty where nothing came of it."""

    number: int
    jpeg: bytes = field(repr=False)

    def pack(self) -> bytes:
        return _MADE.pack(self.number) + self.jpeg

    @classmethod
    def unpack(cls, body: bytes) -> PictureMade:
        """Raises ProtocolError."""
        if len(body) < _MADE.size:
            raise ProtocolError("a picture's message is too short")
        jpeg = body[_MADE.size :]
        return cls(_MADE.unpack_from(body)[0], checked_jpeg(jpeg) if jpeg else b"")
