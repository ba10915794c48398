"""After a crash the index says what the files hold, and no footage is lost to a damaged index."""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest
from record_running import Recording, Start
from record_streams import GATE, YARD, cut, encode, packets, pictures, take_units

from nvr.media.access_unit import Discontinuity
from nvr.record.disk.writer import Batch, Writer
from nvr.record.index import recovery
from nvr.record.index.index import Index
from nvr.record.keep.retention import Budget, Doomed
from nvr.record.layout import path_of
from nvr.record.model import Fragment
from played import whole


def no_sync(_files: Sequence[int]) -> None:
    return


async def crashed(root: Path, fragments: Sequence[Fragment], committed: int) -> Path:
    """Write `fragments` of one segment, of which `committed` get into the index, and let go without a word."""
    root.mkdir()
    index = Index(root)
    writer = Writer(root, index, budget=Budget(None, 0), sync=no_sync)
    writer.step(Batch(fragments[:committed]), commit=True)
    writer.step(Batch(fragments[committed:]), commit=False)
    writer.close()
    await index.close()
    (path,) = root.rglob("*.mp4")
    return path


async def stored_frames(recording: Recording) -> int:
    parts = [whole(part) for part in await recording.footage()]
    frames = sum(len(packets(part)) for part in parts)
    assert sum(len(pictures(part)) for part in parts) == frames
    return frames


FRAGMENTS = cut(take_units(encode(), 6))


@pytest.mark.parametrize("committed", [0, 2, 6])
@pytest.mark.parametrize("seed", range(4))
async def test_torn_file_is_cut_and_closed(tmp_path: Path, start: Start, committed: int, seed: int) -> None:
    path = await crashed(tmp_path / "rec", FRAGMENTS, committed)
    os.truncate(path, path.stat().st_size - random.Random(seed).randrange(1, FRAGMENTS[-1].payload_bytes))
    recording = await start()
    # Where the index has six fragments but the file five, the disk has lied: the row says five from now on.
    assert await stored_frames(recording) == 125
    (interval,) = await recording.recorder.coverage(GATE, 0, 1e11)
    assert interval.end_s - interval.start_s == pytest.approx(5.0)
    assert path.read_bytes()[-12:-8] == b"mfro"
    await recording.record(2, ago_s=2)
    assert await stored_frames(recording) == 175


async def test_rotten_tail_is_cut_where_it_is_still_whole(tmp_path: Path, start: Start) -> None:
    path = await crashed(tmp_path / "rec", FRAGMENTS, 2)
    content = bytearray(path.read_bytes())
    at = len(content) - FRAGMENTS[-1].payload_bytes - FRAGMENTS[-2].payload_bytes - 800
    content[at:] = bytes(len(content) - at)  # blocks that were never written read as zeros
    path.write_bytes(content)
    recording = await start()
    assert 75 <= await stored_frames(recording) <= 100


async def test_file_without_a_whole_fragment_leaves_nothing(tmp_path: Path, start: Start) -> None:
    path = await crashed(tmp_path / "rec", FRAGMENTS[:1], 0)
    os.truncate(path, path.stat().st_size - 10)
    recording = await start()
    assert await recording.footage() == []
    assert not path.exists()


async def test_committed_file_that_is_gone_is_forgotten(tmp_path: Path, start: Start) -> None:
    (await crashed(tmp_path / "rec", FRAGMENTS, 6)).unlink()
    recording = await start()
    assert await recording.footage() == []
    assert await recording.recorder.coverage(GATE, 0, 1e11) == []


async def test_interrupted_deletion_is_finished(tmp_path: Path, start: Start) -> None:
    recording = await start()
    await recording.record(3, ago_s=100)
    await recording.record(3, ago_s=50)
    await recording.stop()
    index = Index(recording.root)
    (oldest, _) = index.oldest(10)
    index.discard([Doomed(oldest, "space")], 0)
    await index.close()
    assert (recording.root / path_of(oldest)).exists()
    again = await start()
    assert not (again.root / path_of(oldest)).exists()
    assert await stored_frames(again) == 75


async def test_files_deleted_while_the_index_had_no_room(start: Start) -> None:
    recording = await start()
    for turn in range(4):
        await recording.record(3, ago_s=100 - 20 * turn)
    await recording.stop()
    for path in sorted(recording.root.rglob("*.mp4"))[:2]:
        path.unlink()
    again = await start()
    assert len(await again.recorder.coverage(GATE, 0, 1e11)) == 2
    assert await stored_frames(again) == 150
    assert again.recorder.usage().used_bytes < recording.recorder.usage().used_bytes


def spoil(root: Path, how: str) -> None:
    path = root / "index.db"
    if how == "missing":
        path.unlink()
    elif how == "garbage":
        path.write_bytes(b"not a database at all" * 1000)
    else:
        content = bytearray(path.read_bytes())
        content[4096:] = b"\x55" * (len(content) - 4096)  # the first page is whole, so it opens
        path.write_bytes(content)


@pytest.mark.parametrize("how", ["missing", "garbage", "inside"])
async def test_damaged_index_is_rebuilt_from_the_files(start: Start, how: str) -> None:
    recording = await start()
    for turn in range(5):
        await recording.record(65, ago_s=2000 - turn * 200)
        await recording.record(3, YARD, ago_s=2000 - turn * 200)
    coverage = [await recording.recorder.coverage(key, 0, 1e11) for key in (GATE, YARD)]
    gaps = await recording.recorder.gaps(GATE, 0, 1e11)
    frames = await stored_frames(recording)
    await recording.stop()
    before = sorted(path.name for path in recording.root.rglob("*.mp4"))
    spoil(recording.root, how)

    again = await start()
    await again.record(3, ago_s=3)
    await again.no_fault("index_rebuilding")
    await again.until(lambda: again.recorder.usage().oldest_wall_s == coverage[0][0].start_s)
    rebuilt = [await again.recorder.coverage(key, 0, 1e11) for key in (GATE, YARD)]
    assert rebuilt[0][:-1] == coverage[0]
    assert rebuilt[1] == coverage[1]
    assert (await again.recorder.gaps(GATE, 0, 1e11))[: len(gaps)] == gaps
    assert await stored_frames(again) == frames + 75
    after = sorted(path.name for path in again.root.rglob("*.mp4"))
    assert set(before) < set(after)
    assert len({name.rsplit("_", 1)[1] for name in after}) == len(after)
    assert any(again.root.glob("index.db.corrupt-*")) == (how != "missing")
    await again.stop()
    third = await start()
    assert third.faults.current == []
    assert await stored_frames(third) == frames + 75


async def test_index_that_breaks_while_recording_is_replaced(start: Start) -> None:
    recording = await start()
    await recording.record(65, ago_s=500)
    consumer = recording.recorder.consumer(GATE)
    for unit in take_units(encode(), 10, start_mono_s=recording.clock.monotonic() - 10):
        consumer.push(unit)
    await recording.until(lambda: recording.recorder.statistics().frames[GATE] >= 65 * 25 + 225)
    with sqlite3.connect(recording.root / "index.db") as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        # A schema that names a page which does not exist: any use of the table is "malformed".
        other.execute("PRAGMA writable_schema=ON")
        other.execute("UPDATE sqlite_master SET rootpage = 9999 WHERE name = 'segments'")
        other.execute("PRAGMA schema_version = 1000")
        other.commit()
    other.close()
    consumer.push(Discontinuity(GATE, "reconnect", 0.0))
    await recording.until(lambda: any(recording.root.glob("index.db.corrupt-*")))
    await recording.record(3, ago_s=0.5)
    await recording.no_fault("index_rebuilding")
    assert await stored_frames(recording) == (65 + 10 + 3) * 25


async def test_newer_index_is_refused_and_left_alone(start: Start) -> None:
    recording = await start()
    await recording.record(1)
    await recording.stop()
    with sqlite3.connect(recording.root / "index.db") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(Exception, match="newer version"):
        await start()
    assert not any(recording.root.glob("index.db.corrupt-*"))


async def test_foreign_files_are_left_alone(start: Start) -> None:
    recording = await start()
    await recording.record(3, ago_s=50)
    await recording.stop()
    (file,) = recording.root.rglob("*.mp4")
    notes = file.with_name("notes.txt")
    notes.write_text("mine")
    strange = file.with_name(file.name.replace("_1.", "_9."))
    strange.write_bytes(os.urandom(5000))
    (recording.root / "footage" / "README").write_text("mine")
    again = await start()
    assert await stored_frames(again) == 75
    assert notes.read_text() == "mine"
    assert strange.stat().st_size == 5000
    assert recovery.mend(strange, None) is None
    await again.record(1, ago_s=1)
    assert {int(path.stem.rsplit("_", 1)[1]) for path in again.root.rglob("*.mp4")} == {1, 9, 10}
