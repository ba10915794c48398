"""The guard's loop: its clients, its board, and the watchdogs it feeds."""

from __future__ import annotations

import os
import selectors
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from hw import wire
from hw.control import Control
from hw.event_log import EventLog
from hw.guard_socket import is_admitted, peer_uid
from hw.link import Link
from hw.watchdog import Watchdogs

FIRST_CLIENT_S: Final = 30.0
CLIENT_BACK_S: Final = 5.0
MAX_CLIENTS: Final = 8
RECV_BYTES: Final = 4096


@dataclass(eq=False)
class _Client:
    number: int
    sock: socket.socket
    lines: wire.LineBuffer = field(default_factory=lambda: wire.LineBuffer(wire.MAX_REQUEST_BYTES))


class Guard:
    """Single-threaded: every wake-up lets time pass, brings the board up to date, then tells the clients."""

    def __init__(
        self,
        link: Link,
        control: Control,
        watchdogs: Watchdogs,
        selector: selectors.BaseSelector,
        log: EventLog,
        *,
        exit_with_client: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`selector` is the one `link` was given: its `data` are callbacks that take the time."""
        self._link = link
        self._control = control
        self._machine = control.machine
        self._watchdogs = watchdogs
        self._selector = selector
        self._log = log
        self._exit_with_client = exit_with_client
        self._clock = clock
        # With --exit-with-client a service that dies before it ever connects must not leave a guard behind.
        self._exit_at_s = clock() + FIRST_CLIENT_S if exit_with_client else float("inf")
        self._clients: list[_Client] = []
        self._clients_seen = 0
        self._published: wire.Status | None = None
        self._stopping = False

    def run(self, listener: socket.socket, wake: socket.socket) -> None:
        """Serve until `stop`, or until the client stays away; then write OFF. `wake` ends a wait."""
        self._selector.register(listener, selectors.EVENT_READ, partial(self._accept, listener))
        self._selector.register(wake, selectors.EVENT_READ, lambda _now_s: wake.recv(RECV_BYTES))
        self._log.event("listening", port=self._link.port)
        self._watchdogs.ready()
        try:
            while not self._stopping and (now_s := self._clock()) < self._exit_at_s:
                self._machine.tick(now_s)
                self._link.settle(now_s)
                self._publish(now_s)
                self._watchdogs.feed(now_s)
                for key, _ in self._selector.select(self._wait_s()):
                    key.data(self._clock())
        finally:
            off_written = self._link.end(self._clock)
            self._watchdogs.close(deliberately=self._stopping)
            self._log.event("ended", told_to=self._stopping, off_written=off_written)
            for client in self._clients:
                client.sock.close()

    def stop(self) -> None:
        """End `run` at its next wake-up (called by the signal handler)."""
        self._stopping = True

    def _wait_s(self) -> float:
        now_s = self._clock()
        if self._state() != self._published:
            return 0.0  # a client was dropped while the others were told
        deadline_s = min(self._link.deadline_s(), self._exit_at_s, self._watchdogs.deadline_s())
        return max(0.0, deadline_s - now_s)

    def _accept(self, listener: socket.socket, now_s: float) -> None:
        try:
            sock, _ = listener.accept()
        except OSError as error:  # the peer is gone already, or no file descriptor is left
            self._log.event("accept failed", error=str(error))
            return
        uid = peer_uid(sock)
        if not is_admitted(uid, os.geteuid()) or len(self._clients) >= MAX_CLIENTS:
            self._log.event("client refused", uid=uid, clients=len(self._clients))
            sock.close()
            return
        sock.setblocking(False)
        self._clients_seen += 1
        client = _Client(self._clients_seen, sock)
        self._clients.append(client)
        self._exit_at_s = float("inf")
        self._selector.register(sock, selectors.EVENT_READ, partial(self._read, client))
        self._log.event("client", client=client.number, uid=uid)
        self._send(client, self._status(now_s), now_s)

    def _read(self, client: _Client, now_s: float) -> None:
        if client not in self._clients:
            return  # dropped earlier in the same wake-up
        try:
            data = client.sock.recv(RECV_BYTES)
        except OSError as error:
            self._drop(client, str(error), now_s)
            return
        if not data:
            self._drop(client, "connection ended", now_s)
            return
        for line in client.lines.feed(data):
            if client in self._clients:
                self._answer(client, line, now_s)

    def _answer(self, client: _Client, line: bytes | None, now_s: float) -> None:
        answered, refused = "invalid", None
        try:
            if line is None:
                raise wire.WireError(f"line longer than {wire.MAX_REQUEST_BYTES} bytes")
            request = wire.decode_request(line)
        except wire.WireError as error:
            refused = str(error)
        else:
            answered = wire.operation(request)
            self._watchdogs.heard(now_s)
            match request:
                case wire.Hold(lease_ms):
                    refused = self._machine.hold(client.number, lease_ms / 1000, now_s)
                case wire.Release():
                    self._machine.release(client.number, now_s)
            self._link.settle(now_s)
        if refused is not None:
            self._log.event("refused", client=client.number, op=answered, why=refused)
        self._send(client, replace(self._status(now_s), re=answered, refused=refused), now_s)
        self._publish(now_s, informed=client)

    def _state(self) -> wire.Status:
        """What a change of is worth telling: the status without the running cooldown."""
        failure = self._link.failure
        return wire.Status(
            on=self._machine.on,
            link="up" if self._link.up else "down",
            error=None if failure is None else str(failure),
            cause=str(self._machine.cause),
            cooldown_ms=0,
            kind=None if failure is None else failure.kind,
            output=self._control.board.output,
            fail_safe=self._control.board.fail_safe,
            inputs=self._control.inputs.states,
        )

    def _status(self, now_s: float) -> wire.Status:
        return replace(self._state(), cooldown_ms=round(self._machine.cooldown_s(now_s) * 1000))

    def _publish(self, now_s: float, informed: _Client | None = None) -> None:
        """Push a changed state to all clients but `informed`, whose answer carried it."""
        state = self._state()
        if state == self._published:
            return
        self._published = state
        self._log.event("state", on=state.on, link=state.link, cause=state.cause)
        for client in self._clients.copy():
            if client is not informed:
                self._send(client, self._status(now_s), now_s)

    def _send(self, client: _Client, status: wire.Status, now_s: float) -> None:
        """A client that does not read until its socket is full is dropped, and its lease with it."""
        line = wire.encode_status(status)
        try:
            sent = client.sock.send(line)
        except OSError as error:
            self._drop(client, str(error), now_s)
            return
        if sent < len(line):
            self._drop(client, "does not read", now_s)

    def _drop(self, client: _Client, why: str, now_s: float) -> None:
        if client not in self._clients:
            return
        self._clients.remove(client)
        self._selector.unregister(client.sock)
        client.sock.close()
        self._machine.connection_lost(client.number, now_s)
        self._link.settle(now_s)
        self._log.event("client gone", client=client.number, why=why)
        if self._exit_with_client and not self._clients:
            self._exit_at_s = now_s + CLIENT_BACK_S
