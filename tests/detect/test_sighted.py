from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nvr.detect.sighted import BETTER_EVERY_S, MOST, Sighted

steps = st.lists(
    st.one_of(st.integers(0, 1), st.tuples(st.integers(0, 1), st.integers(1, 5))), min_size=1, max_size=60
)


@given(steps)
def test_a_number_means_one_track_for_ever(seen: list[int | tuple[int, int]]) -> None:
    sighted, now, used = Sighted(), dict[tuple[int, int], int](), set[int]()
    for one in seen:
        if isinstance(one, int):  # a new worker has this camera
            sighted.forget(one)
            now = {known: number for known, number in now.items() if known[0] != one}
            continue
        number = sighted.number(*one)
        assert number == now.setdefault(one, number) == sighted.known(*one)
        if number not in used:
            assert all(number > other for other in used)
            used.add(number)
        for other in [(camera, track) for camera in (0, 1) for track in range(1, 6)]:
            assert sighted.known(*other) == now.get(other)


def test_bounds() -> None:
    sighted = Sighted()
    for track in range(1, 3 * MOST):
        sighted.number(0, track)
        sighted.number(0, 1)
    assert sighted.known(0, 1) == 1
    assert sum(sighted.known(0, track) is not None for track in range(1, 3 * MOST)) == MOST
    assert sighted.takes_better(1, 10.0)
    assert not sighted.takes_better(1, 10.0 + 0.9 * BETTER_EVERY_S)
    assert sighted.takes_better(1, 10.0 + BETTER_EVERY_S)
