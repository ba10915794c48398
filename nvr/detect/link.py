"""The service's side of analysis: feeds the process, and believes nothing it says without a check."""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Never

import structlog

from nvr.clock import Clock
from nvr.config import Camera
from nvr.detect.checks import Checks, setup_of, violation
from nvr.detect.crew import Crew, cause
from nvr.detect.gop import GopMeter
from nvr.detect.messages.protocol import (
    BetterShot,
    Configure,
    FoundWithPicture,
    Moved,
    PictureMade,
    SelfTestResult,
    Sick,
    SickHead,
    Statistics,
    ToService,
    Wanted,
    Well,
)
from nvr.detect.numbers import AnalysisStatistics, CameraNumbers
from nvr.detect.overload import Overload
from nvr.detect.process import AnalysisError, HarmfulPicture, WorkerCrashed, WorkerProcess
from nvr.detect.quarantine import Quarantine
from nvr.errors import ModelError, NvrError
from nvr.events import BetterPicture, CameraHealth, Fault, Motion, Sighting
from nvr.faults import FaultBoard
from nvr.media.access_unit import CodecConfig
from nvr.media.hub import Hub

__all__ = ["AnalysisError", "AnalysisLink", "AnalysisStatistics"]

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 0.5
HARMFUL_KEPT = 64


class AnalysisLink:
    """Keeps one analysis process at work on the `analysed` stream of each camera, and while there are suspects (see
    quarantine.py) another one on theirs.

    `cpu_share`: of one core, for cameras that are not acting. `clock` must read the machine's monotonic clock: the
    worker compares its times with its own. `on_sighting`, `on_motion`, `on_health` and `on_better` are called on the
    event loop and must neither block nor raise. A camera is told to be sick once, and to be well when it is, or when
    the worker that said so has it no more.
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
        faults: FaultBoard,
        cpu_share: float = 1.0,
        on_sighting: Callable[[Sighting], None],
        on_motion: Callable[[Motion], None],
        on_health: Callable[[CameraHealth], None],
        on_better: Callable[[BetterPicture], None] = lambda _better: None,
    ):
        self._cameras, self._clock, self._faults, self._fps = cameras, clock, faults, fps
        self._on_sighting, self._on_motion = on_sighting, on_motion
        self._on_health, self._on_better = on_health, on_better
        self._sick: set[int] = set()
        self._configure = Configure(
            model=None if model is None else str(model),
            fps=fps,
            sure_at=sure_at,
            cameras=tuple(setup_of(camera) for camera in cameras),
            cpu_share=cpu_share,
        )
        self._checks = Checks(cameras)
        self._acting: frozenset[str] = frozenset()
        self._statistics = AnalysisStatistics()
        self._overload = Overload(fps)
        self._quarantine = Quarantine()
        self._out: frozenset[int] = frozenset()
        self._harmful: deque[bytes] = deque(maxlen=HARMFUL_KEPT)
        gops = [GopMeter() for _ in cameras]
        self._common, self._trial = (
            Crew(
                hub,
                cameras,
                gops,
                configure=self._configure,
                clock=clock,
                take=self._take,
                on_new=self._begin,
            )
            for _ in range(2)
        )

    @property
    def statistics(self) -> AnalysisStatistics:
        """The latest numbers; empty while no worker has told any."""
        return self._statistics

    def _merged(self) -> AnalysisStatistics:
        numbers = {**self._common.numbers, **self._trial.numbers}
        numbers |= {index: CameraNumbers("quarantined") for index in self._out}
        told = [crew.statistics for crew in (self._common, self._trial) if crew.statistics is not None]
        return AnalysisStatistics(
            cameras={self._cameras[index].id: numbers[index] for index in sorted(numbers)},
            inference_ms=max((statistics.inference_ms for statistics in told), default=0.0),
            cpu_share=sum(statistics.cpu_share for statistics in told),
            cpu_budget=self._configure.cpu_share,
            busy=max((statistics.busy for statistics in told), default=0.0),
            mechanisms=self._common.mechanisms,
        )

    @property
    def worker_pid(self) -> int | None:
        """Process id of the worker that is ready."""
        return self._common.worker.pid if self._common.worker else None

    @property
    def trial_pid(self) -> int | None:
        """Process id of the worker for suspects that is ready."""
        return self._trial.worker.pid if self._trial.worker else None

    def set_acting(self, cameras: frozenset[str]) -> None:
        """Name the cameras whose sightings have consequences now; they are examined first."""
        if cameras == self._acting:
            return
        self._acting = cameras
        for crew in (self._common, self._trial):
            crew.set_acting(self._acting_indices)

    async def self_test(self) -> dict[str, str]:
        """Let the worker try to break out; attempt to outcome: an errno name or "allowed". Raises AnalysisError
        if no worker is ready, or if it ends meanwhile."""
        return await self._ready.self_test()

    async def picture(self, config: CodecConfig, data: bytes) -> bytes | None:
        """A JPEG of one keyframe (`data` as `AccessUnit.data`, at most MAX_STILL bytes), at most 640 pixels wide; None:
        it cannot be decoded, or was a worker's end before. Detection comes first. Raises AnalysisError: no worker is
        ready, it ends meanwhile, or it is too busy."""
        worker = self._ready
        name = hashlib.blake2b(data, digest_size=16).digest()
        if name in self._harmful:
            return None
        try:
            return await worker.picture(config, data) or None
        except HarmfulPicture:
            self._harmful.append(name)
            return None

    @property
    def _ready(self) -> WorkerProcess:
        if self._common.worker is None:
            raise AnalysisError("the analysis process is not running")
        return self._common.worker

    async def run(self, healthy: Callable[[], None]) -> None:
        """Keep the worker alive; calls `healthy()` whenever it is ready. Never returns.

        A camera whose video ends it is taken out (see quarantine.py), and it is started again at once for the others:
        never more often in a row than there are cameras. Raises AnalysisError: it died for another reason, said
        nothing for 10 s, broke the protocol, or the kernel offers no sandbox; ModelError: the model file is missing or
        damaged.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._try_suspects())
                while True:
                    self._arrange()
                    try:
                        await self._common.live(healthy)
                    except WorkerCrashed as crash:
                        self._statistics = AnalysisStatistics()
                        self._blame(crash.camera, crash)
        except BaseExceptionGroup as group:
            raise cause(group) from None
        finally:
            self._statistics = AnalysisStatistics()
            self._overload = Overload(self._fps)
            self._faults.clear("analysis", "analysis_overload")
            for index in sorted(self._sick):
                self._is_well(index)

    async def _try_suspects(self) -> Never:
        """Analyse cameras on trial apart from the others, as long as there are some."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self._arrange()
            if self._trial.members:
                suspects = self._trial.members
                try:
                    await self._trial.live(lambda: None, ends_without_members=True)
                except WorkerCrashed as crash:
                    self._blame(crash.camera, crash)
                except (AnalysisError, ModelError) as error:
                    for index in suspects:
                        self._blame(index, error)

    def _blame(self, index: int | None, error: NvrError) -> None:
        """Take the camera out whose video was the end of a worker; None: it was a wanted picture."""
        if index is None or index >= len(self._cameras):
            log.warning("a picture ended the analysis process", error=str(error))
            return
        camera = self._cameras[index].id
        pause_s = self._quarantine.blame(index, self._clock.monotonic())
        detail = f"the video of camera {camera} was the end: {error}; its analysis pauses for {pause_s:.0f} s"
        self._faults.raise_fault(
            Fault(f"camera:{camera}", "video_crashes", detail, {"pause_s": round(pause_s)})
        )
        self._arrange()

    def _arrange(self) -> None:
        """Who is analysed by which worker now."""
        now_s = self._clock.monotonic()
        out, trial = self._quarantine.out(now_s), self._quarantine.on_trial(now_s)
        everybody = frozenset(range(len(self._cameras)))
        back = everybody - out - trial - self._common.members
        self._common.members, self._trial.members, self._out = everybody - out - trial, trial, out
        for index in back:
            self._faults.clear(f"camera:{self._cameras[index].id}", "video_crashes")

    def _take(self, worker: WorkerProcess, message: ToService) -> None:
        """Act on a message of a worker. Raises AnalysisError where it cannot be true."""
        match message:
            case Statistics():
                self._arrange()
                self._statistics = self._merged()
                self._tell_overload()
            case Moved():
                self._on_motion(self._checks.motion(message, self._clock.monotonic()))
            case FoundWithPicture():
                self._on_sighting(self._checks.sighting(message, self._clock.monotonic()))
            case BetterShot():
                better = self._checks.better(message, self._clock.monotonic())
                if better is not None:
                    self._on_better(better)
            case Sick(head=SickHead(camera=index, sickness=sickness)):
                camera = self._checks.camera(index)
                self._sick.add(index)
                self._on_health(CameraHealth(camera.id, sickness, message.before, message.now))
            case Well(camera=index):
                self._is_well(index)
            case PictureMade():
                worker.answer_picture(message)
            case SelfTestResult():
                worker.answer_self_test(message)
            case Wanted():
                pass
            case _:
                raise violation(f"{type(message).__name__} after it was ready")

    def _tell_overload(self) -> None:
        """Raise or clear the fault of acting cameras that are examined too seldom."""
        known = self._overload.slow.keys()
        rates = {
            camera: (numbers.examined_fps, numbers.arrived_fps)
            for camera, numbers in self.statistics.cameras.items()
            if camera in self._acting and numbers.mode != "quarantined"
        }
        self._overload.report(rates, self._clock.monotonic())
        slow = self._overload.slow
        if not slow:
            self._faults.clear("analysis", "analysis_overload")
        elif slow.keys() != known:
            told = ", ".join(f"{camera} {fps:.1f}" for camera, fps in sorted(slow.items()))
            needed = f"{self._overload.needed_fps:g}"
            detail = f"acting cameras are examined less than {needed} times a second: {told}"
            names = ", ".join(camera.name for camera in self._cameras if camera.id in slow)
            fault = Fault(
                "analysis",
                "analysis_overload",
                detail,
                {"cameras": names, "fps": round(min(slow.values()), 1), "needed": needed},
            )
            self._faults.raise_fault(fault)

    def _begin(self, index: int) -> None:
        """A worker begins with the camera: what another said of its tracks and its health means nothing."""
        self._checks.forget(index)
        if index in self._sick:
            self._is_well(index)

    def _is_well(self, index: int) -> None:
        camera = self._checks.camera(index)
        self._sick.discard(index)
        self._on_health(CameraHealth(camera.id, None))

    @property
    def _acting_indices(self) -> frozenset[int]:
        return frozenset(index for index, camera in enumerate(self._cameras) if camera.id in self._acting)
