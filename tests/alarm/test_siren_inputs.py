"""What is wired to the relay board reaches the alarm: real guard, simulated Modbus board, real state.db."""

import pytest

from alarm.test_runner import OFFICER, audit_actions, make_config, running
from hw.board_model import LineFaults, ModbusModel
from hw.sim import SimulatedBoard
from nvr.alarm.siren import SirenUnavailable
from nvr.config.siren import SirenInputs

INPUTS = SirenInputs(silence=1, panic=2, tamper=3, door=4, normally_closed=("tamper",))


@pytest.fixture
def model():
    return ModbusModel(closed={3})


@pytest.fixture
def board(tmp_path, model):
    with SimulatedBoard(tmp_path / "tty", model) as board:
        yield board


def config(tmp_path, board, **siren):
    return make_config(tmp_path, port=board.link, board="modbus", timer_relay=False, inputs=INPUTS, **siren)


def codes(site) -> set[str]:
    return {fault.code for fault, _ in site.faults.current}


def press(board, model, number: int) -> None:
    with board.altered():
        model.closed ^= {number}


def read(site) -> bool:
    """The inputs are known, and that they rest."""
    return site.siren.ready and all(state.active is False for state in site.siren.status.inputs)


async def test_panic_button_sounds_and_is_audited(tmp_path, board, model):
    async with running(config(tmp_path, board)) as site:
        await site.until(lambda: read(site))
        press(board, model, 2)
        await site.until(lambda: board.state[1])
        press(board, model, 2)
        await site.until(lambda: not site.siren.status.inputs[1].active)
        assert board.state[1], "letting go does not silence"
        site.runner.siren_off(OFFICER)
        await site.until(lambda: not board.state[1])
        await site.journal.settle(10)
        assert await audit_actions(site) == [
            ("panic button", "input-on"),
            ("panic button", "siren-on"),
            ("panic button", "input-off"),
            ("Minh", "siren-off"),
        ]
        assert codes(site) == set(), "a board that times itself out needs no timer relay"


async def test_silence_switch_ends_a_sounding_and_keeps_the_next_from_starting(tmp_path, board, model):
    async with running(config(tmp_path, board)) as site:
        await site.until(lambda: read(site))
        site.runner.siren_on(OFFICER)
        await site.until(lambda: board.state[1])
        press(board, model, 1)
        await site.until(lambda: not board.state[1])
        await site.until(lambda: site.siren.silenced and not site.siren.wanted)
        assert codes(site) == {"siren_silenced"}
        with pytest.raises(SirenUnavailable, match="silence switch"):
            site.runner.siren_on(OFFICER)
        assert not site.siren.ready
        press(board, model, 2)  # the panic button is heard, but does not sound
        await site.until(lambda: site.siren.status.inputs[1].active)
        assert not site.siren.wanted
        press(board, model, 1)
        await site.until(lambda: site.siren.ready)
        assert not board.state[1]
        site.runner.siren_on(OFFICER)
        await site.until(lambda: board.state[1])
        assert codes(site) == set()


async def test_tamper_contact_is_a_fault_and_a_door_an_entry(tmp_path, board, model):
    async with running(config(tmp_path, board)) as site:
        await site.until(lambda: read(site))
        press(board, model, 3)
        press(board, model, 4)
        await site.until(lambda: codes(site) == {"siren_tamper"})
        await site.until(lambda: site.siren.status.inputs[3].active)
        press(board, model, 3)
        await site.until(lambda: codes(site) == set())
        await site.journal.settle(10)
        assert {
            ("tamper contact", "input-on"),
            ("door contact", "input-on"),
            ("tamper contact", "input-off"),
        } <= set(await audit_actions(site))


@pytest.mark.parametrize(
    ("faults", "code"),
    [
        (LineFaults(silent=True), "siren_no_answer"),
        (LineFaults(wrong_speed=True), "siren_bad_reply"),
        (LineFaults(answer_as=9), "siren_other_board"),
        (LineFaults(refuse=4), "siren_refused"),
    ],
)
async def test_each_fault_of_the_line_has_its_own_words(tmp_path, board, model, faults, code):
    async with running(config(tmp_path, board)) as site:
        await site.until(lambda: read(site))
        with board.altered():
            model.faults = faults
        await site.until(lambda: codes(site) == {code})
        assert not site.siren.ready
        with board.altered():
            model.faults = LineFaults()
        await site.until(lambda: site.siren.ready and codes(site) == set())


async def test_a_latching_board_without_timer_relay_is_said_so(tmp_path):
    with SimulatedBoard(tmp_path / "tty") as lcus:
        async with running(make_config(tmp_path, port=lcus.link, timer_relay=False)) as site:
            await site.until(lambda: codes(site) == {"siren_latches"})
            assert site.siren.ready
