"""`nvr hw`: on simulated boards, with the real command."""

import io
import json

import pytest
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from hw import lcus, modbus
from hw.board_model import LcusModel, LineFaults, ModbusModel
from hw.port import SerialPort
from hw.sim import SimulatedBoard
from nvr.__main__ import main


@pytest.fixture
def plug(tmp_path):
    boards = []

    def plug(model) -> SimulatedBoard:
        boards.append(SimulatedBoard(tmp_path / "tty", model))
        boards[-1].replug()
        return boards[-1]

    yield plug
    for board in boards:
        board.unplug()


def hw(capsys, *words: str) -> tuple[int, str]:
    code = main(["hw", *map(str, words)])
    captured = capsys.readouterr()
    return code, captured.out + captured.err


def usb(device: str, serial: str | None = None) -> ListPortInfo:
    info = ListPortInfo(device, skip_link_detection=True)
    info.vid, info.pid, info.serial_number, info.product = 0x1A86, 0x7523, serial, "USB Serial"
    return info


def test_list_names_ports_as_the_file_does_and_warns_of_twins(capsys, monkeypatch):
    """No USB is at hand here, so what the kernel tells of it is the one thing made up."""
    assert hw(capsys, "list")[0] == 0
    monkeypatch.setattr(list_ports, "comports", lambda: [usb("/dev/ttyUSB1"), usb("/dev/ttyUSB0", "A1")])
    code, out = hw(capsys, "list")
    assert code == 0
    assert "/dev/ttyUSB0  usb:1a86:7523:A1  USB Serial\n/dev/ttyUSB1  usb:1a86:7523  USB Serial\n" in out
    assert out.count("several have this identity") == 1
    found = json.loads(hw(capsys, "list", "--json")[1])
    assert [port["unique"] for port in found] == [True, False]
    monkeypatch.setattr(list_ports, "comports", list)
    assert "no serial port" in hw(capsys, "list")[1]


def test_probe_finds_a_modbus_board_and_switches_nothing(capsys, plug):
    board = plug(ModbusModel(address=3))
    code, out = hw(capsys, "probe", board.link, "--addresses", 4, "--baud", 9600)
    assert code == 0
    assert 'Modbus board, with inputs: board = "modbus", address = 3, baud = 9600' in out
    assert board.frames
    assert board.switching == []
    found = json.loads(hw(capsys, "probe", board.link, "--addresses", 3, "--baud", 9600, "--json")[1])
    assert found == [{"protocol": "modbus", "baud": 9600, "address": 3, "outputs": None, "inputs": True}]


def test_probe_finds_an_lcus_board_that_talks(capsys, plug):
    board = plug(LcusModel(4, answers_query=True))
    code, out = hw(capsys, "probe", board.link, "--addresses", 1, "--baud", 9600)
    assert (code, out) == (0, 'LCUS board, 4 outputs: board = "lcus". It latches\n')
    assert board.frames == []


def test_probe_of_silence(capsys, plug):
    board = plug(LcusModel(1))
    code, out = hw(capsys, "probe", board.link, "--addresses", 1, "--baud", 9600)
    assert code == 69
    assert "An LCUS board with one relay never does" in out


def test_nothing_that_probing_sends_is_a_command_to_any_board():
    sent = b"".join(
        lcus.QUERY
        + modbus.read_bits(address, "coils", 0, 8).encode()
        + modbus.read_bits(address, "inputs", 0, 8).encode()
        for address in range(1, modbus.MAX_ADDRESS + 1)
    )
    assert lcus.Decoder().feed(sent) == []
    assert not any(request.is_write for request in modbus.RequestDecoder().feed(sent))


def test_test_of_a_timing_board(capsys, plug):
    board = plug(ModbusModel())
    code, out = hw(capsys, "test", board.link, "--board", "modbus", "--yes")
    assert code == 0
    assert "FAIL-SAFE: it times itself out, and the time can be renewed" in out
    assert any(frame.on for frame in board.received)
    assert not board.state[1]


@pytest.mark.parametrize(
    "model", [ModbusModel(timed=False), ModbusModel(timed=False, strict=True, channels=2)]
)
def test_test_of_a_latching_modbus_board(capsys, plug, model):
    board = plug(model)
    code, out = hw(capsys, "test", board.link, "--board", "modbus", "--yes")
    assert code == 0
    assert "LATCHES" in out
    assert "timer_relay = true and timed = false" in out
    assert any(frame.on for frame in board.received)
    assert not board.state[1]


@pytest.mark.parametrize(
    ("talks", "words"), [(False, "did it click twice"), (True, "as the board itself tells")]
)
def test_test_of_an_lcus_board(capsys, plug, talks, words):
    board = plug(LcusModel(2, answers_query=talks))
    code, out = hw(capsys, "test", board.link, "--yes", "--channel", 2)
    assert code == 0
    assert words in out
    assert "LATCHES" in out
    assert "Put a timer relay in series" in out
    assert board.wait_for(lambda b: len(b.frames) == 2, 10)
    assert [frame.hex() for frame in board.frames] == ["a00201a3", "a00200a2"]


def test_test_takes_the_board_of_the_configuration(capsys, plug, tmp_path):
    board = plug(ModbusModel(address=9))
    file = tmp_path / "nvr.toml"
    storage = '[storage]\nrecordings = "r"\nstate = "s"\n'
    file.write_text(storage + '[siren]\nport = "tty"\nboard = "modbus"\naddress = 9\n', "utf-8")
    code, out = hw(capsys, "test", "--config", file, "--yes", "--json")
    assert code == 0
    assert json.loads(out) == {"ends_by_itself": True, "renews": True, "reads_back": True}
    assert not board.state[1]
    file.write_text(storage, "utf-8")
    code, out = hw(capsys, "test", "--config", file, "--yes")
    assert code == 78
    assert "no [siren] section" in out


def test_test_asks_first(capsys, plug, monkeypatch):
    board = plug(LcusModel())
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    code, out = hw(capsys, "test", board.link)
    assert code == 69
    assert "nothing was switched" in out
    assert board.frames == []
    monkeypatch.setattr("sys.stdin", io.StringIO("on\n"))
    assert hw(capsys, "test", board.link)[0] == 0
    assert board.wait_for(lambda b: len(b.frames) == 2, 10)


@pytest.mark.parametrize("command", [("test", "--yes"), ("probe", "--addresses", "1")])
def test_a_port_that_the_service_owns_is_left_alone(capsys, plug, command):
    board = plug(LcusModel())
    owner = SerialPort(str(board.link))
    code, out = hw(capsys, command[0], board.link, *command[1:])
    owner.close()
    assert code == 69
    assert "in use by another process" in out
    assert board.frames == []


def test_what_goes_wrong_is_said_and_the_relay_left_off(capsys, plug):
    model = ModbusModel(stuck=True)
    board = plug(model)
    code, out = hw(capsys, "test", board.link, "--board", "modbus", "--yes")
    assert code == 69
    assert "reads off after it was switched on" in out
    with board.altered():
        model.faults = LineFaults(silent=True)
    code, out = hw(capsys, "test", board.link, "--board", "modbus", "--yes")
    assert code == 69
    assert "no board answers at address 1" in out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("probe", "usb:nonsense"), "must be usb:VVVV:PPPP"),
        (("probe", "usb:ffff:fffe"), "no such device"),
        (("probe", "x", "--addresses", "300"), "must be 1 to 247"),
        (("test", "x", "--board", "modbus", "--address", "300", "--yes"), "247"),
        (("test", "x", "--channel", "9", "--yes"), "an LCUS board has 8 at most"),
    ],
)
def test_arguments_that_make_no_sense(capsys, words, why):
    code, out = hw(capsys, *words)
    assert code in (69, 78)
    assert why in out


def test_off_switches_the_siren_of_the_configuration_off(capsys, plug, tmp_path):
    model = LcusModel()
    board = plug(model)
    model.outputs[1] = True
    file = tmp_path / "nvr.toml"
    storage = '[storage]\nrecordings = "r"\nstate = "s"\n'
    file.write_text(f'{storage}[siren]\nport = "{board.link}"\n', "utf-8")
    assert hw(capsys, "off", "--config", file)[0] == 0
    assert board.wait_for(lambda b: b.frames and not b.state[1], 10)
    assert {frame.hex() for frame in board.frames} == {"a00100a1"}
    board.unplug()
    assert hw(capsys, "off", "--config", file)[0] == 0
    file.write_text(storage, "utf-8")
    assert hw(capsys, "off", "--config", file)[0] == 0
