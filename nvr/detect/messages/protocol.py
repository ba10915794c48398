"""What service and analysis process say to each other over their socket pair. Pure.

A message is framed as in framing.py; its body is JSON for what is rare, packed fields for access units. Both sides
treat the other as hostile: the service because the analysis process parses strangers' video, the analysis process
because that costs nothing. Whatever is malformed, too long, or not for this direction raises ProtocolError.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from nvr.detect.messages.closer import CLOSER_HEAD_BYTES, CloserLook
from nvr.detect.messages.framing import FrameReader, framed
from nvr.detect.messages.parts import ProtocolError
from nvr.detect.messages.setup import (
    MAX_CAMERAS,
    MAX_PLACES,
    CameraIndex,
    CameraSetup,
    LineSetup,
    Message,
    Share,
    Word,
    ZoneSetup,
)
from nvr.detect.messages.sick import Sick, SickHead, Well
from nvr.detect.messages.sightings import BetterShot, Why, pack_pictures, unpack_pictures
from nvr.detect.messages.stills import WANTED_HEAD_BYTES, PictureMade, PictureWanted
from nvr.detect.messages.units import UNIT_HEAD_BYTES, Parameters, Unit
from nvr.events import Box, Rule

__all__ = [
    "BetterShot",
    "CameraSetup",
    "CloserLook",
    "LineSetup",
    "Parameters",
    "PictureMade",
    "PictureWanted",
    "ProtocolError",
    "Sick",
    "SickHead",
    "Unit",
    "Well",
    "ZoneSetup",
]

MAX_TO_WORKER = 4 << 20
MAX_TO_SERVICE = 2 << 20
_JSON_LENGTH = struct.Struct(">I")
MAX_UNIT = MAX_TO_WORKER - UNIT_HEAD_BYTES
"""Bytes of the largest access unit that can be sent."""
MAX_STILL = MAX_TO_WORKER - WANTED_HEAD_BYTES
"""Bytes of the largest keyframe that a picture can be asked of."""
MAX_CLOSER = MAX_TO_WORKER - CLOSER_HEAD_BYTES
"""Bytes of the largest keyframe that can be looked at closer."""


class Configure(Message, frozen=True):
    """To the worker, first and once. `model` None: the shipped one. Cameras are named by their index from here on.
    `cpu_share`: of one core, for the analysis of cameras that are not acting. `sure_at`: evidence at which a siren may
    sound (`calibration.siren_evidence`)."""

    model: Annotated[str, Meta(max_length=4096)] | None
    fps: Annotated[float, Meta(gt=0, le=60)]
    sure_at: Annotated[float, Meta(ge=0, le=100)]
    cameras: Annotated[tuple[CameraSetup, ...], Meta(max_length=MAX_CAMERAS)]
    cpu_share: Annotated[float, Meta(gt=0, le=64)] = 1.0


class Acting(Message, frozen=True):
    """To the worker: the cameras whose sightings have consequences now; they are examined first."""

    cameras: Annotated[tuple[CameraIndex, ...], Meta(max_length=MAX_CAMERAS)]


class SelfTest(Message, frozen=True):
    """To the worker: try to break out and tell what happened."""


class Ready(Message, frozen=True):
    """To the service: model loaded, locked in by `mechanisms`."""

    mechanisms: Annotated[tuple[Word, ...], Meta(max_length=10)]


class Failed(Message, frozen=True):
    """To the service, last: why the worker cannot work."""

    code: Literal["model", "sandbox"]
    message: Annotated[str, Meta(max_length=1000)]
    remedy: Annotated[str, Meta(max_length=1000)]


class Moved(Message, frozen=True):
    """To the service: what becomes a Motion."""

    camera: CameraIndex
    captured_mono_s: float
    area: Share


class Wanted(Message, frozen=True):
    """To the service: something in the camera's picture is not decided yet. "pictures": each of them is wanted;
    "closer": a `CloserLook`."""

    camera: CameraIndex
    what: Literal["pictures", "closer"]


class Found(Message, frozen=True):
    """To the service: what becomes a Sighting, without its pictures. `zone`: index in `Camera.places`. `sure`: the
    evidence is enough for the siren."""

    camera: CameraIndex
    zone: Annotated[int, Meta(ge=0, lt=2 * MAX_PLACES)]
    kind: Word
    score: Share
    box: tuple[Share, Share, Share, Share]
    track: Annotated[int, Meta(ge=1, le=2**53)]
    captured_mono_s: float
    sure: bool
    why: Why | None = None
    rule: Rule = Rule.ENTER

    @property
    def bounds(self) -> Box:
        return Box(*self.box)


@dataclass(frozen=True, slots=True)
class FoundWithPicture:
    """`jpeg` of the whole frame, `best` of the object alone, `frames` those that counted; the last two may be empty."""

    found: Found
    jpeg: bytes
    best: bytes = b""
    frames: bytes = b""


class CameraStatistics(Message, frozen=True):
    """Of one camera since the last report: frames examined a second, frames that were due but skipped, pictures
    that could not be decoded, the age of the frame examined last when that was finished, and the share of one core's
    CPU time that it took, in all and for decoding every picture."""

    examined_fps: Annotated[float, Meta(ge=0)]
    skipped: Annotated[int, Meta(ge=0)]
    decode_errors: Annotated[int, Meta(ge=0)]
    queue_age_s: Annotated[float, Meta(ge=0)]
    cpu_share: Annotated[float, Meta(ge=0)] = 0.0
    decode_share: Annotated[float, Meta(ge=0)] = 0.0


class Statistics(Message, frozen=True):
    """To the service, about every second: proof of life. `inference_ms`: mean time of one run of the model; `busy`:
    share of the time since the last report in which it did not wait for something to do; `cpu_share`: its CPU time over
    that time."""

    cameras: Annotated[tuple[CameraStatistics, ...], Meta(max_length=MAX_CAMERAS)]
    inference_ms: Annotated[float, Meta(ge=0)]
    busy: Share = 0.0
    cpu_share: Annotated[float, Meta(ge=0)] = 0.0


class SelfTestResult(Message, frozen=True):
    """To the service: attempt to outcome, an errno name or "allowed"."""

    outcomes: Annotated[dict[Word, Word], Meta(max_length=40)]


M = TypeVar("M", bound=Message)
ToWorker = Configure | Parameters | Unit | Acting | SelfTest | PictureWanted | CloserLook
_Rare = Ready | Failed | Moved | Wanted | Statistics | SelfTestResult | Well
ToService = _Rare | FoundWithPicture | PictureMade | BetterShot | Sick

_JSON_TYPES: Mapping[int, type[Message]] = {
    1: Configure,
    4: Acting,
    5: SelfTest,
    65: Ready,
    66: Failed,
    67: Moved,
    69: Statistics,
    70: SelfTestResult,
    72: Wanted,
    73: Well,
}
_JSON_NUMBERS = {kind: number for number, kind in _JSON_TYPES.items()}
_PARAMETERS_TYPE, _UNIT_TYPE, _WANTED_TYPE, _CLOSER_TYPE = 2, 3, 6, 7
_FOUND_TYPE, _MADE_TYPE, _SICK_TYPE, _BETTER_TYPE = 68, 71, 74, 75
_FIRST_TO_SERVICE = 65


def encode(message: ToWorker | ToService) -> bytes:
    """The message as bytes. Raises ProtocolError if it is too long to be sent."""
    match message:
        case Unit():
            number, body = _UNIT_TYPE, message.pack()
        case Parameters():
            number, body = _PARAMETERS_TYPE, message.pack()
        case PictureWanted():
            number, body = _WANTED_TYPE, message.pack()
        case CloserLook():
            number, body = _CLOSER_TYPE, message.pack()
        case PictureMade():
            number, body = _MADE_TYPE, message.pack()
        case BetterShot():
            number, body = _BETTER_TYPE, message.pack()
        case Sick():
            number, body = _SICK_TYPE, message.pack()
        case FoundWithPicture():
            number = _FOUND_TYPE
            text = msgspec.json.encode(message.found)
            body = _JSON_LENGTH.pack(len(text)) + text
            body += pack_pictures(message.jpeg, message.best, message.frames)
        case _:
            number = _JSON_NUMBERS[type(message)]
            body = msgspec.json.encode(message)
    limit = MAX_TO_SERVICE if number >= _FIRST_TO_SERVICE else MAX_TO_WORKER
    return framed(number, body, limit)


class WorkerReader:
    """The worker's side of receiving."""

    def __init__(self) -> None:
        self._reader = FrameReader(limit=MAX_TO_WORKER, types=range(1, 8))

    def feed(self, data: bytes | memoryview) -> Iterator[ToWorker]:
        """The messages that `data` completes; exhaust it before feeding more. Raises ProtocolError."""
        for number, body in self._reader.bodies(data):
            if number == _UNIT_TYPE:
                yield Unit.unpack(body)
            elif number == _PARAMETERS_TYPE:
                yield Parameters.unpack(body)
            elif number == _WANTED_TYPE:
                yield PictureWanted.unpack(body)
            elif number == _CLOSER_TYPE:
                yield CloserLook.unpack(body)
            else:
                message = _json(number, body)
                assert isinstance(message, Configure | Acting | SelfTest)  # noqa: S101  (by the reader's range)
                yield message


class ServiceReader:
    """The service's side of receiving."""

    def __init__(self) -> None:
        self._reader = FrameReader(limit=MAX_TO_SERVICE, types=range(_FIRST_TO_SERVICE, 76))

    def feed(self, data: bytes | memoryview) -> Iterator[ToService]:
        """The messages that `data` completes; exhaust it before feeding more. Raises ProtocolError."""
        for number, body in self._reader.bodies(data):
            if number == _FOUND_TYPE:
                yield _found(body)
            elif number == _MADE_TYPE:
                yield PictureMade.unpack(body)
            elif number == _BETTER_TYPE:
                yield BetterShot.unpack(body)
            elif number == _SICK_TYPE:
                yield Sick.unpack(body)
            else:
                message = _json(number, body)
                assert isinstance(message, _Rare)  # noqa: S101
                yield message


def _json(number: int, body: bytes) -> Message:
    return _validated(_JSON_TYPES[number], body)


def _validated(kind: type[M], body: bytes) -> M:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:  # also what does not fit the type
        raise ProtocolError(f"{kind.__name__}: {str(error)[:200]}") from None


def _found(body: bytes) -> FoundWithPicture:
    if len(body) < _JSON_LENGTH.size:
        raise ProtocolError("a sighting's message is too short")
    (length,) = _JSON_LENGTH.unpack_from(body)
    start = _JSON_LENGTH.size
    if start + length > len(body):
        raise ProtocolError("a sighting's text runs past the end of its message")
    pictures = unpack_pictures(body[start + length :])
    return FoundWithPicture(_validated(Found, body[start : start + length]), *pictures)
