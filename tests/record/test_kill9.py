"""`kill -9` at any moment costs at most 2.5 s of footage, and never leaves a row that does not play."""

from __future__ import annotations

import asyncio
import mmap
import random
import struct
import sys
from pathlib import Path

import pytest
from record_running import Start
from record_streams import GATE, YARD, packets, pictures

from nvr.record.disk.pace import Pace
from nvr.record.layout import path_of
from played import whole

KILLS = 4
MAX_LOSS_S = 2.5
LAST = struct.Struct("d")
PROGRAM = Path(__file__).with_name("record_realtime.py")


async def record_and_kill(root: Path, board: Path, after_s: float) -> float:
    """Record two streams in real time and kill the process; when (wall time) it last was given a picture."""
    board.write_bytes(bytes(LAST.size))
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(PROGRAM), str(root), str(board), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(30):
        assert await process.stdout.readline() == b"recording\n"
    await asyncio.sleep(after_s)
    process.kill()
    await process.wait()
    with board.open("r+b") as file, mmap.mmap(file.fileno(), LAST.size) as shared:
        (last_s,) = LAST.unpack(shared[:])
    assert isinstance(last_s, float)
    return last_s


async def test_kill_at_random_moments(tmp_path: Path, start: Start) -> None:
    root = tmp_path / "rec"
    rng = random.Random(2)
    for kill in range(KILLS):
        last_s = await record_and_kill(root, tmp_path / "board", rng.uniform(1.2, 3.2))
        recording = await start(root, pace=Pace())
        index = recording.recorder._directory.index
        assert index is not None
        for key in (GATE, YARD):
            intervals = await recording.recorder.coverage(key, 0, 1e11)
            assert len(intervals) == kill + 1
            assert last_s - intervals[-1].end_s <= MAX_LOSS_S
            rows = await index.rows(key, 0, 1 << 60)
            assert not any(row.is_open for row in rows)
            assert [(root / path_of(row.segment)).stat().st_size for row in rows] == [
                row.bytes for row in rows
            ]
            (mp4,) = await recording.recorder.mp4(key, 0, 1e11)
            content = whole(mp4)
            assert len(pictures(content)) == len(packets(content))
            assert mp4.duration_s == pytest.approx(sum(end - begin for begin, end in intervals), rel=0.006)
        await recording.stop()
