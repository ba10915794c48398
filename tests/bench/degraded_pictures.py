"""Pictures made worse, as nights, lamps, lenses, weather and thin lines do it. Seeded, so that they can be repeated.

All kinds work on planar 4:2:0 pictures as uint8[height * 3 / 2, width], black at 16."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import av
import numpy as np
from numpy.typing import NDArray

from nvr.camera.av_encode import Rate

Planes = NDArray[np.uint8]
Worsen = Callable[[Planes], Planes]
FIELDS = 8
"""Fields of noise and of rain; each picture takes one, turned at random."""
BLACK, GREY = 16, 128
BLURRED_LINES, BLUR = 120, 3
"""What is blurred keeps a third of its lines, and at least so many."""
USUAL_CRF = 28.0
LOW_BITS_PER_PIXEL, LEAST_BITS = 0.02, 60_000


def worsened(
    frames: Iterable[tuple[av.VideoFrame, float]], kind: str, seed: int
) -> Iterator[tuple[av.VideoFrame, float]]:
    """The pictures with their times, all made worse in the way of `kind`, one of KINDS."""
    random = np.random.default_rng(seed)
    worsen: Worsen | None = None
    size = (0, 0)
    for frame, t_s in frames:
        width, height = frame.width // 2 * 2, frame.height // 2 * 2
        planes = np.asarray(frame.reformat(width, height, "yuv420p").to_ndarray(), np.uint8)
        if worsen is None or size != (width, height):
            size = width, height
            worsen = KINDS[kind](random, height, width)
        yield av.VideoFrame.from_ndarray(worsen(planes), "yuv420p"), t_s


def rate(kind: str, width: int, height: int, fps: float) -> Rate:
    """How the pictures of this kind are encoded."""
    if kind != "low_rate":
        return Rate(crf=USUAL_CRF)
    return Rate(bits_per_s=max(round(LOW_BITS_PER_PIXEL * width * height * fps), LEAST_BITS), capped=True)


def _dark(random: np.random.Generator, height: int, width: int) -> Worsen:
    """A fifth of the light, and the noise of a sensor that makes the most of it."""
    noise = _Fields(random, random.normal(0.0, 5.0, (FIELDS, height, width)))

    def worsen(planes: Planes) -> Planes:
        luma = (planes[:height].astype(np.float32) - BLACK) * 0.2 + BLACK + 4.0 + noise.next()
        chroma = (planes[height:].astype(np.float32) - GREY) * 0.4 + GREY
        return _joined(luma, chroma)

    return worsen


def _infrared(random: np.random.Generator, height: int, width: int) -> Worsen:
    """Grey, lit from the camera: bright in the middle and dim at the edges, with noise."""
    noise = _Fields(random, random.normal(0.0, 5.0, (FIELDS, height, width)))
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    lamp = (1.1 - 0.7 * np.minimum(np.sqrt((x * x + y * y) / 2), 1.0)).astype(np.float32)

    def worsen(planes: Planes) -> Planes:
        luma = ((planes[:height].astype(np.float32) - BLACK) * 0.6 + 50.0) * lamp + BLACK + noise.next()
        return _joined(luma, np.full_like(planes[height:], GREY, np.float32))

    return worsen


def _blur(random: np.random.Generator, height: int, width: int) -> Worsen:
    """Out of focus, or behind a cobweb."""
    lines = max(height // BLUR, min(BLURRED_LINES, height)) // 2 * 2
    columns = max(round(width * lines / height) // 2 * 2, 2)

    def worsen(planes: Planes) -> Planes:
        small = av.VideoFrame.from_ndarray(planes, "yuv420p").reformat(columns, lines, interpolation="AREA")
        large = small.reformat(width, height, "yuv420p", interpolation="BILINEAR")
        return np.asarray(large.to_ndarray(), np.uint8)

    return worsen


def _rain(random: np.random.Generator, height: int, width: int) -> Worsen:
    """Streaks that are elsewhere in each picture, before a veil."""
    streaks = np.zeros((FIELDS, height, width), np.float32)
    count, length = height * width // 2500, max(height // 18, 6)
    for field in streaks:
        y, x = random.integers(0, height, count), random.integers(0, width, count)
        bright, along = random.uniform(15.0, 70.0, count), random.uniform(0.4, 1.0, count) * length
        for step in range(length):
            drawn = step < along
            field[(y[drawn] + step) % height, (x[drawn] + step // 5) % width] = bright[drawn]
            if height >= 400:
                field[(y[drawn] + step) % height, (x[drawn] + step // 5 + 1) % width] = bright[drawn]
    rain = _Fields(random, streaks, upright=True)

    def worsen(planes: Planes) -> Planes:
        luma = (planes[:height].astype(np.float32) - BLACK) * 0.75 + 40.0 + rain.next()
        return _joined(luma, (planes[height:].astype(np.float32) - GREY) * 0.75 + GREY)

    return worsen


def _low_rate(random: np.random.Generator, height: int, width: int) -> Worsen:
    """Nothing but what the encoder does at so low a rate."""
    return lambda planes: planes


KINDS: dict[str, Callable[[np.random.Generator, int, int], Worsen]] = {
    "dark": _dark,
    "infrared": _infrared,
    "blur": _blur,
    "rain": _rain,
    "low_rate": _low_rate,
}


class _Fields:
    """What is added to pictures: one of `fields`[n, h, w] at a time, mirrored (unless `upright`: only from left to
    right) and moved round at random."""

    def __init__(self, random: np.random.Generator, fields: NDArray[np.floating], *, upright: bool = False):
        self._random, self._fields, self._upright = random, fields.astype(np.float32), upright

    def next(self) -> NDArray[np.float32]:
        field = self._fields[self._random.integers(len(self._fields))]
        down = 1 if self._upright else int(self._random.choice((-1, 1)))
        turned = field[::down, :: int(self._random.choice((-1, 1)))]
        rolled: NDArray[np.float32] = np.roll(turned, self._random.integers(0, field.shape, 2), (0, 1))
        return rolled


def _joined(luma: NDArray[np.float32], chroma: NDArray[np.float32]) -> Planes:
    return np.clip(np.rint(np.concatenate([luma, chroma])), 0, 255).astype(np.uint8)
