"""Shape and way: who goes on steadily is somebody, whatever else moves is not."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvr.detect.steps.walkers import CERTAIN_AT, MAX_WALKS, MIN_S, MOST, Walk, Walkers
from nvr.events import Box

FPS = 6.0
ASPECT = 16 / 9
Way = Callable[[float], Box | None]


def figure(x: float, foot: float, height: float, *, slender: float = 2.6) -> Box:
    """Somebody `slender` times as high as wide, standing at x, foot (shares of width and height)."""
    half = height / slender / ASPECT / 2
    return Box(x - half, foot - height, x + half, foot)


def passer(pace: float, *, height: float = 0.15, slender: float = 2.6) -> Way:
    """Crosses the picture from the left at so many heights a second."""
    return lambda t: figure(0.1 + pace * t * height / ASPECT, 0.7, height, slender=slender)


def watch(
    *ways: Way, seconds: float = 10.0, others: Callable[[float], list[Box]] = lambda _t: []
) -> list[tuple[float, Walk]]:
    """(time, walk) of each moment at which one is certain."""
    numbers = itertools.count(1)
    walkers = Walkers(lambda: next(numbers))
    certain = []
    for index in range(round(seconds * FPS)):
        t_s = index / FPS
        places = [box for way in ways if (box := way(t_s)) is not None]
        walks = walkers.update(places, t_s, aspect=ASPECT, others=others(t_s))
        certain += [(t_s, walk) for walk in walks if walk.certain]
        assert all(0 <= walk.evidence <= MOST for walk in walks)
    return certain


@pytest.mark.parametrize("pace", [0.4, 0.8, 1.5])
def test_who_crosses_the_picture_is_told_after_some_heights(pace: float) -> None:
    first_s, walk = watch(passer(pace), seconds=9)[0]
    assert max(MIN_S, CERTAIN_AT / pace) <= first_s <= max(MIN_S, CERTAIN_AT / pace) + 2
    assert walk.number == 1


def test_who_walks_away_is_told_and_what_runs_down_the_lens_is_not() -> None:
    def away(t: float) -> Box:
        distance = 1 + 0.12 * t
        return figure(0.5 + 0.1 / distance, 0.2 + 0.6 / distance, 0.2 / distance)

    assert watch(away, seconds=20)
    drop: Way = lambda t: figure(0.5, 0.2 + 0.07 * t, 0.1)  # noqa: E731
    assert watch(drop) == []


@pytest.mark.parametrize("slender", [0.4, 0.8, 1.1, 6.0])
def test_what_is_low_or_wide_or_a_line_is_nobody(slender: float) -> None:
    assert watch(passer(1.0, slender=slender)) == []


def test_what_comes_back_is_nobody() -> None:
    def swaying(reach: float, period_s: float) -> Way:
        return lambda t: figure(0.5 + reach * math.sin(2 * math.pi * t / period_s), 0.8, 0.3)

    for reach, period_s in itertools.product([0.02, 0.05, 0.1], [1.0, 2.5, 6.0]):
        assert watch(swaying(reach, period_s), seconds=60) == []


def test_what_flits_about_is_nobody() -> None:
    chance = random.Random(7)
    place = [0.5, 0.5]

    def insect(_t: float) -> Box:
        for axis in (0, 1):
            place[axis] = min(max(place[axis] + chance.gauss(0, 0.05), 0.2), 0.8)
        return figure(place[0], place[1], 0.1 * math.exp(chance.gauss(0, 0.2)), slender=2)

    assert watch(insect, seconds=300) == []


def test_rain_is_nobody() -> None:
    chance = random.Random(3)
    drops: list[Way] = [lambda _t: figure(chance.random(), chance.random(), 0.08, slender=3)] * 12
    assert watch(*drops, seconds=120) == []


def test_what_the_detector_knows_as_something_else_is_nobody() -> None:
    way = passer(1.0)
    assert watch(way, others=lambda t: [b] if (b := way(t)) else []) == []
    parked = Box(0.2, 0.45, 0.5, 0.72)
    assert watch(way, others=lambda _t: [parked]), "who passes a car is none"


def test_who_stops_is_soon_not_told_any_more() -> None:
    walking = passer(1.0)
    told = watch(lambda t: walking(min(t, 5.0)), seconds=30)
    assert told
    assert told[-1][0] < 8


def test_who_is_hidden_for_a_moment_is_the_same() -> None:
    walking = passer(1.0)
    told = watch(lambda t: None if 2.0 < t < 2.5 else walking(t))
    assert {walk.number for _, walk in told} == {1}


def test_what_the_edge_cuts_has_no_shape() -> None:
    assert watch(lambda t: figure(0.1 + 0.08 * t, 1.0, 0.15)) == []


def test_another_view_begins_anew() -> None:
    walkers, way = Walkers(lambda: 1), passer(1.0)
    for index in range(30):
        walkers.update([box for box in [way(index / FPS)] if box], index / FPS, aspect=ASPECT)
    assert walkers.numbers
    walkers.forget()
    assert walkers.numbers == ()


share = st.floats(-0.1, 1.1)
boxes = st.builds(lambda x, y, w, h: Box(x, y, x + w, y + h), share, share, st.floats(0, 1), st.floats(0, 1))


@given(
    st.lists(
        st.tuples(st.lists(boxes, max_size=5), st.floats(0, 3), st.lists(boxes, max_size=2)), max_size=30
    ),
    st.floats(0.2, 5),
)
def test_whatever_moves_the_invariants_hold(
    frames: Iterable[tuple[list[Box], float, list[Box]]], aspect: float
) -> None:
    numbers = itertools.count(1)
    walkers = Walkers(lambda: next(numbers))
    t_s = 0.0
    known: set[int] = set()
    for places, elapsed_s, others in frames:
        t_s += elapsed_s
        walks = walkers.update(places, t_s, aspect=aspect, others=others)
        given_numbers = [walk.number for walk in walks if walk.number is not None]
        assert len(walks) == len(given_numbers) == len(set(given_numbers)) <= MAX_WALKS
        assert set(given_numbers) <= set(walkers.numbers)
        assert all(walk.box in places and walk.seen_s == t_s for walk in walks)
        assert all(math.isfinite(walk.evidence) and 0 <= walk.evidence <= MOST for walk in walks)
        known |= set(given_numbers)
    assert len(known) < next(numbers)
