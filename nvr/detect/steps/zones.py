"""Where an object stands, and in which zone. Pure, numpy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nvr.events import Box

Point = tuple[float, float]
EDGE = 1e-9
"""A point this near to an edge lies on it; far below a pixel of any camera."""


def foot_point(box: Box) -> Point:
    """Where the object touches the ground: the bottom centre of its box, moved into the picture (a detector's
    boxes reach a little beyond it)."""
    return _unit((box.x0 + box.x1) / 2), _unit(box.y1)


def contains(polygon: Sequence[Point], point: Point) -> bool:
    """Whether `point` lies in `polygon` or on its edge.

    Any polygon: either winding, concave, crossing itself (even-odd rule), with repeated points, or without area
    (then only its edges count). Its last point is joined to its first.
    """
    x, y = point
    inside = False
    for (x0, y0), (x1, y1) in zip(polygon, [*polygon[1:], *polygon[:1]], strict=True):
        if _on_edge(x, y, x0, y0, x1, y1):
            return True
        # Half-open in y, so that a ray through a corner counts it once.
        if (y0 > y) != (y1 > y) and x < x0 + (y - y0) / (y1 - y0) * (x1 - x0):
            inside = not inside
    return inside


def raster(polygons: Sequence[Sequence[Point]], width: int, height: int) -> NDArray[np.bool_]:
    """bool[height, width]: the pixels whose centre lies in one of the polygons (as `contains`, but for their edges)."""
    x = (np.arange(width) + 0.5) / width
    y = ((np.arange(height) + 0.5) / height)[:, np.newaxis]
    found = np.zeros((height, width), np.bool_)
    for polygon in polygons:
        inside = np.zeros((height, width), np.bool_)
        for (x0, y0), (x1, y1) in zip(polygon, [*polygon[1:], *polygon[:1]], strict=True):
            if y0 != y1:
                inside ^= ((y0 > y) != (y1 > y)) & (x < x0 + (y - y0) / (y1 - y0) * (x1 - x0))
        found |= inside
    return found


def _on_edge(x: float, y: float, x0: float, y0: float, x1: float, y1: float) -> bool:
    length_2 = (x1 - x0) ** 2 + (y1 - y0) ** 2
    along = 0.0 if length_2 == 0 else ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length_2
    along = _unit(along)
    return abs(x0 + along * (x1 - x0) - x) <= EDGE and abs(y0 + along * (y1 - y0) - y) <= EDGE


def _unit(value: float) -> float:
    return min(max(value, 0.0), 1.0)
