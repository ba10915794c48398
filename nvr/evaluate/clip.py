"""One clip through the live path."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import av

from nvr.camera.av_encode import LiveEncoder
from nvr.camera.av_messages import Unit
from nvr.config import Camera
from nvr.detect.analysis import Detector
from nvr.evaluate.appliance import Appliance
from nvr.evaluate.pace import Pace, at_rate
from nvr.evaluate.score import Seen, Work
from nvr.evaluate.truth import ClipTruth
from nvr.evaluate.variation import Variation
from nvr.evaluate.video import ClipError, Scan, Stamped, pictures, scan, units

_90K = 90_000


@dataclass(frozen=True, slots=True)
class Watched:
    """What came of a clip: its sightings, at times of its spans, and what was done. `encoded`: the live path did not
    take it as it was."""

    seen: tuple[Seen, ...]
    work: Work
    codec: str
    encoded: bool


def watch(
    truth: ClipTruth, file: Path, variation: Variation, camera: Camera, detector: Detector, *, fps: float
) -> Watched:
    """Run the clip from fresh state. Raises ClipError, or another NvrError where the live path would give the stream
    up."""
    found = scan(file)
    pace = Pace(found.frame_s)
    encodes = found.codec is None or variation.encodes
    stream = encoded(pictures(file, found, pace), found, variation) if encodes else units(file, found, pace)
    if variation.lose_s:
        middle_s = (found.last_s - found.first_s) / 2
        stream = without(stream, middle_s - variation.lose_s / 2, middle_s + variation.lose_s / 2)
    appliance = Appliance(camera, detector, fps=fps)
    for unit in stream:
        appliance.take(unit.sets, Unit(unit.lost, unit.pts_90k, unit.data), unit.arrival_s)
    work = appliance.work(pace.footage_s)
    if not work.examined:
        raise ClipError(f"{file.name}: no picture could be decoded")
    # Sightings lie on the clock that began with the first picture, spans perhaps on the container's.
    shift_s = found.first_s - truth.origin_s(found.first_s, found.last_s)
    seen = tuple(replace(one, t_s=one.t_s + shift_s) for one in appliance.seen)
    return Watched(seen, work, found.codec_name, encodes)


def encoded(
    frames: Iterable[tuple[av.VideoFrame, float]], found: Scan, variation: Variation
) -> Iterator[Stamped]:
    """The pictures as H.264, as cameras make it that have no other."""
    fps = variation.fps or 1 / found.frame_s
    encoder = LiveEncoder(fps=fps, gop_s=variation.gop_or_live_s, rate=variation.rate_or_faithful, threads=1)
    for frame, t_s in at_rate(frames, variation.fps) if variation.fps else frames:
        for pts_90k, data in encoder.add(frame, max(round(t_s * _90K), 0)):
            if encoder.maker.sets is not None:
                yield Stamped(encoder.maker.sets, data, pts_90k, t_s, lost=False)


def without(stream: Iterable[Stamped], start_s: float, end_s: float) -> Iterator[Stamped]:
    """The stream with a loss: what arrives in the span is missing."""
    lost = False
    for unit in stream:
        if start_s <= unit.arrival_s < end_s:
            lost = True
        else:
            yield replace(unit, lost=unit.lost or lost)
            lost = False
