"""What service and analysis process say to each other over their socket pair. Pure.

A message is the length of its body (4 bytes, big-endian), its type (1 byte) and the body: JSON for what is rare,
packed fields for access units. Both sides treat the other as hostile: the service because the analysis process
parses strangers' video, the analysis process because that costs nothing. Whatever is malformed, too long, or not
for this direction raises ProtocolError.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from nvr.detect.still_messages import (
    MAX_PARAMETER_SET,
    WANTED_HEAD_BYTES,
    PictureMade,
    PictureWanted,
    ProtocolError,
    checked_jpeg,
)
from nvr.events import Box
from nvr.media.access_unit import Codec

__all__ = ["PictureMade", "PictureWanted", "ProtocolError"]

MAX_TO_WORKER = 4 << 20
MAX_TO_SERVICE = 2 << 20
MAX_CAMERAS = 256
_HEADER = struct.Struct(">IB")
_PARAMETERS = struct.Struct(">HBHH")
_CODECS: tuple[Codec, ...] = ("h264", "h265")
_UNIT = struct.Struct(">H??d")
_JSON_LENGTH = struct.Struct(">I")
MAX_UNIT = MAX_TO_WORKER - _UNIT.size
"""Bytes of the largest access unit that can be sent."""
MAX_STILL = MAX_TO_WORKER - WANTED_HEAD_BYTES
"""Bytes of the largest keyframe that a picture can be asked of."""


CameraIndex = Annotated[int, Meta(ge=0, lt=MAX_CAMERAS)]
Share = Annotated[float, Meta(ge=0, le=1)]
Word = Annotated[str, Meta(max_length=40)]


class _Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """JSON has neither infinity nor NaN."""


class ZoneSetup(_Message, frozen=True):
    """A zone's polygon in relative coordinates, the kinds of object that count in it, and whether it answers with the
    siren."""

    polygon: Annotated[tuple[tuple[Share, Share], ...], Meta(min_length=3, max_length=64)]
    kinds: Annotated[tuple[Word, ...], Meta(max_length=20)]
    siren: bool = False


class CameraSetup(_Message, frozen=True):
    zones: Annotated[tuple[ZoneSetup, ...], Meta(max_length=64)]


class Configure(_Message, frozen=True):
    """To the worker, first and once. `model` None: the shipped one. `sure_at`: evidence at which a siren may sound
    (`calibration.siren_evidence`). Cameras are named by their index from here on."""

    model: Annotated[str, Meta(max_length=4096)] | None
    fps: Annotated[float, Meta(gt=0, le=60)]
    sure_at: Annotated[float, Meta(ge=0, le=100)]
    cameras: Annotated[tuple[CameraSetup, ...], Meta(max_length=MAX_CAMERAS)]


class Acting(_Message, frozen=True):
    """To the worker: the cameras whose sightings have consequences now; they are examined first."""

    cameras: Annotated[tuple[CameraIndex, ...], Meta(max_length=MAX_CAMERAS)]


class SelfTest(_Message, frozen=True):
    """To the worker: try to break out and tell what happened."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """To the worker: a camera's parameter sets, before its first access unit and when they change."""

    camera: int
    codec: Codec
    sps: bytes
    pps: bytes
    vps: bytes = b""


@dataclass(frozen=True, slots=True)
class Unit:
    """To the worker: an access unit, as `AccessUnit.data`. `received_mono_s` is on the machine's monotonic clock,
    which both processes read. `alone`: a keyframe after which nothing refers to it, because no other picture of the
    camera is sent before the next keyframe."""

    camera: int
    is_key: bool
    received_mono_s: float
    data: bytes
    alone: bool = False


class Ready(_Message, frozen=True):
    """To the service: model loaded, locked in by `mechanisms`."""

    mechanisms: Annotated[tuple[Word, ...], Meta(max_length=10)]


class Failed(_Message, frozen=True):
    """To the service, last: why the worker cannot work."""

    code: Literal["model", "sandbox"]
    message: Annotated[str, Meta(max_length=1000)]
    remedy: Annotated[str, Meta(max_length=1000)]


class Moved(_Message, frozen=True):
    """To the service: what becomes a Motion."""

    camera: CameraIndex
    captured_mono_s: float
    area: Share


class Found(_Message, frozen=True):
    """To the service: what becomes a Sighting, without its picture. `sure`: the evidence is enough for the siren."""

    camera: CameraIndex
    zone: Annotated[int, Meta(ge=0, lt=64)]
    kind: Word
    score: Share
    box: tuple[Share, Share, Share, Share]
    track: Annotated[int, Meta(ge=1, le=2**53)]
    captured_mono_s: float
    sure: bool

    @property
    def bounds(self) -> Box:
        return Box(*self.box)


@dataclass(frozen=True, slots=True)
class FoundWithPicture:
    found: Found
    jpeg: bytes


class CameraStatistics(_Message, frozen=True):
    """Of one camera since the last report: frames examined a second, frames that were due but skipped, pictures
    that could not be decoded, and the age of the frame examined last when that was finished."""

    examined_fps: Annotated[float, Meta(ge=0)]
    skipped: Annotated[int, Meta(ge=0)]
    decode_errors: Annotated[int, Meta(ge=0)]
    queue_age_s: Annotated[float, Meta(ge=0)]


class Statistics(_Message, frozen=True):
    """To the service, about every second: proof of life. `inference_ms`: mean time of one run of the model; `busy`:
    share of the time since the last report in which it did not wait for something to do."""

    cameras: Annotated[tuple[CameraStatistics, ...], Meta(max_length=MAX_CAMERAS)]
    inference_ms: Annotated[float, Meta(ge=0)]
    busy: Share = 0.0


class SelfTestResult(_Message, frozen=True):
    """To the service: attempt to outcome, an errno name or "allowed"."""

    outcomes: Annotated[dict[Word, Word], Meta(max_length=40)]


M = TypeVar("M", bound=_Message)
ToWorker = Configure | Parameters | Unit | Acting | SelfTest | PictureWanted
ToService = Ready | Failed | Moved | FoundWithPicture | Statistics | SelfTestResult | PictureMade

_JSON_TYPES: Mapping[int, type[_Message]] = {
    1: Configure,
    4: Acting,
    5: SelfTest,
    65: Ready,
    66: Failed,
    67: Moved,
    69: Statistics,
    70: SelfTestResult,
}
_JSON_NUMBERS = {kind: number for number, kind in _JSON_TYPES.items()}
_PARAMETERS_TYPE, _UNIT_TYPE, _WANTED_TYPE, _FOUND_TYPE, _MADE_TYPE = 2, 3, 6, 68, 71
_FIRST_TO_SERVICE = 65


def encode(message: ToWorker | ToService) -> bytes:
    """The message as bytes. Raises ProtocolError if it is too long to be sent."""
    match message:
        case Unit():
            number = _UNIT_TYPE
            head = _UNIT.pack(message.camera, message.is_key, message.alone, message.received_mono_s)
            body = head + message.data
        case Parameters():
            number = _PARAMETERS_TYPE
            codec, lengths = _CODECS.index(message.codec), (len(message.vps), len(message.sps))
            body = _PARAMETERS.pack(message.camera, codec, *lengths) + message.vps + message.sps + message.pps
        case PictureWanted():
            number, body = _WANTED_TYPE, message.pack()
        case PictureMade():
            number, body = _MADE_TYPE, message.pack()
        case FoundWithPicture():
            number = _FOUND_TYPE
            text = msgspec.json.encode(message.found)
            body = _JSON_LENGTH.pack(len(text)) + text + message.jpeg
        case _:
            number = _JSON_NUMBERS[type(message)]
            body = msgspec.json.encode(message)
    limit = MAX_TO_SERVICE if number >= _FIRST_TO_SERVICE else MAX_TO_WORKER
    if len(body) > limit:
        raise ProtocolError(f"a message of type {number} has {len(body)} bytes, more than {limit}")
    return _HEADER.pack(len(body), number) + body


class _Reader:
    """Collects bytes and yields (type, body)."""

    def __init__(self, *, limit: int, types: range):
        self._limit, self._types = limit, types
        self._buffer = bytearray()

    def bodies(self, data: bytes | memoryview) -> Iterator[tuple[int, bytes]]:
        self._buffer += data
        at = 0
        try:
            while len(self._buffer) - at >= _HEADER.size:
                length, number = _HEADER.unpack_from(self._buffer, at)
                if number not in self._types:
                    raise ProtocolError(f"message type {number} is unknown or goes the other way")
                if length > self._limit:
                    raise ProtocolError(f"a message of type {number} announces {length} bytes")
                start, end = at + _HEADER.size, at + _HEADER.size + length
                if len(self._buffer) < end:
                    break
                body = bytes(memoryview(self._buffer)[start:end])
                at = end
                yield number, body
        finally:
            del self._buffer[:at]


class WorkerReader:
    """The worker's side of receiving."""

    def __init__(self) -> None:
        self._reader = _Reader(limit=MAX_TO_WORKER, types=range(1, 7))

    def feed(self, data: bytes | memoryview) -> Iterator[ToWorker]:
        """The messages that `data` completes; exhaust it before feeding more. Raises ProtocolError."""
        for number, body in self._reader.bodies(data):
            if number == _UNIT_TYPE:
                yield _unit(body)
            elif number == _PARAMETERS_TYPE:
                yield _parameters(body)
            elif number == _WANTED_TYPE:
                yield PictureWanted.unpack(body)
            else:
                message = _json(number, body)
                assert isinstance(message, Configure | Acting | SelfTest)  # noqa: S101  (by the reader's range)
                yield message


class ServiceReader:
    """The service's side of receiving."""

    def __init__(self) -> None:
        self._reader = _Reader(limit=MAX_TO_SERVICE, types=range(_FIRST_TO_SERVICE, 72))

    def feed(self, data: bytes | memoryview) -> Iterator[ToService]:
        """The messages that `data` completes; exhaust it before feeding more. Raises ProtocolError."""
        for number, body in self._reader.bodies(data):
            if number == _FOUND_TYPE:
                yield _found(body)
            elif number == _MADE_TYPE:
                yield PictureMade.unpack(body)
            else:
                message = _json(number, body)
                assert isinstance(message, Ready | Failed | Moved | Statistics | SelfTestResult)  # noqa: S101
                yield message


def _json(number: int, body: bytes) -> _Message:
    return _validated(_JSON_TYPES[number], body)


def _validated(kind: type[M], body: bytes) -> M:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:  # also what does not fit the type
        raise ProtocolError(f"{kind.__name__}: {str(error)[:200]}") from None


def _unit(body: bytes) -> Unit:
    if len(body) < _UNIT.size:
        raise ProtocolError("an access unit's message is too short")
    camera, is_key, alone, received_mono_s = _UNIT.unpack_from(body)
    return Unit(camera, is_key, received_mono_s, body[_UNIT.size :], alone)


def _parameters(body: bytes) -> Parameters:
    if len(body) < _PARAMETERS.size:
        raise ProtocolError("a parameter sets' message is too short")
    camera, codec, vps_length, sps_length = _PARAMETERS.unpack_from(body)
    sps_start = _PARAMETERS.size + vps_length
    pps_start = sps_start + sps_length
    vps, sps, pps = body[_PARAMETERS.size : sps_start], body[sps_start:pps_start], body[pps_start:]
    if codec >= len(_CODECS):
        raise ProtocolError("a parameter sets' message of an unknown codec")
    if len(sps) != sps_length or not pps or max(len(vps), len(sps), len(pps)) > MAX_PARAMETER_SET:
        raise ProtocolError("a parameter sets' message has impossible lengths")
    return Parameters(camera, _CODECS[codec], sps, pps, vps)


def _found(body: bytes) -> FoundWithPicture:
    if len(body) < _JSON_LENGTH.size:
        raise ProtocolError("a sighting's message is too short")
    (length,) = _JSON_LENGTH.unpack_from(body)
    start = _JSON_LENGTH.size
    if start + length > len(body):
        raise ProtocolError("a sighting's text runs past the end of its message")
    jpeg = checked_jpeg(body[start + length :])
    return FoundWithPicture(_validated(Found, body[start : start + length]), jpeg)
