"""The analysis process as its parent sees it: start, talk, tell why it ended, and kill it without fail."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections import deque
from typing import Any

from nvr.detect.protocol import (
    MAX_TO_SERVICE,
    PictureMade,
    PictureWanted,
    ProtocolError,
    SelfTest,
    SelfTestResult,
    ServiceReader,
    ToService,
    ToWorker,
    encode,
)
from nvr.errors import NvrError
from nvr.media.access_unit import CodecConfig

WORKER_MODULE = "nvr.detect.worker"
RECEIVE_BYTES = 256 << 10
UNSENT_BYTES = 64 << 10
"""Unsent bytes from which on `drain` waits; what the socket itself holds comes on top."""
LAST_WORDS_BYTES = 2000
END_S = 2.0
PICTURE_S = 5.0
MAX_PICTURES = 4
KEPT_ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "VIRTUAL_ENV")
"""All that the child inherits: service managers and shells put secrets into environments."""
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
SMALL_HEAP = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "262144",
    "MALLOC_TRIM_THRESHOLD_": "1048576",
}
"""glibc gives the memory of decoded pictures back at once, instead of keeping the holes between them."""


class AnalysisError(NvrError):
    """The analysis process died, is deaf, broke the protocol or cannot lock itself in; recording goes on."""

    exit_code = 70
    code = "analysis"


class WorkerProcess:
    """One analysis process and this end of its socket pair."""

    def __init__(
        self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ):
        self._process, self._reader, self._writer = process, reader, writer
        self._messages = ServiceReader()
        self._received: deque[ToService] = deque()
        self._last_words = b""
        self._self_tests: list[asyncio.Future[dict[str, str]]] = []
        self._pictures: dict[int, asyncio.Future[bytes]] = {}
        self._picture_count = 0

    @classmethod
    async def start(cls) -> WorkerProcess:
        """Start it; it says nothing before it is configured."""
        ours, theirs = socket.socketpair()
        with theirs:
            reader, writer = await asyncio.open_connection(sock=ours)
            writer.transport.set_write_buffer_limits(high=UNSENT_BYTES)
            try:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", WORKER_MODULE, str(theirs.fileno())),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.PIPE,
                    pass_fds=(theirs.fileno(),),
                    env={name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ}
                    | ONE_THREAD
                    | SMALL_HEAP,
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
    def waiting_bytes(self) -> int:
        """What was sent and the socket has not taken yet."""
        return self._writer.transport.get_write_buffer_size()

    def send(self, message: ToWorker) -> None:
        """Queue a message; whoever sends much looks at `waiting_bytes`. A dead worker is noticed by `receive`."""
        if not self._writer.is_closing():
            self._writer.write(encode(message))

    async def drain(self) -> None:
        """Wait until the worker has taken most of what was sent. A dead worker is left to `receive` to notice."""
        try:
            await self._writer.drain()
        except ConnectionError:
            return

    async def receive(self, timeout_s: float) -> ToService:
        """The next message. Raises AnalysisError: the process ended, broke the protocol, or was silent for
        `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                while not self._received:
                    data = await self._read()
                    if not data:
                        raise await self._obituary()
                    self._received += self._messages.feed(data)
        except TimeoutError:
            raise AnalysisError(
                f"the analysis process has said nothing for {timeout_s:.0f} s", remedy="It is started again"
            ) from None
        except ProtocolError as error:
            raise AnalysisError(f"the analysis process broke the protocol: {error}") from None
        return self._received.popleft()

    async def self_test(self) -> dict[str, str]:
        """Let it try to break out; attempt to outcome: an errno name or "allowed". Some other task must be
        receiving and hand the answer to `answer_self_test`. Raises AnalysisError if the process ends first."""
        answer: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()
        self._self_tests.append(answer)
        self.send(SelfTest())
        return await answer

    def answer_self_test(self, result: SelfTestResult) -> None:
        """Give a result to whoever asked first; one that nobody asked for is ignored."""
        if self._self_tests:
            answer = self._self_tests.pop(0)
            if not answer.done():
                answer.set_result(dict(result.outcomes))

    async def picture(self, config: CodecConfig, data: bytes) -> bytes:
        """Let it make a JPEG of a keyframe; b"" if it cannot. Some other task must be receiving and hand the answer to
        `answer_picture`. Raises AnalysisError: it ends first, does not answer within PICTURE_S, or MAX_PICTURES are
        wanted already; ProtocolError: the keyframe is too large."""
        if len(self._pictures) >= MAX_PICTURES:
            raise AnalysisError("too many pictures are wanted at once", remedy="Try again in a moment")
        number = self._picture_count = (self._picture_count + 1) % (1 << 32)
        wish = PictureWanted(number, config.codec, config.vps, config.sps, config.pps, data)
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._pictures[number] = answer
        try:
            async with asyncio.timeout(PICTURE_S):
                self.send(wish)
                await self.drain()
                return await answer
        except TimeoutError:
            raise AnalysisError("the analysis process is too busy to make a picture") from None
        finally:
            del self._pictures[number]

    def answer_picture(self, made: PictureMade) -> None:
        """Give a picture to whoever wants it; one that nobody waits for any more is ignored."""
        answer = self._pictures.get(made.number)
        if answer is not None and not answer.done():
            answer.set_result(made.jpeg)

    async def keep_last_words(self) -> None:
        """Read its stderr until it ends, to be able to tell why it died."""
        stderr = self._process.stderr
        while stderr is not None and (data := await stderr.read(4096)):
            self._last_words = (self._last_words + data)[-LAST_WORDS_BYTES:]

    async def end(self) -> None:
        """Kill it and release everything; safe to call in any state."""
        if self._process.returncode is None:
            self._process.kill()
        waiting: list[asyncio.Future[Any]] = [*self._self_tests, *self._pictures.values()]
        for answer in waiting:
            if not answer.done():
                answer.set_exception(AnalysisError("the analysis process ended"))
        self._writer.transport.abort()
        await self.keep_last_words()  # to its end, which closes the pipe
        await self._process.wait()

    async def _read(self) -> bytes:
        try:
            return await self._reader.read(min(RECEIVE_BYTES, MAX_TO_SERVICE))
        except ConnectionError:
            return b""

    async def _obituary(self) -> AnalysisError:
        """Why it closed its end: wait for its exit status, or make an end of it."""
        try:
            async with asyncio.timeout(END_S):
                status = await self._process.wait()
        except TimeoutError:
            return AnalysisError("the analysis process closed its connection")
        how = f"by {signal.Signals(-status).name}" if status < 0 else f"with exit code {status}"
        words = self._last_words.decode("utf-8", "replace").strip().splitlines()
        last = f": {words[-1][:200]}" if words else ""
        return AnalysisError(f"the analysis process ended {how}{last}", remedy="It is started again")
