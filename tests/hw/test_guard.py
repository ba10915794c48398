"""The guard as a real process on a real pty."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hw_peers import PATIENCE_S, ROOT, GuardProcess, RawClient

from hw.guard_socket import is_admitted, peer_uid
from hw.sim import SimulatedBoard

ON, OFF = bytes.fromhex("a00101a2"), bytes.fromhex("a00100a1")
StartGuard = Callable[..., GuardProcess]


def wait_frames(board: SimulatedBoard, *frames: bytes) -> None:
    """Exactly these since the board was made."""
    assert board.wait_for(lambda b: len(b.frames) >= len(frames), PATIENCE_S), board.frames
    assert board.frames == list(frames)


@contextmanager
def client_process(path: Path, lease_ms: int, renew_s: float) -> Iterator[subprocess.Popen[bytes]]:
    """A client in a process of its own that holds and, every `renew_s`, holds again."""
    code = (
        "import json, socket, sys, time\n"
        "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
        "while True:\n"
        "    s.sendall(json.dumps({'op': 'hold', 'lease_ms': int(sys.argv[2])}).encode() + b'\\n')\n"
        "    s.recv(65536); time.sleep(float(sys.argv[3]))\n"
    )
    command = [sys.executable, "-c", code, str(path), str(lease_ms), str(renew_s)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


def test_first_bytes_are_off_even_before_anybody_connects(
    board: SimulatedBoard, start_guard: StartGuard
) -> None:
    start_guard()
    wait_frames(board, OFF)


def test_hold_and_release(board: SimulatedBoard, start_guard: StartGuard) -> None:
    client = start_guard().connect()
    assert client.first == {
        "on": False,
        "link": "up",
        "error": None,
        "cause": "start",
        "cooldown_ms": 0,
        "kind": None,
        "output": None,
        "fail_safe": False,
        "inputs": [],
        "re": None,
        "refused": None,
    }
    assert client.request(op="hold", lease_ms=5000) == client.first | {
        "on": True,
        "cause": "held",
        "re": "hold",
    }
    wait_frames(board, OFF, ON)
    assert client.request(op="hold", lease_ms=5000)["on"]
    released = client.request(op="release")
    assert released == client.first | {"cause": "released", "re": "release"}
    wait_frames(board, OFF, ON, OFF)
    assert client.request(op="status") == released | {"re": "status"}
    client.close()


def test_another_channel(board: SimulatedBoard, start_guard: StartGuard) -> None:
    client = start_guard("--channel", "2").connect()
    client.request(op="hold", lease_ms=5000)
    wait_frames(board, bytes.fromhex("a00200a2"), bytes.fromhex("a00201a3"))
    client.close()


def test_lease_expires(board: SimulatedBoard, start_guard: StartGuard) -> None:
    client = start_guard().connect()
    client.request(op="hold", lease_ms=100)
    status = client.read()
    assert (status["on"], status["cause"], status["re"]) == (False, "lease expired", None)
    wait_frames(board, OFF, ON, OFF)
    client.close()


def test_maximum_time_in_spite_of_renewal(board: SimulatedBoard, start_guard: StartGuard) -> None:
    client = start_guard("--max-on-s", "0.3").connect()
    while (status := client.request(op="hold", lease_ms=5000))["on"]:
        pass
    assert status["cause"] == "maximum time"
    assert "release it first" in status["refused"]
    assert 0 < status["cooldown_ms"] <= 10_000
    wait_frames(board, OFF, ON, OFF)
    client.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_told_to_end_while_sounding(board: SimulatedBoard, start_guard: StartGuard, number: int) -> None:
    guard = start_guard()
    client = guard.connect()
    client.request(op="hold", lease_ms=5000)
    guard.process.send_signal(number)
    assert guard.wait_exit() == 0
    wait_frames(board, OFF, ON, OFF)
    assert not guard.socket_path.exists()
    client.close()


def test_client_killed(board: SimulatedBoard, start_guard: StartGuard) -> None:
    guard = start_guard()
    watcher = guard.connect()
    with client_process(guard.socket_path, lease_ms=5000, renew_s=0.1) as process:
        wait_frames(board, OFF, ON)
        process.kill()
        watcher.read_until(lambda status: status["cause"] == "connection lost")
    wait_frames(board, OFF, ON, OFF)
    watcher.close()


def test_client_stopped(board: SimulatedBoard, start_guard: StartGuard) -> None:
    guard = start_guard()
    watcher = guard.connect()
    with client_process(guard.socket_path, lease_ms=1000, renew_s=0.1) as process:
        wait_frames(board, OFF, ON)
        process.send_signal(signal.SIGSTOP)
        watcher.read_until(lambda status: status["cause"] == "lease expired")
        wait_frames(board, OFF, ON, OFF)
    watcher.close()


def test_guard_killed_while_sounding_is_made_good_by_its_restart(
    board: SimulatedBoard, start_guard: StartGuard
) -> None:
    guard = start_guard()
    client = guard.connect()
    client.request(op="hold", lease_ms=5000)
    wait_frames(board, OFF, ON)
    guard.process.kill()
    guard.wait_exit()
    client.close()
    assert board.state[1], "an LCUS board latches"
    again = start_guard().connect()
    wait_frames(board, OFF, ON, OFF)
    assert again.first["cause"] == "start"
    again.close()


def test_missing_port_is_reported_and_used_when_it_appears(tmp_path: Path, start_guard: StartGuard) -> None:
    client = start_guard().connect()
    assert (client.first["link"], client.first["on"]) == ("down", False)
    assert client.first["error"].startswith(f"relay port {tmp_path}/tty: no such device; plug")
    with SimulatedBoard(tmp_path / "tty") as board:
        status = client.read()
        assert (status["link"], status["error"]) == ("up", None)
        wait_frames(board, OFF)
    client.close()


@pytest.mark.parametrize("lease_lives", [True, False])
def test_unplugged_while_sounding(board: SimulatedBoard, start_guard: StartGuard, lease_lives: bool) -> None:
    client = start_guard().connect()
    client.request(op="hold", lease_ms=5000)
    wait_frames(board, OFF, ON)
    board.unplug()
    status = client.read()
    assert (status["link"], status["on"]) == ("down", True)
    assert "USB plug" in status["error"]
    asked = {"op": "hold", "lease_ms": 5000} if lease_lives else {"op": "release"}
    assert client.request(**asked)["on"] == lease_lives
    board.replug()
    client.read_until(lambda status: status["link"] == "up")
    wait_frames(board, OFF, ON, OFF, *([ON] if lease_lives else []))
    client.close()


def test_hanging_board(bare_pty: tuple[int, str], start_guard: StartGuard) -> None:
    board_end, path = bare_pty
    host_end = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    tty.setraw(host_end)
    while select.select([], [host_end], [], 0.2)[1]:  # the kernel moves bytes on for a moment
        with contextlib.suppress(BlockingIOError):
            os.write(host_end, b"\x55" * 1000)
    guard = start_guard(port=Path(path))
    assert "4 bytes not taken in 0.05 s" in guard.wait_event("link down")["error"]
    arrived = b""
    while not arrived.endswith(OFF):  # the board works again
        arrived += os.read(board_end, 65536)
    guard.wait_event("link up")
    os.close(host_end)


def test_two_guards_on_one_port(board: SimulatedBoard, start_guard: StartGuard) -> None:
    client = start_guard().connect()
    client.request(op="hold", lease_ms=5000)
    second = start_guard(socket="other.sock")
    assert second.wait_exit() == 4
    assert second.wait_event("cannot start")["error"].endswith("a second guard perhaps")
    assert not second.socket_path.exists()
    wait_frames(board, OFF, ON)
    client.close()


def test_two_guards_on_one_socket(board: SimulatedBoard, tmp_path: Path, start_guard: StartGuard) -> None:
    client = start_guard().connect()
    second = start_guard(port=tmp_path / "another-tty")
    assert second.wait_exit() == 3
    assert "another guard runs on this socket" in second.wait_event("cannot start")["error"]
    assert client.request(op="status")["link"] == "up"
    client.close()


def test_stale_socket_is_replaced_but_never_a_file(board: SimulatedBoard, start_guard: StartGuard) -> None:
    killed = start_guard()
    killed.wait_event("listening")
    killed.process.kill()
    killed.wait_exit()
    assert killed.socket_path.exists()
    start_guard().connect().close()
    precious = board.link.with_name("precious")
    precious.write_text("keep")
    wrong = start_guard(socket="precious", port=board.link.with_name("another-tty"))
    assert wrong.wait_exit() == 5
    assert "precious: Address already in use; give --socket" in wrong.wait_event("cannot start")["error"]
    assert precious.read_text() == "keep"


def test_socket_in_a_missing_directory(board: SimulatedBoard, start_guard: StartGuard) -> None:
    guard = start_guard(socket="no/guard.sock")
    assert guard.wait_exit() == 5
    assert "No such file or directory; give --socket" in guard.wait_event("cannot start")["error"]


@pytest.mark.parametrize(
    "options", [["--max-on-s", "0"], ["--max-on-s", "nan"], ["--channel", "9"], ["--cooldown-s", "-1"]]
)
def test_bad_arguments(tmp_path: Path, options: list[str]) -> None:
    command = [sys.executable, "-m", "hw.guard", "--port", "x", "--socket", str(tmp_path / "s"), *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_only_one_client_holds_and_anyone_may_silence(board: SimulatedBoard, start_guard: StartGuard) -> None:
    guard = start_guard()
    first, second = guard.connect(), guard.connect()
    first.request(op="hold", lease_ms=5000)
    assert second.request(op="hold", lease_ms=5000)["refused"] == "another client holds the siren"
    assert second.request(op="release")["cause"] == "silenced"
    wait_frames(board, OFF, ON, OFF)
    refused = first.request(op="hold", lease_ms=5000)
    assert (refused["on"], refused["refused"]) == (False, "siren was stopped (silenced): release it first")
    first.request(op="release")
    assert first.request(op="hold", lease_ms=5000)["on"]
    first.close()
    second.close()


def test_hostile_lines_do_no_harm(board: SimulatedBoard, start_guard: StartGuard) -> None:
    client = start_guard().connect()
    client.request(op="hold", lease_ms=5000)
    hostile = [
        b"",
        b"\x00\xff" * 100,
        b"[" * 512,
        b'{"op":"hold","lease_ms":1' + b"0" * 450 + b"x}",
        b'{"op":"hold","lease_ms":-1}',
        b"A" * 1_000_000,
    ]
    for line in hostile:
        answer = client.ask(line)
        assert (answer["re"], answer["on"]) == ("invalid", True)
        assert answer["refused"]
    assert client.ask(b'{"op":"hold","lease_ms":1' + b"0" * 450 + b"}")["on"]
    client.sock.sendall(b'{"op":"rel')
    assert client.ask(b'ease"}')["cause"] == "released"
    wait_frames(board, OFF, ON, OFF)
    client.close()


def test_a_client_that_never_reads_is_dropped(board: SimulatedBoard, start_guard: StartGuard) -> None:
    guard = start_guard()
    deaf = guard.connect()
    deaf.request(op="hold", lease_ms=5000)
    with pytest.raises(OSError):  # reset or broken pipe, as the kernel likes
        while True:
            deaf.sock.sendall(b'{"op":"status"}\n' * 100)
    wait_frames(board, OFF, ON, OFF)
    other = guard.connect()
    assert other.first["cause"] == "connection lost"
    other.close()
    deaf.close()


def test_too_many_clients(board: SimulatedBoard, start_guard: StartGuard) -> None:
    guard = start_guard()
    clients = [guard.connect() for _ in range(8)]
    with socket.socket(socket.AF_UNIX) as ninth:
        ninth.settimeout(PATIENCE_S)
        ninth.connect(str(guard.socket_path))
        assert ninth.recv(1) == b""
    assert clients[0].request(op="status")["link"] == "up"
    for client in clients:
        client.close()


def test_a_full_log_pipe_holds_nothing_up(board: SimulatedBoard, tmp_path: Path) -> None:
    """The service that reads the guard's standard error may be stopped while the siren must go off."""
    reader, writer = os.pipe()
    path = tmp_path / "guard.sock"
    command = [sys.executable, "-m", "hw.guard", "--port", str(board.link), "--socket", str(path)]
    with subprocess.Popen(command, cwd=ROOT, stderr=writer) as guard, os.fdopen(reader, "rb") as log:
        os.close(writer)
        try:
            while json.loads(log.readline())["event"] != "listening":
                pass
            fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
            client = RawClient(path)
            for _ in range(200):
                client.ask(b"garbage")
            client.request(op="hold", lease_ms=100)
            assert client.read()["cause"] == "lease expired"
            wait_frames(board, OFF, ON, OFF)
            client.close()
            guard.terminate()
            assert guard.wait(PATIENCE_S) == 0
        finally:
            guard.kill()


def test_socket_mode_and_admission(board: SimulatedBoard, start_guard: StartGuard) -> None:
    guard = start_guard()
    guard.wait_event("listening")
    assert guard.socket_path.stat().st_mode & 0o777 == 0o600
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert peer_uid(ours) == os.getuid()
    assert is_admitted(1000, own_uid=1000)
    assert is_admitted(0, own_uid=1000)
    assert not is_admitted(1001, own_uid=1000)
    assert not is_admitted(1001, own_uid=0)


def test_exit_with_client(board: SimulatedBoard, start_guard: StartGuard) -> None:
    guard = start_guard("--exit-with-client")
    guard.connect().close()
    guard.wait_event("client gone")
    client = guard.connect()  # comes back in time
    client.request(op="hold", lease_ms=5000)
    client.close()
    assert guard.wait_exit() == 0
    assert board.frames[:4] == [OFF, ON, OFF, OFF]
    assert set(board.frames[3:]) == {OFF}, "repeated every 2.5 s, and at the end"
    assert not guard.wait_event("ended")["told_to"]


def test_off_switches_off_what_an_earlier_life_left_on(
    board: SimulatedBoard, start_guard: StartGuard
) -> None:
    guard = start_guard()
    client = guard.connect()
    client.request(op="hold", lease_ms=5000)
    wait_frames(board, OFF, ON)
    guard.process.kill()
    guard.wait_exit()
    client.close()
    assert board.state[1]
    command = [sys.executable, "-m", "hw.guard", "--port", str(board.link), "--off"]
    assert subprocess.run(command, check=False).returncode == 0
    wait_frames(board, OFF, ON, OFF)
    board.unplug()
    assert subprocess.run(command, check=False).returncode == 1
