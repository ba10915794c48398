from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.debounce import Debounce
from hw.inputs import Inputs, InputState

DEBOUNCE_MS, POLL_MS = 60, 100


def reports(levels: list[tuple[int, bool]], until_ms: int) -> list[tuple[int, bool]]:
    """What is reported of a contact that has each level from its time on (ms), polled as the guard does."""
    debounce, found, now_ms = Debounce(DEBOUNCE_MS / 1000), [], 0
    while now_ms <= until_ms:
        level = [level for start_ms, level in levels if start_ms <= now_ms][-1]
        if debounce.sample(level, now_ms / 1000):
            found.append((now_ms, level))
        next_ms = min(now_ms + POLL_MS, debounce.deadline_s() * 1000)
        now_ms = max(now_ms + 1, round(next_ms))
    return found


spans = st.lists(st.integers(1, 400), min_size=1, max_size=20)


@given(spans, st.booleans())
def test_reports_are_true_and_in_time(lengths_ms: list[int], first: bool) -> None:
    levels, at_ms = [(0, first)], 0
    for number, length_ms in enumerate(lengths_ms):
        at_ms += length_ms
        levels.append((at_ms, first if number % 2 else not first))
    end_ms = at_ms + 1000
    found = reports(levels, end_ms)
    for (_, one), (_, other) in pairwise(found):
        assert one != other
    for reported_ms, level in found:  # it was seen in this state for the debounce time, at least at both ends
        for moment_ms in (reported_ms - DEBOUNCE_MS, reported_ms):
            assert [held for start_ms, held in levels if start_ms <= moment_ms][-1] == level
    # a level held for debounce + poll is the last reported state by then
    for (start_ms, level), (next_ms, _) in zip(levels, [*levels[1:], (end_ms, first)], strict=True):
        due_ms = start_ms + POLL_MS + DEBOUNCE_MS
        if next_ms > due_ms:
            assert [state for at, state in found if at <= due_ms][-1] == level


@given(st.integers(1, DEBOUNCE_MS - 1), st.integers(0, 300), st.booleans())
def test_a_state_held_shorter_than_the_debounce_time_is_never_reported(
    held_ms: int, start_ms: int, rest: bool
) -> None:
    levels = [(0, rest), (500 + start_ms, not rest), (500 + start_ms + held_ms, rest)]
    assert [level for _, level in reports(levels, 2000)] == [rest]


def inputs() -> Inputs:
    return Inputs({"silence": 1, "panic": 2, "tamper": 3}, ["tamper"], debounce_s=0.0)


def test_normally_closed_is_active_while_open() -> None:
    board = inputs()
    board.sample(0b100, 0.0)
    assert board.states == (
        InputState("silence", False, 0),
        InputState("panic", False, 0),
        InputState("tamper", False, 0),
    )
    board.sample(0b001, 1.0)
    assert board.silenced
    assert board.states[2] == InputState("tamper", True, 1)


def test_a_button_that_is_stuck_at_the_start_is_no_press() -> None:
    board = inputs()
    board.sample(0b110, 0.0)
    assert board.states[1] == InputState("panic", True, 0)
    board.sample(0b100, 1.0)
    board.sample(0b110, 2.0)
    assert board.states[1] == InputState("panic", True, 1)


def test_a_press_while_the_board_was_away_counts_when_it_is_back_and_still_pressed() -> None:
    board = inputs()
    board.sample(0b100, 0.0)
    board.lost()
    assert board.silenced is None
    assert board.states[1] == InputState("panic", None, 0)
    board.sample(0b110, 1.0)
    assert board.states[1] == InputState("panic", True, 1)


@pytest.mark.parametrize(
    ("wiring", "closed", "why"),
    [
        ({"bell": 1}, [], "bell: must be one of"),
        ({"panic": 1, "door": 1}, [], "same number"),
        ({"panic": 0}, [], "1 to 32"),
        ({"panic": 1}, ["door"], "door is normally closed"),
    ],
)
def test_wiring_that_makes_no_sense(wiring: dict[str, int], closed: list[str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Inputs(wiring, closed)


def test_without_a_silence_switch_nothing_is_silenced() -> None:
    assert Inputs({}).silenced is False
    assert Inputs({}).highest == 0
