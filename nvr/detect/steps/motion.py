"""What moves in a picture: a background of running mean and variance per pixel. Pure, numpy.

Made for about 320x180 pixels of grey, where scaling has averaged much of the noise out: a person 35 pixels tall of
1080 is still six high. What light and weather do is no movement:

- exposure multiplies all pixels alike, so each picture is compared with the background times the median ratio;
- a headlight, a cloud or a torch multiplies a part alike, so blocks that still show the background's texture do not
  move;
- how much is noise is measured, so that a dark figure counts in a quiet infrared picture and grain does not;
- plants and water come back again and again: the more often a pixel changed lately, the more it must change.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nvr.detect.steps.blobs import Mask, blobs, lasting_first
from nvr.events import Box

Gray = NDArray[np.uint8]
Values = NDArray[np.float32]
Kept = NDArray[np.uint16]

LEARN_S, LEARN_MOVING_S = 6.0, 40.0
"""Time constants of the background where nothing moves and where something does."""
MIN_STEP, MAX_STEP, STEP_IN_NOISE = 8.0, 16.0, 6.0
"""Grey levels below which a difference is noise: the third times the measured standard deviation, within bounds."""
NOISE_S = 4.0
DEVIATIONS = 3.5
RESTLESS_S, RESTLESS_GAIN = 20.0, 3.0
"""A pixel that changed in all of the last RESTLESS_S must change 1 + RESTLESS_GAIN times as much."""
GLOBAL_SHARE = 0.5
DARK_OFFSET = 16.0
"""Keeps ratios sane in the dark; also the black level of limited-range video."""
FIRST_DEVIATION, MIN_DEVIATION, MAX_DEVIATION = 6.0, 2.0, 30.0
BLOCK = 8
ALIKE, MIN_TEXTURE = 0.9, 4.0
"""Correlation from which on a block shows what it showed before, if its standard deviation is at least so many grey
levels both times (a smooth block correlates with nothing)."""
LIT_STEPS, VARIANCE_STEPS, RESTLESS_STEPS = 96.0, 64.0, 65535.0
"""Of which there are so many to one in what is kept: two bytes a number, a third of a megabyte a camera. The first
leaves room for the brightest pixel when the camera opens its lens."""
MEDIAN_ABS = 0.6745 * math.sqrt(2.0)
"""Median of the difference of two normal variables of standard deviation 1."""


@dataclass(frozen=True, slots=True)
class Movement:
    """`mask[h, w]`: the moving pixels; `area`: their share, 0 to 1. `global_change`: the first picture, or more
    than half of it changed at once (lights, infrared switch, another view): `mask` is empty, the background has
    been learned anew, and the whole picture needs looking at. `places`: boxes around what moves; the first
    `lasting` of them are what also moved in the frame before."""

    mask: Mask
    area: float
    global_change: bool
    places: tuple[Box, ...] = ()
    lasting: int = 0

    @property
    def fleeting(self) -> tuple[Box, ...]:
        """The places where nothing moved in the frame before."""
        return self.places[self.lasting :]


class Background:
    """The background of one camera. `counts[h, w]`: in pictures of that size only what moves there is told, but for a
    global change."""

    def __init__(self, counts: Mask | None = None) -> None:
        self._counts = counts
        self._lit = np.zeros((0, 0), np.uint16)  # the mean, and DARK_OFFSET
        self._variance = np.zeros((0, 0), np.uint16)
        self._restless = np.zeros((0, 0), np.uint16)
        self._before = np.zeros((0, 0), np.uint8)
        self._mask = _nothing((0, 0))
        self._noise = 1.0
        self._last_s = -math.inf

    def update(self, gray: Gray, t_s: float) -> Movement:
        """Compare `gray[h, w]` (any size of at least one pixel; it may change) at time `t_s`, and learn it."""
        elapsed_s = min(max(t_s - self._last_s, 0.0), 1.0)
        self._last_s = t_s
        if gray.shape != self._lit.shape:
            self._noise = 1.0
            return self._learn_anew(gray, 0.0)
        self._measure_noise(gray, elapsed_s)
        now, lit = gray.astype(np.float32), _read(self._lit, LIT_STEPS)
        variance, restless = _read(self._variance, VARIANCE_STEPS), _read(self._restless, RESTLESS_STEPS)
        ratio = float(np.median((now[::4, ::4] + DARK_OFFSET) / np.maximum(lit[::4, ::4], np.float32(1.0))))
        expected = lit * np.float32(min(max(ratio, 0.4), 2.5)) - np.float32(DARK_OFFSET)
        difference = np.abs(now - expected)
        step = np.maximum(self._min_step, np.float32(DEVIATIONS) * np.sqrt(variance))
        changed = difference > step * (1 + np.float32(RESTLESS_GAIN) * restless)
        if changed.any():
            changed &= ~_relit(now, expected, changed)
        mask = _without_specks(changed)
        area = float(mask.mean())
        if area > GLOBAL_SHARE:
            return self._learn_anew(gray, area)
        rate = np.where(changed, _rate(elapsed_s, LEARN_MOVING_S), _rate(elapsed_s, LEARN_S))
        _keep(self._lit, expected + rate * (now - expected) + np.float32(DARK_OFFSET), LIT_STEPS)
        spread = np.minimum(difference, np.float32(MAX_DEVIATION)) ** 2
        variance += rate * (spread - variance)
        np.clip(variance, MIN_DEVIATION**2, MAX_DEVIATION**2, out=variance)
        _keep(self._variance, variance, VARIANCE_STEPS)
        restless += _rate(elapsed_s, RESTLESS_S) * (changed - restless)
        _keep(self._restless, restless, RESTLESS_STEPS)
        if self._counts is not None and self._counts.shape == mask.shape:
            mask &= self._counts
            area = float(mask.mean())
        places, lasting = lasting_first(blobs(mask), self._mask) if area else ([], 0)
        self._mask = mask if area else _nothing(mask.shape)
        return Movement(self._mask, area, False, tuple(places), lasting)

    @property
    def _min_step(self) -> np.float32:
        return np.float32(min(max(STEP_IN_NOISE * self._noise, MIN_STEP), MAX_STEP))

    def _measure_noise(self, gray: Gray, elapsed_s: float) -> None:
        """From the median difference to the frame before: what moves is seldom half of the picture."""
        sample = gray[::4, ::4].copy()  # no more of it is kept: there are many cameras
        noise = float(np.median(np.abs(sample.astype(np.int16) - self._before))) / MEDIAN_ABS
        self._noise += float(_rate(elapsed_s, NOISE_S)) * (noise - self._noise)
        self._before = sample

    def _learn_anew(self, gray: Gray, area: float) -> Movement:
        self._lit = (gray + np.uint16(DARK_OFFSET)) * np.uint16(LIT_STEPS)
        self._before = gray[::4, ::4].copy()
        self._variance = np.full(gray.shape, FIRST_DEVIATION**2 * VARIANCE_STEPS, np.uint16)
        self._restless = np.zeros(gray.shape, np.uint16)
        self._mask = _nothing(gray.shape)
        return Movement(self._mask, area, True)


def _read(kept: Kept, steps: float) -> Values:
    return kept * np.float32(1 / steps)


def _keep(kept: Kept, values: Values, steps: float) -> None:
    """Store `values`, not below zero, rounded: cut off, slow learning would creep downwards."""
    scaled = values * np.float32(steps)
    scaled += np.float32(0.5)
    np.clip(scaled, 0.0, 65535.0, out=scaled)
    kept[...] = scaled


def _nothing(shape: tuple[int, ...]) -> Mask:
    """A mask of no pixels that takes no memory, and cannot be written to."""
    return np.broadcast_to(np.bool_(False), shape)


def _rate(elapsed_s: float, constant_s: float) -> np.float32:
    return np.float32(1.0 - math.exp(-elapsed_s / constant_s))


def _relit(now: Values, expected: Values, changed: Mask) -> Mask:
    """The changed pixels of blocks that show the same texture as the background, in another light. What is left over
    of whole blocks at the right and at the bottom is never relit."""
    height, width = now.shape
    rows, columns = height // BLOCK, width // BLOCK
    relit = np.zeros(now.shape, np.bool_)
    if rows and columns:
        by_block = _blocks(relit, rows, columns)
        active = _blocks(changed, rows, columns).any(axis=(2, 3))
        a, b = _blocks(now, rows, columns)[active], _blocks(expected, rows, columns)[active]
        a = a - a.mean(axis=(1, 2), keepdims=True)
        b = b - b.mean(axis=(1, 2), keepdims=True)
        var_a, var_b = (a * a).mean(axis=(1, 2)), (b * b).mean(axis=(1, 2))
        both = (a * b).mean(axis=(1, 2))
        alike = (both > ALIKE * np.sqrt(var_a * var_b)) & (np.minimum(var_a, var_b) >= MIN_TEXTURE**2)
        by_block[active] = alike[:, None, None]
    return relit


def _blocks(values: NDArray[Any], rows: int, columns: int) -> NDArray[Any]:
    """A view [rows, columns, BLOCK, BLOCK] of whole blocks."""
    whole = values[: rows * BLOCK, : columns * BLOCK]
    down, across = whole.strides
    strides = (down * BLOCK, across * BLOCK, down, across)
    return np.lib.stride_tricks.as_strided(whole, (rows, columns, BLOCK, BLOCK), strides)


def _without_specks(changed: Mask) -> Mask:
    """Only changed pixels with at least three changed neighbours (rain, insects far off, coding noise)."""
    height, width = changed.shape
    padded = np.zeros((height + 2, width + 2), np.uint8)
    padded[1:-1, 1:-1] = changed
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    neighbourhood = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]
    kept: Mask = changed & (neighbourhood >= 4)
    return kept
