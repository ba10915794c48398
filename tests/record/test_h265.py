"""H.265 from access units to files, index, playback and back."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import replace
from importlib import resources
from itertools import groupby, pairwise
from pathlib import Path

import pytest
from record_running import Start
from record_streams import GATE, cut, encode, file_bytes, packets, pictures, reader, take_units

import x265
from nvr.media.access_unit import CodecConfig
from nvr.record.index.index import Index
from nvr.record.model import FragmentEntry, Segment, SegmentRow
from nvr.record.mp4.fmp4_reader import read_segment_header
from nvr.store import Database
from played import whole

CONFIG = x265.encode(frames=2)[0].config


@pytest.mark.parametrize("open_gop", [False, True])
@pytest.mark.parametrize("b_frames", [0, 2, 3])
def test_real_stream_decodes_in_the_right_order(b_frames: int, open_gop: bool) -> None:
    units = x265.encode(frames=75, b_frames=b_frames, open_gop=open_gop)
    assert (b_frames > 0) == any(b.pts_90k < a.pts_90k for a, b in pairwise(units))
    content, _ = file_bytes(cut(units))
    assert [(p.data, p.is_key) for p in packets(content)] == [(u.data, u.is_key) for u in units]
    shown = pictures(content)
    assert [time - shown[0] for time in shown] == sorted(unit.pts_90k for unit in units)


def test_header_keeps_what_an_index_is_rebuilt_from() -> None:
    fragment = cut(x265.encode())[0]
    content = file_bytes([fragment])[0]
    segment, _ = read_segment_header(reader(content))
    assert segment == fragment.segment
    assert segment.config.vps == CONFIG.vps


def test_files_without_a_video_parameter_set_in_their_header_are_read() -> None:
    """As the first version wrote them."""
    fragment = cut(encode())[0]
    content = file_bytes([fragment])[0]
    start = content.index(b'{"camera"')
    facts, length = json.JSONDecoder().raw_decode(content[start:].decode("latin-1"))
    del facts["vps"]
    old = json.dumps(facts, separators=(",", ":")).encode().ljust(length)
    segment, _ = read_segment_header(reader(content.replace(content[start : start + length], old)))
    assert segment == fragment.segment


def test_ffprobe_opens_a_file(tmp_path: Path) -> None:
    ffprobe = shutil.which("ffprobe")
    assert ffprobe is not None, "install Debian's ffmpeg"
    path = tmp_path / "file.mp4"
    path.write_bytes(file_bytes(cut(x265.encode(frames=50, b_frames=2)))[0])
    command = [ffprobe, "-v", "error", "-of", "csv=p=0"]
    command += ["-show_entries", "stream=codec_name,codec_tag_string,width,height,has_b_frames", str(path)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert answer.stdout.strip() == "hevc,hvc1,160,96,2"
    assert answer.stderr == ""


async def test_recorded_played_and_rebuilt(start: Start) -> None:
    recording = await start()
    units = x265.encode(b_frames=2)
    pushed = await recording.record(4, units=units, ago_s=20)
    await recording.record(2, units=encode(), ago_s=10)
    for again in (False, True):
        if again:
            oldest_s = recording.recorder.usage().oldest_wall_s
            await recording.stop()
            (recording.root / "index.db").unlink()
            recording = await start()
            recorder = recording.recorder
            await recording.until(lambda: recorder.usage().oldest_wall_s == oldest_s)  # noqa: B023
        parts = await recording.footage()
        assert [part.content_type for part in parts] == [
            f'video/mp4; codecs="{units[0].config.rfc6381}"',
            f'video/mp4; codecs="{encode()[0].config.rfc6381}"',
        ]
        assert [p.data for p in packets(whole(parts[0]))] == [unit.data for unit in pushed]
        assert len(pictures(whole(parts[0]))) == len(pushed)


def test_each_change_of_a_set_starts_a_segment() -> None:
    units = take_units(x265.encode(), 4)
    other = replace(units[0].config, vps=CONFIG.vps + b"\x80")
    changed = [replace(unit, config=other) if unit.pts_90k >= 180_000 else unit for unit in units]
    numbers = [number for number, _ in groupby(cut(changed), key=lambda fragment: fragment.segment.number)]
    assert numbers == [1, 2]


async def test_index_of_the_first_version_is_migrated(tmp_path: Path) -> None:
    first = (resources.files("nvr.record.index") / "schema" / "001.sql").read_text("utf-8")
    await Database(tmp_path / "index.db", [first]).close()
    h264 = encode()[0].config
    with closing(sqlite3.connect(tmp_path / "index.db")) as old, old:
        old.execute("INSERT INTO streams VALUES (7, 'gate', 'main', 1100)")
        columns = (5, "h264", h264.sps, h264.pps, h264.width, h264.height, h264.reorders)
        old.execute("INSERT INTO configs VALUES (?, ?, ?, ?, ?, ?, ?)", columns)
        old.execute(
            "INSERT INTO segments VALUES (3, 7, 5, 90000, 90000, 0, 1100, 100, 0, 0, ?)", (b"\xa2\x1f\x00",)
        )
    index = Index(tmp_path)
    (row,) = await index.rows(GATE, 0, 1_000_000)
    assert row.segment.config == h264

    def put(number: int, config: CodecConfig) -> None:
        segment = Segment(number, GATE, config, number * 90_000, 0)
        index.commit([SegmentRow(segment, 100, 0, False, (FragmentEntry(0, 90_000, 1000, True),))])

    twin = replace(CONFIG, vps=CONFIG.vps + b"\x80")
    for number, config in ((4, h264), (5, CONFIG), (6, twin)):
        put(number, config)
    rows = await index.rows(GATE, 0, 1_000_000)
    assert [row.segment.config for row in rows] == [h264, h264, CONFIG, twin]
    await index.close()
    with closing(sqlite3.connect(tmp_path / "index.db")) as new:
        assert new.execute("PRAGMA foreign_key_check").fetchall() == []
        assert new.execute("SELECT COUNT(*) FROM configs").fetchone() == (3,)
        new.execute("PRAGMA foreign_keys=ON")
        with pytest.raises(sqlite3.IntegrityError):
            new.execute("DELETE FROM configs")
