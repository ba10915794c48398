"""A keyframe of a camera's other, larger stream, for a closer look at what is too small in the analysed one. Pure."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from nvr.detect.messages.stills import MAX_PARAMETER_SET, ProtocolError
from nvr.media.access_unit import Codec

_HEAD = struct.Struct(">HdBHHH")
_CODECS: tuple[Codec, ...] = ("h264", "h265")
CLOSER_HEAD_BYTES = _HEAD.size + 3 * MAX_PARAMETER_SET
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
        sets = (self.vps, self.sps, self.pps)
        head = (self.camera, self.received_mono_s, _CODECS.index(self.codec), *map(len, sets))
        return _HEAD.pack(*head) + b"".join(sets) + self.data

    @classmethod
    def unpack(cls, body: bytes) -> CloserLook:
        """Raises ProtocolError."""
        if len(body) < _HEAD.size:
            raise ProtocolError("a closer look's message is too short")
        camera, received_mono_s, codec, *lengths = _HEAD.unpack_from(body)
        if codec >= len(_CODECS):
            raise ProtocolError("a closer look's message names no codec")
        if max(lengths) > MAX_PARAMETER_SET or _HEAD.size + sum(lengths) >= len(body):
            raise ProtocolError("a closer look's message has impossible lengths")
        sps_at = _HEAD.size + lengths[0]
        pps_at = sps_at + lengths[1]
        data_at = pps_at + lengths[2]
        sets = (body[_HEAD.size : sps_at], body[sps_at:pps_at], body[pps_at:data_at])
        return cls(camera, received_mono_s, _CODECS[codec], *sets, body[data_at:])
