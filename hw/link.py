"""The guard's link to its board: opens and reopens the port, carries bytes both ways."""

from __future__ import annotations

import selectors
from collections.abc import Callable
from typing import Final

from hw.control import Control
from hw.event_log import EventLog
from hw.port import SerialPort
from hw.relay import RelayError

RETRY_S: Final = 1.0
END_S: Final = 0.5


class Link:
    """One board on one port. Port errors never leave it; they are its state (`failure`)."""

    def __init__(
        self, port: str, baud: int, control: Control, selector: selectors.BaseSelector, log: EventLog
    ) -> None:
        """`port`: a path or an identity. Callbacks are registered as `data` in `selector`."""
        self.port = port
        self._baud = baud
        self._control = control
        self._selector = selector
        self._log = log
        self._serial: SerialPort | None = None
        self._port_error: RelayError | None = None
        self._retry_at_s = float("-inf")
        self._announced = ""

    @property
    def up(self) -> bool:
        """Whether the port is open, and the board behind it takes what it is told."""
        return self._serial is not None and self._control.board.up

    @property
    def failure(self) -> RelayError | None:
        """Why it is not up; None also while a new connection is being tried out."""
        return None if self.up else self._port_error or self._control.board.failure

    def settle(self, now_s: float) -> None:
        """Open the port if that is due, then write what is due. Blocks for 50 ms at most."""
        if self._serial is None and now_s >= self._retry_at_s:
            self._open(now_s)
        while self._serial is not None and (frame := self._control.next_write(now_s)) is not None:
            try:
                self._serial.write(frame)
            except RelayError as error:
                self._fail(error, now_s)
        self._announce()

    def deadline_s(self) -> float:
        """When `settle` must be called at the latest."""
        if self._serial is not None:
            return self._control.deadline_s()
        lease_s = self._control.machine.deadline_s()
        return self._retry_at_s if lease_s is None else min(self._retry_at_s, lease_s)

    def end(self, clock: Callable[[], float]) -> bool:
        """Write OFF whatever happened before, if need be by one last attempt to open the port; give it back.

        Returns whether the board took it (where it can: confirmed it), which may take 0.5 s.
        """
        limit_s = clock() + END_S
        self._retry_at_s = float("-inf")
        self._control.end()
        self.settle(clock())
        while self._serial is not None and not self._control.board.is_off and (now_s := clock()) < limit_s:
            try:
                data = self._serial.read_within(min(limit_s, self._control.deadline_s()) - now_s)
            except RelayError as error:
                self._fail(error, clock())
                break
            self._control.feed(data, clock())
            self.settle(clock())
        written = self._serial is not None and self._control.board.is_off
        self._close()
        return written

    def _open(self, now_s: float) -> None:
        try:
            self._serial = SerialPort(self.port, self._baud)
        except RelayError as error:
            self._fail(error, now_s)
            return
        self._control.opened()
        self._selector.register(self._serial, selectors.EVENT_READ, self._read)

    def _read(self, now_s: float) -> None:
        """Reading also shows at once when the board is gone."""
        if self._serial is None:
            return
        try:
            data = self._serial.read()
        except RelayError as error:
            self._fail(error, now_s)
            return
        self._control.feed(data, now_s)

    def _announce(self) -> None:
        """Up is what took a write: a port that opens and then hangs must not flap once a second."""
        board = self._control.board
        if self.up or board.failure is not None:
            self._port_error = None
        state = "up" if self.up else str(self.failure or "")
        if not state or state == self._announced:
            return
        self._announced = state
        if self.up:
            self._log.event("link up", port=self.port, fail_safe=board.fail_safe)
        else:
            self._log.event("link down", error=state)

    def _fail(self, error: RelayError, now_s: float) -> None:
        self._close()
        self._control.opened()
        self._port_error = error
        self._retry_at_s = now_s + RETRY_S

    def _close(self) -> None:
        if self._serial is not None:
            self._selector.unregister(self._serial)
            self._serial.close()
        self._serial = None
