from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nvr.detect.steps.dull import DULL_LOOKS, EVERY, FORGET_S, DullPlaces
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


corner = st.floats(-0.5, 1.5)


@given(st.lists(st.tuples(corner, corner, corner, corner), max_size=8), st.floats(0, 1e6))
def test_any_box(corners: list[tuple[float, float, float, float]], t_s: float) -> None:
    boxes = [Box(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in corners]
    dull = DullPlaces()
    assert dull.interesting(boxes, t_s) == boxes
    dull.learn(boxes, WHOLE, [])
    dull.learn(boxes, [], boxes)
    assert all(box in boxes for box in dull.interesting(boxes, t_s))
