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
    columns = math.ceil(width / cell)
    ys, xs = np.nonzero(mask)
    cells = ys // cell * columns + xs // cell
    counts = np.bincount(cells)
    # A cell at the edge may be cut off: it must not need more pixels than it has.
    need = min(min_pixels, height * width)
    active = {divmod(at, columns) for at in np.flatnonzero(counts >= max(need, 1)).tolist()}
    group_of = np.full(counts.size, -1, np.intp)
    groups = 0
    while active:
        group = [active.pop()]
        for row, column in group:
            for near in [(row + y, column + x) for y in (-1, 0, 1) for x in (-1, 0, 1)]:
                if near in active:
                    active.remove(near)
                    group.append(near)
        group_of[[row * columns + column for row, column in group]] = groups
        groups += 1
    found = _bounds(group_of[cells], groups, ys, xs, mask.shape)
    return sorted(found, key=lambda box: ((box.x1 - box.x0) * (box.y1 - box.y0), box), reverse=True)


def lasting_first(found: list[Box], before: Mask) -> tuple[list[Box], int]:
    """(the boxes within which, or beside which, something moved in the frame before (its mask), then at most
    MAX_FLEETING of the others; how many are of the first sort). Their order stays."""
    lasting: list[Box] = []
    fleeting: list[Box] = []
    height, width = before.shape
    for box in found:
        rows = slice(max(math.floor(box.y0 * height) - REACH, 0), math.ceil(box.y1 * height) + REACH)
        columns = slice(max(math.floor(box.x0 * width) - REACH, 0), math.ceil(box.x1 * width) + REACH)
        (lasting if before[rows, columns].any() else fleeting).append(box)
    return lasting + fleeting[:MAX_FLEETING], len(lasting)


def share_within(mask: Mask, box: Box) -> float:
    """Share of moving pixels in the part of `box` that lies in the picture; 0.0 where none of it does."""
    height, width = mask.shape
    part = mask[
        max(int(box.y0 * height), 0) : max(math.ceil(box.y1 * height), 0),
        max(int(box.x0 * width), 0) : max(math.ceil(box.x1 * width), 0),
    ]
    return float(part.mean()) if part.size else 0.0


def _bounds(
    group: NDArray[np.intp], groups: int, ys: NDArray[np.intp], xs: NDArray[np.intp], shape: tuple[int, ...]
) -> list[Box]:
    """The box around the pixels of each group; `group[n]` is that of pixel n, below 0: none."""
    height, width = shape
    grouped = group >= 0
    group, ys, xs = group[grouped], ys[grouped], xs[grouped]
    top, left = np.full(groups, height), np.full(groups, width)
    bottom, right = np.zeros(groups, np.intp), np.zeros(groups, np.intp)
    for bound, pixels, better in (
        (top, ys, np.minimum),
        (left, xs, np.minimum),
        (bottom, ys + 1, np.maximum),
        (right, xs + 1, np.maximum),
    ):
        better.at(bound, group, pixels)
    corners = zip(left.tolist(), top.tolist(), right.tolist(), bottom.tolist(), strict=True)
    return [Box(x0 / width, y0 / height, x1 / width, y1 / height) for x0, y0, x1, y1 in corners]
