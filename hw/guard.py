"""The guard: the one process that owns the relay port, and grants the siren only as a lease.

    python -m hw.guard --port DEV --channel 1 --socket PATH --max-on-s 180 [--exit-with-client]
    python -m hw.guard --port DEV --channel 1 --off

Exit codes: 0 told to end (or --exit-with-client, or --off was written), 1 --off was not, 2 bad arguments,
3 another guard runs on this socket, 4 the port belongs to another process, 5 the socket cannot be made.
See hw/README.md.
"""

from __future__ import annotations

import argparse
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

from hw import lcus, lease
from hw.event_log import EventLog
from hw.guard_socket import SocketOwned, SocketUnusable, is_admitted, listen, peer_uid
from hw.lcus_relay import LcusRelay
from hw.link import Link
from hw.relay import PortBusy

FIRST_CLIENT_S: Final = 30.0
CLIENT_BACK_S: Final = 5.0
MAX_CLIENTS: Final = 8
RECV_BYTES: Final = 4096

EXIT_OK, EXIT_NOT_OFF, EXIT_SOCKET_OWNED, EXIT_PORT_BUSY, EXIT_SOCKET_UNUSABLE = 0, 1, 3, 4, 5


@dataclass(eq=False)
class _Client:
    number: int
    sock: socket.socket
    lines: lease.LineBuffer = field(default_factory=lambda: lease.LineBuffer(lease.MAX_REQUEST_BYTES))


class Guard:
    """Single-threaded: every wake-up lets time pass, brings the board up to date, then tells the clients."""

    def __init__(
        self,
        link: Link,
        machine: lease.LeaseMachine,
        selector: selectors.BaseSelector,
        log: EventLog,
        *,
        exit_with_client: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`selector` is the one `link` was given: its `data` are callbacks that take the time."""
        self._link = link
        self._machine = machine
        self._selector = selector
        self._log = log
        self._exit_with_client = exit_with_client
        self._clock = clock
        # With --exit-with-client a service that dies before it ever connects must not leave a guard behind.
        self._exit_at_s = clock() + FIRST_CLIENT_S if exit_with_client else float("inf")
        self._clients: list[_Client] = []
        self._clients_seen = 0
        self._published: lease.Status | None = None
        self._stopping = False

    def run(self, listener: socket.socket, wake: socket.socket) -> None:
        """Serve until `stop`, or until the client stays away; then write OFF. `wake` ends a wait."""
        self._selector.register(listener, selectors.EVENT_READ, partial(self._accept, listener))
        self._selector.register(wake, selectors.EVENT_READ, lambda _now_s: wake.recv(RECV_BYTES))
        self._log.event("listening", port=self._link.device)
        try:
            while not self._stopping and (now_s := self._clock()) < self._exit_at_s:
                self._machine.tick(now_s)
                self._link.settle(self._machine.on, now_s)
                self._publish(now_s)
                for key, _ in self._selector.select(self._wait_s()):
                    key.data(self._clock())
        finally:
            off_written = self._link.end(self._clock())
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
        lease_s = self._machine.deadline_s()
        deadline_s = min(
            self._link.deadline_s(), self._exit_at_s, float("inf") if lease_s is None else lease_s
        )
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
                raise lease.WireError(f"line longer than {lease.MAX_REQUEST_BYTES} bytes")
            request = lease.decode_request(line)
        except lease.WireError as error:
            refused = str(error)
        else:
            answered = lease.operation(request)
            match request:
                case lease.Hold(lease_ms):
                    refused = self._machine.hold(client.number, lease_ms / 1000, now_s)
                case lease.Release():
                    self._machine.release(client.number, now_s)
            self._link.settle(self._machine.on, now_s)
        if refused is not None:
            self._log.event("refused", client=client.number, op=answered, why=refused)
        self._send(client, replace(self._status(now_s), re=answered, refused=refused), now_s)
        self._publish(now_s, informed=client)

    def _state(self) -> lease.Status:
        """What a change of is worth telling: the status without the running cooldown."""
        failure = self._link.failure
        return lease.Status(
            on=self._machine.on,
            link="up" if self._link.up else "down",
            error=None if failure is None else str(failure),
            cause=str(self._machine.cause),
            cooldown_ms=0,
        )

    def _status(self, now_s: float) -> lease.Status:
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

    def _send(self, client: _Client, status: lease.Status, now_s: float) -> None:
        """A client that does not read until its socket is full is dropped, and its lease with it."""
        line = lease.encode_status(status)
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
        self._link.settle(self._machine.on, now_s)
        self._log.event("client gone", client=client.number, why=why)
        if self._exit_with_client and not self._clients:
            self._exit_at_s = now_s + CLIENT_BACK_S


def main(argv: Sequence[str] | None = None) -> int:
    """Run the guard until SIGTERM, SIGINT or SIGHUP. Returns the exit code."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    try:
        machine = lease.LeaseMachine(arguments.max_on_s, arguments.cooldown_s)
    except ValueError as error:
        parser.error(str(error))
    log = EventLog(sys.stderr.fileno())
    wake, wake_writer = socket.socketpair()
    with selectors.DefaultSelector() as selector, wake, wake_writer:
        link = Link(arguments.port, arguments.channel, LcusRelay, selector, log)
        if arguments.off:
            return _switch_off(link, log)
        guard = Guard(link, machine, selector, log, exit_with_client=arguments.exit_with_client)
        wake.setblocking(False)
        wake_writer.setblocking(False)
        signal.set_wakeup_fd(wake_writer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda _number, _frame: guard.stop())
        try:
            return _serve(guard, link, log, arguments.socket, wake)
        finally:
            signal.set_wakeup_fd(-1)


def _switch_off(link: Link, log: EventLog) -> int:
    if link.end(time.monotonic()):
        return EXIT_OK
    log.event("cannot switch off", error=str(link.failure))
    return EXIT_PORT_BUSY if isinstance(link.failure, PortBusy) else EXIT_NOT_OFF


def _serve(guard: Guard, link: Link, log: EventLog, path: Path, wake: socket.socket) -> int:
    link.settle(False, time.monotonic())  # the first thing of all: a latching board may still be on
    if isinstance(link.failure, PortBusy):
        log.event("cannot start", error=str(link.failure))
        return EXIT_PORT_BUSY
    try:
        listener = listen(path)
    except (SocketOwned, SocketUnusable) as error:
        link.end(time.monotonic())
        log.event("cannot start", error=str(error))
        return EXIT_SOCKET_OWNED if isinstance(error, SocketOwned) else EXIT_SOCKET_UNUSABLE
    with listener:
        guard.run(listener, wake)
        path.unlink(missing_ok=True)
    return EXIT_OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m hw.guard", description="Owns the siren's relay board.")
    add = parser.add_argument
    add("--port", required=True, metavar="DEV", help="serial device of an LCUS relay board")
    add("--channel", type=int, default=1, choices=range(1, lcus.MAX_CHANNEL + 1), help="output of the siren")
    work = parser.add_mutually_exclusive_group(required=True)
    work.add_argument("--socket", type=Path, metavar="PATH", help="unix socket to make")
    work.add_argument("--off", action="store_true", help="only switch the siren off, and end")
    add("--max-on-s", type=float, default=180.0, metavar="S", help="longest sounding (default %(default)s)")
    add(
        "--cooldown-s",
        type=float,
        default=lease.COOLDOWN_S,
        metavar="S",
        help="silence that gives the full sounding time back (default %(default)s)",
    )
    add(
        "--exit-with-client",
        action="store_true",
        help=f"end when the last client has been away for {CLIENT_BACK_S:.0f} s",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
