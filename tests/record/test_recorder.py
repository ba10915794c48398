"""The recorder on a real directory."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from record_running import FAST, Start
from record_streams import FPS, GATE, YARD, encode, fat, packets, pictures

from nvr.clock import FakeClock, SystemClock
from nvr.errors import StorageError
from nvr.faults import FaultBoard
from nvr.media.access_unit import AccessUnit, Discontinuity
from nvr.record.disk.recorder import Recorder
from played import whole


async def open_recorder(root: Path) -> Recorder:
    clock = SystemClock()
    return await Recorder.open(
        root, clock=clock, faults=FaultBoard(clock), max_bytes=None, keep_free_bytes=0, pace=FAST
    )


async def test_what_goes_in_comes_out(start: Start) -> None:
    recording = await start()
    units = await recording.record(70, units=encode(b_frames=2))
    others = await recording.record(10, YARD)
    assert recording.healthy.is_set()
    for key, pushed in ((GATE, units), (YARD, others)):
        (mp4,) = await recording.footage(key)
        content = whole(mp4)
        assert [p.data for p in packets(content)] == [unit.data for unit in pushed]
        assert len(pictures(content)) == len(pushed)
        (interval,) = await recording.recorder.coverage(key, 0, 1e11)
        assert interval.end_s - interval.start_s == pytest.approx(len(pushed) / FPS)
        assert interval.start_s == pytest.approx(mp4.start_s)
        assert recording.clock.wall() - interval.end_s < 20
    statistics = recording.recorder.statistics()
    assert statistics.frames == {GATE: len(units), YARD: len(others)}
    assert statistics.commits > 0
    assert statistics.queued_bytes == 0
    usage = recording.recorder.usage()
    files = sum(p.stat().st_size for p in recording.root.rglob("*.mp4"))
    assert files < usage.used_bytes < files + 1_000_000
    assert usage.free_bytes > 0
    assert usage.oldest_wall_s == pytest.approx(recording.clock.wall() - 70, abs=20)
    assert 60 < usage.days_kept * 86_400 < 100
    assert recording.faults.current == []


async def test_span_starts_with_the_keyframe_before_it(start: Start) -> None:
    recording = await start()
    await recording.record(130)
    ((begin_s, end_s),) = await recording.recorder.coverage(GATE, 0, 1e11)
    for offset_s, expected_s in ((10.5, 10.0), (59.9, 59.0), (60.0, 60.0), (125.0, 125.0)):
        (mp4,) = await recording.recorder.mp4(GATE, begin_s + offset_s, begin_s + offset_s + 3.0)
        assert mp4.start_s - begin_s == pytest.approx(expected_s, abs=0.001)
        assert 3.0 <= mp4.duration_s <= 4.0
        assert len(pictures(whole(mp4))) == round(mp4.duration_s * FPS)
    assert await recording.recorder.mp4(GATE, begin_s - 100, begin_s - 1) == []
    assert await recording.recorder.mp4(GATE, end_s + 1, end_s + 100) == []
    assert await recording.recorder.mp4(YARD, begin_s, end_s) == []
    (all_of_it,) = await recording.recorder.mp4(GATE, begin_s - 100, end_s + 100)
    assert all_of_it.duration_s == pytest.approx(130.0)
    cut = await recording.recorder.coverage(GATE, begin_s + 30, begin_s + 90)
    assert cut == [pytest.approx((begin_s + 30, begin_s + 90))]


async def test_parts_where_parameter_sets_change(start: Start) -> None:
    recording = await start()
    small = await recording.record(4, ago_s=20)
    large = await recording.record(4, ago_s=10, units=encode(width=320, height=192))
    parts = await recording.footage()
    assert [[p.data for p in packets(whole(part))] for part in parts] == [
        [unit.data for unit in small],
        [unit.data for unit in large],
    ]
    (before, after) = await recording.recorder.coverage(GATE, 0, 1e11)
    (gap,) = await recording.recorder.gaps(GATE, 0, 1e11)
    assert (gap.start_90k / 90_000, gap.end_90k / 90_000) == pytest.approx((before.end_s, after.start_s))
    assert gap.cause == "reconnect"


async def test_open_segment_plays_while_it_grows(start: Start) -> None:
    recording = await start()
    consumer = recording.recorder.consumer(GATE)
    commits = asyncio.Event()
    recording.recorder.on_commit(commits.set)
    now_s = recording.clock.monotonic()
    pushed: list[AccessUnit] = []
    for turn in range(3):
        commits.clear()
        for unit in encode(frames=150)[turn * 50 : turn * 50 + 50]:
            pushed.append(unit)
            consumer.push(AccessUnit(GATE, unit.config, unit.data, unit.pts_90k, unit.is_key, now_s))
        async with asyncio.timeout(10):
            await commits.wait()
        (mp4,) = await recording.footage()
        read = [p.data for p in packets(whole(mp4))]
        assert read == [unit.data for unit in pushed[: len(read)]]
        assert len(read) >= turn * 50 + 25


async def test_stop_loses_nothing_and_closes_every_file(start: Start) -> None:
    recording = await start()
    consumer = recording.recorder.consumer(GATE)
    for unit in encode(frames=40):
        consumer.push(unit)
    await recording.healthy.wait()
    await recording.stop()
    again = await start()
    (mp4,) = await again.footage()
    assert len(packets(whole(mp4))) == 40
    (file,) = again.root.rglob("*.mp4")
    assert b"mfro" in file.read_bytes()[-16:]


async def test_next_life_goes_on_behind_what_is_recorded(start: Start) -> None:
    recording = await start()
    await recording.record(5)
    await recording.stop()
    again = await start()
    await again.record(5, ago_s=3)
    assert await again.covered_s() == pytest.approx(10, abs=0.03)  # time is bent a little
    numbers = [int(path.stem.rsplit("_", 1)[1]) for path in sorted(again.root.rglob("*.mp4"))]
    assert numbers == [1, 2]


async def test_footage_is_deleted_oldest_first_within_the_budget(start: Start) -> None:
    limit = 30_000_000
    recording = await start(max_bytes=limit)
    usages = []
    for turn in range(40):
        await recording.record(4, units=fat(encode(), 20_000), ago_s=4000 - turn * 60)
        on_disk = sum(path.stat().st_size for path in recording.root.rglob("*") if path.is_file())
        assert on_disk <= limit
        usages.append(recording.recorder.usage())
    assert all(usage.used_bytes <= limit for usage in usages)
    assert usages[-1].used_bytes > limit / 2
    oldest = [usage.oldest_wall_s or 0.0 for usage in usages]
    assert all(a <= b for a, b in pairwise(oldest))
    files = sorted(int(path.stem.rsplit("_", 1)[1]) for path in recording.root.rglob("*.mp4"))
    assert files == list(range(files[0], 41))
    assert files[0] > 20
    intervals = await recording.recorder.coverage(GATE, 0, 1e11)
    assert len(intervals) == len(files)
    assert intervals[0].start_s == oldest[-1]
    gaps = await recording.recorder.gaps(GATE, 0, 1e11)
    assert len(gaps) <= len(files)
    assert recording.recorder.usage().dropped_fragments == 0
    assert all(len(pictures(whole(mp4))) == len(files) * 100 for mp4 in await recording.footage())


async def test_space_is_kept_free(small_disk: Path, start: Start) -> None:
    """64 MB disk: what does not belong to the recorder comes, and footage goes."""
    keep = 24_000_000
    recording = await start(small_disk / "rec", keep_free_bytes=keep)
    for turn in range(12):
        await recording.record(8, units=fat(encode(), 20_000), ago_s=2000 - turn * 60)
        assert recording.recorder.usage().free_bytes >= keep - 2_000_000
    before = recording.recorder.usage()
    (small_disk / "other").write_bytes(bytes(12_000_000))
    await recording.record(8, units=fat(encode(), 20_000), ago_s=100)
    await recording.record(8, units=fat(encode(), 20_000), ago_s=50)
    after = recording.recorder.usage()
    assert after.free_bytes >= keep - 2_000_000
    assert after.used_bytes < before.used_bytes
    assert after.oldest_wall_s is not None
    assert before.oldest_wall_s is not None
    assert after.oldest_wall_s > before.oldest_wall_s
    assert recording.faults.current == []


async def test_memory_is_bounded_and_what_does_not_fit_is_a_gap(start: Start) -> None:
    recording = await start(
        pace=FAST.__class__(write_s=0.5, commit_s=0.5, overflow_s=0.3, memory_bytes=20_000)
    )
    consumer = recording.recorder.consumer(GATE)
    now_s = recording.clock.monotonic()
    for turn in range(4):
        for unit in encode(frames=500):
            received = now_s - 200 + turn * 20 + unit.pts_90k / 90_000
            pts_90k = unit.pts_90k + turn * 20 * 90_000
            consumer.push(AccessUnit(GATE, unit.config, unit.data, pts_90k, unit.is_key, received))
            assert recording.recorder.statistics().queued_bytes <= 20_000
        await asyncio.sleep(0)
    await recording.fault("record_overflow")
    assert recording.recorder.usage().dropped_fragments > 0
    await recording.record(2, ago_s=2)
    gaps = await recording.recorder.gaps(GATE, 0, 1e11)
    assert "overflow" in {gap.cause for gap in gaps}
    intervals = await recording.recorder.coverage(GATE, 0, 1e11)
    known_s = sum(gap.end_90k - gap.start_90k for gap in gaps) / 90_000
    covered_s = sum(end - begin for begin, end in intervals)
    assert known_s + covered_s == pytest.approx(intervals[-1].end_s - intervals[0].start_s, abs=0.05)
    await recording.no_fault("record_overflow")


async def test_second_process_is_refused(start: Start, tmp_path: Path) -> None:
    recording = await start()
    await recording.record(1)
    program = (
        "import asyncio, sys; from pathlib import Path; from nvr.clock import SystemClock\n"
        "from nvr.errors import StorageError; from nvr.faults import FaultBoard\n"
        "from nvr.record.disk.recorder import Recorder\n"
        "clock = SystemClock()\n"
        "try:\n"
        "    asyncio.run(Recorder.open(Path(sys.argv[1]), clock=clock, faults=FaultBoard(clock),"
        " max_bytes=None, keep_free_bytes=0))\n"
        "except StorageError as error:\n"
        "    print(error)\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(recording.root), stdout=asyncio.subprocess.PIPE
    )
    answer, _ = await process.communicate()
    assert "in use by another process" in answer.decode()
    assert str(recording.root) in answer.decode()
    with pytest.raises(StorageError, match="in use"):
        await open_recorder(recording.root)
    await recording.record(1)


@pytest.mark.parametrize("kind", ["missing", "file", "read-only"])
async def test_directory_that_cannot_be_used_is_named(tmp_path: Path, kind: str) -> None:
    root = tmp_path / "rec"
    if kind == "missing":
        root = tmp_path / "no" / "disk"
    elif kind == "file":
        root.write_bytes(b"")
    else:
        root.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(root)], check=True)
    try:
        with pytest.raises(StorageError) as caught:
            await open_recorder(root)
    finally:
        if kind == "read-only":
            subprocess.run(["umount", str(root)], check=True)
    assert str(root) in caught.value.message
    assert caught.value.remedy
    assert caught.value.code == "storage"
    assert caught.value.params == {"path": str(root)}


async def test_cancelled_while_it_opens(tmp_path: Path) -> None:
    """What the disk's thread does is not torn from under it, and the directory is free again."""
    root = tmp_path / "rec"
    await (await open_recorder(root)).close()
    other = sqlite3.connect(root / "index.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")  # the opener now waits inside SQLite
    async with asyncio.TaskGroup() as group:
        opening = group.create_task(open_recorder(root))
        await asyncio.sleep(0.5)
        opening.cancel()
        await asyncio.sleep(0.2)
        assert not opening.done()
        other.execute("ROLLBACK")
    other.close()
    assert opening.cancelled()
    await (await open_recorder(root)).close()


async def test_last_part_of_the_path_is_created(tmp_path: Path) -> None:
    recorder = await open_recorder(tmp_path / "rec")
    assert recorder.usage().used_bytes < 1_000_000
    assert recorder.usage().oldest_wall_s is None
    assert await recorder.coverage(GATE, 0, 1e11) == []
    await recorder.close()
    recorder = await open_recorder(tmp_path / "rec")
    await recorder.close()


async def test_consumer_takes_anything_while_the_clock_stands_still(tmp_path: Path) -> None:
    clock = FakeClock()
    recorder = await Recorder.open(
        tmp_path / "rec", clock=clock, faults=FaultBoard(clock), max_bytes=None, keep_free_bytes=0
    )
    consumer = recorder.consumer(GATE)
    consumer.push(Discontinuity(GATE, "loss", 0.0))
    for unit in encode(frames=50)[10:]:
        consumer.push(unit)
    assert recorder.consumer(GATE) is consumer
    with pytest.raises(ValueError, match="not a camera id"):
        recorder.consumer(GATE._replace(camera="../evil"))
    await recorder.close()


async def test_directory_is_free_again_when_closing_was_cancelled(start: Start) -> None:
    recording = await start()
    await recording.record(2)
    assert recording.task is not None
    recording.task.cancel()
    await asyncio.wait([recording.task])
    recording.task = None
    closing = asyncio.create_task(recording.recorder.close())
    await asyncio.sleep(0)
    closing.cancel()
    await asyncio.wait([closing])
    assert closing.cancelled()
    again = await start()
    await again.record(2)
