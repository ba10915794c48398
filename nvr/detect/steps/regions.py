"""Where to look: squares of the picture, at native resolution, for the detector's 300x300 pixels. Pure.

Looking at the whole picture at once makes a person across the street a dozen pixels high. So each frame gets a
few squares around what moves and around tracks that still want evidence, and from time to time one tile of the
whole picture, which finds those who stood still from the start.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from nvr.events import Box

EDGE = 0.02
"""Share of a square's side within which a box reaches its edge."""
MAX_SQUARES = 3
"""Squares a frame around tracks and motion; more of them take turns."""
MAX_TILES = 4
"""Tiles examined after a global change; only pictures more than four times as wide as high have more."""
MAX_MOVING = 12
"""Moving places that are considered, the largest first (snow, rain)."""
SETTLE_S = 3.0
TILE_EVERY_S = 0.5
"""Time between two tiles of the whole picture; in the first SETTLE_S after a global change, every frame has one."""
MARGIN = 1.8
"""Side of a square over the longer side of what moves: the model wants surroundings, and often only a part moves."""
TRACK_MARGINS = (1.4, 2.2)
"""The same of squares around tracks that want evidence, both in one frame where there is room: another scale is nearly
another picture to the model, and misses at one are seldom misses at the other."""
MIN_SIDE_PX, MIN_TRACK_SIDE_PX = 96, 64
"""Smaller squares, around what moves and around tracks, show enlarged blur."""
KNOWN = 0.8
"""A moving place that lies to this share in a track's square needs no square of its own."""
MAX_GROWTH = 1.3
"""Two squares become one if that needs no more than this times the larger side."""


class Square(NamedTuple):
    """Pixels `x` to `x + side`, `y` to `y + side` of a picture; it lies wholly within it."""

    x: int
    y: int
    side: int


def box_of(square: Square, width: int, height: int) -> Box:
    """The square in relative coordinates of its picture of `width` x `height` pixels."""
    x, y, side = square
    return Box(x / width, y / height, (x + side) / width, (y + side) / height)


def tiles(width: int, height: int) -> list[Square]:
    """The fewest squares as large as possible that cover the whole picture."""
    side = min(width, height)
    columns, rows = math.ceil(width / side), math.ceil(height / side)
    return [
        Square(_spread(column, columns, width - side), _spread(row, rows, height - side), side)
        for row in range(rows)
        for column in range(columns)
    ]


def _spread(index: int, count: int, room: int) -> int:
    return 0 if count == 1 else round(index * room / (count - 1))


def squares_around(
    box: Box, width: int, height: int, *, margin: float = MARGIN, min_side_px: int = MIN_SIDE_PX
) -> list[Square]:
    """The square around `box`, `margin` times as large but at least `min_side_px`, or up to MAX_SQUARES in a row
    where the box is longer than the picture's short side."""
    limit = min(width, height)
    x0, x1, y0, y1 = box.x0 * width, box.x1 * width, box.y0 * height, box.y1 * height
    longer = max(x1 - x0, y1 - y0)
    side = int(min(max(longer * margin, min_side_px), limit))
    count = min(max(math.ceil(longer / side), 1), MAX_SQUARES)
    found = []
    for index in range(count):
        # Centres spread along the box so that its ends are covered.
        share = 0.5 if count == 1 else index / (count - 1)
        centre_x = _between(x0 + side / 2, x1 - side / 2, share) if x1 - x0 > side else (x0 + x1) / 2
        centre_y = _between(y0 + side / 2, y1 - side / 2, share) if y1 - y0 > side else (y0 + y1) / 2
        x = min(max(round(centre_x - side / 2), 0), width - side)
        y = min(max(round(centre_y - side / 2), 0), height - side)
        found.append(Square(x, y, side))
    return found


def _between(low: float, high: float, share: float) -> float:
    return low + share * (high - low)


def merge(squares: Iterable[Square], width: int, height: int, *, into: Sequence[Square] = ()) -> list[Square]:
    """The same places with fewer squares: each joins the first kept one that needs grow little for it. Those of
    `into` are kept from the start, at the same indices, but may grow."""
    kept = list(into)
    for square in squares:
        for index, other in enumerate(kept):
            joined = _joined(square, other, width, height)
            if joined is not None:
                kept[index] = joined
                break
        else:
            kept.append(square)
    return kept


def _joined(a: Square, b: Square, width: int, height: int) -> Square | None:
    x0, y0 = min(a.x, b.x), min(a.y, b.y)
    need = max(max(a.x + a.side, b.x + b.side) - x0, max(a.y + a.side, b.y + b.side) - y0)
    if need > min(MAX_GROWTH * max(a.side, b.side), width, height):
        return None
    return Square(min(x0, width - need), min(y0, height - need), need)


class RegionPlanner:
    """Chooses the squares of each frame of one camera. `max_squares` (1 to MAX_SQUARES) may be lowered at any time
    where the model cannot keep up, and `tile_every_s` be changed."""

    def __init__(self) -> None:
        self.max_squares = MAX_SQUARES
        self.tile_every_s = TILE_EVERY_S
        self._turn = 0
        self._tile = 0
        self._next_tile_s = -math.inf
        self._settled_s = -math.inf

    def plan(
        self,
        width: int,
        height: int,
        *,
        wanted: Sequence[tuple[Box, Sequence[float]]],
        moving: Sequence[Box],
        whole: bool,
        t_s: float,
    ) -> list[Square]:
        """Squares to examine, most important first: at most `max_squares` around `wanted` (tracks, each with the
        margins of its squares) and `moving`, then a tile that is due; with `whole` instead all tiles, at most
        MAX_TILES. Where there are too many they take turns from frame to frame."""
        everywhere = tiles(width, height)
        self._turn += 1
        if whole:
            self._settled_s = t_s + SETTLE_S
            return _take_turns(everywhere, self._turn, MAX_TILES)
        first = _around_tracks(wanted, width, height)
        known = [box_of(square, width, height) for square in first]
        moving = [box for box in moving if not any(share_inside(box, place) >= KNOWN for place in known)]
        # Rotating before the cut gives each its turn; tracks that need evidence get at most all but one place
        # while something else moves, so that a newcomer is not overlooked.
        both = merge(_each(moving[:MAX_MOVING], width, height), width, height, into=first)
        first, others = both[: len(first)], both[len(first) :]
        places = self.max_squares - (1 if others and len(first) >= self.max_squares > 1 else 0)
        chosen = _take_turns(first, self._turn, places)
        chosen += _take_turns(others, self._turn, self.max_squares - len(chosen))
        if t_s >= self._next_tile_s or t_s < self._settled_s:
            self._next_tile_s = t_s + self.tile_every_s
            self._tile = (self._tile + 1) % len(everywhere)
            if everywhere[self._tile] not in chosen:
                chosen.append(everywhere[self._tile])
        return chosen


def _each(boxes: Sequence[Box], width: int, height: int) -> list[Square]:
    return [square for box in boxes for square in squares_around(box, width, height)]


def _around_tracks(wanted: Sequence[tuple[Box, Sequence[float]]], width: int, height: int) -> list[Square]:
    """Squares of one scale are merged, but not the near one of a track with its far one."""
    found: list[Square] = []
    for margin in sorted({margin for _, margins in wanted for margin in margins}):
        around = [
            square
            for box, margins in wanted
            if margin in margins
            for square in squares_around(box, width, height, margin=margin, min_side_px=MIN_TRACK_SIDE_PX)
        ]
        found += [square for square in merge(around, width, height) if square not in found]
    return found


def share_inside(box: Box, place: Box) -> float:
    """Share of `box` that lies in `place`, 0 to 1; of a box without area 0."""
    width, height = box.x1 - box.x0, box.y1 - box.y0
    if width <= 0 or height <= 0:
        return 0.0
    common_x = min(box.x1, place.x1) - max(box.x0, place.x0)
    common_y = min(box.y1, place.y1) - max(box.y0, place.y0)
    return min(max(common_x, 0.0) / width, 1.0) * min(max(common_y, 0.0) / height, 1.0)


def _take_turns(squares: list[Square], turn: int, places: int) -> list[Square]:
    if len(squares) <= places or places == 0:
        return squares[:places]
    start = turn * places % len(squares)
    return [*squares[start:], *squares[:start]][:places]


def in_picture(box: Box, place: Box) -> Box:
    """The box, relative to `place`, in coordinates of the picture."""
    width, height = place.x1 - place.x0, place.y1 - place.y0
    return Box(
        place.x0 + box.x0 * width,
        place.y0 + box.y0 * height,
        place.x0 + box.x1 * width,
        place.y0 + box.y1 * height,
    )


def is_cut(box: Box, place: Box) -> bool:
    """Whether the box, relative to `place`, reaches an edge of it beyond which the picture goes on."""
    return (
        (box.x0 < EDGE and place.x0 > 0)
        or (box.y0 < EDGE and place.y0 > 0)
        or (box.x1 > 1 - EDGE and place.x1 < 1)
        or (box.y1 > 1 - EDGE and place.y1 < 1)
    )
