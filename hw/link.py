"""The guard's link to its board: opens and reopens the port and keeps the output as wanted."""

from __future__ import annotations

import selectors
from collections.abc import Callable
from typing import Final

from hw.event_log import EventLog
from hw.output import Output
from hw.port import SerialPort
from hw.relay import Relay, RelayError

RETRY_S: Final = 1.0


class Link:
    """One output of one board. Port errors never leave it; they are its state (`failure`)."""

    def __init__(
        self,
        device: str,
        channel: int,
        board: Callable[[SerialPort], Relay],
        selector: selectors.BaseSelector,
        log: EventLog,
    ) -> None:
        """`board` makes the relay on an open port. Callbacks are registered as `data` in `selector`."""
        self.device = device
        self.failure: RelayError | None = None
        self._channel = channel
        self._board = board
        self._selector = selector
        self._log = log
        self._output = Output()
        self._port: SerialPort | None = None
        self._relay: Relay | None = None
        self._retry_at_s = float("-inf")
        self._announced = False

    @property
    def up(self) -> bool:
        """Whether the port is open and took everything so far."""
        return self._port is not None

    def settle(self, wanted: bool, now_s: float) -> None:
        """Open the port if that is due, then write what is due. Blocks for 0.2 s a write at most."""
        if self._port is None and now_s >= self._retry_at_s:
            self._open(now_s)
        while self._relay is not None and (on := self._output.next_write(wanted, now_s)) is not None:
            if self._write(on, now_s):
                self._output.wrote(on, now_s)
                self._announce()

    def deadline_s(self) -> float:
        """When `settle` must be called at the latest."""
        return self._retry_at_s if self._port is None else self._output.deadline_s()

    def end(self, now_s: float) -> bool:
        """Write OFF whatever happened before, if need be by one last attempt to open the port; give it back.

        Returns whether the OFF was written.
        """
        if self._relay is None or not self._write(False, now_s):
            self._retry_at_s = now_s
            self.settle(False, now_s)
        written = self.up
        self._close()
        return written

    def _open(self, now_s: float) -> None:
        try:
            self._port = SerialPort(self.device)
        except RelayError as error:
            self._fail(error, now_s)
            return
        self._relay = self._board(self._port)
        self._output.reset()
        self._selector.register(self._port, selectors.EVENT_READ, self._read)

    def _announce(self) -> None:
        """Up is what took a write: a port that opens and then hangs must not flap once a second."""
        if self._relay is not None and not self._announced:
            self._announced = True
            self.failure = None
            self._log.event("link up", port=self.device, fail_safe=self._relay.fail_safe)

    def _write(self, on: bool, now_s: float) -> bool:
        assert self._relay is not None  # noqa: S101  only called while open
        try:
            self._relay.set(self._channel, on)
        except RelayError as error:
            self._fail(error, now_s)
            return False
        return True

    def _read(self, now_s: float) -> None:
        """LCUS boards say nothing of use, but reading shows at once when the board is gone."""
        if self._port is None:
            return
        try:
            self._port.read()
        except RelayError as error:
            self._fail(error, now_s)

    def _fail(self, error: RelayError, now_s: float) -> None:
        self._close()
        if str(error) != str(self.failure):
            self._log.event("link down", error=str(error))
        self.failure = error
        self._retry_at_s = now_s + RETRY_S

    def _close(self) -> None:
        if self._port is not None:
            self._selector.unregister(self._port)
        if self._relay is not None:
            self._relay.close()
        self._port = self._relay = None
        self._announced = False
