"""Disks that are full, read-only, failing or lying: one clear fault, nothing stored is harmed, recording comes back."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from record_running import FAST, Start
from record_streams import GATE, YARD, cut, encode, fat, packets, pictures, take_units

from nvr.record.disk.writer import Batch, Writer
from nvr.record.index.index import Index
from nvr.record.keep.retention import Budget
from nvr.record.model import Fragment
from played import whole

FAT = fat(encode(), 20_000)


def fill(disk: Path) -> None:
    """Use up all room with a file `filler`."""
    with (disk / "filler").open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(bytes(4096))


async def test_full_disk_is_a_fault_and_recording_comes_back(small_disk: Path, start: Start) -> None:
    """A short time without room costs nothing: what arrives meanwhile waits in memory."""
    recording = await start(small_disk / "rec")
    consumer = recording.recorder.consumer(GATE)
    units = take_units(FAT, 20, start_mono_s=recording.clock.monotonic() - 20)
    for unit in units[:200]:
        consumer.push(unit)
    await recording.until(lambda: recording.recorder.statistics().frames.get(GATE, 0) >= 175)
    fill(small_disk)
    for unit in units[200:400]:
        consumer.push(unit)
    fault = await recording.fault("disk_full")
    assert str(small_disk / "rec") in fault.detail
    assert (fault.place, fault.params) == ("disk", {"path": str(small_disk / "rec")})
    committed = recording.recorder.statistics().frames[GATE]
    (mp4,) = await recording.footage()
    assert [p.data for p in packets(whole(mp4))] == [unit.data for unit in units[:committed]]

    (small_disk / "filler").unlink()
    for unit in units[400:]:
        consumer.push(unit)
    await recording.no_fault("disk_full")
    await recording.stop()
    again = await start(small_disk / "rec")
    (mp4,) = await again.footage()
    content = whole(mp4)
    assert [p.data for p in packets(content)] == [unit.data for unit in units]
    assert len(pictures(content)) == len(units)
    assert again.recorder.usage().dropped_fragments == 0


async def test_long_time_without_room_is_a_gap(small_disk: Path, start: Start) -> None:
    pace = replace(FAST, memory_bytes=6_000_000)
    recording = await start(small_disk / "rec", pace=pace)
    consumer = recording.recorder.consumer(GATE)
    units = take_units(FAT, 40, start_mono_s=recording.clock.monotonic() - 40)
    for unit in units[:200]:
        consumer.push(unit)
    await recording.until(lambda: recording.recorder.statistics().frames.get(GATE, 0) >= 175)
    fill(small_disk)
    for unit in units[200:800]:
        consumer.push(unit)
        assert recording.recorder.statistics().queued_bytes <= 6_000_000
    await recording.fault("disk_full")
    await recording.fault("record_overflow")
    (small_disk / "filler").unlink()
    await recording.no_fault("disk_full")
    for unit in units[800:]:
        consumer.push(unit)
    await recording.until(lambda: recording.recorder.statistics().frames[GATE] > 500)
    causes = {gap.cause for gap in await recording.recorder.gaps(GATE, 0, 1e11)}
    assert causes == {"overflow"}
    parts = await recording.footage()
    stored = [p.data for part in parts for p in packets(whole(part))]
    assert stored[:175] == [unit.data for unit in units[:175]]
    assert len(stored) < len(units)


async def test_full_disk_with_old_footage_makes_room_by_itself(small_disk: Path, start: Start) -> None:
    recording = await start(small_disk / "rec", keep_free_bytes=8_000_000)
    for turn in range(24):
        await recording.record(8, units=FAT, ago_s=3000 - turn * 60)
    assert recording.faults.current == []
    files = list((small_disk / "rec").rglob("*.mp4"))
    assert 8 < len(files) < 16
    assert recording.recorder.usage().dropped_fragments == 0


async def test_appliance_starts_on_a_disk_without_any_room(small_disk: Path, start: Start) -> None:
    recording = await start(small_disk / "rec")
    for turn in range(6):
        await recording.record(4, units=FAT, ago_s=3000 - turn * 60)
    await recording.stop()
    fill(small_disk)
    again = await start(small_disk / "rec")
    intervals = await again.recorder.coverage(GATE, 0, 1e11)
    assert 1 <= len(intervals) < 6
    assert intervals[-1].start_s == pytest.approx(again.clock.wall() - 2700, abs=30)


async def test_disk_that_becomes_read_only(small_disk: Path, start: Start) -> None:
    recording = await start(small_disk / "rec")
    await recording.record(4, ago_s=100)
    await recording.until(lambda: recording.recorder.statistics().queued_bytes == 0)
    # The bind mount is the same directory, as after the kernel's own remount.
    subprocess.run(["mount", "--bind", str(small_disk), str(small_disk)], check=True)
    subprocess.run(["mount", "-o", "remount,ro,bind", str(small_disk)], check=True)
    consumer = recording.recorder.consumer(YARD)
    for unit in encode(frames=50):
        consumer.push(unit)
    fault = await recording.fault("storage")
    assert str(small_disk / "rec") in fault.detail
    assert recording.task is not None
    assert not recording.task.done()


class Disk:
    """Syncs that fail when told to."""

    def __init__(self) -> None:
        self.fails = False
        self.syncs = 0

    def __call__(self, files: Sequence[int]) -> None:
        self.syncs += 1
        if self.fails:
            raise OSError(errno.EIO, os.strerror(errno.EIO))


def fragments(seconds: float) -> list[Fragment]:
    return cut(take_units(encode(), seconds))


async def test_after_a_failed_sync_only_what_was_committed_is_there(tmp_path: Path) -> None:
    disk = Disk()
    index = Index(tmp_path)
    writer = Writer(tmp_path, index, budget=Budget(None, 0), sync=disk)
    done = fragments(6)
    assert writer.step(Batch(done[:2]), commit=True).is_committed
    disk.fails = True
    report = writer.step(Batch(done[2:4]), commit=True)
    assert not report.is_committed
    assert report.error is not None
    assert report.error.code == "storage"
    assert report.given_up == {1}
    assert report.lost == 2
    (row,) = index.open_rows()
    assert len(row.fragments) == 2
    (file,) = tmp_path.rglob("*.mp4")
    assert file.stat().st_size == row.footer_offset

    disk.fails = False
    report = writer.step(Batch(done[4:5]), commit=True)
    assert (report.lost, report.left, report.is_committed) == (1, [], True)
    assert index.open_rows() == []
    start_90k = done[0].segment.start_90k
    (gap,) = await index.gaps(GATE, 0, start_90k * 2)
    assert (gap.start_90k, gap.end_90k) == (start_90k + 2 * 90_000, start_90k + 5 * 90_000)
    assert gap.cause == "disk"
    writer.close()
    await index.close()


async def test_segment_that_cannot_be_written_costs_only_itself(tmp_path: Path) -> None:
    index = Index(tmp_path)
    writer = Writer(tmp_path, index, budget=Budget(None, 0), sync=Disk())
    mine = fragments(3)
    blocked = tmp_path / "footage" / "gate"
    blocked.parent.mkdir()
    blocked.write_bytes(b"in the way")
    report = writer.step(Batch(mine), commit=True)
    assert report.given_up == {1}
    assert report.lost == 3
    assert report.error is not None
    assert str(tmp_path) in str(report.error)
    assert len(await index.gaps(GATE, 0, 1 << 60)) == 1
    blocked.unlink()
    report = writer.step(Batch([], ended=[1]), commit=True)
    assert report.error is None
    writer.close()
    await index.close()


async def test_nothing_is_announced_before_the_sync(tmp_path: Path) -> None:
    disk = Disk()
    index = Index(tmp_path)
    writer = Writer(tmp_path, index, budget=Budget(None, 0), sync=disk)
    done = fragments(3)
    report = writer.step(Batch(done), commit=False)
    assert (report.fragments, disk.syncs, index.open_rows()) == (0, 0, [])
    report = writer.step(Batch(), commit=True)
    assert (report.fragments, report.frames, disk.syncs) == (3, {GATE: 75}, 1)
    report = writer.step(Batch(), commit=True)
    assert (report.fragments, disk.syncs) == (0, 1)
    writer.close()
    await index.close()
