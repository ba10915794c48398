from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nvr.detect.steps.dull import DULL_LOOKS, EVERY, FORGET_S, LONG_S, DullPlaces
from nvr.events import Box

FPS = 6.0
WHOLE = [Box(0, 0, 1, 1)]
BUSH = Box(0.1, 0.1, 0.3, 0.4)


def looked_in_vain(dull: DullPlaces, seconds: float, start_s: float = 0.0) -> list[bool]:
    """Whether the bush, which moves all the time and in which nothing is found, was looked at in each frame."""
    looked = []
    for index in range(round(seconds * FPS)):
        interesting = dull.interesting([BUSH], start_s + index / FPS)
        dull.learn([BUSH], WHOLE if interesting else [], [])
        looked.append(bool(interesting))
    return looked


def test_a_bush_becomes_dull_but_is_never_forgotten() -> None:
    looked = looked_in_vain(DullPlaces(), 20)
    assert all(looked[: int(DULL_LOOKS)])
    assert sum(looked[60:]) == len(looked[60:]) // EVERY
    assert all(any(looked[i : i + EVERY]) for i in range(len(looked) - EVERY))


def test_who_steps_out_of_the_bush_is_looked_at_in_each_frame() -> None:
    dull = DullPlaces()
    looked_in_vain(dull, 20)
    bigger = Box(0.1, 0.1, 0.36, 0.4)
    assert all(dull.interesting([bigger], 20 + index / FPS) for index in range(6))


def test_who_is_found_in_the_bush_makes_it_interesting() -> None:
    dull = DullPlaces()
    looked_in_vain(dull, 20)
    dull.learn([BUSH], WHOLE, [Box(0.2, 0.2, 0.25, 0.4)])
    assert all(dull.interesting([BUSH], 20 + index / FPS) for index in range(int(DULL_LOOKS)))


def test_a_bush_that_rested_is_interesting_again() -> None:
    dull = DullPlaces()
    looked_in_vain(dull, 20)
    assert all(looked_in_vain(dull, 0.5, start_s=20 + 4 * FORGET_S))


def rained_on(dull: DullPlaces, seconds: float) -> list[bool]:
    """Whether a drop, in another place each time, was looked at in each frame."""
    looked = []
    for index in range(round(seconds * FPS)):
        left = (index * 7 % 90) / 100
        drop = Box(left, 0.3, left + 0.02, 0.34)
        interesting = dull.interesting([drop], index / FPS, fleeting=[drop])
        dull.learn([drop], WHOLE if interesting else [], [], fleeting=[drop])
        looked.append(bool(interesting))
    return looked


def test_rain_becomes_dull_wherever_it_falls() -> None:
    looked = rained_on(DullPlaces(), 60)
    assert all(looked[: int(DULL_LOOKS)])
    late = looked[len(looked) // 2 :]
    assert 0 < sum(late) <= len(late) / EVERY


def test_who_comes_in_the_rain_is_looked_at_at_once_if_large_and_else_from_the_second_frame_on() -> None:
    dull = DullPlaces()
    rained_on(dull, 60)
    somebody, far = Box(0.4, 0.2, 0.5, 0.6), Box(0.7, 0.5, 0.72, 0.56)
    assert dull.interesting([somebody, far], 60.0, fleeting=[somebody, far]) == [somebody]
    assert dull.interesting([somebody, far], 60.2) == [somebody, far]


def test_what_flits_by_and_is_somebody_makes_the_rest_interesting() -> None:
    dull = DullPlaces()
    rained_on(dull, 60)
    drop = Box(0.1, 0.1, 0.12, 0.14)
    dull.learn([drop], WHOLE, [drop], fleeting=[drop])
    assert dull.interesting([drop], 60.1, fleeting=[drop]) == [drop]


def test_between_keyframes_nobody_can_tell_what_flits_by() -> None:
    dull = DullPlaces()
    rained_on(dull, 60)
    drop = Box(0.5, 0.9, 0.52, 0.94)
    assert dull.interesting([drop], 60 + LONG_S, fleeting=[drop]) == [drop]


corner = st.floats(-0.5, 1.5)


@given(st.lists(st.tuples(corner, corner, corner, corner), max_size=8), st.floats(0, 1e6))
def test_any_box(corners: list[tuple[float, float, float, float]], t_s: float) -> None:
    boxes = [Box(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in corners]
    dull = DullPlaces()
    assert dull.interesting(boxes, t_s) == boxes
    dull.learn(boxes, WHOLE, [])
    dull.learn(boxes, [], boxes)
    assert all(box in boxes for box in dull.interesting(boxes, t_s))
