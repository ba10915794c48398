"""Several cameras and the whole analysis with its real processes."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import cycle
from pathlib import Path

from nvr.clock import SystemClock
from nvr.config import Camera, Zone
from nvr.detect.link import AnalysisLink
from nvr.detect.note import Work
from nvr.events import CameraHealth, Motion, Role, Sighting, StreamKey
from nvr.faults import FaultBoard
from nvr.media.access_unit import AccessUnit
from nvr.media.hub import Hub

SECONDS = 90
FPS = 25


class AnalysisSite:
    """Cameras by id; those named in `subs` have a second stream, which is analysed."""

    def __init__(self, *cameras: str, subs: tuple[str, ...] = (), cpu_share: float = 1.0):
        self.cameras = tuple(
            Camera(
                id=name,
                name=name.title(),
                main="rtsp://192.0.2.1/1",
                sub="rtsp://192.0.2.1/2" if name in subs else None,
                zone=(Zone(name="yard"),),
            )
            for name in cameras
        )
        self.hub = Hub([key for camera in self.cameras for key in camera.streams])
        self.faults = FaultBoard(SystemClock())
        self.sightings: list[Sighting] = []
        self.motions: list[Motion] = []
        self.health: list[CameraHealth] = []
        self._task: asyncio.Task[None] | None = None
        self.link = AnalysisLink(
            self.hub,
            self.cameras,
            fps=6,
            sure_at=7.0,
            model=None,
            cpu_share=cpu_share,
            clock=SystemClock(),
            faults=self.faults,
            on_sighting=self.sightings.append,
            on_motion=self.motions.append,
            on_health=self.health.append,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The link at work, from when its worker is ready."""
        ready = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            self._task = task = tasks.create_task(self.link.run(ready.set))
            async with asyncio.timeout(SECONDS):
                await ready.wait()
            yield
            task.cancel()

    @asynccontextmanager
    async def playing(
        self, shows: dict[str, Iterable[AccessUnit]], role: Role = Role.MAIN
    ) -> AsyncIterator[None]:
        """Each camera shows the same again and again, with the time of now."""
        async with asyncio.TaskGroup() as tasks:
            playing = [tasks.create_task(self._play(name, units, role)) for name, units in shows.items()]
            yield
            for task in playing:
                task.cancel()

    async def _play(self, name: str, units: Iterable[AccessUnit], role: Role) -> None:
        key = StreamKey(name, role)
        for count, unit in enumerate(cycle(units)):
            pts_90k = count * 90000 // FPS
            self.hub[key].publish(
                replace(unit, stream=key, pts_90k=pts_90k, received_mono_s=time.monotonic())
            )
            await asyncio.sleep(1 / FPS)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(SECONDS):
            while not condition():
                assert self._task is None or not self._task.done(), self._task
                await asyncio.sleep(0.02)

    def mode(self, camera: str) -> str | None:
        numbers = self.link.statistics.cameras.get(camera)
        return numbers and numbers.mode

    def fps(self, camera: str) -> float:
        numbers = self.link.statistics.cameras.get(camera)
        return numbers.examined_fps if numbers else 0.0

    async def stopped_amid(
        self, pid: int, note: Callable[[], Work | None], wanted: Callable[[Work], bool]
    ) -> None:
        """Stop the process at a moment when its note says what is wanted, as chance has it."""
        async with asyncio.timeout(SECONDS):
            while True:
                os.kill(pid, signal.SIGSTOP)
                while _state(pid) != "T":
                    await asyncio.sleep(0)
                work = note()
                if work is not None and wanted(work):
                    return
                os.kill(pid, signal.SIGCONT)
                await asyncio.sleep(0.003)


def crash(pid: int) -> None:
    """As a decoder does that writes where it must not."""
    os.kill(pid, signal.SIGSEGV)
    os.kill(pid, signal.SIGCONT)


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def sightings_after(site: AnalysisSite, count: int, camera: str) -> Sequence[Sighting]:
    return [sighting for sighting in site.sightings[count:] if sighting.camera == camera]
