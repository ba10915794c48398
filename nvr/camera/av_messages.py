"""What the child of a libav source says to the service. Pure.

A message is the length of its body (4 bytes, big-endian), its type (1 byte) and the body. The service takes the child
for hijacked: whatever is malformed, too long or absurd raises ProtocolViolation.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from nvr.errors import ProtocolViolation
from nvr.media.access_unit import Codec

MAX_BODY_BYTES = (8 << 20) + 64
MAX_TEXT_BYTES = 4096
_HEADER = struct.Struct(">IB")
_SETS = struct.Struct(">BHH")
_UNIT = struct.Struct(">?q")
_CODECS: tuple[Codec, ...] = ("h264", "h265")
_OPENED, _SETS_TYPE, _UNIT_TYPE, _FAILED = range(1, 5)
Failure = Literal[
    "end",
    "missing",
    "denied",
    "busy",
    "no_camera",
    "mode",
    "undecodable",
    "codec",
    "network",
    "login",
    "path",
    "sandbox",
]
"""Why the child stops: "end": the file has been played; "mode": the device has no such size, rate or format."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The source is open, with the process locked in by `mechanisms`."""

    mechanisms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ParameterSets:
    """For the units that follow; `vps` is empty with H.264."""

    codec: Codec
    vps: bytes
    sps: bytes
    pps: bytes


@dataclass(frozen=True, slots=True)
class Unit:
    """An access unit, `data` as in `AccessUnit.data`; `lost`: something before it is missing."""

    lost: bool
    pts_90k: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """The child's last message. `detail`: technical, without secrets."""

    code: Failure
    detail: str = ""


Said = Opened | ParameterSets | Unit | Failed


def encode(message: Said) -> bytes:
    """The message as bytes."""
    match message:
        case Opened():
            number, body = _OPENED, json.dumps(message.mechanisms).encode()
        case ParameterSets(codec, vps, sps, pps):
            number, body = _SETS_TYPE, _SETS.pack(_CODECS.index(codec), len(vps), len(sps)) + vps + sps + pps
        case Unit():
            number, body = _UNIT_TYPE, _UNIT.pack(message.lost, message.pts_90k) + message.data
        case Failed():
            number, body = _FAILED, json.dumps([message.code, message.detail[:300]]).encode()
    return _HEADER.pack(len(body), number) + body


class Reader:
    """The service's side of receiving."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Said]:
        """The messages that `data` completes; exhaust it before feeding more. Raises ProtocolViolation."""
        self._buffer += data
        at = 0
        try:
            while len(self._buffer) - at >= _HEADER.size:
                length, number = _HEADER.unpack_from(self._buffer, at)
                if length > (MAX_BODY_BYTES if number == _UNIT_TYPE else MAX_TEXT_BYTES * 4):
                    raise ProtocolViolation(f"a message of type {number} announces {length} bytes")
                start, end = at + _HEADER.size, at + _HEADER.size + length
                if len(self._buffer) < end:
                    break
                body = bytes(memoryview(self._buffer)[start:end])
                at = end
                yield _decode(number, body)
        finally:
            del self._buffer[:at]


def _decode(number: int, body: bytes) -> Said:
    if number == _UNIT_TYPE and len(body) > _UNIT.size:
        lost, pts_90k = _UNIT.unpack_from(body)
        return Unit(lost, pts_90k, body[_UNIT.size :])
    if number == _SETS_TYPE and len(body) > _SETS.size:
        codec, vps_length, sps_length = _SETS.unpack_from(body)
        sps_at = _SETS.size + vps_length
        pps_at = sps_at + sps_length
        if codec < len(_CODECS) and pps_at < len(body):
            return ParameterSets(
                _CODECS[codec], body[_SETS.size : sps_at], body[sps_at:pps_at], body[pps_at:]
            )
    if number in (_OPENED, _FAILED):
        return _decode_text(number, body)
    raise ProtocolViolation(f"a message of type {number} is malformed")


def _decode_text(number: int, body: bytes) -> Opened | Failed:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        fields = None
    if (
        isinstance(fields, list)
        and len(fields) <= 10
        and all(isinstance(f, str) and len(f) <= 300 for f in fields)
    ):
        if number == _OPENED:
            return Opened(tuple(fields))
        if len(fields) == 2 and fields[0] in get_args(Failure):
            return Failed(fields[0], "".join(c if c.isprintable() else "?" for c in fields[1]))
    raise ProtocolViolation(f"a message of type {number} is malformed")
