from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nvr.detect.gop import LONG_S, SHORT_AGAIN, GopMeter


def play(meter: GopMeter, start_s: float, gop_s: float, gops: int, fps: float = 5.0) -> float:
    for number in range(gops):
        for index in range(round(gop_s * fps)):
            meter.picture(start_s + number * gop_s + index / fps, is_key=index == 0)
    return start_s + gops * gop_s


@given(st.floats(0.4, LONG_S - 0.3), st.integers(2, 6))
def test_short_gops_are_measured(gop_s: float, gops: int):
    meter = GopMeter()
    gop_s = round(gop_s * 5) / 5
    play(meter, 10.0, gop_s, gops)
    assert meter.gop_s is not None and abs(meter.gop_s - gop_s) < 1e-6
    assert not meter.is_long


def test_a_long_gop_is_noticed_before_it_ends_and_remembered_for_a_while():
    meter = GopMeter()
    now_s = play(meter, 0.0, 2.0, 3)
    now_s = play(meter, now_s, LONG_S + 1, 1)
    assert meter.is_long
    now_s = play(meter, now_s, 2.0, SHORT_AGAIN)
    assert meter.is_long
    play(meter, now_s, 2.0, 2)
    assert not meter.is_long


def test_a_gap_says_nothing_of_the_gop():
    meter = GopMeter()
    play(meter, 0.0, 2.0, 3)
    meter.gap()
    play(meter, 100.0, 2.0, 2)
    assert not meter.is_long
    assert meter.gop_s == 2.0
