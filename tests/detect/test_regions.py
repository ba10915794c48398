from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvr.detect.steps.regions import (
    MAX_SQUARES,
    MAX_TILES,
    TILE_EVERY_S,
    TRACK_MARGINS,
    RegionPlanner,
    Square,
    box_of,
    merge,
    share_inside,
    squares_around,
    tiles,
)
from nvr.events import Box

sides = st.integers(16, 4096)
sizes = st.integers(16, 1024).flatmap(lambda side: st.tuples(st.just(side), st.integers(side, 3 * side)))
"""(width, height) of no more than three squares; the other way round by `turned`."""


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    x0, x1 = sorted((draw(st.floats(-0.2, 1.2)), draw(st.floats(-0.2, 1.2))))
    y0, y1 = sorted((draw(st.floats(-0.2, 1.2)), draw(st.floats(-0.2, 1.2))))
    return Box(x0, y0, x1, y1)


def lies_within(square: Square, width: int, height: int) -> bool:
    return (
        square.side >= 16 and 0 <= square.x <= width - square.side and 0 <= square.y <= height - square.side
    )


@given(sides, sides)
def test_tiles_cover_the_picture(width: int, height: int) -> None:
    found = tiles(width, height)
    assert all(lies_within(square, width, height) for square in found)
    for x in {0, width // 3, width // 2, width - 1}:
        for y in {0, height // 3, height // 2, height - 1}:
            assert any(s.x <= x < s.x + s.side and s.y <= y < s.y + s.side for s in found)


@given(boxes(), sizes, st.booleans())
def test_squares_around_a_box_cover_its_middle_line(box: Box, size: tuple[int, int], turned: bool) -> None:
    width, height = size[::-1] if turned else size
    found = squares_around(box, width, height)
    assert all(lies_within(square, width, height) for square in found)
    if box.x0 >= 0 and box.x1 <= 1 and box.y0 >= 0 and box.y1 <= 1:
        along_x = (box.x1 - box.x0) * width >= (box.y1 - box.y0) * height
        for share in (0.0, 0.25, 0.5, 0.75, 1.0):
            x = (box.x0 + share * (box.x1 - box.x0) if along_x else (box.x0 + box.x1) / 2) * width
            y = ((box.y0 + box.y1) / 2 if along_x else box.y0 + share * (box.y1 - box.y0)) * height
            assert any(
                s.x - 1 <= x <= s.x + s.side + 1 and s.y - 1 <= y <= s.y + s.side + 1 for s in found
            ), (x, y)


@given(st.lists(boxes(), max_size=8), sides, sides)
def test_merging_loses_no_place(around: list[Box], width: int, height: int) -> None:
    squares = [square for box in around for square in squares_around(box, width, height)]
    merged = merge(squares, width, height)
    assert len(merged) <= len(squares)
    assert all(lies_within(square, width, height) for square in merged)
    for s in squares:
        assert any(
            m.x <= s.x and m.y <= s.y and s.x + s.side <= m.x + m.side and s.y + s.side <= m.y + m.side
            for m in merged
        )


looks = st.integers(1, MAX_SQUARES)


tracked = st.tuples(boxes(), st.sampled_from([TRACK_MARGINS, TRACK_MARGINS[:1], TRACK_MARGINS[1:]]))


@given(st.lists(tracked, max_size=10), st.lists(boxes(), max_size=10), sides, sides, st.booleans(), looks)
def test_a_frame_costs_a_bounded_number_of_looks(
    wanted: list[tuple[Box, tuple[float, ...]]],
    moving: list[Box],
    width: int,
    height: int,
    whole: bool,
    limit: int,
) -> None:
    planner = RegionPlanner()
    planner.max_squares = limit
    everywhere = len(tiles(width, height))
    for t_s in (0.0, 0.2, 0.4):
        plan = planner.plan(width, height, wanted=wanted, moving=moving, whole=whole, t_s=t_s)
        assert len(plan) <= (min(everywhere, MAX_TILES) if whole else limit + 1)
        assert all(lies_within(square, width, height) for square in plan)


def test_everything_that_moves_gets_its_turn() -> None:
    planner = RegionPlanner()
    moving = [Box(x, y, x + 0.02, y + 0.05) for x in (0.05, 0.35, 0.65, 0.95) for y in (0.05, 0.45, 0.9)]
    seen: set[Box] = set()
    for index in range(4):
        for square in planner.plan(
            1920,
            1080,
            wanted=[(box, TRACK_MARGINS) for box in moving[:4]],
            moving=moving[4:],
            whole=False,
            t_s=index / 6,
        ):
            place = box_of(square, 1920, 1080)
            seen |= {b for b in moving if place.x0 <= b.x0 < place.x1 and place.y0 <= b.y0 < place.y1}
    assert len(seen) >= 8


def test_a_quiet_picture_is_searched_now_and_then() -> None:
    planner = RegionPlanner()
    planner.plan(640, 360, wanted=[], moving=[], whole=True, t_s=0.0)
    looked = {
        square
        for index in range(120)
        for square in planner.plan(640, 360, wanted=[], moving=[], whole=False, t_s=10 + index / 6)
    }
    assert looked == set(tiles(640, 360))
    counts = sum(
        len(planner.plan(640, 360, wanted=[], moving=[], whole=False, t_s=40 + i / 6)) for i in range(60)
    )
    assert counts <= 10 / TILE_EVERY_S + 1


def test_a_track_is_looked_at_from_near_and_from_farther_away_at_once() -> None:
    planner = RegionPlanner()
    planner.plan(1920, 1080, wanted=[], moving=[], whole=True, t_s=0.0)
    planner.plan(1920, 1080, wanted=[], moving=[], whole=False, t_s=9.9)
    box = Box(0.5, 0.5, 0.52, 0.6)
    for index in range(2):
        plan = planner.plan(
            1920, 1080, wanted=[(box, TRACK_MARGINS)], moving=[], whole=False, t_s=10 + index / 6
        )
        assert [square.side for square in plan] == [151, 237]


def test_where_there_is_no_room_for_both_scales_they_take_turns() -> None:
    planner = RegionPlanner()
    planner.max_squares = 1
    planner.plan(1920, 1080, wanted=[], moving=[], whole=True, t_s=0.0)
    box = Box(0.5, 0.5, 0.52, 0.6)
    sides = [
        planner.plan(1920, 1080, wanted=[(box, TRACK_MARGINS)], moving=[], whole=False, t_s=10 + i / 6)[
            0
        ].side
        for i in range(4)
    ]
    assert sorted(sides[:2]) == sorted(sides[2:]) == [151, 237]


def test_what_moves_in_a_tracks_square_costs_no_look_of_its_own() -> None:
    planner = RegionPlanner()
    planner.plan(1920, 1080, wanted=[], moving=[], whole=True, t_s=0.0)
    planner.plan(1920, 1080, wanted=[], moving=[], whole=False, t_s=9.9)
    box, legs = Box(0.5, 0.5, 0.54, 0.7), Box(0.51, 0.62, 0.53, 0.7)
    assert (
        len(planner.plan(1920, 1080, wanted=[(box, TRACK_MARGINS)], moving=[legs], whole=False, t_s=10.0))
        == 2
    )
    far = Box(0.1, 0.1, 0.13, 0.2)
    assert (
        len(planner.plan(1920, 1080, wanted=[(box, TRACK_MARGINS)], moving=[far], whole=False, t_s=10.1)) == 3
    )


@given(boxes(), boxes())
def test_share_inside(box: Box, place: Box) -> None:
    share = share_inside(box, place)
    assert 0 <= share <= 1
    if box.x1 > box.x0 and box.y1 > box.y0:
        assert share_inside(box, Box(-1, -1, 2, 2)) == pytest.approx(1)
