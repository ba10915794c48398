"""Acting cameras below their rate are told, after a while and until well after it is over."""

from __future__ import annotations

from nvr.detect.overload import AFTER_S, OVER_S, Overload


def report(overload: Overload, start_s: int, seconds: float, fps: float, *, arrived: float = 25.0) -> int:
    for second in range(start_s, start_s + int(seconds)):
        overload.report({"gate": (fps, arrived)}, float(second))
    return start_s + int(seconds)


def test_told_after_a_while_and_over_after_a_while():
    overload = Overload(6.0)
    now_s = report(overload, 0, AFTER_S, 3.0)
    assert overload.slow == {}
    now_s = report(overload, now_s, 2, 2.5)
    assert overload.slow == {"gate": 2.5}
    now_s = report(overload, now_s, OVER_S - 1, 6.0)
    assert "gate" in overload.slow
    report(overload, now_s, 2, 6.0)
    assert overload.slow == {}


def test_a_slow_second_now_and_then_is_nothing():
    overload = Overload(6.0)
    now_s = 0
    for _ in range(20):
        now_s = report(overload, now_s, 2, 1.0)
        now_s = report(overload, now_s, 1, 6.0)
        assert overload.slow == {}


def test_a_camera_that_sends_no_more_is_not_slow():
    overload = Overload(6.0)
    report(overload, 0, 60, 2.0, arrived=2.1)
    assert overload.slow == {}


def test_less_is_needed_where_less_is_configured():
    overload = Overload(2.0)
    report(overload, 0, 60, 2.0)
    assert overload.slow == {}


def test_a_camera_that_acts_no_more_is_forgotten():
    overload = Overload(6.0)
    report(overload, 0, 60, 1.0)
    overload.report({}, 60.0)
    assert overload.slow == {}
    report(overload, 61, 2, 1.0)
    assert overload.slow == {}
