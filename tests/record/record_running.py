"""A recorder that runs, for the tests of `nvr/record/`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from record_streams import GATE, encode, take_units

from nvr.clock import FakeClock, SystemClock
from nvr.events import Fault, StreamKey
from nvr.faults import FaultBoard
from nvr.media.access_unit import AccessUnit, Discontinuity
from nvr.record.disk.pace import Pace
from nvr.record.disk.recorder import Recorder
from nvr.record.mp4.virtual_mp4 import VirtualMp4

FAST = Pace(write_s=0.01, commit_s=0.05, retry_s=0.05, overflow_s=0.2)


@dataclass
class Recording:
    """A recorder that runs."""

    root: Path
    recorder: Recorder
    faults: FaultBoard
    clock: FakeClock | SystemClock
    healthy: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    async def stop(self) -> None:
        """End it and let go of its directory."""
        if self.task is not None:
            if not self.task.done():
                self.task.cancel()
                with suppress(asyncio.CancelledError):
                    await self.task
            self.task = None
            await self.recorder.close()

    async def record(
        self,
        seconds: float,
        key: StreamKey = GATE,
        *,
        units: tuple[AccessUnit, ...] | None = None,
        ago_s: float | None = None,
    ) -> list[AccessUnit]:
        """Push `seconds` of video that arrived from `ago_s` (default `seconds`) ago on, and wait for its commit."""
        before = self.recorder.statistics().frames.get(key, 0)
        begin_s = self.clock.monotonic() - (seconds if ago_s is None else ago_s)
        pushed = take_units(units or encode(), seconds, key, start_mono_s=begin_s)
        consumer = self.recorder.consumer(key)
        consumer.push(Discontinuity(key, "reconnect", begin_s))
        for unit in pushed:
            consumer.push(unit)
        consumer.push(Discontinuity(key, "reconnect", self.clock.monotonic()))
        await self.until(lambda: self.recorder.statistics().frames.get(key, 0) >= before + len(pushed))
        return pushed

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until `condition` holds."""
        async with asyncio.timeout(30):
            while not condition():
                await asyncio.sleep(0.01)

    async def fault(self, code: str) -> Fault:
        """Wait for a fault of the disk."""
        await self.until(lambda: any(fault.code == code for fault, _ in self.faults.current))
        return next(fault for fault, _ in self.faults.current if fault.code == code)

    async def no_fault(self, code: str) -> None:
        """Wait until a fault of the disk is over."""
        await self.until(lambda: all(fault.code != code for fault, _ in self.faults.current))

    async def footage(self, key: StreamKey = GATE) -> list[VirtualMp4]:
        """All there is of a stream."""
        return await self.recorder.mp4(key, 0, 1e11)

    async def covered_s(self, key: StreamKey = GATE) -> float:
        """How many seconds of a stream are recorded."""
        intervals = await self.recorder.coverage(key, 0, 1e11)
        return sum(end - start for start, end in intervals)


Start = Callable[..., Awaitable[Recording]]
"""The fixture `start`."""
