"""Moving places at which the model found nothing again and again: leaves, reflections, rain on a puddle. Pure.

They are looked at seldom instead of in each frame, and as ever where anything new moves, even partly. Rain and insects
have no place: where looks at what flits by were in vain again and again, all of the kind is looked at as seldom, unless
it is much larger.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from nvr.detect.steps.regions import share_inside
from nvr.events import Box

COLUMNS, ROWS = 32, 18
DULL_LOOKS = 6.0
"""Looks in vain after which a place is dull; far people are seen more often than that."""
EVERY = 3
"""A dull place is looked at in one frame of so many."""
FORGET_S = 8.0
"""Time constant with which looks in vain are forgotten."""
LOOKED_AT = 0.8
"""Share of a place that a square must show."""
LARGER = 3.0
"""So many times the area of what flitted by in vain is worth a look."""
LONG_S = 1.0
"""After so long without a frame nothing can be told of what flits by: somebody has walked on, too."""


class DullPlaces:
    """The looks in vain of one camera, on a grid."""

    def __init__(self) -> None:
        self._looks = np.zeros((ROWS, COLUMNS), np.float32)
        self._fleeting_looks = self._fleeting_area = 0.0
        self._last_s = -math.inf
        self._turn = 0

    def interesting(self, moving: Sequence[Box], t_s: float, *, fleeting: Sequence[Box] = ()) -> list[Box]:
        """Those of the boxes that are worth a look in the frame at `t_s`; their order stays. `fleeting`: those where
        nothing moved in the frame before."""
        elapsed_s = max(t_s - self._last_s, 0.0)
        kept = math.exp(-elapsed_s / FORGET_S)
        self._looks *= np.float32(kept)
        self._fleeting_looks *= kept
        self._fleeting_area *= kept
        self._last_s = t_s
        self._turn += 1
        if self._turn % EVERY == 0:
            return list(moving)
        if elapsed_s < LONG_S and self._fleeting_looks >= DULL_LOOKS:
            moving = [
                box for box in moving if box not in fleeting or _area(box) > LARGER * self._fleeting_area
            ]
        return [box for box in moving if self._looks[_cells(box)].min() < DULL_LOOKS]

    def learn(
        self,
        moving: Sequence[Box],
        examined: Sequence[Box],
        found: Sequence[Box],
        *,
        fleeting: Sequence[Box] = (),
    ) -> None:
        """Take in what was `found` in this frame in the places `examined`, of all that moved."""
        for box in fleeting:
            if any(_touch(box, one) for one in found):
                self._fleeting_looks = 0.0
            elif any(share_inside(box, place) >= LOOKED_AT for place in examined):
                self._fleeting_looks += 1.0
                self._fleeting_area = max(self._fleeting_area, _area(box))
        for box in moving:
            if any(_touch(box, one) for one in found):
                self._looks[_cells(box)] = 0.0
            elif any(share_inside(box, place) >= LOOKED_AT for place in examined):
                self._looks[_cells(box)] += 1.0


def _cells(box: Box) -> tuple[slice, slice]:
    """The cells that the box covers, at least one."""
    top, left = min(max(int(box.y0 * ROWS), 0), ROWS - 1), min(max(int(box.x0 * COLUMNS), 0), COLUMNS - 1)
    bottom = min(max(math.ceil(box.y1 * ROWS), top + 1), ROWS)
    right = min(max(math.ceil(box.x1 * COLUMNS), left + 1), COLUMNS)
    return slice(top, bottom), slice(left, right)


def _area(box: Box) -> float:
    return (box.x1 - box.x0) * (box.y1 - box.y0)


def _touch(a: Box, b: Box) -> bool:
    return a.x0 < b.x1 and b.x0 < a.x1 and a.y0 < b.y1 and b.y0 < a.y1
