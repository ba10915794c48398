"""What moves in a picture: a background of running mean and variance per pixel. Pure, numpy.

Made for about 160x90 pixels of grey, where scaling has averaged the noise out. A change of exposure multiplies
all pixels alike, so each picture is compared with the background times the median ratio of both; only what is
left moves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nvr.events import Box

Gray = NDArray[np.uint8]
Mask = NDArray[np.bool_]

LEARN_S, LEARN_MOVING_S = 6.0, 40.0
"""Time constants of the background where nothing moves and where something does."""
MIN_STEP = 14.0
"""Grey levels below which a difference is noise, however quiet the pixel was."""
DEVIATIONS = 3.5
GLOBAL_SHARE = 0.5
DARK_OFFSET = 16.0
"""Keeps ratios sane in the dark; also the black level of limited-range video."""
FIRST_DEVIATION, MIN_DEVIATION, MAX_DEVIATION = 6.0, 2.0, 30.0


@dataclass(frozen=True, slots=True)
class Movement:
    """`mask[h, w]`: the moving pixels; `area`: their share, 0 to 1. `global_change`: the first picture, or more
    than half of it changed at once (lights, infrared switch, another view): `mask` is empty, the background has
    been learned anew, and the whole picture needs looking at."""

    mask: Mask
    area: float
    global_change: bool

    def within(self, counts: Mask) -> Movement:
        """Only what moves where `counts[h, w]`."""
        mask = self.mask & counts
        return Movement(mask, float(mask.mean()), self.global_change)


class Background:
    """The background of one camera."""

    def __init__(self) -> None:
        self._mean = np.zeros((0, 0), np.float32)
        self._variance = np.zeros((0, 0), np.float32)
        self._last_s = -math.inf

    def update(self, gray: Gray, t_s: float) -> Movement:
        """Compare `gray[h, w]` (any size of at least one pixel; it may change) at time `t_s`, and learn it."""
        elapsed_s = min(max(t_s - self._last_s, 0.0), 1.0)
        self._last_s = t_s
        now = gray.astype(np.float32)
        if gray.shape != self._mean.shape:
            return self._learn_anew(now, 0.0)
        ratio = float(np.median((now[::2, ::2] + DARK_OFFSET) / (self._mean[::2, ::2] + DARK_OFFSET)))
        expected = (self._mean + DARK_OFFSET) * min(max(ratio, 0.4), 2.5) - DARK_OFFSET
        difference = np.abs(now - expected)
        changed = difference > np.maximum(MIN_STEP, DEVIATIONS * np.sqrt(self._variance))
        mask = _without_specks(changed)
        area = float(mask.mean())
        if area > GLOBAL_SHARE:
            return self._learn_anew(now, area)
        rate = np.where(changed, _rate(elapsed_s, LEARN_MOVING_S), _rate(elapsed_s, LEARN_S))
        self._mean = expected + rate * (now - expected)
        spread = np.minimum(difference, MAX_DEVIATION) ** 2
        self._variance += rate * (spread - self._variance)
        np.clip(self._variance, MIN_DEVIATION**2, MAX_DEVIATION**2, out=self._variance)
        return Movement(mask, area, False)

    def _learn_anew(self, now: NDArray[np.float32], area: float) -> Movement:
        self._mean = now
        self._variance = np.full(now.shape, FIRST_DEVIATION**2, np.float32)
        return Movement(np.zeros(now.shape, np.bool_), area, True)


def _rate(elapsed_s: float, constant_s: float) -> np.float32:
    return np.float32(1.0 - math.exp(-elapsed_s / constant_s))


def _without_specks(changed: Mask) -> Mask:
    """Only changed pixels with at least three changed neighbours (rain, insects far off, coding noise)."""
    height, width = changed.shape
    padded = np.zeros((height + 2, width + 2), np.uint8)
    padded[1:-1, 1:-1] = changed
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    neighbourhood = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]
    kept: Mask = changed & (neighbourhood >= 4)
    return kept


def blobs(mask: Mask, *, cell: int = 8, min_pixels: int = 6) -> list[Box]:
    """Relative boxes around what moves together, the largest first.

    Pixels are grouped by `cell` x `cell` cells with at least `min_pixels` of them, joined where cells touch, also
    at a corner; the boxes fit the pixels, not the cells.
    """
    height, width = mask.shape
    counts = np.add.reduceat(
        np.add.reduceat(mask.astype(np.int32), range(0, height, cell), axis=0), range(0, width, cell), axis=1
    )
    # A cell at the edge may be cut off: it must not need more pixels than it has.
    need = min(min_pixels, height * width)
    active = {(int(row), int(column)) for row, column in np.argwhere(counts >= need)}
    found: list[tuple[float, Box]] = []
    while active:
        group = [active.pop()]
        for row, column in group:
            for near in [(row + y, column + x) for y in (-1, 0, 1) for x in (-1, 0, 1)]:
                if near in active:
                    active.remove(near)
                    group.append(near)
        box = _pixel_bounds(mask, group, cell)
        found.append(((box.x1 - box.x0) * (box.y1 - box.y0), box))
    return [box for _, box in sorted(found, reverse=True)]


def _pixel_bounds(mask: Mask, group: list[tuple[int, int]], cell: int) -> Box:
    """The box around the set pixels of the group's cells."""
    height, width = mask.shape
    top, left, bottom, right = height, width, 0, 0
    for row, column in group:
        ys, xs = np.nonzero(mask[row * cell : (row + 1) * cell, column * cell : (column + 1) * cell])
        top, bottom = min(top, row * cell + int(ys.min())), max(bottom, row * cell + int(ys.max()) + 1)
        left, right = min(left, column * cell + int(xs.min())), max(right, column * cell + int(xs.max()) + 1)
    return Box(left / width, top / height, right / width, bottom / height)


def share_within(mask: Mask, box: Box) -> float:
    """Share of moving pixels in the part of `box` that lies in the picture; 0.0 where none of it does."""
    height, width = mask.shape
    part = mask[
        max(int(box.y0 * height), 0) : max(math.ceil(box.y1 * height), 0),
        max(int(box.x0 * width), 0) : max(math.ceil(box.x1 * width), 0),
    ]
    return float(part.mean()) if part.size else 0.0
