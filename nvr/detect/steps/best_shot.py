"""Which picture of an object is the best so far: large, sharp, clearly recognised, not cut off. Pure.

quality = size x sharpness x score, less where an edge cuts the object off. Sharpness is the gradient energy of the
inner part of the box (the rest shows what is behind): of two pictures of one object the one in motion blur has less.
Noise is averaged away first, or the darkest picture would be the sharpest.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nvr.events import Box

EDGE = 0.004
"""A box as near as this to the picture's edge is taken to be cut off by it."""
CUT_OFF = 0.4
"""What a picture of a part is worth."""
ENOUGH_PX = 480
"""Whoever is larger than this in the picture (square root of the area) is large enough."""
BETTER = 1.15
"""A picture replaces one that it is so much better than."""
MARGIN = 0.15
"""What is shown around the box on each side, of its longer side."""
INNER = 0.15
"""What is left out on each side of the box for measuring sharpness."""
MIN_SIDE_PX = 8


class Rect(NamedTuple):
    """Pixels `x` to `x + width`, `y` to `y + height` of a picture; all four even, it lies wholly within it."""

    x: int
    y: int
    width: int
    height: int


def crop_around(box: Box, width: int, height: int) -> Rect:
    """The part of a picture of `width` x `height` pixels (16 at least) to show of an object: its box with a margin."""
    margin = MARGIN * max((box.x1 - box.x0) * width, (box.y1 - box.y0) * height)
    return _rect(
        box.x0 * width - margin,
        box.y0 * height - margin,
        box.x1 * width + margin,
        box.y1 * height + margin,
        width,
        height,
    )


def tile_around(box: Box, width: int, height: int) -> Rect:
    """The square to show of an object as a thumbnail: as large as its longer side with margins, moved into the picture
    and no larger than that."""
    side = (1 + 2 * MARGIN) * max((box.x1 - box.x0) * width, (box.y1 - box.y0) * height)
    side = min(max(int(side), MIN_SIDE_PX), width, height) & ~1
    x = round((box.x0 + box.x1) / 2 * width - side / 2)
    y = round((box.y0 + box.y1) / 2 * height - side / 2)
    return Rect(_within(x, width - side), _within(y, height - side), side, side)


def inner_part(box: Box, width: int, height: int) -> Rect:
    """Where the object's sharpness is measured."""
    dx, dy = INNER * (box.x1 - box.x0), INNER * (box.y1 - box.y0)
    return _rect(
        (box.x0 + dx) * width,
        (box.y0 + dy) * height,
        (box.x1 - dx) * width,
        (box.y1 - dy) * height,
        width,
        height,
    )


def sharpness(luma: NDArray[np.uint8]) -> float:
    """Root of the mean gradient energy of `luma`, uint8[height, width] with both at least 4; 0 to about 180."""
    rows, columns = luma.shape[0] & ~1, luma.shape[1] & ~1
    even = luma[:rows, :columns].astype(np.int16)
    # Means of 2x2 pixels: half of the noise, and nothing of what the eye would miss.
    small = (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]).astype(np.float32) / 4
    across, down = np.diff(small, axis=1), np.diff(small, axis=0)
    return math.sqrt(float(np.mean(across * across)) + float(np.mean(down * down))) / 2


def is_cut_off(box: Box) -> bool:
    """Whether the picture's edge may hide a part of the object."""
    return box.x0 <= EDGE or box.y0 <= EDGE or box.x1 >= 1 - EDGE or box.y1 >= 1 - EDGE


def quality(
    box: Box, luma: NDArray[np.uint8], *, score: float, whole: bool, width: int, height: int
) -> float:
    """How good a picture of `width` x `height` pixels is of the object in `box`, 0 or more; `luma` is its
    `inner_part`, `whole` says that the examined place did not cut the box."""
    area_px = max(box.x1 - box.x0, 0.0) * width * max(box.y1 - box.y0, 0.0) * height
    worth = min(math.sqrt(area_px), ENOUGH_PX) * (1.0 + sharpness(luma)) * max(score, 0.0)
    return worth if whole and not is_cut_off(box) else CUT_OFF * worth


def _rect(x0: float, y0: float, x1: float, y1: float, width: int, height: int) -> Rect:
    """The even rectangle nearest to these pixels, at least MIN_SIDE_PX wide and high, within the picture."""
    left, wide = _span(x0, x1, width)
    top, high = _span(y0, y1, height)
    return Rect(left, top, wide, high)


def _span(low: float, high: float, limit: int) -> tuple[int, int]:
    start = _within(math.floor(low), limit - MIN_SIDE_PX)
    end = max(min(math.ceil(high), limit), start + MIN_SIDE_PX)
    return start, (end - start) & ~1


def _within(value: int, most: int) -> int:
    return min(max(value, 0), most) & ~1
