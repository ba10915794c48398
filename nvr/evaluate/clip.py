"""One clip through the live path."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import av

from nvr.camera.av_encode import LiveEncoder, Rate
from nvr.camera.av_messages import Unit
from nvr.config import Camera
from nvr.detect.steps.analysis import Detector
from nvr.errors import CameraError
from nvr.evaluate.appliance import Appliance
from nvr.evaluate.looped import looped, rate_of
from nvr.evaluate.pace import Pace, at_rate
from nvr.evaluate.score import Seen, Work
from nvr.evaluate.takes import MAX_FPS, Take
from nvr.evaluate.truth import ClipTruth, Span
from nvr.evaluate.variation import Variation
from nvr.evaluate.video import ClipError, Scan, Stamped, pictures, scan, units

_90K = 90_000


@dataclass(frozen=True, slots=True)
class Watched:
    """What came of a clip: its sightings, at times of its spans, and what was done. `end_s`: when its last picture
    ends. `encoded`: the live path did not take it as it was."""

    seen: tuple[Seen, ...]
    work: Work
    end_s: float
    codec: str
    encoded: bool


@dataclass(frozen=True, slots=True)
class Watching:
    """Who looks: `fps`: pictures examined a second. Its methods run a clip from fresh state and raise ClipError, or
    another NvrError where the live path would give the stream up."""

    camera: Camera
    detector: Detector
    fps: float

    def clip(self, truth: ClipTruth, file: Path, variation: Variation) -> Watched:
        """The clip as it is, or varied."""
        found = scan(file)
        played = None
        if found.codec is not None and not variation.encodes:
            pace = Pace(found.frame_s)
            # What the live path gives up is decoded here, and encoded.
            with suppress(CameraError, ClipError):
                played = self._played(file, _with_loss(units(file, found, pace), found, variation))
        encodes = played is None
        if played is None:
            pace = Pace(found.frame_s)
            frames = pictures(file, found, pace)
            fps = variation.fps or 1 / found.frame_s
            varied = at_rate(frames, variation.fps) if variation.fps else frames
            stream = encoded(varied, file, fps, variation.gop_or_live_s, variation.rate_or_faithful)
            played = self._played(file, _with_loss(stream, found, variation))
        # Sightings lie on the clock that began with the first picture, spans perhaps on the container's.
        shift_s = found.first_s - truth.origin_s(found.first_s, found.last_s)
        seen = tuple(replace(one, t_s=one.t_s + shift_s) for one in played.seen)
        work, end_s = played.work(pace.footage_s), pace.end_s + shift_s
        return Watched(seen, work, end_s, found.codec_name, encodes)

    def take(self, truth: ClipTruth, file: Path, variation: Variation, take: Take) -> Watched:
        """A take of one of its empty spans; times count from the take's start. The variation's rate goes before the
        take's; its frame rate and losses do not matter here."""
        found = scan(file)
        shift_s = found.first_s - truth.origin_s(found.first_s, found.last_s)
        span = Span(take.span.start_s - shift_s, take.span.end_s - shift_s)
        rate = variation.rate or rate_of(take, found)
        frames = looped(file, found, span, take)
        appliance = self._played(file, encoded(frames, file, MAX_FPS, variation.gop_or_live_s, rate))
        work = appliance.work(take.length_s)
        return Watched(tuple(appliance.seen), work, take.length_s, found.codec_name, True)

    def _played(self, file: Path, stream: Iterable[Stamped]) -> Appliance:
        appliance = Appliance(self.camera, self.detector, fps=self.fps)
        for unit in stream:
            appliance.take(unit.sets, Unit(unit.lost, unit.pts_90k, unit.data), unit.arrival_s)
        if not appliance.work(0.0).examined:
            raise ClipError(f"{file.name}: no picture could be decoded")
        return appliance


def encoded(
    frames: Iterable[tuple[av.VideoFrame, float]], file: Path, fps: float, gop_s: float, rate: Rate
) -> Iterator[Stamped]:
    """The pictures as H.264, as cameras make it that have no other. Raises ClipError: the encoder refuses them."""
    encoder = LiveEncoder(fps=fps, gop_s=gop_s, rate=rate, threads=1)
    for frame, t_s in frames:
        try:
            made = encoder.add(frame, max(round(t_s * _90K), 0))
        except av.FFmpegError as error:
            size = f"{frame.width}x{frame.height}"
            raise ClipError(f"{file.name}: cannot be encoded at {size}: {error.strerror}") from None
        for pts_90k, data in made:
            if encoder.maker.sets is not None:
                yield Stamped(encoder.maker.sets, data, pts_90k, t_s, lost=False)


def _with_loss(stream: Iterable[Stamped], found: Scan, variation: Variation) -> Iterable[Stamped]:
    middle_s, half_s = (found.last_s - found.first_s) / 2, variation.lose_s / 2
    return without(stream, middle_s - half_s, middle_s + half_s) if half_s else stream


def without(stream: Iterable[Stamped], start_s: float, end_s: float) -> Iterator[Stamped]:
    """The stream with a loss: what arrives in the span is missing."""
    lost = False
    for unit in stream:
        if start_s <= unit.arrival_s < end_s:
            lost = True
        else:
            yield replace(unit, lost=unit.lost or lost)
            lost = False
