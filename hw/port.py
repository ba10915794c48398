"""A serial port to a relay board: 9600 8N1, one owner, bounded writes, errors of `hw.relay`."""

from __future__ import annotations

import contextlib
import errno
import termios

import serial

from hw.relay import LinkDown, PortBusy, PortDenied, PortError, PortMissing, PortUnsuitable, WriteTimeout

WRITE_TIMEOUT_S = 0.2

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

    def __init__(self, device: str) -> None:
        """Open `device` (a path). Raises PortError."""
        self.device = device
        try:
            self._serial = serial.Serial(
                device,
                baudrate=9600,
                bytesize=serial.EIGHTBITS,
                parity=serial.PARITY_NONE,
                stopbits=serial.STOPBITS_ONE,
                timeout=0,
                write_timeout=WRITE_TIMEOUT_S,
                exclusive=True,
            )
        except (OSError, termios.error) as error:
            raise _open_error(device, error) from error
        try:
            attributes = termios.tcgetattr(self.fileno())
            attributes[2] &= ~termios.HUPCL
            termios.tcsetattr(self.fileno(), termios.TCSANOW, attributes)
        except termios.error as error:
            self.close()
            raise _open_error(device, error) from error

    def fileno(self) -> int:
        """For a selector: readable when the board sent something or went away."""
        fd: int = self._serial.fileno()
        return fd

    def write(self, data: bytes) -> None:
        """Hand all of `data` to the driver within 0.2 s.

        Raises WriteTimeout or LinkDown. Bytes that were queued are then discarded, so that a stale "on"
        cannot reach a board which recovers later.
        """
        try:
            self._serial.write(data)
        except serial.SerialTimeoutException as error:
            self._discard_output()
            raise WriteTimeout(self.device, f"{len(data)} bytes not taken in {WRITE_TIMEOUT_S} s") from error
        except OSError as error:
            self._discard_output()
            raise LinkDown(self.device, str(error)) from error

    def read(self) -> bytes:
        """What has arrived, up to 4096 bytes, without waiting. Raises LinkDown if the device is gone."""
        try:
            data: bytes = self._serial.read(4096)
        except OSError as error:
            raise LinkDown(self.device, str(error)) from error
        return data

    def close(self) -> None:
        """Give the port back. May be called twice."""
        self._serial.close()

    def _discard_output(self) -> None:
        with contextlib.suppress(termios.error):  # if the device is gone, its queue is too
            termios.tcflush(self.fileno(), termios.TCOFLUSH)


def _open_error(device: str, error: Exception) -> PortError:
    """pyserial keeps errno for open and lock; a refused line setting has none."""
    number = error.args[0] if error.args and isinstance(error.args[0], int) else None
    kind = _OPEN_ERRORS.get(number, PortUnsuitable) if number is not None else PortUnsuitable
    if kind is PortMissing:
        return PortMissing(device, "no such device")
    if kind is PortDenied:
        return PortDenied(device, "permission denied")
    if kind is PortBusy:
        return PortBusy(device, "is in use by another process")
    return PortUnsuitable(device, f"cannot be used as a serial port ({error})")
