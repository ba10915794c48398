"""What moves together: boxes around the moving pixels of a mask. Pure, numpy."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from nvr.events import Box

Mask = NDArray[np.bool_]

MAX_FLEETING = 1
"""Places where nothing moved in the frame before are considered up to this number: rain and insects are everywhere,
and never twice in one place."""
REACH = 2
"""Pixels that what moves may have moved on since the frame before, in addition to its own size."""


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


def lasting_first(found: list[Box], before: Mask) -> list[Box]:
    """The boxes within which, or beside which, something moved in the frame before (its mask), then at most
    MAX_FLEETING of the others; their order stays."""
    lasting: list[Box] = []
    fleeting: list[Box] = []
    height, width = before.shape
    for box in found:
        rows = slice(max(math.floor(box.y0 * height) - REACH, 0), math.ceil(box.y1 * height) + REACH)
        columns = slice(max(math.floor(box.x0 * width) - REACH, 0), math.ceil(box.x1 * width) + REACH)
        (lasting if before[rows, columns].any() else fleeting).append(box)
    return lasting + fleeting[:MAX_FLEETING]


def share_within(mask: Mask, box: Box) -> float:
    """Share of moving pixels in the part of `box` that lies in the picture; 0.0 where none of it does."""
    height, width = mask.shape
    part = mask[
        max(int(box.y0 * height), 0) : max(math.ceil(box.y1 * height), 0),
        max(int(box.x0 * width), 0) : max(math.ceil(box.x1 * width), 0),
    ]
    return float(part.mean()) if part.size else 0.0


def _pixel_bounds(mask: Mask, group: list[tuple[int, int]], cell: int) -> Box:
    """The box around the set pixels of the group's cells."""
    height, width = mask.shape
    top, left, bottom, right = height, width, 0, 0
    for row, column in group:
        ys, xs = np.nonzero(mask[row * cell : (row + 1) * cell, column * cell : (column + 1) * cell])
        top, bottom = min(top, row * cell + int(ys.min())), max(bottom, row * cell + int(ys.max()) + 1)
        left, right = min(left, column * cell + int(xs.min())), max(right, column * cell + int(xs.max()) + 1)
    return Box(left / width, top / height, right / width, bottom / height)
