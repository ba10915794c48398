"""What a sighting's message has besides numbers: why it is certain, and pictures (see protocol.py). Pure."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Annotated

import msgspec
from msgspec import Meta

from nvr.detect.messages.parts import ProtocolError, checked_jpeg
from nvr.detect.steps.history import MAX_COUNTED, MAX_EXAMINED
from nvr.events import Box, Examined, Explanation

MAX_BEST = 150_000
MAX_FRAMES = 60_000
"""Bytes of a picture of one object, and of the pictures that counted side by side."""
_LENGTHS = struct.Struct(">II")
_BETTER = struct.Struct(">HQ")

_Share = Annotated[float, Meta(ge=0, le=1)]
_Evidence = Annotated[float, Meta(ge=-1000, le=1000)]
_Seconds = Annotated[float, Meta(ge=0, le=86_400)]
_Index = Annotated[int, Meta(ge=0, lt=MAX_EXAMINED)]


class Look(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """`nvr.events.Examined` as a list, of which one sighting has up to MAX_EXAMINED."""

    before_s: _Seconds
    score: _Share | None
    evidence: _Evidence
    step: _Evidence
    moving: bool
    box: tuple[_Share, _Share, _Share, _Share]


class Why(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`nvr.events.Explanation` on its way."""

    certain_at: _Evidence
    after_s: _Seconds
    pictures: Annotated[int, Meta(ge=0, le=1_000_000)]
    examined: Annotated[tuple[Look, ...], Meta(min_length=1, max_length=MAX_EXAMINED)]
    counted: Annotated[tuple[_Index, ...], Meta(max_length=MAX_COUNTED)]
    by_way: bool = False

    @classmethod
    def of(cls, explanation: Explanation) -> Why:
        return cls(
            certain_at=explanation.certain_at,
            after_s=min(explanation.after_s, 86_400.0),
            pictures=min(explanation.pictures, 1_000_000),
            examined=tuple(
                Look(
                    one.before_s,
                    None if one.score is None else min(max(one.score, 0.0), 1.0),
                    one.evidence,
                    one.step,
                    one.moving,
                    one.box,
                )
                for one in explanation.examined
            ),
            counted=explanation.counted,
            by_way=explanation.by_way,
        )

    def __post_init__(self) -> None:
        """Raises ValueError where it contradicts itself (msgspec makes a ValidationError of it)."""
        times = [look.before_s for look in self.examined]
        if times != sorted(times, reverse=True):
            raise ValueError("an explanation whose looks are not in order of time")
        if list(self.counted) != sorted(set(self.counted)) or any(n >= len(times) for n in self.counted):
            raise ValueError("an explanation that counts pictures it does not have")

    def explanation(self) -> Explanation:
        """As the service knows it."""
        return Explanation(
            certain_at=self.certain_at,
            after_s=self.after_s,
            pictures=self.pictures,
            examined=tuple(
                Examined(look.before_s, look.score, look.evidence, look.step, look.moving, Box(*look.box))
                for look in self.examined
            ),
            counted=self.counted,
            by_way=self.by_way,
        )


def pack_pictures(overview: bytes, best: bytes, frames: bytes) -> bytes:
    """The three pictures of a sighting; the last two may be empty."""
    return _LENGTHS.pack(len(best), len(frames)) + best + frames + overview


def unpack_pictures(data: bytes) -> tuple[bytes, bytes, bytes]:
    """What `pack_pictures` was given. Raises ProtocolError."""
    if len(data) < _LENGTHS.size:
        raise ProtocolError("a sighting's message is too short for its pictures")
    best_length, frames_length = _LENGTHS.unpack_from(data)
    frames_at = _LENGTHS.size + best_length
    overview_at = frames_at + frames_length
    if best_length > MAX_BEST or frames_length > MAX_FRAMES or overview_at > len(data):
        raise ProtocolError("a sighting's message has impossible lengths of pictures")
    best, frames = data[_LENGTHS.size : frames_at], data[frames_at:overview_at]
    return (
        checked_jpeg(data[overview_at:]),
        checked_jpeg(best) if best else b"",
        checked_jpeg(frames) if frames else b"",
    )


@dataclass(frozen=True, slots=True)
class BetterShot:
    """To the service: a better picture of the object of a track that it was told of before."""

    camera: int
    track: int
    jpeg: bytes = field(repr=False)

    def pack(self) -> bytes:
        return _BETTER.pack(self.camera, self.track) + self.jpeg

    @classmethod
    def unpack(cls, body: bytes) -> BetterShot:
        """Raises ProtocolError."""
        if not _BETTER.size < len(body) <= _BETTER.size + MAX_BEST:
            raise ProtocolError("a better picture's message has an impossible length")
        camera, track = _BETTER.unpack_from(body)
        return cls(camera, track, checked_jpeg(body[_BETTER.size :]))
