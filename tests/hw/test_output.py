from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hw.output import REASSERT_S, Output


def settle(output: Output, wanted: bool, now_s: float) -> list[bool]:
    writes = []
    while (on := output.next_write(wanted, now_s)) is not None:
        output.wrote(on, now_s)
        writes.append(on)
    return writes


def test_off_comes_first_whatever_is_wanted() -> None:
    assert settle(Output(), False, 0.0) == [False]
    assert settle(Output(), True, 0.0) == [False, True]


def test_after_a_reconnect_off_then_the_wanted_state() -> None:
    output = Output()
    settle(output, True, 0.0)
    output.reset()
    assert settle(output, True, 1.0) == [False, True]
    output.reset()
    assert settle(output, False, 2.0) == [False]


def test_a_state_is_written_again_after_ten_seconds() -> None:
    output = Output()
    settle(output, False, 0.0)
    assert settle(output, False, 9.9) == []
    assert output.deadline_s() == REASSERT_S == 10.0
    assert settle(output, False, 10.0) == [False]
    assert settle(output, True, 11.0) == [True]
    assert settle(output, True, 21.0) == [True]


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 30), st.booleans())))
def test_converges_at_every_step(steps: list[tuple[bool, float, bool]]) -> None:
    output, now_s, real = Output(), 0.0, True  # a board left on by somebody else
    for wanted, wait_s, new_link in steps:
        now_s += wait_s
        if new_link:
            output.reset()
        writes = settle(output, wanted, now_s)
        real = writes[-1] if writes else real
        assert real == wanted
        assert output.deadline_s() > now_s
