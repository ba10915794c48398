from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nvr.detect.worker.scanning import (
    SCAN_EVERY_S,
    SCAN_SELDOM_EVERY_S,
    SCAN_SETTLED_EVERY_S,
    SETTLED_S,
    Scanning,
)

moments = st.floats(0, 1e6)


def acting(scanning: Scanning, t_s: float) -> float:
    return scanning.every_s(t_s, acting=True, seldom=False)


@given(moments)
def test_a_view_is_scanned_often_until_it_is_known(t_s: float) -> None:
    scanning = Scanning()
    assert acting(scanning, t_s) == acting(scanning, t_s + SETTLED_S - 1) == SCAN_EVERY_S
    assert acting(scanning, t_s + SETTLED_S + 1) == SCAN_SETTLED_EVERY_S
    scanning.new_view(t_s + 100)
    assert acting(scanning, t_s + 101) == SCAN_EVERY_S
    assert acting(scanning, t_s + 101 + SETTLED_S) == SCAN_SETTLED_EVERY_S


def test_a_camera_that_begins_to_act_is_scanned_anew() -> None:
    scanning = Scanning()
    assert scanning.every_s(0.0, acting=False, seldom=True) == SCAN_SELDOM_EVERY_S
    assert scanning.every_s(50.0, acting=False, seldom=False) == SCAN_SETTLED_EVERY_S
    assert acting(scanning, 60.0) == SCAN_EVERY_S
    assert acting(scanning, 60.0 + SETTLED_S + 1) == SCAN_SETTLED_EVERY_S


@given(moments, st.booleans())
def test_keyframes_are_scanned_seldom(t_s: float, acts: bool) -> None:
    assert Scanning().every_s(t_s, acting=acts, seldom=True) == SCAN_SELDOM_EVERY_S
