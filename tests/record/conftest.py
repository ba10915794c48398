from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from record_running import FAST, Recording, Start

from nvr.clock import FakeClock, SystemClock
from nvr.faults import FaultBoard
from nvr.record.disk.identity import DiskIdentity
from nvr.record.disk.marking import Seen
from nvr.record.disk.pace import Pace
from nvr.record.disk.recorder import Recorder
from nvr.record.keep.retention import KEEP_AS_ROOM_ALLOWS, Keep


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Opens recorders (in tmp_path/rec unless told otherwise) and runs them; each is stopped at the end."""
    async with AsyncExitStack() as stack:

        async def start(
            root: Path = tmp_path / "rec",
            *,
            max_bytes: int | None = None,
            keep_free_bytes: int = 0,
            pace: Pace = FAST,
            identity: DiskIdentity | None = None,
            keep: Keep = KEEP_AS_ROOM_ALLOWS,
            hold_share: float = 0.5,
            clock: FakeClock | SystemClock | None = None,
            seen: Seen | None = None,
        ) -> Recording:
            clock = clock or SystemClock()
            recording = _running(
                root, max_bytes, keep_free_bytes, pace, identity, keep, hold_share, clock, seen
            )
            return await stack.enter_async_context(recording)

        yield start


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MB (the suite runs as root)."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(disk)], check=True)
    yield disk
    while disk.is_mount():
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


@asynccontextmanager
async def _running(
    root: Path,
    max_bytes: int | None,
    keep_free_bytes: int,
    pace: Pace,
    identity: DiskIdentity | None,
    keep: Keep,
    hold_share: float,
    clock: FakeClock | SystemClock,
    seen: Seen | None,
) -> AsyncIterator[Recording]:
    faults = FaultBoard(clock)
    recorder = await Recorder.open(
        root,
        clock=clock,
        faults=faults,
        max_bytes=max_bytes,
        keep_free_bytes=keep_free_bytes,
        pace=pace,
        identity=identity,
        keep=keep,
        hold_share=hold_share,
        seen=seen,
    )
    recording = Recording(root, recorder, faults, clock)
    recording.task = asyncio.create_task(recorder.run(recording.healthy.set))
    try:
        yield recording
    finally:
        await recording.stop()
