"""A keyframe of a camera's other, larger stream, for a closer look at what is too small in the analysed one. Pure."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from nvr.detect.messages.parts import KEYFRAME_HEAD_BYTES, packed_keyframe, unpacked_keyframe
from nvr.media.access_unit import Codec

_HEAD = struct.Struct(">Hd")
CLOSER_HEAD_BYTES = _HEAD.size + KEYFRAME_HEAD_BYTES
"""Most that a `CloserLook` has besides its keyframe."""


@dataclass(frozen=True, slots=True)
class CloserLook:
    """To the worker: a keyframe of the camera's main stream, `data` as `AccessUnit.data`; it shows the same view as the
    analysed stream, with more pixels."""

    camera: int
    received_mono_s: float
    codec: Codec
    vps: bytes
    sps: bytes
    pps: bytes
    data: bytes = field(repr=False)

    def pack(self) -> bytes:
        keyframe = (self.codec, self.vps, self.sps, self.pps, self.data)
        return _HEAD.pack(self.camera, self.received_mono_s) + packed_keyframe(keyframe)

    @classmethod
    def unpack(cls, body: bytes) -> CloserLook:
        """Raises ProtocolError."""
        keyframe = unpacked_keyframe(body, _HEAD.size, "a closer look's message")
        camera, received_mono_s = _HEAD.unpack_from(body)
        return cls(camera, received_mono_s, *keyframe)
