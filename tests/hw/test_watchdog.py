"""Watchdogs: a file, or a socket, stands in for the device and for systemd; the bytes are the real ones."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hw_peers import PATIENCE_S, ROOT, GuardProcess

from hw.event_log import EventLog
from hw.sd_notify import READY, Notifier
from hw.sim import SimulatedBoard
from hw.watchdog import FEED_S, FIRST_S, SILENT_S, Liveness, Watchdogs

StartGuard = Callable[..., GuardProcess]


@pytest.fixture
def device(tmp_path: Path) -> Path:
    path = tmp_path / "watchdog"
    path.write_bytes(b"")
    return path


@pytest.fixture
def log(tmp_path: Path):
    with (tmp_path / "log").open("wb") as file:
        yield EventLog(file.fileno())


def test_fed_only_while_the_service_is_heard_of(device: Path, log: EventLog) -> None:
    dogs = Watchdogs(device, log, 0.0)
    dogs.feed(0.0)
    dogs.feed(FEED_S / 2)
    assert device.read_bytes() == b"\0"
    dogs.heard(10.0)
    dogs.feed(10.0 + SILENT_S - 0.1)
    assert device.read_bytes() == b"\0\0"
    dogs.feed(10.0 + SILENT_S + FEED_S)
    assert device.read_bytes() == b"\0\0"
    dogs.heard(200.0)
    dogs.feed(200.0)
    assert device.read_bytes() == b"\0\0\0"
    dogs.close(deliberately=False)
    assert device.read_bytes() == b"\0\0\0", "no magic close: the machine restarts unless a guard comes back"


def test_stopped_by_who_stops_the_guard(device: Path, log: EventLog) -> None:
    dogs = Watchdogs(device, log, 0.0)
    dogs.feed(0.0)
    dogs.close(deliberately=True)
    assert device.read_bytes() == b"\0V"


def test_a_service_gets_time_to_come_up() -> None:
    liveness = Liveness(0.0)
    assert liveness.alive(FIRST_S - 1)
    assert not liveness.alive(FIRST_S)


def test_a_watchdog_that_is_missing_is_reported_and_no_reason_to_stop(tmp_path: Path, log: EventLog) -> None:
    dogs = Watchdogs(tmp_path / "none", log, 0.0)
    dogs.feed(0.0)
    dogs.close(deliberately=True)
    assert "no watchdog" in (tmp_path / "log").read_text()
    assert dogs.deadline_s() == float("inf")


def test_guard_feeds_and_disarms_when_told_to_end(
    board: SimulatedBoard, device: Path, start_guard: StartGuard
) -> None:
    guard = start_guard("--watchdog", str(device))
    guard.connect().close()
    guard.process.send_signal(signal.SIGTERM)
    assert guard.wait_exit() == 0
    fed = device.read_bytes()
    assert fed.startswith(b"\0")
    assert fed.endswith(b"V")


def test_guard_that_is_killed_leaves_it_armed(
    board: SimulatedBoard, device: Path, start_guard: StartGuard
) -> None:
    guard = start_guard("--watchdog", str(device))
    guard.connect().close()
    guard.process.kill()
    guard.wait_exit()
    assert b"V" not in device.read_bytes()


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_is_told(tmp_path: Path, board: SimulatedBoard, abstract: bool) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.settimeout(PATIENCE_S)
        name = f"nvr-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
        systemd.bind(f"\0{name}" if abstract else name)
        address = f"@{name}" if abstract else name
        command = [
            sys.executable,
            "-m",
            "hw.guard",
            "--port",
            str(board.link),
            "--socket",
            str(tmp_path / "g"),
        ]
        environment = os.environ | {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "100000"}
        with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, env=environment) as guard:
            try:
                assert systemd.recv(100) == b"READY=1"
                assert [systemd.recv(100) for _ in range(3)] == [b"WATCHDOG=1"] * 3
                guard.terminate()
                while (state := systemd.recv(100)) == b"WATCHDOG=1":
                    pass
                assert state == b"STOPPING=1"
                assert guard.wait(PATIENCE_S) == 0
            finally:
                guard.kill()


def test_notifier_never_fails_and_heeds_whom_it_is_meant_for(tmp_path: Path) -> None:
    assert not Notifier({}).notify(READY)
    assert not Notifier({"NOTIFY_SOCKET": "relative"}).notify(READY)
    assert not Notifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).notify(READY)
    base = {"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "3000000"}
    assert Notifier(base, pid=5).watchdog_s == 3.0
    assert Notifier(base | {"WATCHDOG_PID": "5"}, pid=5).watchdog_s == 3.0
    assert Notifier(base | {"WATCHDOG_PID": "4"}, pid=5).watchdog_s is None
    assert Notifier(base | {"WATCHDOG_USEC": "0"}, pid=5).watchdog_s is None
    assert Notifier(base | {"WATCHDOG_USEC": "x"}, pid=5).watchdog_s is None
    full = tmp_path / "full"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(full))
        notifier = Notifier({"NOTIFY_SOCKET": str(full)})
        while notifier.notify(READY):
            pass  # until its queue is full: then it is dropped at once
