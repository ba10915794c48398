"""The service's side of analysis: feeds the process, and believes nothing it says without a check."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Never

import structlog

from nvr.clock import Clock
from nvr.config import Camera
from nvr.detect.attention import Attention
from nvr.detect.checks import Checks, setup_of, violation
from nvr.detect.feed import Feed
from nvr.detect.process import AnalysisError, WorkerProcess
from nvr.detect.protocol import (
    Acting,
    CameraStatistics,
    Configure,
    Failed,
    FoundWithPicture,
    Moved,
    PictureMade,
    Ready,
    SelfTestResult,
    Statistics,
    ToService,
)
from nvr.errors import ModelError, NvrError
from nvr.events import Motion, Sighting
from nvr.media.access_unit import CodecConfig
from nvr.media.hub import Hub

__all__ = ["AnalysisError", "AnalysisLink", "AnalysisStatistics"]

START_S = 60.0
"""Time for Python, numpy and the model to load from a slow card."""
DEAF_S = 10.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AnalysisStatistics:
    """Of the last second or so. `cameras`: camera id to its numbers; `inference_ms`: mean time of examining one
    square; `mechanisms`: what locks the process in."""

    cameras: Mapping[str, CameraStatistics] = field(default_factory=dict)
    inference_ms: float = 0.0
    mechanisms: tuple[str, ...] = ()


class AnalysisLink:
    """Keeps one analysis process at work on the `analysed` stream of each camera.

    `clock` must read the machine's monotonic clock: the worker compares its times with its own. `on_sighting` and
    `on_motion` are called on the event loop and must neither block nor raise.
    """

    def __init__(
        self,
        hub: Hub,
        cameras: tuple[Camera, ...],
        *,
        fps: float,
        sure_at: float,
        model: Path | None,
        clock: Clock,
        on_sighting: Callable[[Sighting], None],
        on_motion: Callable[[Motion], None],
    ):
        self._hub, self._cameras, self._clock = hub, cameras, clock
        self._on_sighting, self._on_motion = on_sighting, on_motion
        self._configure = Configure(
            model=None if model is None else str(model),
            fps=fps,
            sure_at=sure_at,
            cameras=tuple(setup_of(camera) for camera in cameras),
        )
        self._checks = Checks(cameras)
        self._acting: frozenset[str] = frozenset()
        self._statistics = AnalysisStatistics()
        self._worker: WorkerProcess | None = None
        self._attention = Attention(len(cameras))
        self._feeds: list[Feed] = []

    @property
    def statistics(self) -> AnalysisStatistics:
        """The latest numbers; empty while no worker is ready."""
        return self._statistics

    @property
    def worker_pid(self) -> int | None:
        """Process id of the worker that is ready."""
        return self._worker.pid if self._worker else None

    def set_acting(self, cameras: frozenset[str]) -> None:
        """Name the cameras whose sightings have consequences now; they are examined first."""
        if cameras == self._acting:
            return
        self._acting = cameras
        self._attention.acting = self._acting_indices
        if self._worker is not None:
            self._worker.send(self._acting_message())

    async def self_test(self) -> dict[str, str]:
        """Let the worker try to break out; attempt to outcome: an errno name or "allowed". Raises AnalysisError
        if no worker is ready, or if it ends meanwhile."""
        if self._worker is None:
            raise AnalysisError("the analysis process is not running")
        return await self._worker.self_test()

    async def picture(self, config: CodecConfig, data: bytes) -> bytes | None:
        """A JPEG of one keyframe (`data` as `AccessUnit.data`, at most MAX_STILL bytes), at most 640 pixels wide; None:
        it cannot be decoded. Detection comes first. Raises AnalysisError: no worker is ready, it ends meanwhile, or it
        is too busy."""
        if self._worker is None:
            raise AnalysisError("the analysis process is not running")
        return await self._worker.picture(config, data) or None

    async def run(self, healthy: Callable[[], None]) -> None:
        """One life of the worker, which is always killed at the end; calls `healthy()` once it is ready.

        Raises AnalysisError: it died, said nothing for 10 s, broke the protocol, or the kernel offers no sandbox;
        ModelError: the model file is missing or damaged. Never returns.
        """
        worker = await WorkerProcess.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(worker.keep_last_words())
                await self._wait_until_ready(worker)
                healthy()
                await self._feed_and_listen(worker)
        except BaseExceptionGroup as group:
            raise _cause(group) from None
        finally:
            self._worker = None
            self._statistics = AnalysisStatistics()
            await worker.end()

    async def _wait_until_ready(self, worker: WorkerProcess) -> None:
        worker.send(self._configure)
        match await worker.receive(START_S):
            case Ready(mechanisms=mechanisms):
                self._worker = worker
                self._statistics = AnalysisStatistics(mechanisms=mechanisms)
                worker.send(self._acting_message())
                log.info("analysis process ready", pid=worker.pid, locked_in_by=", ".join(mechanisms))
            case Failed(code="model", message=message, remedy=remedy):
                raise ModelError(message, remedy=remedy)
            case Failed(message=message, remedy=remedy):
                raise AnalysisError(f"the analysis process cannot lock itself in: {message}", remedy=remedy)
            case other:
                raise violation(f"{type(other).__name__} before it was ready")

    async def _feed_and_listen(self, worker: WorkerProcess) -> Never:
        """Hand the worker what it can examine, and take what it says."""
        feeds = self._feeds = [
            Feed(worker, index, self._hub[camera.analysed]) for index, camera in enumerate(self._cameras)
        ]
        attention = self._attention = Attention(len(feeds))
        attention.acting = self._acting_indices
        try:
            whole = attention.whole(self._clock.monotonic())
            for index, feed in enumerate(feeds):
                feed.start(whole=index in whole)
            while True:
                self._take(worker, await worker.receive(DEAF_S))
                now_whole = attention.whole(self._clock.monotonic())
                for index in whole ^ now_whole:
                    feeds[index].set_whole(index in now_whole)
                whole = now_whole
        finally:
            for feed in feeds:
                feed.stop()

    def _take(self, worker: WorkerProcess, message: ToService) -> None:
        """Act on a message of the worker. Raises AnalysisError where it cannot be true."""
        match message:
            case Statistics():
                self._keep_statistics(message)
            case Moved():
                motion = self._checks.motion(message, self._clock.monotonic())
                self._attention.moved(message.camera, self._clock.monotonic())
                self._on_motion(motion)
            case FoundWithPicture():
                self._on_sighting(self._checks.sighting(message, self._clock.monotonic()))
            case PictureMade():
                worker.answer_picture(message)
            case SelfTestResult():
                worker.answer_self_test(message)
            case _:
                raise violation(f"{type(message).__name__} after it was ready")

    def _keep_statistics(self, message: Statistics) -> None:
        if len(message.cameras) != len(self._cameras):
            raise violation("statistics of a wrong number of cameras")
        self._attention.report(message.busy, self._examined(message), self._clock.monotonic())
        by_id = {camera.id: numbers for camera, numbers in zip(self._cameras, message.cameras, strict=True)}
        self._statistics = AnalysisStatistics(by_id, message.inference_ms, self._statistics.mechanisms)

    def _examined(self, message: Statistics) -> float:
        """Share of the due pictures of the cameras that are followed; nothing counts where the socket was full."""
        overflows = [feed.take_overflow() for feed in self._feeds]
        if any(overflows):
            return 0.0
        followed = [message.cameras[feed.index] for feed in self._feeds if feed.is_whole]
        examined = sum(numbers.examined_fps for numbers in followed)
        due = examined + sum(numbers.skipped for numbers in followed)
        return examined / due if due else 1.0

    def _acting_message(self) -> Acting:
        return Acting(cameras=tuple(sorted(self._acting_indices)))

    @property
    def _acting_indices(self) -> frozenset[int]:
        return frozenset(index for index, camera in enumerate(self._cameras) if camera.id in self._acting)


def _cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The deliberate error of a task group's failure, if that is all there was; else the group as it is."""
    cause, rest = group.split(NvrError)
    return cause.exceptions[0] if cause is not None and rest is None else group
