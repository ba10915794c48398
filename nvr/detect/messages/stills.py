"""The two messages about still pictures. Pure."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from nvr.detect.messages.parts import (
    KEYFRAME_HEAD_BYTES,
    ProtocolError,
    checked_jpeg,
    packed_keyframe,
    unpacked_keyframe,
)
from nvr.media.access_unit import Codec

_NUMBER = struct.Struct(">I")
WANTED_HEAD_BYTES = _NUMBER.size + KEYFRAME_HEAD_BYTES
"""Most that a `PictureWanted` has besides its keyframe."""


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
        keyframe = (self.codec, self.vps, self.sps, self.pps, self.data)
        return _NUMBER.pack(self.number) + packed_keyframe(keyframe)

    @classmethod
    def unpack(cls, body: bytes) -> PictureWanted:
        """Raises ProtocolError."""
        keyframe = unpacked_keyframe(body, _NUMBER.size, "a wanted picture's message")
        return cls(_NUMBER.unpack_from(body)[0], *keyframe)


@dataclass(frozen=True, slots=True)
class PictureMade:
    """To the service: what a `PictureWanted` led to; `jpeg` is empty where nothing came of it."""

    number: int
    jpeg: bytes = field(repr=False)

    def pack(self) -> bytes:
        return _NUMBER.pack(self.number) + self.jpeg

    @classmethod
    def unpack(cls, body: bytes) -> PictureMade:
        """Raises ProtocolError."""
        if len(body) < _NUMBER.size:
            raise ProtocolError("a picture's message is too short")
        jpeg = body[_NUMBER.size :]
        return cls(_NUMBER.unpack_from(body)[0], checked_jpeg(jpeg) if jpeg else b"")
