"""From access units to segments and their wall time."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice, pairwise
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from record_streams import FPS, GATE, STEP_90K, cut, encode, endless, numbers

from nvr.media.access_unit import AccessUnit, Discontinuity, MediaItem
from nvr.record.clock.wall_timeline import MAX_SLEW_PPM, WallTimeline
from nvr.record.model import TICKS, Fragment
from nvr.record.mp4.segment import SegmentBuilder

WALL_S = 1_800_000_000.0
UNITS = encode(frames=50)
OTHER_CONFIG = encode(frames=1, width=320, height=192)[0].config


CAUSES: tuple[Literal["loss", "reconnect", "timestamp", "overflow"], ...] = (
    "loss",
    "reconnect",
    "timestamp",
    "overflow",
)


def take(count: int, *, start_mono_s: float = 0.0) -> list[AccessUnit]:
    return list(islice(endless(UNITS, start_mono_s=start_mono_s), count))


def spans(fragments: Iterable[Fragment]) -> list[tuple[int, int]]:
    """(start, end) of each fragment in wall time."""
    return [(f.segment.wall_90k(f.media_90k), f.segment.wall_90k(f.media_end_90k)) for f in fragments]


def segments(fragments: Sequence[Fragment]) -> list[list[Fragment]]:
    by_number: dict[int, list[Fragment]] = {}
    for fragment in fragments:
        by_number.setdefault(fragment.segment.number, []).append(fragment)
    return list(by_number.values())


def frames(fragments: Iterable[Fragment]) -> int:
    return sum(len(fragment.data) for fragment in fragments)


def test_a_fragment_is_a_second_and_a_segment_a_minute() -> None:
    fragments = cut(take(FPS * 150))
    assert [len(f.data) for f in fragments] == [25] * 150
    assert [len(files) for files in segments(fragments)] == [60, 60, 30]
    assert all(f.keys[0] and not any(f.keys[1:]) for f in fragments)


def test_long_gop_is_cut_each_second() -> None:
    units = [replace(unit, is_key=index % 250 == 0) for index, unit in enumerate(take(FPS * 75))]
    fragments = cut(units)
    assert max(f.media_end_90k - f.media_90k for f in fragments) == TICKS
    assert [len(files) for files in segments(fragments)] == [60, 15]
    assert all(files[0].keys[0] for files in segments(fragments))


def test_short_gops_share_a_fragment_and_every_fragment_starts_with_a_keyframe() -> None:
    units = [replace(unit, is_key=index % 5 == 0) for index, unit in enumerate(take(FPS * 10))]
    fragments = cut(units)
    assert [len(f.data) for f in fragments] == [15] * 16 + [10]
    assert all(f.keys[0] for f in fragments)


def test_gop_of_a_second_and_a_bit_still_starts_with_its_keyframe() -> None:
    units = [replace(unit, is_key=index % 30 == 0) for index, unit in enumerate(take(FPS * 12))]
    fragments = cut(units)
    assert [len(f.data) for f in fragments] == [25, 5] * 10
    assert all(f.keys[0] == (len(f.data) == 25) for f in fragments)


def test_nothing_is_taken_before_a_keyframe() -> None:
    fragments = cut(take(100)[10:])
    assert frames(fragments) == 75
    assert fragments[0].keys[0]


def test_loss_starts_a_segment_at_the_next_keyframe_and_is_a_gap() -> None:
    units: list[MediaItem] = list(take(100))
    units[40:43] = [Discontinuity(GATE, "loss", 1.6)]
    fragments = cut(units)
    files = segments(fragments)
    assert [frames(file) for file in files] == [40, 50]
    gap = files[1][0].segment.gap
    assert gap is not None
    assert gap.cause == "loss"
    assert (gap.end_90k - gap.start_90k) == 10 * STEP_90K
    assert gap.start_90k == spans(files[0])[-1][1]


def test_reconnect_is_anchored_by_arrival() -> None:
    first = take(50)
    again = take(50, start_mono_s=62.0)
    fragments = cut([*first, Discontinuity(GATE, "reconnect", 62.0), *again])
    gap = segments(fragments)[1][0].segment.gap
    assert gap is not None
    assert gap.cause == "reconnect"
    assert gap.end_90k - gap.start_90k == 60 * TICKS
    assert spans(fragments)[0][0] == int(WALL_S * TICKS)


def test_jump_of_the_camera_clock_loses_no_picture() -> None:
    items: list[MediaItem] = [*take(130)]
    items.insert(60, Discontinuity(GATE, "timestamp", 2.4))
    fragments = cut(items)
    assert frames(fragments) == 130
    assert [frames(file) for file in segments(fragments)] == [75, 55]


def test_unannounced_jump_is_noticed() -> None:
    units = take(75)
    jumped = [replace(unit, pts_90k=unit.pts_90k + 10**7) for unit in units[55:]]
    fragments = cut([*units[:55], *jumped])
    assert [frames(file) for file in segments(fragments)] == [55]
    back = [replace(unit, pts_90k=unit.pts_90k - 40 * STEP_90K) for unit in take(200)[100:]]
    fragments = cut([*take(100), *back])
    assert [frames(file) for file in segments(fragments)] == [100, 100]
    assert_never_back(fragments)


def test_new_parameter_sets_start_a_segment() -> None:
    units = take(100)
    changed = [replace(unit, config=OTHER_CONFIG) for unit in units[50:]]
    fragments = cut([*units[:50], *changed])
    files = segments(fragments)
    assert [file[0].segment.config for file in files] == [UNITS[0].config, OTHER_CONFIG]
    assert [frames(file) for file in files] == [50, 50]
    assert files[1][0].segment.gap is None
    assert spans(files[0])[-1][1] == spans(files[1])[0][0]


def test_parameter_sets_that_change_within_the_first_second() -> None:
    units = [replace(unit, is_key=True) for unit in take(20)]
    changed = [replace(unit, config=OTHER_CONFIG) for unit in units[10:]]
    files = segments(cut([*units[:10], *changed]))
    assert [(frames(file), file[0].segment.config) for file in files] == [
        (10, UNITS[0].config),
        (10, OTHER_CONFIG),
    ]


def test_camera_that_pauses_gets_its_last_pictures_written() -> None:
    builder = SegmentBuilder(GATE, end_90k=None, next_number=numbers())
    for unit in take(10):
        assert builder.push(unit, WALL_S) is None
    assert builder.flush_stale(1.0, WALL_S) is None
    done = builder.flush_stale(1.6, WALL_S)
    assert done is not None
    assert len(done.data) == 10
    assert done.media_end_90k == 10 * STEP_90K
    later = [
        replace(u, pts_90k=u.pts_90k + 5 * TICKS, received_mono_s=u.received_mono_s + 5) for u in take(50)
    ]
    rest = [builder.push(unit, WALL_S) for unit in later[10:]]
    fragment = next(f for f in rest if f is not None)
    assert fragment.segment is done.segment
    assert fragment.media_90k == 5 * TICKS + 10 * STEP_90K


def test_abandoned_fragment_leaves_a_gap() -> None:
    builder = SegmentBuilder(GATE, end_90k=None, next_number=numbers())
    done = [f for unit in take(60) if (f := builder.push(unit, WALL_S))]
    builder.abandon("overflow")
    assert builder.open_bytes == 0
    done += [f for unit in take(200)[100:] if (f := builder.push(unit, WALL_S))]
    gap = segments(done)[1][0].segment.gap
    assert gap is not None
    assert (gap.cause, gap.end_90k - gap.start_90k) == ("overflow", 2 * TICKS)


def assert_never_back(fragments: Sequence[Fragment]) -> None:
    """Wall time goes on without an overlap, and exactly where there is a hole between segments there is a gap."""
    times = spans(fragments)
    assert all(start < end for start, end in times)
    for (before, after), ((_, end), (start, _)) in zip(pairwise(fragments), pairwise(times), strict=True):
        assert start >= end
        if before.segment is not after.segment:
            gap = after.segment.gap
            assert (gap is None) == (start == end)
            assert gap is None or (gap.start_90k, gap.end_90k) == (end, start)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_wall_time_never_goes_back(seed: int) -> None:
    """Any mixture of lost pictures, reconnects, paused cameras, jitter, and a wall clock that is set."""
    rng = random.Random(seed)
    builder = SegmentBuilder(
        GATE,
        end_90k=rng.choice([None, int(WALL_S * TICKS), int((WALL_S + 50) * TICKS)]),
        next_number=numbers(),
    )
    offset_s, mono_s, pts_90k = WALL_S, 0.0, rng.randrange(10**10)
    fragments = []
    pushed = 0
    for index in range(3000):
        event = rng.random()
        if event < 0.001:
            offset_s += rng.choice([-1, 1]) * rng.choice([0.5, 3.0, 40.0, 3600.0, 1e7])
        elif event < 0.004:
            cause = rng.choice(CAUSES)
            if cause == "reconnect":
                pts_90k = rng.randrange(10**10)
                mono_s += rng.random() * 5
            fragments.append(builder.push(Discontinuity(GATE, cause, mono_s), offset_s))
        elif event < 0.006:
            mono_s += rng.random() * 8
            pts_90k += int(rng.random() * 8 * TICKS)
            fragments.append(builder.flush_stale(mono_s, offset_s))
        elif event < 0.008:
            builder.abandon("overflow")
        unit = replace(
            UNITS[index % 50],
            is_key=rng.random() < 0.03,
            pts_90k=pts_90k,
            received_mono_s=mono_s + rng.random() * 0.3,
        )
        pushed += 1
        fragments.append(builder.push(unit, offset_s))
        step_90k = rng.choice([STEP_90K, STEP_90K, 1800, 9000])
        pts_90k += step_90k
        mono_s += step_90k / TICKS
    fragments.append(builder.stop("stopped", offset_s))
    done = [fragment for fragment in fragments if fragment is not None]
    assert 0 < frames(done) <= pushed
    abandoned_numbers = {f.segment.number for f in done}
    assert len(abandoned_numbers) == len(segments(done))
    for file in segments(done):
        assert [f.number for f in file] == list(range(len(file)))
        assert abs(file[0].segment.slew_ppm) <= MAX_SLEW_PPM
        assert file[0].keys[0]
    times = spans(done)
    assert all(a[1] <= b[0] for a, b in pairwise(times))


def test_drift_is_taken_back_slowly() -> None:
    """A camera whose clock is 200 ppm slow against ours stays within 50 ms, without a gap."""
    builder = SegmentBuilder(GATE, end_90k=None, next_number=numbers())
    fragments = []
    for unit in take(FPS * 1800):
        late = replace(unit, received_mono_s=unit.received_mono_s * 1.0002)
        fragment = builder.push(late, WALL_S)
        if fragment is not None:
            fragments.append(fragment)
            is_at_s = fragment.segment.wall_90k(fragment.media_90k) / TICKS
            should_be_s = WALL_S + late.received_mono_s - 1.0
            assert is_at_s == pytest.approx(should_be_s, abs=0.05)
    assert_never_back(fragments)
    assert all(f.segment.gap is None for f in fragments)


def test_jitter_does_not_move_time() -> None:
    rng = random.Random(7)
    units = [replace(u, received_mono_s=u.received_mono_s + rng.random() ** 4 * 0.5) for u in take(FPS * 600)]
    fragments = cut(units)
    assert_never_back(fragments)
    for start, _ in spans(fragments)[120:]:
        offset = (start - int(WALL_S * TICKS)) % TICKS
        assert min(offset, TICKS - offset) < TICKS // 50


def test_wall_clock_put_forward_is_a_gap_and_put_back_never_overlaps() -> None:
    for jump_s, cause in ((3600.0, "clock"), (-3600.0, None)):
        builder = SegmentBuilder(GATE, end_90k=None, next_number=numbers())
        fragments = []
        for index, unit in enumerate(take(FPS * 90)):
            fragments.append(builder.push(unit, WALL_S + (jump_s if index > 260 else 0.0)))
        done = [fragment for fragment in fragments if fragment is not None]
        assert_never_back(done)
        second = segments(done)[1][0].segment
        assert (second.gap.cause if second.gap else None) == cause
        if jump_s < 0:
            assert second.slew_ppm == -MAX_SLEW_PPM
        else:
            assert second.start_90k == pytest.approx((WALL_S + 3600 + 11) * TICKS, abs=TICKS)


def test_restart_never_records_before_what_is_recorded() -> None:
    stored_90k = int((WALL_S + 100) * TICKS)
    builder = SegmentBuilder(GATE, end_90k=stored_90k, next_number=numbers())
    done = [f for unit in take(60) if (f := builder.push(unit, WALL_S))]
    assert spans(done)[0][0] == stored_90k
    late = WallTimeline(stored_90k)
    late.observe(0, 0.0)
    anchor = late.anchor(0, WALL_S + 160, "stopped")
    assert (anchor.start_90k, anchor.cause) == (stored_90k + 60 * TICKS, "stopped")
