"""Who caused harm is out, on trial, and back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nvr.detect.quarantine import FIRST_S, FORGET_S, LONGEST_S, TRIAL_S, Quarantine


def test_out_then_on_trial_then_back():
    quarantine = Quarantine()
    quarantine.blame(3, 100.0)
    assert (quarantine.out(100.0), quarantine.on_trial(100.0)) == ({3}, set())
    later_s = 100.0 + FIRST_S
    assert (quarantine.out(later_s), quarantine.on_trial(later_s)) == (set(), {3})
    later_s += TRIAL_S
    assert (quarantine.out(later_s), quarantine.on_trial(later_s)) == (set(), set())


@given(st.integers(1, 40))
def test_each_time_twice_as_long_up_to_a_limit(times: int):
    quarantine = Quarantine()
    now_s, pauses = 0.0, []
    for _ in range(times):
        pauses.append(quarantine.blame(0, now_s))
        now_s += pauses[-1] + 1.0
    assert pauses == [min(FIRST_S * 2.0**index, LONGEST_S) for index in range(times)]


def test_what_was_long_ago_is_forgotten():
    quarantine = Quarantine()
    for _ in range(5):
        quarantine.blame(0, 0.0)
    assert quarantine.blame(0, FORGET_S + 1) == FIRST_S


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 100)), max_size=20), st.floats(0, 200))
def test_nobody_is_out_and_on_trial(blames: list[tuple[int, float]], later_s: float):
    quarantine, now_s = Quarantine(), 0.0
    for camera, elapsed_s in blames:
        now_s += elapsed_s
        quarantine.blame(camera, now_s)
        assert camera in quarantine.out(now_s)
    now_s += later_s
    assert not quarantine.out(now_s) & quarantine.on_trial(now_s)
    assert quarantine.out(now_s) | quarantine.on_trial(now_s) <= {camera for camera, _ in blames}
