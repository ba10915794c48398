"""Live fragments: PyAV reads the pictures that went in, whoever begins when."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from record_streams import GATE, STEP_90K, encode, packets, pictures

import x265
from nvr.media.access_unit import AccessUnit, Discontinuity, MediaItem
from nvr.media.hub import StreamHub
from nvr.record.mp4.boxes import SYNC_SAMPLE
from nvr.record.mp4.live import FIRST_STEP_90K, LiveFragment, LiveMuxer, content_type, init_segment

CONFIG, OTHER = encode(frames=1)[0].config, encode(frames=1, width=320, height=240)[0].config
LOST = Discontinuity(GATE, "reconnect", 0.0)


@st.composite
def streams(draw: st.DrawFn) -> list[MediaItem]:
    """GOPs with any steps; between them losses, new parameter sets, and time that begins anew."""
    items: list[MediaItem] = []
    pts_90k = draw(st.integers(0, 10**12))
    config = CONFIG
    for _ in range(draw(st.integers(1, 5))):
        match draw(st.sampled_from(["on", "lost", "anew", "other"])):
            case "lost":
                items.append(LOST)
                pts_90k += draw(st.integers(0, 10**7))
            case "anew":
                items.append(LOST)
                pts_90k = draw(st.integers(0, 10**6))
            case "other":
                config = OTHER if config is CONFIG else CONFIG
        for number in range(draw(st.integers(1, 6))):
            payload = draw(st.binary(min_size=1, max_size=40))
            # The start of a slice header, I or P, because FFmpeg's parser looks at it.
            nal = (b"\x65\x88" if number == 0 else b"\x41\xe0") + payload
            data = len(nal).to_bytes(4, "big") + nal
            items.append(AccessUnit(GATE, config, data, pts_90k, number == 0, 0.0))
            pts_90k += draw(st.integers(1, 300_000))
    return items


@dataclass
class Watched:
    """What one viewer got, and which units it had to get."""

    wanted: list[AccessUnit]
    fragments: list[LiveFragment]


def watched(items: Sequence[MediaItem], joins: set[int]) -> list[Watched]:
    """One viewer for each place in `joins`, who comes when as many items were published; with the picture that still
    waits at the end."""
    hub, muxer, viewers = StreamHub(GATE), None, []
    for number, item in enumerate([*items, LOST]):
        if number in joins:
            muxer = muxer or LiveMuxer()
            first = muxer.start(hub.gop)
            viewers.append(Watched(list(hub.gop), [first] if first else []))
        hub.publish(item)
        fragment = muxer.push(item) if muxer else None
        for viewer in viewers:
            if fragment and (viewer.fragments or fragment.is_key):
                viewer.fragments.append(fragment)
            if isinstance(item, AccessUnit) and (viewer.wanted or item.is_key):
                viewer.wanted.append(item)
    return viewers


@settings(max_examples=80, deadline=None)
@given(streams(), st.data())
def test_a_player_gets_every_picture_from_a_keyframe_on(items: list[MediaItem], data: st.DataObject) -> None:
    joins = data.draw(st.sets(st.integers(0, len(items)), min_size=1, max_size=3))
    for viewer in watched(items, joins):
        assert [id(fragment.config) for fragment in viewer.fragments[:1]] == [
            id(unit.config) for unit in viewer.wanted[:1]
        ]
        read, lengths = [], []
        for config in (CONFIG, OTHER):
            parts = [fragment for fragment in viewer.fragments if fragment.config is config]
            if parts:
                found = packets(init_segment(config) + b"".join(part.data for part in parts))
                read += [(p.pts_90k, p.data, p.is_key) for p in found]
                lengths += [part.duration_90k for part in parts]
        # By the time line that they have in common, all fragments are in order and none lies over another.
        read.sort()
        assert [(got, key) for _, got, key in read] == [(unit.data, unit.is_key) for unit in viewer.wanted]
        for before, after in pairwise(viewer.fragments):
            assert before.start_90k + before.duration_90k <= after.start_90k
        assert all(length > 0 for length in lengths)


@settings(max_examples=80, deadline=None)
@given(streams())
def test_time_has_no_hole_but_where_pictures_are_missing(items: list[MediaItem]) -> None:
    """A browser that finds one throws away everything up to the next keyframe."""
    units = [item for item in items if isinstance(item, AccessUnit)]
    ends_run = {id(a) for a, b in pairwise([*items, LOST]) if b is LOST}
    (viewer,) = watched(items, {0})
    assert len(viewer.fragments) == len(units), "one picture each"
    for (before, after), unit in zip(pairwise(viewer.fragments), units, strict=False):
        if id(unit) not in ends_run:
            assert before.start_90k + before.duration_90k == after.start_90k
            assert after.start_90k - before.start_90k == units[units.index(unit) + 1].pts_90k - unit.pts_90k


def test_decoders_show_it_at_its_time() -> None:
    units = encode(frames=50, gop=25)
    (viewer,) = watched(units, {10})
    content = init_segment(units[0].config) + b"".join(fragment.data for fragment in viewer.fragments)
    assert viewer.fragments[0].duration_90k == 9 * STEP_90K, "the tenth picture waits for the next"
    assert pictures(content) == [unit.pts_90k for unit in units]
    with av.open(io.BytesIO(content), "r") as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == (160, 96)
        assert {packet.duration for packet in container.demux(stream) if packet.size} == {STEP_90K}


def test_the_page_finds_keyframes_by_their_flags() -> None:
    """fragments.js has the place as FLAGS_AT."""
    (viewer,) = watched(encode(frames=50, gop=25), {0})
    flags = [int.from_bytes(fragment.data[96:100], "big") for fragment in viewer.fragments]
    assert [flag == SYNC_SAMPLE for flag in flags] == [fragment.is_key for fragment in viewer.fragments]
    assert sum(fragment.is_key for fragment in viewer.fragments) == 2


def test_h265_too() -> None:
    units = x265.encode(frames=10)
    (viewer,) = watched(units, {0})
    config = units[0].config
    content = init_segment(config) + b"".join(fragment.data for fragment in viewer.fragments)
    assert pictures(content) == [unit.pts_90k for unit in units]
    assert content_type(config).startswith('video/mp4; codecs="hvc1.')


def test_the_last_picture_before_a_loss_is_shown_as_long_as_the_one_before() -> None:
    muxer, units = LiveMuxer(), encode(frames=3)
    assert muxer.push(units[0]) is None
    alone = muxer.push(LOST)
    assert alone and alone.duration_90k == FIRST_STEP_90K
    assert muxer.push(units[1]) is None, "no keyframe"
    later = replace(units[0], pts_90k=units[0].pts_90k + 90_000)
    assert muxer.push(later) is None
    shown = muxer.push(replace(units[1], pts_90k=later.pts_90k + 7200))
    last = muxer.push(LOST)
    assert shown and last and (shown.start_90k, shown.duration_90k, last.duration_90k) == (90_000, 7200, 7200)


@pytest.mark.parametrize("step_90k", [0, -5, 1 << 40])
def test_absurd_times_are_no_reason_to_fail(step_90k: int) -> None:
    """`push` is called by the camera's task."""
    muxer, units = LiveMuxer(), encode(frames=3)
    muxer.push(units[0])
    assert muxer.push(replace(units[1], pts_90k=units[0].pts_90k + step_90k))
    assert muxer.push(units[2])
