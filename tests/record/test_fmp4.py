"""Recorded files: what was written is read back by PyAV and by us, also where the file is torn."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import groupby, pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from record_streams import GATE, cut, encode, endless, file_bytes, packets, pictures, reader

from nvr.media.access_unit import AccessUnit
from nvr.record.model import Fragment, Gap, Segment
from nvr.record.mp4.fmp4_reader import (
    Damaged,
    read_footer,
    read_fragment,
    read_segment_header,
    scan,
)

CONFIG = encode(frames=1)[0].config


@st.composite
def decode_orders(draw: st.DrawFn) -> list[AccessUnit]:
    """Streams whose B-frames come behind the picture they are shown before, in any order among themselves."""
    units: list[AccessUnit] = []
    pts_90k = draw(st.integers(0, 10**9))
    for _ in range(draw(st.integers(1, 4))):
        shown = [(pts_90k, True)]
        for b_frames in draw(st.lists(st.integers(0, 3), max_size=8)):
            steps = draw(st.lists(st.integers(1, 30_000), min_size=b_frames + 1, max_size=b_frames + 1))
            times = [pts_90k := pts_90k + step for step in steps]
            shown += [(times[-1], False), *((time, False) for time in draw(st.permutations(times[:-1])))]
        pts_90k += draw(st.integers(1, 30_000))
        for time, is_key in shown:
            payload = draw(st.binary(min_size=1, max_size=40))
            # The start of a slice header, I or P, because FFmpeg's parser looks at it.
            nal = (b"\x65\x88" if is_key else b"\x41\xe0") + payload
            data = len(nal).to_bytes(4, "big") + nal
            units.append(AccessUnit(GATE, CONFIG, data, time, is_key, time / 90_000))
    return units


def one_file(units: Sequence[AccessUnit]) -> list[Fragment]:
    fragments = cut(units)
    assert {fragment.segment.number for fragment in fragments} == {1}
    return fragments


@settings(max_examples=60, deadline=None)
@given(decode_orders())
def test_a_player_reads_what_was_written(units: list[AccessUnit]) -> None:
    content, _ = file_bytes(one_file(units))
    read = packets(content)
    first = units[0].pts_90k - read[0].pts_90k
    assert [(p.data, p.pts_90k + first, p.is_key) for p in read] == [
        (unit.data, unit.pts_90k, unit.is_key) for unit in units
    ]


@settings(max_examples=60, deadline=None)
@given(decode_orders(), st.data())
def test_a_torn_file_gives_all_whole_fragments(units: list[AccessUnit], data: st.DataObject) -> None:
    fragments = one_file(units)
    content, ends = file_bytes(fragments)
    header_bytes = _header_bytes(content)
    length = data.draw(st.integers(header_bytes, len(content)))
    torn = content[:length]
    whole = [end for end in ends if end <= length]

    found = scan(reader(torn), len(torn), header_bytes)
    assert found.end == (whole[-1] if whole else header_bytes)
    assert [f.samples.sizes.tolist() for f in found.fragments] == [
        [len(data) for data in fragment.data] for fragment in fragments[: len(whole)]
    ]
    complete = [data for fragment in fragments[: len(whole)] for data in fragment.data]
    if complete:
        assert [p.data for p in packets(torn[: found.end])] == complete
        # FFmpeg refuses a file that ends within a moof, or in the first bytes of a uuid box; recovery cuts it there.
        torn_samples = len(fragments[len(whole)].data) if len(whole) < len(fragments) else 0
        if not 8 <= length - found.end < 156 + 16 * torn_samples:
            assert [p.data for p in packets(torn)][: len(complete)] == complete


def _header_bytes(content: bytes) -> int:
    return read_segment_header(reader(content))[1]


@settings(max_examples=60, deadline=None)
@given(decode_orders())
def test_index_of_samples_says_what_the_fragments_say(units: list[AccessUnit]) -> None:
    content, _ = file_bytes(one_file(units))
    start = _header_bytes(content)
    scanned = scan(reader(content), len(content), start)
    fragments, footer_bytes = read_footer(reader(content), len(content))
    assert scanned.end == len(content) - footer_bytes
    assert [f.entry for f in fragments] == [f.entry for f in scanned.fragments]
    for ours, theirs in zip(fragments, scanned.fragments, strict=True):
        assert ours.samples.offsets_90k.tolist() == theirs.samples.offsets_90k.tolist()
        assert ours.samples.durations_90k.tolist() == theirs.samples.durations_90k.tolist()
        assert ours.samples.keys.tolist() == theirs.samples.keys.tolist()


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_no_changed_byte_goes_unnoticed(data: st.DataObject) -> None:
    content, ends = file_bytes(cut(encode(frames=50)), closed=False)
    start = _header_bytes(content)
    at = data.draw(st.integers(start, len(content) - 1))
    rotten = bytearray(content)
    rotten[at] ^= data.draw(st.integers(1, 255))
    found = scan(reader(bytes(rotten)), len(rotten), start)
    assert found.end == max([start, *(end for end in ends if end <= at)])


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 2000))
def test_foreign_bytes_are_damage_and_nothing_worse(noise: bytes, keep: int) -> None:
    content, _ = file_bytes(cut(encode(frames=30)))
    for hostile in (noise, content[:keep] + noise, noise + content):
        read = reader(hostile)
        with suppress(Damaged):
            read_segment_header(read)
        with suppress(Damaged):
            read_footer(read, len(hostile))
        with suppress(Damaged):
            read_fragment(read, keep, check=False)
        scan(read, len(hostile), keep, check=False)


def test_torn_headers_are_found_without_checksums() -> None:
    content, ends = file_bytes(cut(encode(frames=50)), closed=False)
    start = _header_bytes(content)
    for size in [*range(start, start + 700), *range(ends[0], ends[0] + 700)]:
        found = scan(reader(content[:size]), size, start, check=False)
        assert found.end == max([start, *(end for end in ends if end <= size)])


def test_header_keeps_what_an_index_is_rebuilt_from() -> None:
    segment = cut(encode())[0].segment
    gap = Gap(GATE, segment.start_90k - 123_456, segment.start_90k, "loss")
    for expected in (segment, replace(segment, gap=gap, slew_ppm=-321, number=77)):
        fragment = replace(cut(encode())[0], segment=expected)
        read, start = read_segment_header(reader(file_bytes([fragment])[0]))
        assert read == expected
        assert isinstance(read, Segment)
        assert start == _header_bytes(file_bytes([fragment])[0])


@pytest.mark.parametrize("b_frames", [0, 2, 3])
def test_real_stream_decodes_in_the_right_order(b_frames: int) -> None:
    units = encode(frames=75, b_frames=b_frames)
    assert (b_frames > 0) == any(b.pts_90k < a.pts_90k for a, b in pairwise(units))
    content, _ = file_bytes(one_file(units))
    shown = pictures(content)
    assert [time - shown[0] for time in shown] == sorted(unit.pts_90k for unit in units)


def test_stream_of_two_minutes_is_two_whole_files_and_a_bit() -> None:
    units = [unit for unit, _ in zip(endless(encode(b_frames=2)), range(3200), strict=False)]
    files = [list(run) for _, run in groupby(cut(units), key=lambda fragment: fragment.segment.number)]
    assert [len(pictures(file_bytes(file)[0])) for file in files] == [1500, 1500, 200]


def test_ffprobe_opens_a_file(tmp_path: Path) -> None:
    ffprobe = shutil.which("ffprobe")
    assert ffprobe is not None, "install Debian's ffmpeg"
    path = tmp_path / "file.mp4"
    content, ends = file_bytes(one_file(encode(frames=100, b_frames=2)))
    for length, frames in ((len(content), 100), (ends[2] + 700, 75)):
        path.write_bytes(content[:length])
        command = [ffprobe, "-v", "error", "-count_packets", "-of", "csv=p=0"]
        command += ["-show_entries", "stream=codec_name,width,height,nb_read_packets", str(path)]
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        name, width, height, read = answer.stdout.strip().split(",")
        assert (name, width, height) == ("h264", "160", "96")
        assert int(read) >= frames


def test_wall_clock_stands_in_each_fragment() -> None:
    fragments = cut(encode(frames=75), wall_s=1_800_000_000.25)
    content, ends = file_bytes(fragments)
    starts = [_header_bytes(content), *ends[:-1]]
    for start, fragment in zip(starts, fragments, strict=True):
        prft = content.index(b"prft", start)
        ntp = int.from_bytes(content[prft + 12 : prft + 20], "big")
        wall_s = ntp / 2**32 - 2_208_988_800
        assert wall_s == pytest.approx(fragment.segment.wall_90k(fragment.media_90k) / 90_000, abs=1e-5)
        assert 1_800_000_000.25 <= wall_s < 1_800_000_004
