"""The timeline of a stream against the truth, for any segments; and its cost over a year."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from importlib import resources
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from record_running import Start

from nvr.events import Role, StreamKey
from nvr.record.index.timeline import EXACT_90K, MAX_INTERVALS, Timeline, as_timeline, read_timeline
from nvr.record.model import TICKS

GATE = StreamKey("gate", Role.SUB)
DAY = 86_400 * TICKS


@pytest.fixture(scope="module")
def index() -> Iterator[sqlite3.Connection]:
    schema = resources.files("nvr.record.index") / "schema" / "001.sql"
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.row_factory = sqlite3.Row
        connection.executescript(schema.read_text("utf-8"))
        connection.execute("INSERT INTO streams (id, camera, role) VALUES (1, 'gate', 'sub')")
        connection.execute("INSERT INTO configs VALUES (1, 'h264', x'00', x'00', 2, 2, 0)")
        yield connection


def put(index: sqlite3.Connection, segments: list[tuple[int, int]], gaps: list[tuple[int, int, str]]) -> None:
    """Only these (start, end) and gaps, in 1/90000 s, are there from now on."""
    index.execute("DELETE FROM segments")
    index.execute("DELETE FROM gaps")
    index.executemany(
        "INSERT INTO segments VALUES (NULL, 1, 1, ?, ?, 0, 1, 1, 0, 0, x'')",
        [(start, end - start) for start, end in segments],
    )
    index.executemany("INSERT INTO gaps VALUES (1, ?, ?, ?)", gaps)


def covered(timeline: Timeline) -> list[tuple[int, int]]:
    return [(round(span.start_s * TICKS), round(span.end_s * TICKS)) for span in timeline.spans]


pieces = st.lists(st.tuples(st.sampled_from([0, 50, 91, 9000, 90_000 * 300]), st.integers(1, 90_000 * 90)))


@settings(max_examples=150, deadline=None)
@given(pieces=pieces, start=st.integers(0, 30_000_000), length=st.integers(1, EXACT_90K))
def test_short_spans_are_exact(
    index: sqlite3.Connection, pieces: list[tuple[int, int]], start: int, length: int
) -> None:
    segments, at = [], 10_000_000
    for pause, duration in pieces:
        segments.append((at + pause, at + pause + duration))
        at += pause + duration
    put(index, segments, [])
    expected: list[list[int]] = []
    for begin, end in segments:
        begin, end = max(begin, start), min(end, start + length)
        if begin >= end:
            continue
        if expected and begin - expected[-1][1] <= TICKS // 1000:
            expected[-1][1] = end
        else:
            expected.append([begin, end])
    timeline = read_timeline(index, GATE, start, start + length)
    assert timeline.resolution_s == 0
    assert covered(timeline) == [tuple(span) for span in expected]


def test_a_year_is_bounded_in_size_and_cost(index: sqlite3.Connection) -> None:
    minutes = 365 * 1440
    minute = 60 * TICKS
    # Each second hour is missing at night, every minute lacks a second, and one week is missing altogether.
    week = range(100 * 1440, 107 * 1440)
    there = [m for m in range(minutes) if m not in week and not (m // 60 % 24 < 6 and m // 60 % 2)]
    put(
        index,
        [(m * minute, (m + 1) * minute - TICKS) for m in there],
        [(week[0] * minute, week[-1] * minute, "disk")],
    )
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    costs = []
    for days in (30, 365):
        steps = 0
        index.set_progress_handler(count, 100)
        timeline = read_timeline(index, GATE, 0, days * DAY)
        index.set_progress_handler(None, 0)
        costs.append(steps)
        assert len(timeline.spans) <= MAX_INTERVALS + 1
        assert timeline.resolution_s == pytest.approx(days * 86_400 / MAX_INTERVALS)
        for one, other in pairwise(timeline.spans):
            assert other.start_s - one.end_s > timeline.resolution_s
    (gap,) = timeline.gaps
    assert (gap.cause, gap.end_s - gap.start_s) == ("disk", pytest.approx(7 * 86_400, abs=61))
    # A year has 12 times the segments of a month, but both are walked in as many steps.
    assert costs[1] < 2 * costs[0]
    hours = read_timeline(index, GATE, 0, 60 * minute)
    assert len(hours.spans) == 60


def test_many_holes_are_shown_coarser(index: sqlite3.Connection) -> None:
    put(index, [(n * 2 * TICKS, n * 2 * TICKS + TICKS) for n in range(3000)], [])
    timeline = read_timeline(index, GATE, 0, 6000 * TICKS)
    assert timeline.resolution_s == 3.0
    assert covered(timeline) == [(0, 5999 * TICKS)]


def test_gaps_have_the_cause_of_most_of_them_and_are_cut(index: sqlite3.Connection) -> None:
    second = TICKS
    put(
        index,
        [(100 * second, 200 * second), (260 * second, 300 * second)],
        [
            (0, 100 * second, "stopped"),
            (200 * second, 210 * second, "loss"),
            (210 * second, 260 * second, "stall"),
        ],
    )
    timeline = read_timeline(index, GATE, 50 * second, 400 * second)
    assert [tuple(gap) for gap in timeline.gaps] == [(50, 100, "stopped"), (200, 260, "stall")]
    inside = read_timeline(index, GATE, 212 * second, 250 * second)
    assert (inside.spans, [tuple(gap) for gap in inside.gaps]) == ([], [(212, 250, "stall")])
    assert read_timeline(index, StreamKey("yard", Role.MAIN), 0, second) == Timeline(0.0, [], [])


async def test_of_a_running_recorder(start: Start) -> None:
    recording = await start()
    await recording.record(4, GATE, ago_s=20)
    await recording.record(4, GATE, ago_s=10)
    now_s = recording.clock.wall()
    span = int((now_s - 60) * TICKS), int((now_s + 60) * TICKS)
    recorded = await recording.recorder.recorded(GATE, *span)
    timeline = as_timeline(recorded, await recording.recorder.holes(GATE, recorded.spans, *span))
    assert timeline.spans == await recording.recorder.coverage(GATE, now_s - 60, now_s + 60)
    assert len(timeline.spans) == 2
    (gap,) = timeline.gaps
    assert (gap.start_s, gap.end_s) == (timeline.spans[0].end_s, timeline.spans[1].start_s)
    assert gap.cause == "reconnect"


async def test_keyframe_of_a_moment(start: Start) -> None:
    recording = await start()
    units = await recording.record(70, GATE)
    ((begin_s, end_s),) = await recording.recorder.coverage(GATE, 0, 1e11)
    keys = [unit for unit in units if unit.is_key]
    for offset_s, number in ((0.0, 0), (0.9, 0), (1.0, 1), (59.99, 59), (63.5, 63)):
        found = await recording.recorder.keyframe(GATE, begin_s + offset_s + 1e-3, 1 << 20)
        assert found is not None
        assert (found.data, found.config) == (keys[number].data, keys[number].config)
        assert found.wall_s == pytest.approx(begin_s + number)
    assert await recording.recorder.keyframe(GATE, begin_s - 1, 1 << 20) is None
    assert await recording.recorder.keyframe(GATE, end_s + 1, 1 << 20) is None
    assert await recording.recorder.keyframe(GATE, begin_s + 1, 10) is None
    for file in recording.root.rglob("*.mp4"):
        file.write_bytes(b"rotten")
    assert await recording.recorder.keyframe(GATE, begin_s + 1, 1 << 20) is None
