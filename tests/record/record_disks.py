"""Several disks that can be plugged in and pulled, and live streams recorded on them."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from record_running import FAST
from record_streams import encode, endless, fat

from nvr.clock import SystemClock
from nvr.events import Role, StreamKey
from nvr.faults import FaultBoard
from nvr.record.disks.disk import Limits
from nvr.record.disks.disks import Disks
from nvr.record.index.timeline import Timeline
from nvr.supervise import Backoff, Supervisor

CAMERAS = tuple(StreamKey(camera, Role.MAIN) for camera in ("east", "north", "south", "west"))
NO_LIMITS = Limits()
PACE = replace(FAST, stuck_s=2.5, reopen_s=30.0)


class Slot:
    """A mount point `point` and the disk of 64 MB that belongs there; it keeps what it holds while it is pulled."""

    def __init__(self, folder: Path):
        self.disk, self.point = folder / "disk", folder / "point"
        for path in (self.disk, self.point):
            path.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(self.disk)], check=True)
        self.plug()

    def plug(self) -> None:
        subprocess.run(["mount", "--bind", str(self.disk), str(self.point)], check=True)

    def pull(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.point)], check=True)

    def close(self) -> None:
        while self.point.is_mount():
            self.pull()
        subprocess.run(["umount", "--lazy", str(self.disk)], check=True)


@dataclass
class Site:
    """Disks under their supervisor, and a stream of each camera that goes on."""

    disks: Disks
    faults: FaultBoard
    clock: SystemClock

    def codes(self) -> dict[str, str]:
        """What is wrong, by place."""
        return {fault.place: fault.code for fault, _ in self.faults.current}

    def where(self) -> dict[str, int]:
        """For each camera the disk that it records on now."""
        return {
            camera: number for number, state in enumerate(self.disks.states()) for camera in state.cameras
        }

    async def until(self, condition: Callable[[], bool | Awaitable[bool]]) -> None:
        async with asyncio.timeout(60):
            while True:
                found = condition()
                if found if isinstance(found, bool) else await found:
                    return
                await asyncio.sleep(0.02)

    async def timeline(self, key: StreamKey) -> Timeline:
        """Of the last minutes."""
        now_s = self.clock.wall()
        return await self.disks.timeline(key, now_s - 600, now_s + 60)

    async def recorded(self, key: StreamKey, seconds: float) -> None:
        """Wait until so much more is recorded."""

        async def covered() -> float:
            return sum(end - start for start, end in await self.disks.coverage(key, 0, 1e11))

        wanted = await covered() + seconds

        async def is_there() -> bool:
            return await covered() >= wanted

        await self.until(is_there)


@asynccontextmanager
async def site(
    roots: list[Path],
    state: Path,
    *,
    limits: Limits = NO_LIMITS,
    cameras: tuple[StreamKey, ...] = CAMERAS,
    bytes_a_picture: int = 0,
) -> AsyncIterator[Site]:
    """Runs for the block; with `bytes_a_picture` the pictures are padded to that."""
    clock = SystemClock()
    faults = FaultBoard(clock)
    trust = Backoff(first_s=0.2, max_s=0.2, reset_after_s=600.0)
    disks = Disks(roots, clock=clock, faults=faults, limits=limits, state=state, pace=PACE, trust=trust)
    supervisor = Supervisor(clock, faults)
    async with asyncio.TaskGroup() as group:
        jobs = [
            group.create_task(supervisor.keep_running(place, job, Backoff(0.05, 0.05)))
            for place, job in disks.jobs()
        ]
        jobs += [group.create_task(_play(disks, key, clock, bytes_a_picture)) for key in cameras]
        try:
            yield Site(disks, faults, clock)
        finally:
            for job in jobs:
                job.cancel()


async def _play(disks: Disks, key: StreamKey, clock: SystemClock, size: int) -> None:
    """As a camera does: each picture when its time has come, a keyframe every 0.4 s."""
    consumer = disks.consumer(key)
    units = encode(frames=50, gop=10)
    for unit in endless(fat(units, size) if size else units, key, start_mono_s=clock.monotonic()):
        await asyncio.sleep(max(unit.received_mono_s - clock.monotonic(), 0))
        consumer.push(unit)
