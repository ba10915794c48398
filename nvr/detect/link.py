"""The service's side of analysis: feeds the process, and believes nothing it says without a check."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from nvr.clock import Clock
from nvr.config import Camera
from nvr.detect.process import AnalysisError, WorkerProcess
from nvr.detect.protocol import (
    MAX_UNIT,
    Acting,
    CameraSetup,
    CameraStatistics,
    Configure,
    Failed,
    FoundWithPicture,
    Moved,
    Parameters,
    PictureMade,
    Ready,
    SelfTestResult,
    Statistics,
    ToService,
    Unit,
    ZoneSetup,
)
from nvr.errors import ModelError, NvrError
from nvr.events import Motion, Sighting
from nvr.media.access_unit import CodecConfig
from nvr.media.hub import Hub, StreamHub

__all__ = ["AnalysisError", "AnalysisLink", "AnalysisStatistics"]

START_S = 60.0
"""Time for Python, numpy and the model to load from a slow card."""
DEAF_S = 10.0
QUEUE_UNITS, QUEUE_BYTES = 64, 4 << 20
MAX_AGE_S = 1.5
"""An access unit that waited longer than this is dropped with all up to the next keyframe."""
CLOCK_SLACK_S = 60.0
"""How far back the worker may date what it saw."""

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
            cameras=tuple(_setup(camera) for camera in cameras),
        )
        self._acting: frozenset[str] = frozenset()
        self._statistics = AnalysisStatistics()
        self._worker: WorkerProcess | None = None

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
        self._acting = cameras
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
                for index, camera in enumerate(self._cameras):
                    tasks.create_task(self._feed(worker, index, self._hub[camera.analysed]))
                while True:
                    self._take(worker, await worker.receive(DEAF_S))
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
                raise _violation(f"{type(other).__name__} before it was ready")

    async def _feed(self, worker: WorkerProcess, index: int, stream: StreamHub) -> None:
        """Hand the stream's access units to the worker as fast as it takes them; what it does not take in time,
        by the subscription's bounds or by age, is dropped up to the next keyframe."""
        started_s = self._clock.monotonic()
        config: CodecConfig | None = None
        wait_for_key = False
        with stream.subscribe(from_gop=True, max_units=QUEUE_UNITS, max_bytes=QUEUE_BYTES) as subscription:
            async for unit in subscription:
                # The cached GOP is old by nature; decoding it saves waiting for a keyframe.
                age_s = self._clock.monotonic() - max(unit.received_mono_s, started_s)
                wait_for_key = wait_for_key and not unit.is_key
                if wait_for_key or age_s > MAX_AGE_S or len(unit.data) > MAX_UNIT:
                    wait_for_key = True
                    continue
                if unit.config != config:
                    config = unit.config
                    worker.send(Parameters(index, config.codec, config.sps, config.pps, config.vps))
                worker.send(Unit(index, unit.is_key, unit.received_mono_s, unit.data))
                await worker.drain()

    def _take(self, worker: WorkerProcess, message: ToService) -> None:
        """Act on a message of the worker. Raises AnalysisError where it cannot be true."""
        match message:
            case Statistics():
                self._keep_statistics(message)
            case Moved():
                captured_s = self._plausible(message.captured_mono_s)
                self._on_motion(Motion(self._camera(message.camera).id, captured_s, message.area))
            case FoundWithPicture():
                self._on_sighting(self._sighting(message))
            case PictureMade():
                worker.answer_picture(message)
            case SelfTestResult():
                worker.answer_self_test(message)
            case _:
                raise _violation(f"{type(message).__name__} after it was ready")

    def _keep_statistics(self, message: Statistics) -> None:
        if len(message.cameras) != len(self._cameras):
            raise _violation("statistics of a wrong number of cameras")
        by_id = {camera.id: numbers for camera, numbers in zip(self._cameras, message.cameras, strict=True)}
        self._statistics = AnalysisStatistics(by_id, message.inference_ms, self._statistics.mechanisms)

    def _sighting(self, message: FoundWithPicture) -> Sighting:
        """The worker gives numbers; names and response come from the configuration."""
        found = message.found
        camera = self._camera(found.camera)
        if found.zone >= len(camera.zone) or found.kind not in camera.zone[found.zone].objects:
            raise _violation("a sighting in a zone, or of a kind, that is not configured")
        if found.bounds.x0 > found.bounds.x1 or found.bounds.y0 > found.bounds.y1:
            raise _violation("a sighting with an inverted box")
        zone = camera.zone[found.zone]
        return Sighting(
            camera=camera.id,
            zone=zone.name,
            response=zone.response,
            kind=found.kind,
            score=found.score,
            box=found.bounds,
            track=found.track,
            captured_mono_s=self._plausible(found.captured_mono_s),
            picture=message.jpeg,
        )

    def _camera(self, index: int) -> Camera:
        if index >= len(self._cameras):
            raise _violation(f"there is no camera {index}")
        return self._cameras[index]

    def _plausible(self, captured_mono_s: float) -> float:
        now_s = self._clock.monotonic()
        if not now_s - CLOCK_SLACK_S <= captured_mono_s <= now_s:
            raise _violation("a time that is not now")
        return captured_mono_s

    def _acting_message(self) -> Acting:
        indices = (index for index, camera in enumerate(self._cameras) if camera.id in self._acting)
        return Acting(cameras=tuple(indices))


def _setup(camera: Camera) -> CameraSetup:
    zones = (ZoneSetup(polygon=zone.polygon, kinds=tuple(zone.objects)) for zone in camera.zone)
    return CameraSetup(zones=tuple(zones))


def _violation(problem: str) -> AnalysisError:
    return AnalysisError(f"the analysis process broke the protocol: {problem}", remedy="It is started again")


def _cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The deliberate error of a task group's failure, if that is all there was; else the group as it is."""
    cause, rest = group.split(NvrError)
    return cause.exceptions[0] if cause is not None and rest is None else group
