"""Arrival times of any timestamps, and other frame rates."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvr.evaluate.pace import PAUSE_S, Pace, at_rate


def paced(*stamps_s: float | None) -> list[float]:
    pace = Pace(0.1)
    return [round(pace.at(t_s), 6) for t_s in stamps_s]


def test_sound_times_stay_as_they_are():
    assert paced(-0.2, 0.0, 0.1, 0.1, 70.0) == [-0.2, 0.0, 0.1, 0.1, 70.0]


def test_disorder_waits_and_jumps_go_on():
    assert paced(1.0, 0.9, 1.1) == [1.0, 1.0, 1.1]
    assert paced(50.0, 2.0, 2.1) == [50.0, 50.1, 50.2]
    assert paced(0.0, 1e6, 1e6 + 0.1) == [0.0, 0.1, 0.2]


def test_missing_times_are_a_picture_apart():
    assert paced(None, None, 0.2, None) == [0.0, 0.1, 0.2, 0.3]


def test_a_pause_is_little_footage():
    pace = Pace(0.1)
    for t_s in (0.0, 0.1, 600.0):
        pace.at(t_s)
    assert pace.footage_s == pytest.approx(0.1 + 0.1 + PAUSE_S)
    assert pace.end_s == pytest.approx(600.1)


@given(st.lists(st.none() | st.floats(-1e7, 1e7)), st.floats(0.01, 1.0))
def test_arrivals_never_go_back(stamps_s: list[float | None], frame_s: float):
    pace = Pace(frame_s)
    arrivals_s = [pace.at(t_s) for t_s in stamps_s]
    assert arrivals_s == sorted(arrivals_s)
    assert 0 <= pace.footage_s <= len(stamps_s) * max(PAUSE_S, frame_s) + 1e-6


def test_a_lower_rate_leaves_pictures_out_and_a_higher_one_repeats_them():
    ten = [(n, n / 10) for n in range(10)]
    assert [n for n, _ in at_rate(ten, 5)] == [0, 2, 4, 6, 8]
    assert [n for n, _ in at_rate(ten, 20)] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9]


@given(
    st.lists(st.floats(0.001, 10), min_size=1, max_size=50),
    st.floats(1, 30),
)
def test_at_any_rate_times_are_even_and_pictures_not_from_the_future(steps_s: list[float], fps: float):
    times_s = [sum(steps_s[:index]) for index in range(len(steps_s))]
    shown = list(at_rate(list(zip(times_s, times_s, strict=True)), fps))
    for (_, before_s), (taken_s, t_s) in pairwise(shown):
        assert t_s - before_s >= 1 / fps - 1e-6 or taken_s == pytest.approx(t_s)
        assert taken_s <= t_s + 1e-5
