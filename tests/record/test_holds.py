"""Held footage is never deleted, whatever happens to the index; holds end, expire, and do not fill the disk."""

from __future__ import annotations

import asyncio
import json
import subprocess
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from record_running import FAST, Recording, Start
from record_streams import GATE, YARD, encode, fat

from nvr.errors import StorageError
from nvr.record.disk.holds import HoldQuota
from nvr.record.disk.identity import DiskMissing
from nvr.record.keep.hold import Hold, held_spans
from nvr.record.keep.retention import Days, Keep
from nvr.record.layout import segment_path, segment_start_90k
from nvr.record.model import TICKS

FAT = fat(encode(), 4000)


def hold(
    number: int = 1, camera: str = "gate", start_s: float = 0, end_s: float = 1e11, **more: object
) -> Hold:
    fields = {"case": "12/2027", "person": "Lê Văn B", "reason": "trộm xe", "made_by": "minh", "made_s": 1.0}
    span = {"id": f"{number:016x}", "camera": camera, "start_s": start_s, "end_s": end_s, "expires_s": 1e11}
    return Hold.model_validate({**fields, **span, **more})


spans = st.tuples(st.integers(0, 1000), st.integers(1, 200), st.sampled_from("ab"), st.integers(0, 10))


@given(st.lists(spans, max_size=12), st.one_of(st.none(), st.integers(0, 10)))
def test_spans_are_disjoint_and_hold_what_the_holds_do(
    drawn: list[tuple[int, int, str, int]], now_s: float | None
) -> None:
    holds = [
        hold(n, camera, start_s, start_s + length_s, expires_s=expires_s)
        for n, (start_s, length_s, camera, expires_s) in enumerate(drawn)
    ]
    found = held_spans(holds, now_s)
    for camera in "ab":
        mine = found.get(camera, [])
        assert all(a[1] < b[0] for a, b in pairwise(mine))
        standing = [h for h in holds if h.camera == camera and (now_s is None or h.expires_s > now_s)]
        for second in range(0, 1200, 7):
            at_90k = second * TICKS
            wanted = any(h.start_s <= second <= h.end_s for h in standing)
            assert any(start <= at_90k < end for start, end in mine) == wanted


@given(st.integers(0, 3_000_000_000 * 1000))
def test_a_files_name_tells_its_start(start_ms: int) -> None:
    day, name = segment_path(GATE, 7, start_ms * 90).split("/")[-2:]
    assert segment_start_90k(day, name) == start_ms * 90


async def fill(recording: Recording, turns: int) -> None:
    for turn in range(turns):
        await recording.record(8, YARD, units=FAT, ago_s=2000 - turn * 20)


async def test_ring_and_maximum_leave_what_is_held(start: Start) -> None:
    keep = Keep(Days(0, 1500 / 86_400))
    recording = await start(max_bytes=8_000_000, keep=keep, pace=replace(FAST, settle_s=0))
    await recording.record(8, GATE, units=FAT, ago_s=1400)
    held = hold()
    await recording.recorder.holds.add(held)
    assert json.loads((recording.root / "holds" / f"{held.id}.json").read_bytes())["case"] == "12/2027"
    await recording.stop()

    keep = Keep(Days(0, 500 / 86_400))
    again = await start(max_bytes=8_000_000, keep=keep, pace=replace(FAST, settle_s=0))
    assert again.recorder.holds.all == [held]
    for turn in range(8):
        await again.record(8, YARD, units=FAT, ago_s=400 - turn * 20)
    assert await again.covered_s(GATE) == pytest.approx(8)
    assert 0 < await again.covered_s(YARD) < 64

    await again.recorder.holds.remove(held.id, remember=False)
    assert list((again.root / "holds").iterdir()) == []
    for turn in range(8):
        await again.record(8, YARD, units=FAT, ago_s=200 - turn * 20)
    assert await again.covered_s(GATE) == 0


async def test_hold_survives_the_loss_of_the_index(start: Start) -> None:
    recording = await start()
    await recording.record(8, GATE, units=FAT, ago_s=3000)
    await recording.recorder.holds.add(hold())
    await recording.stop()
    for file in recording.root.glob("index.db*"):
        file.unlink()
    again = await start(max_bytes=8_000_000)
    await again.no_fault("index_rebuilding")
    await fill(again, 10)
    assert await again.covered_s(GATE) == pytest.approx(8)
    assert 0 < await again.covered_s(YARD) < 80


async def test_expired_hold_protects_only_while_the_clock_is_not_trusted(start: Start) -> None:
    recording = await start(max_bytes=8_000_000, pace=replace(FAST, settle_s=1e9))
    await recording.record(8, GATE, units=FAT, ago_s=3000)
    await recording.recorder.holds.add(hold(expires_s=recording.clock.wall() - 1))
    await fill(recording, 8)
    assert await recording.covered_s(GATE) == pytest.approx(8)
    await recording.stop()
    again = await start(max_bytes=8_000_000, pace=replace(FAST, settle_s=0))
    await again.record(8, YARD, units=FAT, ago_s=100)
    await again.record(8, YARD, units=FAT, ago_s=80)
    assert await again.covered_s(GATE) == 0


async def test_quota_warns_and_then_refuses(small_disk: Path, start: Start) -> None:
    recording = await start(small_disk / "rec", hold_share=0.05)
    for turn in range(5):
        await recording.record(8, GATE, units=FAT, ago_s=3000 - turn * 100)
    holds, now_s = recording.recorder.holds, recording.clock.wall()
    quota_bytes = holds.quota_bytes
    assert quota_bytes == pytest.approx(0.05 * 64 * 2**20, rel=0.1)
    one = hold(1, start_s=now_s - 3050, end_s=now_s - 2950)
    await holds.add(one)
    assert holds.held_bytes == pytest.approx(200 * 4000, rel=0.2)
    assert await holds.sizes([one.id for one in holds.all]) == {holds.all[0].id: holds.held_bytes}
    assert await holds.sizes([]) == {}
    assert recording.faults.current == []
    for number in (2, 3, 4):
        begin_s = now_s - 3050 + (number - 1) * 100
        await holds.add(hold(number, start_s=begin_s, end_s=begin_s + 100))
        if recording.faults.current:
            break
    fault = await recording.fault("hold_quota")
    assert fault.place == "holds"
    assert 80 <= fault.params["percent"] <= 100
    with pytest.raises(HoldQuota, match="hold_percent"):
        await holds.add(hold(9))
    assert len(holds.all) == number
    assert not (recording.root / "holds" / f"{9:016x}.json").exists()
    await holds.remove(one.id, remember=False)
    await recording.no_fault("hold_quota")


async def test_damaged_hold_is_a_fault_and_the_others_stand(start: Start) -> None:
    recording = await start()
    await recording.recorder.holds.add(hold())
    await recording.stop()
    folder = recording.root / "holds"
    (folder / "bad.json").write_text("{")
    (folder / f"{2:016x}.json").write_text(hold(3).model_dump_json())
    again = await start()
    fault = await again.fault("hold_damaged")
    assert fault.params == {"files": f"{2:016x}.json, bad.json"}
    assert again.recorder.holds.all == [hold()]


async def test_full_disk_at_start_spares_what_is_held(small_disk: Path, start: Start) -> None:
    recording = await start(small_disk / "rec")
    for turn in range(4):
        await recording.record(4, units=fat(encode(), 20_000), ago_s=3000 - turn * 500)
    now_s = recording.clock.wall()
    await recording.recorder.holds.add(hold(start_s=now_s - 3010, end_s=now_s - 2900))
    await recording.stop()
    with (small_disk / "filler").open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(bytes(4096))
    again = await start(small_disk / "rec")
    intervals = await again.recorder.coverage(GATE, 0, 1e11)
    assert intervals[0].start_s == pytest.approx(now_s - 3000, abs=30)
    assert len(intervals) < 4


async def test_hold_is_not_written_beside_a_pulled_disk(small_disk: Path, start: Start) -> None:
    recording = await start(small_disk)
    await recording.record(2)
    subprocess.run(["umount", "--lazy", str(small_disk)], check=True)
    with pytest.raises(StorageError):
        await recording.recorder.holds.add(hold())
    assert list(small_disk.iterdir()) == []
    assert recording.task is not None
    async with asyncio.timeout(30):
        with pytest.raises(ExceptionGroup) as raised:
            await recording.task
    assert raised.group_contains(DiskMissing)
