"""An LCUS-type USB relay board on an open port."""

from __future__ import annotations

from hw.lcus import Command, encode
from hw.port import SerialPort


class LcusRelay:
    """The `hw.relay.Relay` of an LCUS board. It latches and acknowledges nothing."""

    fail_safe = False

    def __init__(self, port: SerialPort) -> None:
        """Takes over `port`: closing the relay closes it."""
        self._port = port

    def set(self, channel: int, on: bool) -> None:
        """Returns when the driver has taken the four bytes (4.2 ms on the wire). Errors as in `Relay.set`."""
        self._port.write(encode(Command(channel, on)))

    def close(self) -> None:
        """Give the port back; the outputs stay as they are."""
        self._port.close()
