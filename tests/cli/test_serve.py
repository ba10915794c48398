"""What `nvr serve` tells systemd: real datagrams on a socket that stands in for its own."""

import asyncio
import socket

import pytest

from nvr.cli.serve import _Systemd


@pytest.fixture
def systemd(tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.settimeout(10)
        sock.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.delenv("WATCHDOG_PID", raising=False)
        yield sock


async def test_ready_then_alive_at_half_the_time_then_stopping(systemd, monkeypatch):
    monkeypatch.setenv("WATCHDOG_USEC", "40000")
    teller = _Systemd(asyncio.get_running_loop())
    teller.ready()
    told = [await asyncio.to_thread(systemd.recv, 100) for _ in range(4)]
    assert told == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1", b"WATCHDOG=1"]
    teller.stopping()
    while (state := await asyncio.to_thread(systemd.recv, 100)) == b"WATCHDOG=1":
        pass
    assert state == b"STOPPING=1"
    systemd.setblocking(False)
    await asyncio.sleep(0.1)
    with pytest.raises(BlockingIOError):
        systemd.recv(100)


async def test_without_its_watchdog_systemd_hears_ready_alone(systemd, monkeypatch):
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    _Systemd(asyncio.get_running_loop()).ready()
    assert systemd.recv(100) == b"READY=1"
    await asyncio.sleep(0.05)
    systemd.setblocking(False)
    with pytest.raises(BlockingIOError):
        systemd.recv(100)
