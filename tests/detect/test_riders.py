from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nvr.detect.steps.riders import CYCLES, Riders, watched
from nvr.events import Box


def at(x: float, y: float = 0.5) -> Box:
    return Box(x, y, x + 0.04, y + 0.1)


def test_a_bicycle_that_moves_on_is_ridden_and_stays_so() -> None:
    riders = Riders()
    assert not riders.is_rider(1, "bicycle", at(0.30), moving=True)
    assert not riders.is_rider(1, "bicycle", at(0.33), moving=True)
    assert riders.is_rider(1, "bicycle", at(0.35), moving=True)
    assert riders.is_rider(1, "bicycle", at(0.30), moving=False)
    riders.keep_only([])
    assert not riders.is_rider(1, "bicycle", at(0.35), moving=True)


def test_whose_rider_is_seen_is_told_once() -> None:
    riders = Riders()
    riders.is_rider(1, "bicycle", at(0.3), moving=True)
    above = Box(0.35, 0.4, 0.38, 0.55)
    assert not riders.is_rider(1, "bicycle", at(0.35), moving=True, persons=[above])
    assert riders.is_rider(1, "bicycle", at(0.35), moving=True, persons=[at(0.7)])


shares = st.floats(-0.45, 0.45)


@given(st.lists(st.tuples(shares, shares, st.floats(0.1, 1), st.booleans()), max_size=50))
def test_one_that_trembles_where_it_is_parked_carries_nobody(
    looks: list[tuple[float, float, float, bool]],
) -> None:
    riders = Riders()
    riders.is_rider(1, "motorcycle", at(0.5), moving=True)
    for x, y, part, moving in looks:
        middle_x, middle_y = 0.52 + x * 0.04, 0.55 + y * 0.1
        half_x, half_y = part * 0.02, part * 0.05
        box = Box(middle_x - half_x, middle_y - half_y, middle_x + half_x, middle_y + half_y)
        assert not riders.is_rider(1, "motorcycle", box, moving=moving)


@given(st.sampled_from(["person", "car", "dog"]), st.floats(0, 1), st.floats(0, 1))
def test_nothing_else_has_a_rider(kind: str, a: float, b: float) -> None:
    riders = Riders()
    assert not any(riders.is_rider(1, kind, at(x), moving=True) for x in (a, b))


def test_cycles_are_followed_where_persons_are_wanted() -> None:
    assert watched(frozenset({"person"})) >= CYCLES
    assert watched(frozenset({"car"})) == {"car"}
