"""One analysis process at a time, and the cameras that it is given: feeds them to it, and listens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import structlog

from nvr.clock import Clock
from nvr.config import Camera
from nvr.detect.attention import FOLLOWED, Attention, Mode, Report
from nvr.detect.checks import violation
from nvr.detect.closer import CloserFeed
from nvr.detect.feed import MAX_WAITING_BYTES, Feed
from nvr.detect.gop import GopMeter
from nvr.detect.messages.protocol import (
    Acting,
    Configure,
    Failed,
    Moved,
    Ready,
    Statistics,
    ToService,
    Wanted,
)
from nvr.detect.numbers import CameraNumbers
from nvr.detect.process import AnalysisError, WorkerProcess
from nvr.errors import ModelError, NvrError
from nvr.events import Role, StreamKey
from nvr.media.hub import Hub

START_S = 60.0
"""Time for Python, numpy and the model to load from a slow card."""
DEAF_S = 10.0

log = structlog.get_logger(__name__)


class Crew:
    """Lives of one analysis process after the other, each at work on `members` (indices of `cameras`, set at any time).

    `take` gets what it says besides its readiness and what it wants to see, and may raise AnalysisError. `on_new` is
    told of each camera that it begins with. `clock` must read the machine's monotonic clock.
    """

    def __init__(
        self,
        hub: Hub,
        cameras: Sequence[Camera],
        gops: Sequence[GopMeter],
        *,
        configure: Configure,
        clock: Clock,
        take: Callable[[WorkerProcess, ToService], None],
        on_new: Callable[[int], None],
    ):
        self._hub, self._cameras, self._gops = hub, cameras, gops
        self._configure, self._clock, self._take, self._on_new = configure, clock, take, on_new
        self.members: frozenset[int] = frozenset()
        self._acting: frozenset[int] = frozenset()
        self._attention = Attention(len(cameras))
        self._feeds: dict[int, Feed] = {}
        self._closer: dict[int, CloserFeed] = {}
        self._modes: dict[int, Mode] = {}
        self._reported_s = 0.0
        self.worker: WorkerProcess | None = None
        self.mechanisms: tuple[str, ...] = ()
        self.statistics: Statistics | None = None
        self.numbers: Mapping[int, CameraNumbers] = {}

    def set_acting(self, acting: frozenset[int]) -> None:
        """Name the cameras whose sightings have consequences now."""
        self._acting = self._attention.acting = acting
        if self.worker is not None:
            self.worker.send(Acting(cameras=tuple(sorted(acting))))

    async def live(self, healthy: Callable[[], None], *, ends_without_members: bool = False) -> None:
        """One life of the process, which is always killed at the end; calls `healthy()` once it is ready.

        Raises WorkerCrashed: one video was its end; AnalysisError: it died otherwise, said nothing for DEAF_S, broke
        the protocol, or the kernel offers no sandbox; ModelError: the model file is missing or damaged.
        """
        worker = await WorkerProcess.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                watching = [tasks.create_task(worker.keep_last_words()), tasks.create_task(worker.watch())]
                await self._wait_until_ready(worker)
                healthy()
                await self._feed_and_listen(worker, ends_without_members=ends_without_members)
                for task in watching:
                    task.cancel()
        except BaseExceptionGroup as group:
            raise cause(group) from None
        finally:
            for feed in self._feeds.values():
                feed.stop()
            for closer in self._closer.values():
                closer.stop()
            self._feeds, self._closer, self._modes = {}, {}, {}
            self.worker, self.statistics, self.numbers = None, None, {}
            await worker.end()

    async def _wait_until_ready(self, worker: WorkerProcess) -> None:
        worker.send(self._configure)
        match await worker.receive(START_S):
            case Ready(mechanisms=mechanisms):
                self.worker, self.mechanisms = worker, mechanisms
                worker.send(Acting(cameras=tuple(sorted(self._acting))))
                log.info("analysis process ready", pid=worker.pid, locked_in_by=", ".join(mechanisms))
            case Failed(code="model", message=message, remedy=remedy):
                raise ModelError(message, remedy=remedy)
            case Failed(message=message, remedy=remedy):
                raise AnalysisError(f"the analysis process cannot lock itself in: {message}", remedy=remedy)
            case other:
                raise violation(f"{type(other).__name__} before it was ready")

    async def _feed_and_listen(self, worker: WorkerProcess, *, ends_without_members: bool) -> None:
        """Hand the worker what it can examine, and take what it says."""
        self._attention = Attention(len(self._cameras))
        self._attention.acting = self._acting
        self._reported_s = self._clock.monotonic()
        await self._start_feeds(worker)
        while self.members or not ends_without_members:
            message = await worker.receive(DEAF_S)
            match message:
                case Statistics():
                    self._keep(message)
                case Moved():
                    self._attention.moved(message.camera, self._clock.monotonic())
                case Wanted():
                    self._give(worker, message)
            self._take(worker, message)
            for feed in self._arrange(worker):
                feed.start(whole=self._modes[feed.index] in FOLLOWED)

    async def _start_feeds(self, worker: WorkerProcess) -> None:
        """One after the other, acting cameras first, so that each begins with the GOP that the hub has. Raises
        AnalysisError: the worker takes nothing."""
        for feed in sorted(self._arrange(worker), key=lambda feed: not feed.is_first):
            if worker.waiting_bytes > MAX_WAITING_BYTES / 2:
                try:
                    async with asyncio.timeout(DEAF_S):
                        await worker.drain()
                except TimeoutError:
                    raise AnalysisError("the analysis process takes no video") from None
            feed.start(whole=self._modes[feed.index] in FOLLOWED)

    def _arrange(self, worker: WorkerProcess) -> list[Feed]:
        """Look at each member as it is due now, and at nobody else; returns the feeds of new ones, to be started."""
        self._attention.seldom = frozenset(i for i in self.members if self._gops[i].is_long)
        self._modes = self._attention.modes(self.members, self._clock.monotonic())
        for index in self._feeds.keys() - self.members:
            self._feeds.pop(index).stop()
        new = []
        for index, mode in self._modes.items():
            if index in self._feeds:
                self._feeds[index].set_whole(mode in FOLLOWED)
            else:
                stream = self._hub[self._cameras[index].analysed]
                self._feeds[index] = Feed(worker, index, stream, self._gops[index])
                new.append(self._feeds[index])
                self._on_new(index)
            self._feeds[index].is_first = mode == "acting"
        return new

    def _give(self, worker: WorkerProcess, wanted: Wanted) -> None:
        """Raises AnalysisError: there is no such camera, or it has nothing closer."""
        if wanted.camera >= len(self._cameras):
            raise violation(f"there is no camera {wanted.camera}")
        camera, now_s = self._cameras[wanted.camera], self._clock.monotonic()
        if wanted.what == "pictures":
            self._attention.undecided(wanted.camera, now_s)
        elif camera.analysed.role is Role.MAIN:
            raise violation("a closer look at a camera that has none")
        elif wanted.camera in self.members:
            if wanted.camera not in self._closer:
                main = self._hub[StreamKey(camera.id, Role.MAIN)]
                self._closer[wanted.camera] = CloserFeed(
                    worker, wanted.camera, main, self._hub[camera.analysed]
                )
            self._closer[wanted.camera].ask(now_s)

    def _keep(self, message: Statistics) -> None:
        if len(message.cameras) != len(self._cameras):
            raise violation("statistics of a wrong number of cameras")
        now_s = self._clock.monotonic()
        elapsed_s, self._reported_s = max(now_s - self._reported_s, 1e-3), now_s
        self.statistics = message
        self.numbers = {
            index: CameraNumbers(
                mode=self._modes[index],
                arrived_fps=feed.take_arrived() / elapsed_s,
                gop_s=feed.gop.gop_s,
                examined_fps=message.cameras[index].examined_fps,
                skipped=message.cameras[index].skipped,
                decode_errors=message.cameras[index].decode_errors,
                queue_age_s=message.cameras[index].queue_age_s,
                cpu_share=message.cameras[index].cpu_share,
            )
            for index, feed in self._feeds.items()
        }
        load = max(message.busy, min(message.cpu_share / self._configure.cpu_share, 1.0))
        acting, others = self._examined(is_first=True), self._examined(is_first=False)
        whole = [index for index, feed in self._feeds.items() if feed.is_whole]
        cpu_share = max(message.cpu_share, 1e-3)
        costs = {index: message.cameras[index].decode_share / cpu_share for index in whole}
        self._attention.report(Report(message.busy, load, acting, others, costs), now_s)

    def _examined(self, *, is_first: bool) -> float:
        """Share of the due pictures of the cameras that are followed; nothing counts where the socket was full."""
        feeds = [feed for feed in self._feeds.values() if feed.is_whole and feed.is_first == is_first]
        overflows = [feed.take_overflow() for feed in feeds]
        if any(overflows):
            return 0.0
        examined = sum(self.numbers[feed.index].examined_fps for feed in feeds)
        due = examined + sum(self.numbers[feed.index].skipped for feed in feeds)
        return examined / due if due else 1.0


def cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The deliberate error of a task group's failure, if that is all there was; else the group as it is."""
    deliberate, rest = group.split(NvrError)
    return deliberate.exceptions[0] if deliberate is not None and rest is None else group
