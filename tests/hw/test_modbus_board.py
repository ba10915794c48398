"""The Modbus board's conversation: faults of the line by name, what a board lacks, order and timing."""

from __future__ import annotations

from itertools import pairwise

import pytest
from bench_top import BenchTop

from hw.board_model import LcusModel, LineFaults, ModbusModel
from hw.lcus import QUERY
from hw.lcus_board import LcusBoard
from hw.modbus_board import LATE_S, TRANSACTION_S, ModbusBoard, Settings
from hw.relay import BadReply, BoardError, Differs, NoAnswer, OtherBoard, Refused


def bench(model: ModbusModel, **settings: object) -> BenchTop:
    wiring = {"silence": 1, "panic": 2} if settings.get("inputs") else {}
    return BenchTop(lambda: ModbusBoard("/dev/x", Settings(**settings)), model, wiring)


def sound(top: BenchTop, lease_s: float = 5.0) -> None:
    assert top.control.machine.hold(1, lease_s, top.now_s) is None
    top.run()


@pytest.mark.parametrize(
    ("faults", "kind", "words"),
    [
        (LineFaults(silent=True), NoAnswer, "no board answers at address 1"),
        (LineFaults(deaf=True), NoAnswer, "nvr hw probe"),
        (LineFaults(wrong_speed=True), BadReply, "what comes at 9600 bit/s is no reply; check the speed"),
        (LineFaults(wrong_check=True), BadReply, "no reply"),
        (LineFaults(answer_as=7), OtherBoard, "a board at address 7 answers in place of 1"),
        (LineFaults(refuse=4), Refused, "exception 4: it failed while doing it"),
        (LineFaults(silent=True, echo=True), BoardError, "relay port /dev/x"),
    ],
)
def test_line_faults_are_told_apart_and_recovered_from(faults: LineFaults, kind: type, words: str) -> None:
    top = bench(ModbusModel(), inputs=2)
    top.wait(0.5)
    assert top.control.board.up
    top.model.faults = faults
    top.wait(3)
    assert isinstance(top.control.board.failure, kind)
    assert words in str(top.control.board.failure)
    assert not top.control.board.up
    assert top.control.board.output is None
    assert top.control.inputs.silenced is None
    top.model.faults = LineFaults()
    top.wait(1.2)
    assert top.control.board.up


def test_garbage_around_good_replies_does_no_harm() -> None:
    top = bench(ModbusModel(faults=LineFaults(before=b"\x00\x01\x05", after=b"\xff\x01")))
    sound(top)
    top.wait(1)
    assert top.control.board.up
    assert top.on


def test_an_adapter_that_echoes_is_not_taken_for_a_board() -> None:
    top = bench(ModbusModel(faults=LineFaults(echo=True, silent=True, deaf=True)))
    top.wait(2)
    assert not top.control.board.up


def test_flash_never_outlives_the_lease_and_is_renewed_every_second() -> None:
    top = bench(ModbusModel())
    sound(top, 5.0)
    top.wait(0.5)
    top.kill_guard()
    top.wait(2.6)
    assert not top.on, "3 s after the last flash"
    top.start_guard()
    top.wait(0.2)
    start = len(top.seen)
    for _ in range(10):
        sound(top, 3.0)
        top.wait(1.0)
        assert top.on
    flashes = [at for at, frame in top.seen[start:] if frame.on]
    assert 9 <= len(flashes) <= 11
    sound(top, 0.35)
    top.kill_guard()
    assert top.on


def test_a_short_lease_gives_a_short_flash() -> None:
    top = bench(ModbusModel())
    top.wait(0.2)
    sound(top, 0.35)
    assert top.on
    top.kill_guard()
    top.wait(0.31)
    assert not top.on


def test_board_without_flash_is_refused_by_name() -> None:
    top = bench(ModbusModel(timed=False))
    for _ in range(5):
        sound(top)
        top.wait(0.3)
    assert isinstance(top.control.board.failure, Refused)
    assert "refuses the timed flash-on (exception 2" in str(top.control.board.failure)
    assert "`timed`" in str(top.control.board.failure)
    top.control.machine.release(1, top.now_s)
    top.wait(5)
    assert isinstance(top.control.board.failure, Refused), "it stays said while nobody tries"


def test_board_without_inputs_is_refused_by_name() -> None:
    top = bench(ModbusModel(inputs=0), inputs=2)
    top.wait(2)
    assert "refuses reading inputs" in str(top.control.board.failure)


def test_output_that_does_not_obey() -> None:
    top = bench(ModbusModel())
    top.wait(0.5)
    top.model.stuck = True
    sound(top)
    top.wait(2)
    assert isinstance(top.control.board.failure, Differs)
    top.model.stuck = False
    top.control.machine.release(1, top.now_s)
    top.wait(2)
    assert top.control.board.up


def test_off_goes_before_polling_and_within_a_transaction() -> None:
    """The bus is never busy for longer than a transaction when OFF is due."""
    for offset in range(40):
        top = bench(ModbusModel(), inputs=2)
        top.wait(0.5 + offset * 0.01)
        sound(top)
        top.wait(0.3)
        assert top.on
        top.control.machine.release(1, top.now_s)
        released_s = top.now_s
        start = len(top.seen)
        top.run()
        top.wait(2 * TRANSACTION_S)
        first_s, first = top.seen[start]
        assert first.on is False
        assert first_s - released_s <= TRANSACTION_S


def test_a_transaction_ends_after_50_ms_without_a_reply() -> None:
    """Then 50 ms more are kept free for one that comes late."""
    assert (TRANSACTION_S, LATE_S) == (0.05, 0.05)
    top = bench(ModbusModel(), inputs=2)
    top.wait(0.5)
    top.model.faults = LineFaults(silent=True)
    start = len(top.seen)
    top.wait(0.35)
    asked_s = [at_s for at_s, _ in top.seen[start:]]
    assert [pytest.approx(TRANSACTION_S + LATE_S, abs=0.001)] * 2 == [b - a for a, b in pairwise(asked_s)][:2]


def test_off_goes_first_also_where_polling_gets_no_answer() -> None:
    for offset in range(40):
        top = bench(ModbusModel(), inputs=2)
        top.wait(0.5)
        sound(top)
        top.wait(0.3)
        top.model.faults = LineFaults(silent=True)
        top.wait(offset * 0.005)
        top.control.machine.release(1, top.now_s)
        released_s, start = top.now_s, len(top.seen)
        top.run()
        top.wait(0.2)
        first_s, first = top.seen[start]
        assert first.on is False
        assert first_s - released_s <= TRANSACTION_S + LATE_S + 0.001
        assert not top.on


def test_off_goes_before_a_question_to_an_lcus_board() -> None:
    on, off = bytes.fromhex("a00101a2"), bytes.fromhex("a00100a1")
    board = LcusBoard("x", 1)
    assert board.next_write(None, 0.0) == off
    assert board.next_write(9.0, 0.1) == on
    assert board.next_write(None, 1.0) == off, "the question has been due since 0.35"
    assert board.next_write(None, 1.1) is None
    assert board.next_write(None, 1.3) == QUERY


def test_reads_go_on_at_a_tenth_of_a_second() -> None:
    top = bench(ModbusModel(), inputs=2)
    top.wait(0.5)
    start = len(top.seen)
    top.wait(10)
    reads = [frame for _, frame in top.seen[start:] if frame.frame[1] == 2]
    assert 70 <= len(reads) <= 105


@pytest.mark.parametrize("settings", [{"address": 0}, {"address": 248}, {"channel": 0}, {"channel": 33}])
def test_impossible_settings(settings: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be 1 to"):
        ModbusBoard("x", Settings(**settings))


def test_lcus_reads_back_where_the_board_can() -> None:
    for answers in (False, True):
        top = BenchTop(lambda: LcusBoard("x", 1), LcusModel(2, answers_query=answers), {})
        sound(top)
        top.wait(1)
        assert top.control.board.up
        assert top.control.board.output is (True if answers else None)


def test_lcus_relay_that_sticks_is_noticed_where_it_can_be() -> None:
    top = BenchTop(lambda: LcusBoard("x", 1), LcusModel(2, answers_query=True), {})
    top.wait(1)
    top.model.outputs[1] = True
    top.wait(1.1)
    assert not top.on, "told again"
