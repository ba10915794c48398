"""A take's pictures: an empty span played forth and back, with noise and exposure steps."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from nvr.camera.av_encode import Rate
from nvr.evaluate.pace import Pace
from nvr.evaluate.takes import MAX_FPS, PASSES, Take, spoiling, there_and_back
from nvr.evaluate.truth import Span
from nvr.evaluate.video import ClipError, Scan, pictures

KEPT_BYTES = 256 << 20
"""Of pictures in memory. A longer span is played in parts, each forth, back and forth."""
NOISE_FIELDS = 8
BLACK, GREY = 16, 128


@dataclass(frozen=True, slots=True)
class Kept:
    """A picture in memory: planar 4:2:0 as uint8[height * 3 / 2, width], taken at `t_s` since the first picture."""

    planes: NDArray[np.uint8]
    t_s: float


def rate_of(take: Take, found: Scan) -> Rate:
    """The bit rate that the take is encoded at."""
    per_s = spoiling(take).bits_per_pixel * found.width * found.height * MAX_FPS
    return Rate(bits_per_s=max(round(per_s), 100_000), capped=take.constant_rate)


def looped(file: Path, found: Scan, span: Span, take: Take) -> Iterator[tuple[av.VideoFrame, float]]:
    """The take's pictures, each with its time since the take's start. `span`: the take's, in seconds since the file's
    first picture. Raises ClipError: there is no picture in it."""
    spoil = spoiling(take)
    random = np.random.default_rng(take.seed)
    fields: list[NDArray[np.int16]] = []
    t_s, last = 0.0, None
    for kept in _order(file, found, span):
        if last is not None:
            # Where the span begins anew the pictures do not adjoin.
            step_s = abs(kept.t_s - last.t_s)
            t_s += step_s if 0 < step_s <= 2.0 else 1 / MAX_FPS
        if t_s >= take.length_s:
            return
        last = kept
        if not fields or fields[0].shape != kept.planes[: len(kept.planes) * 2 // 3].shape:
            fields = _noise(kept, spoil.noise, random)
        field = fields[random.integers(NOISE_FIELDS)][:: random.choice((-1, 1)), :: random.choice((-1, 1))]
        spoilt = _spoilt(kept.planes, spoil.gain(t_s), field)
        yield av.VideoFrame.from_ndarray(spoilt, "yuv420p"), t_s


def _order(file: Path, found: Scan, span: Span) -> Iterator[Kept]:
    """The span's pictures for ever."""
    while True:
        parts = _parts(file, found, span)
        first, second = next(parts, None), next(parts, None)
        if first is None:
            raise ClipError(f"{file.name}: no picture from {span.start_s:g} to {span.end_s:g} s")
        if second is None:
            yield from (first[index] for index in there_and_back(len(first), None))
        else:
            for part in itertools.chain([first, second], parts):
                yield from (part[index] for index in there_and_back(len(part), PASSES))


def _parts(file: Path, found: Scan, span: Span) -> Iterator[list[Kept]]:
    """The span's pictures, at most MAX_FPS a second, in parts of at most KEPT_BYTES."""
    part: list[Kept] = []
    next_s = span.start_s
    for frame, t_s in pictures(file, found, Pace(found.frame_s)):
        if t_s > span.end_s:
            break
        if t_s < next_s - 1e-3:
            continue
        next_s = max(next_s, t_s - 1 / MAX_FPS) + 1 / MAX_FPS
        width, height = frame.width // 2 * 2, frame.height // 2 * 2
        small = frame.reformat(width, height, "yuv420p")
        part.append(Kept(np.asarray(small.to_ndarray(), np.uint8), t_s))
        if len(part) * part[0].planes.nbytes > KEPT_BYTES:
            yield part
            part = []
    if part:
        yield part


def _noise(kept: Kept, deviation: float, random: np.random.Generator) -> list[NDArray[np.int16]]:
    rows, columns = kept.planes.shape
    shape = rows * 2 // 3, columns
    return [np.rint(random.normal(0.0, deviation, shape)).astype(np.int16) for _ in range(NOISE_FIELDS)]


def _spoilt(planes: NDArray[np.uint8], gain: float, noise: NDArray[np.int16]) -> NDArray[np.uint8]:
    levels = np.arange(256)
    luma_of = np.clip(np.rint((levels - BLACK) * gain + BLACK), 0, 255).astype(np.int16)
    chroma_of = np.clip(np.rint((levels - GREY) * gain + GREY), 0, 255).astype(np.uint8)
    height = len(noise)
    luma = np.clip(luma_of[planes[:height]] + noise, 0, 255).astype(np.uint8)
    return np.concatenate([luma, chroma_of[planes[height:]]])
