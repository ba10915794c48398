"""A camera's access units and parameter sets on their way to the analysis process. Pure."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from nvr.detect.messages.parts import CODECS, MAX_PARAMETER_SET, ProtocolError
from nvr.media.access_unit import Codec

_PARAMETERS = struct.Struct(">HBHH")
_UNIT = struct.Struct(">H???d")
UNIT_HEAD_BYTES = _UNIT.size


@dataclass(frozen=True, slots=True)
class Parameters:
    """To the worker: a camera's parameter sets, before its first access unit and when they change."""

    camera: int
    codec: Codec
    sps: bytes
    pps: bytes
    vps: bytes = b""

    def pack(self) -> bytes:
        codec, lengths = CODECS.index(self.codec), (len(self.vps), len(self.sps))
        return _PARAMETERS.pack(self.camera, codec, *lengths) + self.vps + self.sps + self.pps

    @classmethod
    def unpack(cls, body: bytes) -> Parameters:
        """Raises ProtocolError."""
        if len(body) < _PARAMETERS.size:
            raise ProtocolError("a parameter sets' message is too short")
        camera, codec, vps_length, sps_length = _PARAMETERS.unpack_from(body)
        sps_start = _PARAMETERS.size + vps_length
        pps_start = sps_start + sps_length
        vps, sps, pps = body[_PARAMETERS.size : sps_start], body[sps_start:pps_start], body[pps_start:]
        if codec >= len(CODECS):
            raise ProtocolError("a parameter sets' message of an unknown codec")
        if len(sps) != sps_length or not pps or max(len(vps), len(sps), len(pps)) > MAX_PARAMETER_SET:
            raise ProtocolError("a parameter sets' message has impossible lengths")
        return cls(camera, CODECS[codec], sps, pps, vps)


@dataclass(frozen=True, slots=True)
class Unit:
    """To the worker: an access unit, as `AccessUnit.data`. `received_mono_s` is on the machine's monotonic clock,
    which both processes read. `alone`: a keyframe after which nothing refers to it, because no other picture of the
    camera is sent before the next keyframe. `is_old`: it came before it was wanted, and is sent because others
    refer to it."""

    camera: int
    is_key: bool
    received_mono_s: float
    data: bytes = field(repr=False)
    alone: bool = False
    is_old: bool = False

    def pack(self) -> bytes:
        return _UNIT.pack(self.camera, self.is_key, self.alone, self.is_old, self.received_mono_s) + self.data

    @classmethod
    def unpack(cls, body: bytes) -> Unit:
        """Raises ProtocolError."""
        if len(body) < _UNIT.size:
            raise ProtocolError("an access unit's message is too short")
        camera, is_key, alone, is_old, received_mono_s = _UNIT.unpack_from(body)
        return cls(camera, is_key, received_mono_s, body[_UNIT.size :], alone, is_old)
