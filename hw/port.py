"""A serial port to a relay board: 8N1, one owner, bounded writes, errors of `hw.relay`."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import termios
import time

import serial
from serial.tools import list_ports

from hw.identity import FoundPort, choose, is_identity
from hw.relay import LinkDown, PortBusy, PortDenied, PortError, PortMissing, PortUnsuitable, WriteTimeout

BAUD = 9600
WRITE_TIMEOUT_S = 0.05

_OPEN_ERRORS: dict[int, type[PortError]] = {
    errno.ENOENT: PortMissing,
    errno.ENODEV: PortMissing,
    errno.ENXIO: PortMissing,
    errno.EIO: PortMissing,
    errno.EACCES: PortDenied,
    errno.EPERM: PortDenied,
    errno.EAGAIN: PortBusy,
    errno.EBUSY: PortBusy,
}


class SerialPort:
    """An open port, owned through an exclusive flock as long as it is open. Works on a pty too.

    DTR and RTS: Linux raises both when a CH340 is opened and would lower them at the last close. The LCUS
    protocol is data only and gives them no meaning, but a board that wires one to a reset would be reset
    (outputs unknown for a moment) by each such edge. So they stay raised: no edge is added after the open,
    and HUPCL is cleared, so that neither the end nor the restart of the process makes one.
    """

    def __init__(self, port: str, baud: int = BAUD) -> None:
        """Open `port`, a path or an identity (`hw.identity`). Raises PortError."""
        self.port = port
        device = device_of(port)
        try:
            self._serial = serial.Serial(
                device,
                baudrate=baud,
                bytesize=serial.EIGHTBITS,
                parity=serial.PARITY_NONE,
                stopbits=serial.STOPBITS_ONE,
                timeout=0,
                exclusive=True,
            )
        except (OSError, termios.error) as error:
            raise _open_error(port, error) from error
        try:
            attributes = termios.tcgetattr(self.fileno())
            attributes[2] &= ~termios.HUPCL
            termios.tcsetattr(self.fileno(), termios.TCSANOW, attributes)
        except termios.error as error:
            self.close()
            raise _open_error(port, error) from error

    def fileno(self) -> int:
        """For a selector: readable when the board sent something or went away."""
        fd: int = self._serial.fileno()
        return fd

    def write(self, data: bytes) -> None:
        """Hand all of `data` to the driver within 50 ms, and see that it would take more.

        Raises WriteTimeout or LinkDown. Bytes that were queued are then discarded, so that a stale "on"
        cannot reach a board which recovers later.
        """
        # pyserial's own write fails after 50 ms without a last look at the driver: a process that was late itself, on a
        # busy machine, would take the board for hanging.
        ends_s = time.monotonic() + WRITE_TIMEOUT_S
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._taken(rest) :]
                left_s = max(0.0, ends_s - time.monotonic())
                takes_more = select.select([], [self.fileno()], [], left_s)[1]
                if not takes_more or (rest and not left_s):
                    self._discard_output()
                    raise WriteTimeout(self.port, f"{len(data)} bytes not taken in {WRITE_TIMEOUT_S} s")
        except OSError as error:
            self._discard_output()
            raise LinkDown(self.port, str(error)) from error

    def _taken(self, data: memoryview) -> int:
        """How much of `data` the driver takes now. Raises OSError."""
        try:
            return os.write(self.fileno(), data)
        except BlockingIOError:
            return 0

    def read(self) -> bytes:
        """What has arrived, up to 4096 bytes, without waiting. Raises LinkDown if the device is gone."""
        try:
            data: bytes = self._serial.read(4096)
        except OSError as error:
            raise LinkDown(self.port, str(error)) from error
        return data

    def read_within(self, wait_s: float) -> bytes:
        """What arrives within `wait_s`, as soon as anything does; b"" if nothing does. Raises LinkDown."""
        ready, _, _ = select.select([self.fileno()], [], [], max(0.0, wait_s))
        return self.read() if ready else b""

    def close(self) -> None:
        """Give the port back. May be called twice."""
        self._serial.close()

    def _discard_output(self) -> None:
        with contextlib.suppress(termios.error):  # if the device is gone, its queue is too
            termios.tcflush(self.fileno(), termios.TCOFLUSH)


def _open_error(port: str, error: Exception) -> PortError:
    """pyserial keeps errno for open and lock; a refused line setting has none."""
    number = error.args[0] if error.args and isinstance(error.args[0], int) else None
    kind = _OPEN_ERRORS.get(number, PortUnsuitable) if number is not None else PortUnsuitable
    if kind is PortMissing:
        return PortMissing(port, "no such device")
    if kind is PortDenied:
        return PortDenied(port, "permission denied")
    if kind is PortBusy:
        return PortBusy(port, "is in use by another process")
    return PortUnsuitable(port, f"cannot be used as a serial port ({error})")


def found_ports() -> list[FoundPort]:
    """The serial ports of this machine, by name (reads /sys)."""
    return sorted(list_ports.comports(), key=lambda port: str(port.device))


def device_of(port: str) -> str:
    """The device of a name: a path as it is, an identity as found now. Raises PortMissing, PortAmbiguous."""
    return choose(port, found_ports()) if is_identity(port) else port
