"""A recordings directory through a boot without clock: recorded, corrected, crashed, rebuilt, played."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from record_running import Recording, Start
from record_streams import GATE, YARD, packets, pictures

from nvr.clock import FakeClock
from nvr.record.index import fsck
from nvr.record.index.index import NAME
from nvr.record.keep.retention import Days, Keep
from played import whole

NIGHT_S = 1_790_000_000.0
DAY_S = 86_400.0
BOOT = "00000000-0000-4000-8000-00000000000b"
KEEP = Keep(Days(0.0, 30.0))


def rows(root: Path) -> list[Any]:
    """Everything in the index that says when something was."""
    with closing(sqlite3.connect(root / NAME)) as index:
        segments = index.execute(
            "SELECT segments.id, camera, start_90k, duration_90k, slew_ppm, shift_90k, segments.bytes, is_open"
            " FROM segments JOIN streams ON streams.id = stream ORDER BY segments.id"
        ).fetchall()
        gaps = index.execute(
            "SELECT camera, start_90k, end_90k, cause FROM gaps JOIN streams ON streams.id = stream"
            " ORDER BY camera, start_90k"
        ).fetchall()
    return [segments, gaps]


async def spans(recording: Recording, key: Any = GATE) -> list[list[float]]:
    found = await recording.recorder.coverage(key, 0, 1e11)
    return [[start - NIGHT_S, end - NIGHT_S] for start, end in found]


def without_index(root: Path) -> None:
    for path in root.glob(f"{NAME}*"):
        path.unlink()


async def before_and_after(start: Start, off_s: float) -> Recording:
    """A night of two minutes, a power cut of five, then two minutes by a clock that is `off_s` off, and one after it
    was set."""
    clock = FakeClock(NIGHT_S, boot_id="00000000-0000-4000-8000-00000000000a")
    recording = await start(clock=clock)
    clock.advance(120)
    await recording.record(120)
    await recording.stop()

    wall_s = clock.wall() + 300 + off_s
    clock = FakeClock(wall_s, monotonic=20.0, source="none", boot_id=BOOT)
    recording = await start(clock=clock, keep=KEEP)
    clock.advance(120)
    for key in (GATE, YARD):
        await recording.record(120, key)
    clock.jump_wall(-off_s)
    clock.become("ntp", 0.1)
    await recording.until(lambda: (recording.root / "clock" / f"{BOOT}.json").exists())
    clock.advance(60)
    for key in (GATE, YARD):
        await recording.record(60, key)
    await recording.until(lambda: is_applied(recording.root))
    return recording


def is_applied(root: Path) -> bool:
    with closing(sqlite3.connect(root / NAME)) as index:
        return bool(index.execute("SELECT * FROM clock_corrections").fetchall())


CLOCKS = [30.0 - NIGHT_S, -7200.0, -100.0, 100.0, 7200.0, 400 * DAY_S]


@pytest.mark.parametrize("off_s", CLOCKS)
async def test_footage_of_a_boot_without_clock(start: Start, off_s: float) -> None:
    recording = await before_and_after(start, off_s)
    true = [pytest.approx([0, 120], abs=0.1), pytest.approx([420, 600], abs=0.1)]
    assert await spans(recording) == true
    assert await spans(recording, YARD) == true[1:]
    gaps = await recording.recorder.gaps(GATE, 0, 1e11)
    assert [(round(gap.start_90k / 90_000 - NIGHT_S), gap.cause) for gap in gaps] == [(120, "stopped")]
    # It plays across the moment when the clock was set, and a still of the time before is found.
    (mp4,) = await recording.recorder.mp4(GATE, NIGHT_S + 500, NIGHT_S + 580)
    content = whole(mp4)
    assert len(pictures(content)) == len(packets(content)) >= 80 * 25
    assert await recording.recorder.keyframe(GATE, NIGHT_S + 430, 1 << 20) is not None
    assert recording.recorder.usage().oldest_wall_s == pytest.approx(NIGHT_S, abs=0.1)
    await recording.stop()

    known = rows(recording.root)
    assert sum(row[5] != 0 for row in known[0]) == 4
    found = fsck.check(recording.root, fsck.open_index(recording.root), lambda _done, _all: None, full=True)
    assert found.problems == []

    again = await start(clock=FakeClock(NIGHT_S + 1000, boot_id="another"))
    await again.stop()
    assert rows(recording.root) == known
    without_index(recording.root)
    again = await start(clock=FakeClock(NIGHT_S + 1000, boot_id="another"))
    await again.no_fault("index_rebuilding")
    await again.until(lambda: is_applied(recording.root))
    await again.stop()
    assert rows(recording.root) == known


async def test_a_crash_before_the_index_is_corrected(start: Start) -> None:
    recording = await before_and_after(start, -7200.0)
    await recording.stop()
    known = rows(recording.root)
    with closing(sqlite3.connect(recording.root / NAME)) as index, index:
        index.execute("DELETE FROM clock_corrections")
        index.execute("UPDATE segments SET start_90k = start_90k - shift_90k, shift_90k = 0 WHERE id > 5")
    again = await start(clock=FakeClock(NIGHT_S + 1000, boot_id="another"))
    assert await spans(again, YARD) == [pytest.approx([420, 600], abs=0.1)]
    await again.stop()
    assert rows(recording.root)[0] == known[0]


async def test_the_service_restarts_before_the_clock_is_set(start: Start) -> None:
    """Both lives belong to one boot and move together."""
    clock = FakeClock(NIGHT_S - 5000, monotonic=20.0, source="none", boot_id=BOOT)
    recording = await start(clock=clock)
    clock.advance(100)
    await recording.record(100)
    await recording.stop()
    clock.advance(10)
    recording = await start(clock=clock)
    clock.advance(100)
    await recording.record(100)
    clock.jump_wall(5000)
    clock.become("person")
    await recording.until(lambda: (recording.root / "clock" / f"{BOOT}.json").exists())
    await recording.until(lambda: is_applied(recording.root))
    assert await spans(recording) == [
        pytest.approx([0, 100], abs=0.1),
        pytest.approx([110, 210], abs=0.1),
    ]
    gaps = await recording.recorder.gaps(GATE, 0, 1e11)
    assert [gap.cause for gap in gaps] == ["stopped"]


async def test_the_file_beside_the_footage(start: Start) -> None:
    recording = await before_and_after(start, -7200.0)
    boot = json.loads((recording.root / "clock" / f"{BOOT}.json").read_text())
    (correction,) = boot["corrections"]
    assert boot["boot_id"] == BOOT
    assert correction["source"] == "ntp"
    assert correction["error_s"] == 0.1
    assert correction["wall_minus_mono_s"] == pytest.approx(NIGHT_S + 420 - 20)
    await recording.stop()
    (recording.root / "clock" / f"{BOOT}.json").write_text("{")
    found = fsck.check(recording.root, None, lambda _done, _all: None, full=False)
    assert any(problem.path == f"clock/{BOOT}.json" for problem in found.problems)
