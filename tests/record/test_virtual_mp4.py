"""A span of footage as one MP4."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby, islice
from pathlib import Path

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from record_streams import FPS, GATE, STEP_90K, cut, encode, endless, file_bytes, packets, pictures, reader

from nvr.media.access_unit import AccessUnit, Discontinuity, MediaItem
from nvr.record.layout import path_of
from nvr.record.model import Fragment
from nvr.record.mp4.fmp4_reader import read_segment_header, scan
from nvr.record.mp4.virtual_mp4 import Piece, VirtualMp4
from played import whole


def record(root: Path, items: Sequence[MediaItem]) -> list[Piece]:
    """Files with `items`, and a piece for each."""
    pieces = []
    for _, run in groupby(cut(items), key=lambda fragment: fragment.segment.number):
        fragments: list[Fragment] = list(run)
        content, _ = file_bytes(fragments)
        path = root / path_of(fragments[0].segment)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        read = reader(content)
        segment, start = read_segment_header(read)
        pieces.append(Piece(segment, path, start, scan(read, len(content), start).fragments))
    return pieces


def take(count: int, *, b_frames: int = 0, start_mono_s: float = 0.0) -> list[AccessUnit]:
    return list(islice(endless(encode(b_frames=b_frames), start_mono_s=start_mono_s), count))


@pytest.mark.parametrize("b_frames", [0, 2])
def test_span_over_two_files_plays_like_the_stream(tmp_path: Path, b_frames: int) -> None:
    units = take(FPS * 80, b_frames=b_frames)
    mp4 = VirtualMp4(record(tmp_path, units))
    content = whole(mp4)
    assert len(content) == mp4.length
    read = packets(content)
    assert [(p.data, p.is_key) for p in read] == [(unit.data, unit.is_key) for unit in units]
    first = read[0].pts_90k
    assert [p.pts_90k - first for p in read] == [unit.pts_90k for unit in units]
    assert len(pictures(content)) == len(units)
    assert mp4.duration_s == 80.0
    assert mp4.start_s == 1_800_000_000.0
    assert mp4.content_type == f'video/mp4; codecs="{units[0].config.rfc6381}"'


def test_gap_collapses_and_the_map_knows_it(tmp_path: Path) -> None:
    later = take(50, start_mono_s=100.0)
    mp4 = VirtualMp4(record(tmp_path, [*take(50), Discontinuity(GATE, "reconnect", 100.0), *later]))
    assert mp4.duration_s == 4.0
    assert mp4.media_to_wall == [(0.0, 1_800_000_000.0), (2.0, 1_800_000_100.0)]
    shown = pictures(whole(mp4))
    assert [time - shown[0] for time in shown] == [n * STEP_90K for n in range(100)]


def test_map_follows_a_bent_timeline(tmp_path: Path) -> None:
    pieces = record(tmp_path, take(FPS * 55))
    bent = replace(pieces[0], segment=replace(pieces[0].segment, slew_ppm=5000))
    points = VirtualMp4([bent]).media_to_wall
    assert len(points) > 5
    for media_90k in range(0, 55 * 90_000, 90_000):
        media_s = media_90k / 90_000
        at_s, wall_s = max(point for point in points if point[0] <= media_s)
        assert wall_s + media_s - at_s == pytest.approx(bent.segment.wall_90k(media_90k) / 90_000, abs=0.03)


def test_player_can_seek(tmp_path: Path) -> None:
    content = whole(VirtualMp4(record(tmp_path, take(FPS * 70, b_frames=2))))
    with av.open(io.BytesIO(content), "r") as container:
        stream = container.streams.video[0]
        for second in (65, 3, 40):
            container.seek(second * 90_000, stream=stream)
            frame = next(container.decode(stream))
            assert frame.pts is not None
            assert frame.pts / 90_000 == pytest.approx(second, abs=1.1)


def test_plan_starts_within_a_file(tmp_path: Path) -> None:
    piece = record(tmp_path, take(FPS * 20))[0]
    skipped = sum(fragment.bytes for fragment in piece.fragments[:7])
    later = replace(piece, offset=piece.offset + skipped, fragments=piece.fragments[7:12])
    mp4 = VirtualMp4([later])
    assert mp4.start_s == 1_800_000_007.0
    assert [p.data for p in packets(whole(mp4))] == [unit.data for unit in take(FPS * 12)[FPS * 7 :]]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_range_is_the_same_part_of_the_whole(tmp_path: Path, data: st.DataObject) -> None:
    pieces = record(tmp_path, take(FPS * 130))
    mp4 = VirtualMp4(pieces)
    content = whole(mp4)
    edges = [0, mp4.length, mp4.length - pieces[-1].fragments[-1].bytes]
    near = st.sampled_from(edges).flatmap(lambda edge: st.integers(edge - 3, edge + 3))
    place = st.one_of(st.integers(0, mp4.length), near.map(lambda at: min(max(at, 0), mp4.length)))
    start, stop = sorted((data.draw(place), data.draw(place)))
    assert whole(mp4, start, stop) == content[start:stop]


def test_tag_changes_with_the_content(tmp_path: Path) -> None:
    pieces = record(tmp_path, take(FPS * 20))
    shorter = replace(pieces[0], fragments=pieces[0].fragments[:-1])
    assert VirtualMp4(pieces).etag == VirtualMp4(pieces).etag
    assert VirtualMp4(pieces).etag != VirtualMp4([shorter]).etag
