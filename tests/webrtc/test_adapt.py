"""When a viewer is sent another stream: time is an argument."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webrtc.adapt import (
    LOST_DOWN,
    LOST_UP,
    PATIENCE_MAX_S,
    PATIENCE_S,
    QUEUED_DOWN_S,
    REPORTS_MIN,
    WINDOW_S,
    Adapt,
    Step,
)

intervals = st.floats(0.5, 1.5)
"""Seconds between two reports of a browser."""


def steps(
    adapt: Adapt, lost: list[float], *, start_s: float, trip_s: float | None = None
) -> list[Step | None]:
    """One report a second; whoever is told to step does."""
    said = []
    for index, share in enumerate(lost):
        now_s = start_s + index
        step = adapt.report(lost=share, round_trip_s=trip_s, now_s=now_s)
        said.append(step)
        if step is not None:
            adapt.moved(step, now_s)
    return said


@given(st.lists(st.tuples(intervals, st.floats(LOST_UP, LOST_DOWN, exclude_min=True, exclude_max=True))))
def test_between_the_bounds_nothing_happens(reports: list[tuple[float, float]]) -> None:
    adapt, now_s = Adapt(0.0), 0.0
    for after_s, lost in reports:
        now_s += after_s
        assert adapt.report(lost=lost, round_trip_s=0.05, now_s=now_s) is None


@given(st.lists(st.tuples(intervals, st.floats(0, 1), st.none() | st.floats(0, 3)), max_size=200))
def test_no_step_without_what_it_rests_on(reports: list[tuple[float, float, float | None]]) -> None:
    """Whatever is reported: a few reports since the last move, and a step up only after a clean while."""
    adapt, now_s, moved_s, since = Adapt(0.0), 0.0, 0.0, 0
    bad_s = 0.0
    for after_s, lost, trip_s in reports:
        now_s += after_s
        since += 1
        if lost > LOST_UP * (WINDOW_S / 0.5 + 1):
            bad_s = now_s
        step = adapt.report(lost=lost, round_trip_s=trip_s, now_s=now_s)
        if step is None:
            continue
        assert since >= REPORTS_MIN
        if step is Step.UP:
            assert now_s - max(moved_s, bad_s) >= PATIENCE_S - 1e-6
        adapt.moved(step, now_s)
        moved_s, since = now_s, 0


def test_loss_leads_down_within_the_window_and_one_bad_second_does_not() -> None:
    assert steps(Adapt(0.0), [0.0, 0.2, 0.2], start_s=0.0) == [None, None, Step.DOWN]
    assert steps(Adapt(0.0), [0.0, 0.0, 0.0, 0.3, 0.0, 0.0, 0.0], start_s=0.0) == [None] * 7


def test_a_queue_that_grows_leads_down_and_a_long_way_alone_does_not() -> None:
    adapt = Adapt(0.0)
    assert steps(adapt, [0.03] * 6, start_s=0.0, trip_s=0.8) == [None] * 6
    assert steps(adapt, [0.03] * 9, start_s=6.0, trip_s=0.8 + QUEUED_DOWN_S + 0.1).count(Step.DOWN) >= 1


def test_a_higher_stream_is_tried_ever_more_seldom_where_it_does_not_last() -> None:
    """A way that carries the low stream and not the high one."""
    adapt, now_s, is_high, tries = Adapt(0.0), 0.0, True, []
    while now_s < 3000:
        now_s += 1
        step = adapt.report(lost=0.3 if is_high else 0.0, round_trip_s=0.05, now_s=now_s)
        if step is not None:
            is_high = step is Step.UP
            adapt.moved(step, now_s)
            if is_high:
                tries.append(now_s)
    waits = [b - a for a, b in itertools.pairwise(tries)]
    assert waits == sorted(waits)
    assert waits[-1] >= PATIENCE_MAX_S
    assert len(tries) < 20


def test_patience_is_short_again_once_a_higher_stream_has_lasted() -> None:
    adapt = Adapt(0.0)
    assert Step.UP in steps(adapt, [0.0] * 20, start_s=0.0)
    assert Step.DOWN in steps(adapt, [0.3] * 3, start_s=20.0)
    assert Step.UP not in steps(adapt, [0.0] * 15, start_s=23.0), "it had not lasted"
    assert Step.UP in steps(adapt, [0.0] * 10, start_s=38.0)
    adapt.moved(Step.UP, 48.0)
    assert Step.DOWN in steps(adapt, [0.3] * 3, start_s=100.0)
    assert Step.UP in steps(adapt, [0.0] * 12, start_s=103.0)


@pytest.mark.parametrize("trip_s", [None, 0.1])
def test_a_choice_forgets_what_was_reported_before(trip_s: float | None) -> None:
    adapt = Adapt(0.0)
    for now_s in (1.0, 2.0):
        assert adapt.report(lost=0.5, round_trip_s=trip_s, now_s=now_s) is None
    adapt.moved(None, 2.5)
    for now_s in (3.0, 4.0):
        assert adapt.report(lost=0.5, round_trip_s=trip_s, now_s=now_s) is None
    assert adapt.report(lost=0.5, round_trip_s=trip_s, now_s=5.0) is Step.DOWN
