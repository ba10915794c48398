from __future__ import annotations

import os
import select
import termios
import time
from pathlib import Path

import pytest
import serial
from hw_peers import PATIENCE_S

from hw.port import WRITE_TIMEOUT_S, SerialPort
from hw.relay import (
    LinkDown,
    PortBusy,
    PortDenied,
    PortMissing,
    PortUnsuitable,
    RelayError,
    WriteTimeout,
)
from hw.sim import SimulatedBoard

ON = bytes.fromhex("a00101a2")


def test_line_settings(bare_pty: tuple[int, str]) -> None:
    port = SerialPort(bare_pty[1])
    iflag, oflag, cflag, lflag, ispeed, ospeed, _ = termios.tcgetattr(port.fileno())
    port.close()
    assert (ispeed, ospeed) == (termios.B9600, termios.B9600)
    assert cflag & (termios.CSIZE | termios.PARENB | termios.CSTOPB | termios.HUPCL) == termios.CS8
    assert not oflag & termios.OPOST
    assert not lflag & (termios.ICANON | termios.ECHO)
    assert not iflag & (termios.IXON | termios.ICRNL)


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(PortMissing, match=r"relay port .*/none: no such device; plug the relay board in"):
        SerialPort(str(tmp_path / "none"))


def test_two_clients_cannot_own_the_port(board: SimulatedBoard) -> None:
    first = SerialPort(str(board.link))
    with pytest.raises(PortBusy, match="in use by another process; stop the other program"):
        SerialPort(str(board.link))
    first.close()
    SerialPort(str(board.link)).close()


def test_denied(monkeypatch: pytest.MonkeyPatch, board: SimulatedBoard) -> None:
    """Root is never refused, so the refusal itself is the one thing that is made up here."""

    def refuse(*_: object, **__: object) -> None:
        raise serial.SerialException(13, "could not open port")

    monkeypatch.setattr(serial, "Serial", refuse)
    with pytest.raises(PortDenied, match="permission denied; let this user open it"):
        SerialPort(str(board.link))


def test_not_a_serial_port(tmp_path: Path) -> None:
    plain = tmp_path / "file"
    plain.write_bytes(b"keep")
    for path in (plain, tmp_path, Path("/dev/null")):
        with pytest.raises(PortUnsuitable, match="cannot be used as a serial port"):
            SerialPort(str(path))
    assert plain.read_bytes() == b"keep"


def test_unplugged(board: SimulatedBoard) -> None:
    port = SerialPort(str(board.link))
    assert port.read() == b""
    board.unplug()
    assert select.select([port], [], [], PATIENCE_S)[0] == [port]
    with pytest.raises(LinkDown, match="check the board's USB plug"):
        port.read()
    with pytest.raises(LinkDown):
        port.write(b"x")
    port.close()


def test_what_a_hanging_board_did_not_take_never_reaches_it_later(bare_pty: tuple[int, str]) -> None:
    board_end, path = bare_pty
    port = SerialPort(path)
    with pytest.raises(WriteTimeout, match="unplug it and plug it in again"):
        port.write(b"\x55" * 1_000_000)
    os.set_blocking(board_end, False)
    port.write(b"\x01")
    arrived = b""
    while b"\x01" not in arrived:
        assert select.select([board_end], [], [], PATIENCE_S)[0]
        arrived += os.read(board_end, 65536)
    # One line discipline's worth had crossed to the board's side already; the rest was called back.
    assert len(arrived) <= 4096
    port.close()


def test_a_process_that_is_late_does_not_take_the_board_for_hanging(
    board: SimulatedBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine more than the 50 ms may pass while the driver takes everything at once."""
    write = os.write

    def late(fd: int, data: bytes) -> int:
        time.sleep(2 * WRITE_TIMEOUT_S)
        return write(fd, data)

    port = SerialPort(str(board.link))
    monkeypatch.setattr(os, "write", late)
    port.write(ON)
    port.close()
    assert board.wait_for(lambda b: b.frames == [ON], PATIENCE_S)


def test_one_tree() -> None:
    for kind in (PortMissing, PortBusy, PortUnsuitable, LinkDown, WriteTimeout):
        error = kind("/dev/x", "why")
        assert isinstance(error, RelayError)
        assert error.port == "/dev/x"
        assert str(error) == f"relay port /dev/x: why; {kind.remedy}"
        assert kind.remedy != RelayError.remedy
