"""A child process as its parent sees it: start over a socket pair, talk, tell why it ended, kill without fail."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence

UNSENT_BYTES = 64 << 10
"""Unsent bytes from which on `drain` waits; what the socket itself holds comes on top."""
LAST_WORDS_BYTES = 2000
END_S = 2.0
KEPT_ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "VIRTUAL_ENV")
"""All that the child inherits: service managers and shells put secrets into environments."""


class ChildProcess:
    """One child process and this end of its socket pair."""

    def __init__(
        self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ):
        self._process, self._reader, self._writer = process, reader, writer
        self._last_words = b""

    @classmethod
    async def start(
        cls, module: str, environment: Mapping[str, str] = {}, descriptors: Sequence[int] = ()
    ) -> ChildProcess:
        """Run `python -m module FD …`, FD being its end of the socket pair, … the `descriptors`, which it inherits."""
        ours, theirs = socket.socketpair()
        with theirs:
            reader, writer = await asyncio.open_connection(sock=ours)
            writer.transport.set_write_buffer_limits(high=UNSENT_BYTES)
            try:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", module, *map(str, (theirs.fileno(), *descriptors))),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.PIPE,
                    pass_fds=(theirs.fileno(), *descriptors),
                    env={name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ}
                    | dict(environment),
                    start_new_session=True,
                )
            except BaseException:
                writer.transport.abort()
                raise
        return cls(process, reader, writer)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """Its exit code, or the negative number of the signal that ended it; None: it is not known to have ended."""
        return self._process.returncode

    @property
    def waiting_bytes(self) -> int:
        """What was written and the socket has not taken yet."""
        return self._writer.transport.get_write_buffer_size()

    def write(self, data: bytes) -> None:
        """Queue `data`; whoever sends much awaits `drain` in between, or looks at `waiting_bytes`. A dead child is
        noticed by `read`."""
        if not self._writer.is_closing():
            self._writer.write(data)

    async def drain(self) -> None:
        """Wait until the child has taken most of what was sent. A dead child is left to `read` to notice."""
        try:
            await self._writer.drain()
        except ConnectionError:
            return

    async def read(self, most_bytes: int) -> bytes:
        """What it sent, at most `most_bytes`; b"" once it has closed its end."""
        try:
            return await self._reader.read(most_bytes)
        except ConnectionError:
            return b""

    async def keep_last_words(self) -> None:
        """Read its stderr until it ends, to be able to tell why it died."""
        stderr = self._process.stderr
        while stderr is not None and (data := await stderr.read(4096)):
            self._last_words = (self._last_words + data)[-LAST_WORDS_BYTES:]

    async def end(self) -> None:
        """Kill it and release everything; safe to call in any state. Who is cancelled meanwhile is so afterwards: a
        child that nobody waited for would stay behind."""
        if self._process.returncode is None:
            self._process.kill()
        self._writer.transport.abort()
        cancelled: asyncio.CancelledError | None = None
        is_over = False
        while not is_over:
            try:
                await self.keep_last_words()  # to its end, which closes the pipe
                await self._process.wait()
                is_over = True
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled

    async def obituary(self) -> str:
        """Why it closed its end, as in "ended by SIGKILL": wait for its exit status, or make an end of it."""
        try:
            async with asyncio.timeout(END_S):
                status = await self._process.wait()
        except TimeoutError:
            return "closed its connection"
        how = f"by {signal.Signals(-status).name}" if status < 0 else f"with exit code {status}"
        words = [
            line
            for line in self._last_words.decode("utf-8", "replace").strip().splitlines()
            if not line.startswith("INFO: ")  # of libraries that say on stderr that all is well
        ]
        last = f": {words[-1][:200]}" if words else ""
        return f"ended {how}{last}"
