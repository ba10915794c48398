"""The guard as a real process on a simulated Modbus board: deaths, faults, inputs."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hw_peers import PATIENCE_S, ROOT, GuardProcess, RawClient
from test_guard import client_process

from hw.board_model import LineFaults, ModbusModel
from hw.sim import SimulatedBoard

StartGuard = Callable[..., GuardProcess]
MODBUS = ("--board", "modbus")
INPUTS = ("--input", "silence=1", "--input", "panic=2", "--input", "tamper=3", "--normally-closed", "tamper")
OFF = bytes.fromhex("010500000000cdca")


@pytest.fixture(params=[True, False], ids=["timing", "latching"])
def timed(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def model(timed: bool) -> ModbusModel:
    return ModbusModel(timed=timed, closed={3})


@pytest.fixture
def modbus(tmp_path: Path, model: ModbusModel) -> Iterator[SimulatedBoard]:
    with SimulatedBoard(tmp_path / "tty", model, bytewise=True) as board:
        yield board


@pytest.fixture
def start(start_guard: StartGuard, timed: bool) -> StartGuard:
    return lambda *options: start_guard(*MODBUS, *([] if timed else ["--latching"]), *options)


def ready(guard: GuardProcess) -> RawClient:
    client = guard.connect()
    if client.first["link"] != "up":
        client.read_until(lambda status: status["link"] == "up")
    return client


def wait_on(board: SimulatedBoard, on: bool) -> None:
    assert board.wait_for(lambda b: b.state[1] is on, PATIENCE_S), board.received


def test_sounds_and_is_read_back(modbus: SimulatedBoard, start: StartGuard, timed: bool) -> None:
    client = ready(start())
    assert client.request(op="hold", lease_ms=5000)["fail_safe"] is timed
    wait_on(modbus, True)
    client.read_until(lambda status: status["output"] is True)
    client.request(op="release")
    wait_on(modbus, False)
    client.read_until(lambda status: status["output"] is False)
    assert modbus.frames[0] == OFF
    client.close()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_service_dies_while_sounding(modbus: SimulatedBoard, start: StartGuard, number: int) -> None:
    guard = start()
    watcher = ready(guard)
    with client_process(guard.socket_path, lease_ms=1000, renew_s=0.1) as service:
        wait_on(modbus, True)
        service.send_signal(number)
        cause = "connection lost" if number == signal.SIGKILL else "lease expired"
        watcher.read_until(lambda status: status["cause"] == cause)
        wait_on(modbus, False)
    watcher.close()


def test_guard_killed_while_sounding(modbus: SimulatedBoard, start: StartGuard, timed: bool) -> None:
    """A timing board ends by itself; a latching one is switched off by the restart, before anything else."""
    guard = start()
    client = ready(guard)
    client.request(op="hold", lease_ms=2000)
    wait_on(modbus, True)
    guard.process.kill()
    guard.wait_exit()
    client.close()
    before = len(modbus.frames)
    if timed:
        wait_on(modbus, False)
        assert len(modbus.frames) == before, "by itself"
    else:
        assert modbus.state[1]
        again = ready(start())
        wait_on(modbus, False)
        again.close()
        assert modbus.frames[before] == OFF


def test_all_killed(modbus: SimulatedBoard, start: StartGuard) -> None:
    guard = start()
    ready(guard).close()
    with client_process(guard.socket_path, lease_ms=5000, renew_s=0.1) as service:
        wait_on(modbus, True)
        guard.process.kill()
        service.kill()
        guard.wait_exit()
    before = len(modbus.frames)
    again = ready(start())
    assert not modbus.state[1]
    assert modbus.frames[before] == OFF
    assert again.first["on"] is False
    again.close()


def test_told_to_end_waits_for_the_confirmation(modbus: SimulatedBoard, start: StartGuard) -> None:
    guard = start()
    client = ready(guard)
    client.request(op="hold", lease_ms=5000)
    wait_on(modbus, True)
    guard.process.terminate()
    assert guard.wait_exit() == 0
    assert guard.wait_event("ended")["off_written"] is True
    assert not modbus.state[1]
    client.close()


@pytest.mark.parametrize(
    ("faults", "kind"),
    [
        (LineFaults(silent=True), "no_answer"),
        (LineFaults(wrong_speed=True), "bad_reply"),
        (LineFaults(answer_as=9), "other_board"),
        (LineFaults(refuse=4), "refused"),
    ],
)
def test_faults_are_reported_and_recovered_from_without_restart(
    modbus: SimulatedBoard, start: StartGuard, model: ModbusModel, faults: LineFaults, kind: str
) -> None:
    client = ready(start())
    client.request(op="hold", lease_ms=5000)
    wait_on(modbus, True)
    with modbus.altered():
        model.faults = faults
    # On a busy machine an answer may be late, which is told first.
    status = client.read_until(lambda status: status["kind"] == kind)
    assert (status["link"], status["output"]) == ("down", None)
    client.request(op="release")
    with modbus.altered():
        model.faults = LineFaults()
    client.read_until(lambda status: status["link"] == "up")
    wait_on(modbus, False)
    client.request(op="hold", lease_ms=5000)
    wait_on(modbus, True)
    client.close()


def test_replugged_while_a_lease_lives_and_after_it_ran_out(
    modbus: SimulatedBoard, start: StartGuard
) -> None:
    client = ready(start())
    client.request(op="hold", lease_ms=5000)
    wait_on(modbus, True)
    modbus.unplug()
    client.read_until(lambda status: status["link"] == "down")
    client.request(op="hold", lease_ms=300)
    client.read_until(lambda status: status["cause"] == "lease expired")
    before = len(modbus.received)
    modbus.replug()
    client.read_until(lambda status: status["link"] == "up")
    assert all(frame.on is not True for frame in modbus.received[before:]), "a stale on"
    client.request(op="hold", lease_ms=5000)
    wait_on(modbus, True)
    client.close()


def test_silence_switch_works_in_the_guard_alone(
    modbus: SimulatedBoard, start: StartGuard, model: ModbusModel
) -> None:
    guard = start(*INPUTS)
    client = ready(guard)
    client.read_until(lambda status: ["silence", False, 0] in status["inputs"])
    client.request(op="hold", lease_ms=5000)
    wait_on(modbus, True)
    with modbus.altered():
        model.closed.add(1)
    wait_on(modbus, False)
    client.read_until(lambda status: status["cause"] == "silence switch")
    assert client.request(op="hold", lease_ms=5000)["refused"] == "the silence switch is on"
    with modbus.altered():
        model.closed.discard(1)
    client.read_until(lambda status: ["silence", False, 1] in status["inputs"])
    assert "release it first" in client.request(op="hold", lease_ms=5000)["refused"]
    client.request(op="release")
    client.request(op="hold", lease_ms=5000)
    wait_on(modbus, True)
    client.close()


def test_inputs_are_reported(modbus: SimulatedBoard, start: StartGuard, model: ModbusModel) -> None:
    client = ready(start(*INPUTS))
    client.read_until(lambda status: status["inputs"][2] == ["tamper", False, 0])
    with modbus.altered():
        model.closed ^= {2, 3}
    client.read_until(
        lambda status: status["inputs"] == [["silence", False, 0], ["panic", True, 1], ["tamper", True, 1]]
    )
    with modbus.altered():
        model.closed ^= {2}
    client.read_until(lambda status: status["inputs"][1] == ["panic", False, 1])
    client.close()


def test_off_option(modbus: SimulatedBoard, model: ModbusModel) -> None:
    with modbus.altered():
        model.outputs[1] = True
    command = [sys.executable, "-m", "hw.guard", "--port", str(modbus.link), *MODBUS, "--off"]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0
    assert not modbus.state[1]
    with modbus.altered():
        model.faults.silent = True
    assert subprocess.run(command, cwd=ROOT, check=False, stderr=subprocess.DEVNULL).returncode == 1


@pytest.mark.parametrize(
    "options",
    [
        ["--board", "modbus", "--address", "0"],
        ["--board", "modbus", "--channel", "40"],
        ["--board", "modbus", "--baud", "4800"],
        ["--board", "modbus", "--input", "bell=1"],
        ["--board", "modbus", "--input", "panic"],
        ["--board", "modbus", "--normally-closed", "door"],
        ["--input", "panic=1"],
        ["--baud", "19200"],
    ],
)
def test_bad_arguments(tmp_path: Path, options: list[str]) -> None:
    command = [sys.executable, "-m", "hw.guard", "--port", "x", "--socket", str(tmp_path / "s"), *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_identity_of_no_device_is_a_missing_port(tmp_path: Path, start_guard: StartGuard) -> None:
    guard = start_guard(port=Path("usb:ffff:fffe"))
    client = guard.connect()
    assert client.first["kind"] == "missing"
    assert client.first["error"].startswith("relay port usb:ffff:fffe: no such device; plug")
    client.close()


def test_a_second_process_cannot_own_the_port(modbus: SimulatedBoard, start: StartGuard) -> None:
    ready(start()).close()
    code = "import sys, hw.port, hw.relay\ntry: hw.port.SerialPort(sys.argv[1])\nexcept hw.relay.PortBusy: sys.exit(7)"
    command = [sys.executable, "-c", code, str(modbus.link)]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 7
