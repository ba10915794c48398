"""Zones, loitering and lines, for any polygon, any line and any path."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nvr.detect.steps.rules import (
    ABSENCE_S,
    AGAIN_S,
    BAND,
    REMEMBER_S,
    Counted,
    Rules,
    WatchedLine,
    WatchedZone,
)
from nvr.detect.steps.zones import Point, contains
from nvr.events import Box, Rule

pytestmark = pytest.mark.usefixtures("news_only")

PEOPLE = frozenset({"person"})
LEFT_HALF = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
ACROSS = WatchedLine((0.2, 0.5), (0.8, 0.5), "both", PEOPLE)
"""From left to right through the middle of the picture: its left hand is up, away from the camera."""
HEIGHT = 0.1
ASPECT = 16 / 9
UP, DOWN = Counted(0, Rule.CROSS_LEFT), Counted(0, Rule.CROSS_RIGHT)

unit = st.floats(0, 1)
points = st.tuples(unit, unit)
paths = st.lists(points, min_size=2, max_size=30)
polygons = st.lists(points, min_size=3, max_size=12).map(tuple)
lines = st.builds(WatchedLine, points, points, st.sampled_from(["both", "left", "right"]), st.just(PEOPLE))


def standing_at(foot: Point) -> Box:
    x, y = foot
    return Box(x - 0.02, y - HEIGHT, x + 0.02, y)


def walk(
    rules: Rules, path: Iterable[Point], *, step_s: float = 0.2, kind: str = "person", confirmed_from: int = 0
) -> list[tuple[int, Counted]]:
    """(index in the path, what counted there)."""
    found = []
    for index, foot in enumerate(path):
        counted = rules.observe(
            1,
            standing_at(foot),
            frozenset({kind}),
            1000 + step_s * index,
            confirmed=index >= confirmed_from,
            aspect=ASPECT,
        )
        found += [(index, one) for one in counted]
    return found


def crossings(line: WatchedLine, path: Iterable[Point], **how: int) -> list[Counted]:
    return [counted for _, counted in walk(Rules([], [line]), path, **how)]


def test_left_is_the_left_hand_of_who_looks_from_start_to_end() -> None:
    away = [(0.5, 0.9), (0.5, 0.7), (0.5, 0.4), (0.5, 0.2)]
    assert crossings(ACROSS, away) == [UP]
    assert crossings(ACROSS, away[::-1]) == [DOWN]
    assert crossings(replace(ACROSS, direction="left"), away) == [UP]
    assert crossings(replace(ACROSS, direction="right"), away) == []


def test_who_walks_around_the_end_has_not_crossed() -> None:
    around = [(0.9, 0.9), (0.9, 0.2), (0.5, 0.2)]
    assert crossings(ACROSS, around) == []
    through_and_around_back = [(0.5, 0.8), (0.5, 0.2), (0.95, 0.2), (0.95, 0.8), (0.5, 0.8), (0.5, 0.2)]
    assert crossings(ACROSS, through_and_around_back) == [UP]  # the second time within AGAIN_S


def test_a_box_that_trembles_on_the_line_counts_once() -> None:
    tremble = [(0.5, 0.5 + sign * 0.9 * BAND * HEIGHT) for sign in [1, -1] * 20]
    assert crossings(ACROSS, tremble) == []
    assert crossings(ACROSS, [(0.5, 0.9), *tremble, (0.5, 0.1)]) == [UP]
    assert crossings(ACROSS, [(0.5, 0.9), *tremble, (0.5, 0.9)]) == []


def test_who_runs_across_before_being_confirmed_counts_and_who_did_long_ago_does_not() -> None:
    path = [(0.5, 0.9), (0.5, 0.1), *[(0.5, 0.1)] * 100]
    assert walk(Rules([], [ACROSS]), path, confirmed_from=10) == [(10, UP)]
    late = 2 + int(REMEMBER_S / 0.2)
    assert walk(Rules([], [ACROSS]), path, confirmed_from=late) == []


def test_the_same_side_again_only_after_a_while() -> None:
    to_and_fro = [(0.5, 0.9), (0.5, 0.1)] * 100
    found = walk(Rules([], [ACROSS]), to_and_fro)
    for direction in (UP, DOWN):
        at_s = [0.2 * index for index, counted in found if counted == direction]
        assert len(at_s) == 2
        assert all(after - before >= AGAIN_S for before, after in itertools.pairwise(at_s))


def test_only_kinds_that_count_and_each_track_for_itself() -> None:
    rules = Rules([WatchedZone(LEFT_HALF, frozenset({"dog"}))], [replace(ACROSS, kinds=frozenset({"car"}))])
    assert rules.kinds == {"dog", "car"}
    path = [(0.4, 0.9), (0.4, 0.1)]
    assert walk(rules, path) == []
    rules.keep_only([])
    assert walk(rules, path, kind="car") == [(1, Counted(1, Rule.CROSS_LEFT))]
    rules.keep_only([])
    assert walk(rules, path, kind="dog") == [(0, Counted(0, Rule.ENTER))]


@given(lines, paths)
def test_a_reversed_line_changes_only_the_sides(line: WatchedLine, path: list[Point]) -> None:
    other = {"both": "both", "left": "right", "right": "left"}[line.direction]
    reversed_line = replace(line, start=line.end, end=line.start, direction=other)
    # A foot exactly on the endless line has no side of its own; the rule for it is not symmetric.
    (x0, y0), (x1, y1) = line.start, line.end
    assume(all((y1 - y0) * (x - x0) != (x1 - x0) * (y - y0) for x, y in path))
    opposite = {Rule.CROSS_LEFT: Rule.CROSS_RIGHT, Rule.CROSS_RIGHT: Rule.CROSS_LEFT}
    found = walk(Rules([], [line]), path)
    assert [(i, opposite[c.rule]) for i, c in walk(Rules([], [reversed_line]), path)] == [
        (i, c.rule) for i, c in found
    ]


@given(lines.map(lambda line: replace(line, direction="both")), paths)
def test_crossings_alternate_for_who_cannot_go_around(line: WatchedLine, path: list[Point]) -> None:
    """Prolonged far beyond the picture the line has no end to go around; AGAIN_S apart, none is left out."""
    (x0, y0), (x1, y1) = line.start, line.end
    assume(abs(x1 - x0) + abs(y1 - y0) > 0.01)
    far = 200
    line = replace(
        line,
        start=(x0 - far * (x1 - x0), y0 - far * (y1 - y0)),
        end=(x0 + far * (x1 - x0), y0 + far * (y1 - y0)),
    )
    sides = [counted.rule for _, counted in walk(Rules([], [line]), path, step_s=AGAIN_S)]
    assert all(before is not after for before, after in itertools.pairwise(sides))
    back_to_the_start = [*path, *path[::-1]]
    sides = [counted.rule for _, counted in walk(Rules([], [line]), back_to_the_start, step_s=AGAIN_S)]
    assert sides.count(Rule.CROSS_LEFT) == sides.count(Rule.CROSS_RIGHT)


@given(polygons, paths)
def test_a_zone_is_entered_where_the_foot_first_is_in_it(
    polygon: tuple[Point, ...], path: list[Point]
) -> None:
    found = walk(Rules([WatchedZone(polygon, PEOPLE)]), path)
    inside = [index for index, foot in enumerate(path) if contains(polygon, foot)]
    assert found == [(index, Counted(0, Rule.ENTER)) for index in inside[:1]]


@given(polygons, paths, st.floats(1, 60), st.floats(0.1, 8))
def test_nobody_loiters_before_the_time_and_everybody_who_stays_does(
    polygon: tuple[Point, ...], path: list[Point], loiter_s: float, step_s: float
) -> None:
    found = walk(Rules([WatchedZone(polygon, PEOPLE, loiter_s)]), path, step_s=step_s)
    inside = [step_s * index for index, foot in enumerate(path) if contains(polygon, foot)]
    for index, counted in found:
        assert counted == Counted(0, Rule.LOITER)
        recent = [at_s for at_s in inside if at_s <= step_s * index]
        since_s = recent[-1]
        for earlier_s, later_s in reversed(list(itertools.pairwise(recent))):
            if later_s - earlier_s >= ABSENCE_S:
                break
            since_s = earlier_s
        assert step_s * index - since_s >= loiter_s - 1e-6
    if len(inside) == len(path) and step_s < ABSENCE_S and step_s * (len(path) - 1) > loiter_s + 1e-6:
        assert len(found) == 1


def test_short_absences_do_not_interrupt_loitering() -> None:
    zone, inside, outside = WatchedZone(LEFT_HALF, PEOPLE, 30.0), (0.2, 0.5), (0.8, 0.5)
    with_short_absence = [*[inside] * 20, *[outside] * 3, *[inside] * 20]
    assert walk(Rules([zone]), with_short_absence, step_s=1.0) == [(30, Counted(0, Rule.LOITER))]
    with_long_absence = [*[inside] * 20, *[outside] * 6, *[inside] * 20]
    assert walk(Rules([zone]), with_long_absence, step_s=1.0) == []
    told_once = [*[inside] * 40, *[outside] * 10, *[inside] * 100]
    assert walk(Rules([zone]), told_once, step_s=1.0) == [(30, Counted(0, Rule.LOITER))]
    back_after_long = [*[inside] * 31, *[outside] * 31, *[inside] * 31]
    assert [index for index, _ in walk(Rules([zone]), back_after_long, step_s=1.0)] == [30, 92]
