"""The service's end of the guard socket.

    async with GuardClient(path) as guard:
        status = await guard.hold(lease_s=2.0)      # and again before it ends
        await guard.release()
        async for status in guard: ...

Nothing is retried here: after GuardLost the supervisor makes a new client.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Final, Self, cast

from hw import wire
from hw.guard_socket import peer_pid
from hw.wire import Status

CHANGES_QUEUED: Final = 32


class GuardLost(Exception):
    """No connection to the guard, or none any more.

    Either the guard noticed and has switched the siren off, or it is dead; or it hangs, and then the siren may stay
    on: `silent_pid` is the process that did not answer, to be killed (the next guard begins with OFF).
    """

    def __init__(self, message: str, silent_pid: int | None = None) -> None:
        super().__init__(message)
        self.silent_pid = silent_pid


class GuardClient:
    """One connection to the guard. Leaving the context ends it, and with it a lease held through it."""

    def __init__(self, path: str | Path, *, timeout_s: float = 1.0) -> None:
        """`path`: the guard's socket. `timeout_s`: limit for connecting and for each answer."""
        self._path = str(path)
        self._timeout_s = timeout_s
        self._connection: _Connection | None = None

    async def __aenter__(self) -> Self:
        """Connect and ask for the status. Raises GuardLost."""
        connection = _Connection(self._path)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout_s):
                await loop.create_unix_connection(lambda: connection, self._path)
        except (OSError, TimeoutError) as error:
            why = str(error) or f"no answer within {self._timeout_s} s"
            raise GuardLost(f"guard {self._path}: cannot connect ({why}); is hw.guard running?") from error
        self._connection = connection
        try:
            await self._request(wire.Query())
        except BaseException:
            await connection.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._opened().close()

    async def hold(self, lease_s: float) -> Status:
        """Siren on for `lease_s` from now, 5 s at most; repeat it to go on. Raises GuardLost.

        Refusals (maximum time, silenced, another holder) are no error: see `refused` and `on` in the answer.
        """
        return await self._request(wire.Hold(max(1, round(lease_s * 1000))))

    async def release(self) -> Status:
        """Siren off. Also lets a siren that was stopped be held again. Raises GuardLost."""
        return await self._request(wire.Release())

    async def query(self) -> Status:
        """Only ask; the guard takes it as a sign of life. Raises GuardLost."""
        return await self._request(wire.Query())

    @property
    def status(self) -> Status:
        """The latest status the guard sent, without `re` and `refused`."""
        status = self._opened().status
        if status is None:
            raise GuardLost(f"guard {self._path}: no status yet")
        return status

    async def __aiter__(self) -> AsyncIterator[Status]:
        """The current status, then each change. A slow reader loses the oldest of 32. Ends with GuardLost."""
        connection = self._opened()
        queue = connection.subscribe()
        try:
            while (status := await queue.get()) is not None:
                yield status
        finally:
            connection.unsubscribe(queue)
        raise connection.lost()

    async def _request(self, request: wire.Request) -> Status:
        connection = self._opened()
        answer = connection.send(request)
        try:
            async with asyncio.timeout(self._timeout_s):
                status = await answer
        except TimeoutError as error:
            if not answer.done() or answer.cancelled():
                # Later answers would be taken for the wrong request, and a guard that hangs is worth knowing.
                connection.fail(f"no answer within {self._timeout_s} s", silent=True)
                raise connection.lost() from error
            status = answer.result()  # it was this process that was late
        if status.re != wire.operation(request):
            connection.fail(f"answered {status.re!r} to {wire.operation(request)!r}")
            raise connection.lost()
        return status

    def _opened(self) -> _Connection:
        if self._connection is None:
            raise GuardLost(f"guard {self._path}: use it inside `async with`")
        return self._connection


class _Connection(asyncio.Protocol):
    def __init__(self, path: str) -> None:
        self.status: Status | None = None
        self._path = path
        self._lines = wire.LineBuffer(wire.MAX_STATUS_BYTES)
        self._answers: deque[asyncio.Future[Status]] = deque()
        self._subscribers: list[asyncio.Queue[Status | None]] = []
        self._transport: asyncio.Transport | None = None
        self._closed = asyncio.Event()
        self._why: str | None = None
        self._silent_pid: int | None = None

    def send(self, request: wire.Request) -> asyncio.Future[Status]:
        if self._why is not None or self._transport is None:
            raise self.lost()
        answer: asyncio.Future[Status] = asyncio.get_running_loop().create_future()
        self._answers.append(answer)
        self._transport.write(wire.encode_request(request))
        return answer

    def lost(self) -> GuardLost:
        return GuardLost(f"guard {self._path}: {self._why or 'not connected'}", self._silent_pid)

    def subscribe(self) -> asyncio.Queue[Status | None]:
        queue: asyncio.Queue[Status | None] = asyncio.Queue(CHANGES_QUEUED)
        if self.status is not None:
            queue.put_nowait(self.status)
        if self._why is not None:
            queue.put_nowait(None)
        self._subscribers.append(queue)
        return queue

    def unsubscribe(self, queue: asyncio.Queue[Status | None]) -> None:
        self._subscribers.remove(queue)

    def fail(self, why: str, *, silent: bool = False) -> None:
        """End the connection at once; everybody who waits gets GuardLost. `silent`: the guard does not answer."""
        if self._why is not None:
            return
        self._why = why
        if self._transport is not None:
            if silent:
                self._silent_pid = _pid(self._transport)
            self._transport.abort()
        for answer in self._answers:
            if not answer.done():
                answer.set_exception(self.lost())
                answer.exception()  # its waiter may have been cancelled: nothing to report then
        self._answers.clear()
        self._tell(None)

    async def close(self) -> None:
        self.fail("closed by this client")
        await self._closed.wait()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.fail(f"connection ended{f' ({exc})' if exc else ''}; is hw.guard running?")
        self._closed.set()

    def data_received(self, data: bytes) -> None:
        for line in self._lines.feed(data):
            try:
                if line is None:
                    raise wire.WireError(f"line longer than {wire.MAX_STATUS_BYTES} bytes")
                self._take(wire.decode_status(line))
            except wire.WireError as error:
                self.fail(f"spoke another protocol ({error})")
            if self._why is not None:
                return

    def _take(self, status: Status) -> None:
        before, self.status = self.status, replace(status, re=None, refused=None)
        if before is None or replace(before, cooldown_ms=0) != replace(self.status, cooldown_ms=0):
            self._tell(self.status)
        if status.re is not None:
            if not self._answers:
                raise wire.WireError("an answer nobody asked for")
            answer = self._answers.popleft()
            if not answer.done():
                answer.set_result(status)

    def _tell(self, status: Status | None) -> None:
        for queue in self._subscribers:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(status)


def _pid(transport: asyncio.Transport) -> int | None:
    """The process at the other end; None if the kernel does not show it here, or if it is this one."""
    sock: socket.socket | None = transport.get_extra_info("socket")
    pid = 0 if sock is None or sock.fileno() < 0 else peer_pid(sock)
    return pid if pid > 0 and pid != os.getpid() else None
