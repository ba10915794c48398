"""The analysis process as its parent sees it: messages over a child process, questions and their answers."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import deque
from typing import Any, Never

from nvr.child.process import ChildProcess
from nvr.detect.messages.protocol import (
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
from nvr.detect.note import STILLS, NoteReader, Work
from nvr.errors import NvrError
from nvr.media.access_unit import CodecConfig

WORKER_MODULE = "nvr.detect.worker"
RECEIVE_BYTES = 256 << 10
PICTURE_S = 5.0
MAX_PICTURES = 4
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
SMALL_HEAP = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "393216",
    "MALLOC_TRIM_THRESHOLD_": "2097152",
}
"""glibc gives the memory of large decoded pictures back at once, instead of keeping the holes between them. What a
picture's motion is computed in (230 kB an array) it keeps: fetched anew each time, its pages take three times as long
as the computing."""


INNOCENT = {signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT}
"""Ends that somebody else made: a person, or the kernel when the machine's memory ran out."""
LOOK_EVERY_S = 0.5
STUCK_CPU_S = 3.0
"""One picture never takes so much CPU time, also on a small board."""


class AnalysisError(NvrError):
    """The analysis process died, is deaf, broke the protocol or cannot lock itself in; recording goes on."""

    exit_code = 70
    code = "analysis"


class WorkerCrashed(AnalysisError):
    """The analysis process ended, or was stuck, amid its work on one video. `camera`: whose, by index; None: it was a
    wanted picture."""

    def __init__(self, message: str, camera: int | None):
        super().__init__(message, remedy="It is started again")
        self.camera = camera


class HarmfulPicture(AnalysisError):
    """The wanted picture ended the analysis process."""


class WorkerProcess:
    """One analysis process."""

    def __init__(self, child: ChildProcess, note: NoteReader):
        self._child, self._note = child, note
        self._messages = ServiceReader()
        self._received: deque[ToService] = deque()
        self._self_tests: list[asyncio.Future[dict[str, str]]] = []
        self._pictures: dict[int, asyncio.Future[bytes]] = {}
        self._picture_count = 0
        self._fatal: Work | None = None

    @classmethod
    async def start(cls) -> WorkerProcess:
        """Start it; it says nothing before it is configured."""
        note = NoteReader()
        try:
            child = await ChildProcess.start(WORKER_MODULE, ONE_THREAD | SMALL_HEAP, (note.descriptor,))
        except BaseException:
            note.close()
            raise
        return cls(child, note)

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def waiting_bytes(self) -> int:
        """What was sent and the socket has not taken yet."""
        return self._child.waiting_bytes

    def send(self, message: ToWorker) -> None:
        """Queue a message; whoever sends much looks at `waiting_bytes`. A dead worker is noticed by `receive`."""
        self._child.write(encode(message))

    async def drain(self) -> None:
        """Wait until the worker has taken most of what was sent. A dead worker is left to `receive` to notice."""
        await self._child.drain()

    async def receive(self, timeout_s: float) -> ToService:
        """The next message. Raises AnalysisError: the process ended, broke the protocol, or was silent for
        `timeout_s`; WorkerCrashed where it did so amid its work on a video."""
        try:
            async with asyncio.timeout(timeout_s):
                while not self._received:
                    data = await self._child.read(min(RECEIVE_BYTES, MAX_TO_SERVICE))
                    if not data:
                        obituary = await self._child.obituary()
                        self._raise_death(obituary, is_harm=not self._was_ended_by_others)
                    self._received += self._messages.feed(data)
        except TimeoutError:
            self._raise_death(f"has said nothing for {timeout_s:.0f} s", is_harm=True)
        except ProtocolError as error:
            raise AnalysisError(f"the analysis process broke the protocol: {error}") from None
        return self._received.popleft()

    async def watch(self) -> Never:
        """Raise WorkerCrashed once it has been at work on one picture for STUCK_CPU_S of its CPU time."""
        known, since_s = None, 0.0
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            work, used_s = self._note.read(), self._cpu_s
            if work is None or work != known:
                known, since_s = work, used_s
            elif used_s - since_s >= STUCK_CPU_S:
                self._raise_death("does not come to an end with a picture", is_harm=True)

    @property
    def _cpu_s(self) -> float:
        """CPU time that it used so far, all threads."""
        try:
            return time.clock_gettime((~self._child.pid << 3) | 2)  # as clock_getcpuclockid(3) makes it
        except OSError:
            return 0.0  # it has ended, which others notice

    @property
    def _was_ended_by_others(self) -> bool:
        status = self._child.exit_status
        return status is not None and -status in INNOCENT

    def _raise_death(self, how: str, *, is_harm: bool) -> Never:
        work = self._note.read()
        if work is None or not is_harm:
            raise AnalysisError(f"the analysis process {how}", remedy="It is started again")
        self._fatal = work
        raise WorkerCrashed(f"the analysis process {how}", work.camera)

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
        wanted already; HarmfulPicture: it ends because of this one; ProtocolError: the keyframe is too large."""
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
        await self._child.keep_last_words()

    async def end(self) -> None:
        """Kill it and release everything; safe to call in any state."""
        fatal = None if self._fatal is None else self._fatal.still
        for number, picture in self._pictures.items():
            if number % STILLS == fatal and not picture.done():
                picture.set_exception(HarmfulPicture("the picture ended the analysis process"))
        waiting: list[asyncio.Future[Any]] = [*self._self_tests, *self._pictures.values()]
        for answer in waiting:
            if not answer.done():
                answer.set_exception(AnalysisError("the analysis process ended"))
        try:
            await self._child.end()
        finally:
            self._note.close()
