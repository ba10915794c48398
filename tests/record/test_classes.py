"""What was seen decides how long footage is kept: told while recording, before and after, and again from elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from record_running import FAST, Recording, Start
from record_streams import GATE, YARD, encode, fat
from test_holds import hold

from nvr.clock import FakeClock
from nvr.events import Role, StreamKey
from nvr.media.access_unit import CodecConfig
from nvr.record.disk.room import Room
from nvr.record.index.index import Index
from nvr.record.keep.hold import held_spans
from nvr.record.keep.marks import Marks
from nvr.record.keep.retention import Budget, Days, Keep, Longer, Rules
from nvr.record.keep.settled_clock import SettledClock
from nvr.record.model import TICKS, FootageClass, FragmentEntry, Mark, Segment, SegmentRow

MOTION, PERSON = FootageClass.MOTION, FootageClass.PERSON
GATE_SUB = StreamKey("gate", Role.SUB)
CONFIG = CodecConfig("h264", b"sps", b"pps", 64, 48, False)
SECOND = 1 / 86_400
SETTLED = replace(FAST, settle_s=0)


def keep(continuous_s: float | None, motion_s: float | None, person_s: float | None) -> Keep:
    def days(seconds: float | None) -> Days:
        return Days(0, None if seconds is None else seconds * SECOND)

    return Keep(default=days(continuous_s), default_longer=Longer(days(motion_s), days(person_s)))


def mark(recording: Recording, ago_s: float, kind: FootageClass, lasts_s: float = 1) -> Mark:
    start_90k = int((recording.clock.wall() - ago_s) * TICKS)
    return Mark("gate", start_90k, start_90k + int(lasts_s * TICKS), kind)


async def ages_s(recording: Recording, key: StreamKey = GATE) -> list[int]:
    """Of all footage, in tens of seconds."""
    now_s = recording.clock.wall()
    return [round((now_s - start) / 10) * 10 for start, _ in await recording.recorder.coverage(key, 0, 1e11)]


async def until_ages(recording: Recording, wanted: list[int], key: StreamKey = GATE) -> None:
    async with asyncio.timeout(30):
        while await ages_s(recording, key) != wanted:
            await asyncio.sleep(0.02)


@st.composite
def rows_and_marks(draw: st.DrawFn) -> tuple[list[SegmentRow], list[tuple[int, Mark]]]:
    """Segments that touch or do not, and marks with the number of commits before which they are told."""
    rows, at = [], dict.fromkeys((GATE, GATE_SUB, YARD), 0)
    for number in range(1, draw(st.integers(1, 15)) + 1):
        key = draw(st.sampled_from(list(at)))
        start, length = at[key] + draw(st.integers(0, 30)), draw(st.integers(1, 60))
        segment = Segment(number, key, CONFIG, start * TICKS, 0)
        rows.append(SegmentRow(segment, 10, 0, False, (FragmentEntry(0, length * TICKS, 100, True),)))
        at[key] = start + length
    marks = []
    for _ in range(draw(st.integers(0, 8))):
        start = draw(st.integers(0, 600))
        end = start + draw(st.integers(1, 60))
        kind = draw(st.sampled_from([MOTION, PERSON]))
        camera = draw(st.sampled_from(["gate", "yard", "other"]))
        marks.append((draw(st.integers(0, 15)), Mark(camera, start * TICKS, end * TICKS, kind)))
    return rows, marks


@given(rows_and_marks())
@settings(max_examples=60, deadline=None)
def test_a_segment_is_of_the_highest_class_of_what_reaches_into_it(
    tmp_path_factory: pytest.TempPathFactory, drawn: tuple[list[SegmentRow], list[tuple[int, Mark]]]
) -> None:
    """However late or early it is told."""
    rows, told = drawn
    index, marks = Index(tmp_path_factory.mktemp("index")), Marks()
    try:
        for turn in range(16):
            for at, mark in told:
                if at == turn:
                    marks.add(mark)
            index.commit(rows[turn : turn + 1], marks=marks)
        for candidate in index.closed(lambda *_: None):
            expected = max(
                (
                    mark.kind
                    for _, mark in told
                    if mark.camera == candidate.key.camera
                    and mark.start_90k < candidate.end_90k
                    and candidate.start_90k < mark.end_90k
                ),
                default=FootageClass.CONTINUOUS,
            )
            assert candidate.kind == expected
    finally:
        asyncio.run(index.close())


def test_marks_are_bounded_and_joined() -> None:
    marks = Marks()
    for minute in range(5000):
        marks.add(Mark("gate", minute * 60, minute * 60 + 60, MOTION))
    (joined,) = marks.waiting()
    assert joined == Mark("gate", (5000 - 4096) * 60, 5000 * 60, MOTION)
    for minute in range(0, 5000, 2):
        marks.add(Mark("gate", minute * 60, minute * 60 + 30, PERSON))
    assert len([m for m in marks.waiting() if m.kind is PERSON]) <= 128


async def test_each_class_goes_in_its_time(start: Start) -> None:
    recording = await start()
    for ago_s in (400, 300, 200, 100):
        await recording.record(4, GATE, ago_s=ago_s)
        await recording.record(4, GATE_SUB, ago_s=ago_s)
        await recording.record(4, YARD, ago_s=ago_s)
    recording.recorder.marking.mark(mark(recording, 398, PERSON))
    recording.recorder.marking.mark(mark(recording, 298, MOTION))
    await recording.stop()

    limited = await start(keep=keep(150, 350, 500), pace=SETTLED)
    await until_ages(limited, [400, 300, 100])
    await until_ages(limited, [400, 300, 100], GATE_SUB)
    await until_ages(limited, [100], YARD)
    await limited.stop()

    later = await start(keep=keep(150, 250, 500), pace=SETTLED)
    await until_ages(later, [400, 100])


async def test_footage_is_told_before_it_is_written(start: Start) -> None:
    recording = await start(keep=keep(50, 50, 500))
    recording.recorder.marking.mark(mark(recording, 98, PERSON))
    await recording.record(4, GATE, ago_s=200)
    await recording.record(4, GATE, ago_s=100)
    await recording.stop()
    again = await start(keep=keep(50, 50, 500), pace=SETTLED)
    await until_ages(again, [100])


async def test_a_lost_index_is_told_again_and_nothing_goes_before(start: Start) -> None:
    """What is beyond the maximum of persons goes at once."""
    recording = await start()
    for ago_s in (600, 400, 300, 200, 20):
        await recording.record(4, GATE, ago_s=ago_s)
    await recording.stop()
    for file in recording.root.glob("index.db*"):
        file.unlink()
    found = [mark(recording, 298, PERSON)]
    asked, may_answer = asyncio.Event(), asyncio.Event()

    async def seen(camera: str, start_90k: int, end_90k: int) -> Sequence[Mark]:
        asked.set()
        await may_answer.wait()
        return [m for m in found if m.camera == camera and m.start_90k < end_90k and start_90k < m.end_90k]

    again = await start(keep=keep(100, 100, 500), pace=SETTLED, seen=seen)
    await until_ages(again, [400, 300, 200, 20])
    await asked.wait()
    may_answer.set()
    await again.until(lambda: again.recorder.marking.is_done)
    await again.stop()  # what outlived its days is looked for at a start, and every minute
    at_last = await start(keep=keep(100, 100, 500), pace=SETTLED, seen=seen)
    await until_ages(at_last, [300, 20])


async def test_only_the_last_day_is_told_again_at_a_start(start: Start) -> None:
    asked: list[tuple[str, float, float]] = []

    async def seen(camera: str, start_90k: int, end_90k: int) -> Sequence[Mark]:
        asked.append((camera, start_90k / TICKS, end_90k / TICKS))
        return []

    recording = await start()
    for key, ago_s in ((GATE, 300_000), (GATE, 100), (YARD, 100)):
        await recording.record(4, key, ago_s=ago_s)
    await recording.stop()
    now_s = recording.clock.wall()
    for oldest_s in (300_000, 100):
        asked.clear()
        again = await start(seen=seen)
        await again.until(lambda: again.recorder.marking.is_done)  # noqa: B023
        await again.stop()
        assert {camera for camera, _, _ in asked} == {"gate", "yard"}
        assert now_s - asked[0][1] == pytest.approx(oldest_s, abs=10)
        assert all(any(begin <= now_s - ago_s <= end for _, begin, end in asked) for ago_s in (oldest_s, 98))


@given(
    st.lists(st.tuples(st.sampled_from([GATE, GATE_SUB, YARD]), st.integers(1, 1000)), max_size=25),
    st.lists(st.integers(0, 25 * 60), max_size=4),
    st.integers(0, 10_000),
    st.integers(0, 500),
)
@settings(max_examples=60, deadline=None)
def test_a_camera_takes_no_more_than_its_own_and_the_oldest_goes(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: list[tuple[StreamKey, int]],
    edges: list[int],
    limit: int,
    growth: int,
) -> None:
    """Its holds stay, and so does all that others have."""
    root = tmp_path_factory.mktemp("index")
    index = Index(root)
    try:
        rows = [
            SegmentRow(
                Segment(n, key, CONFIG, n * 60 * TICKS, 0),
                0,
                0,
                False,
                (FragmentEntry(0, 60 * TICKS, size, True),),
            )
            for n, (key, size) in enumerate(drawn, 1)
        ]
        index.commit(rows)
        room = Room(
            root, Budget(None, 0), Keep(max_bytes={"gate": limit}), SettledClock(FakeClock(), settle_s=0)
        )
        edges.sort()
        pairs = zip(edges[::2], edges[1::2], strict=False)
        room.holds = tuple(hold(n, "gate", a, b) for n, (a, b) in enumerate(pairs) if a < b)
        before = list(index.closed(lambda *_: None))
        while room.make(index, 0, 0, [(GATE_SUB, growth)]):
            pass
        left = list(index.closed(lambda *_: None))
        rules = Rules(Keep(), held_spans(room.holds, None))
        assert [c for c in left if c.key == YARD] == [c for c in before if c.key == YARD]
        free = [c for c in before if c.key != YARD and not rules.is_held(c)]
        stays = [c for c in left if c.key != YARD and not rules.is_held(c)]
        assert stays == free[len(free) - len(stays) :], "the oldest go"
        assert len(left) + len(free) - len(stays) == len(before), "what is held stays"
        size = sum(c.bytes for c in left if c.key != YARD) + growth
        assert size <= limit or not stays
        if sum(c.bytes for c in before if c.key != YARD) + growth <= limit:
            assert left == before
    finally:
        asyncio.run(index.close())


async def test_maximum_of_a_camera_while_recording(start: Start) -> None:
    units = fat(encode(), 4000)
    recording = await start(keep=Keep(max_bytes={"gate": 3_000_000}))
    await recording.record(8, YARD, units=units, ago_s=3000)
    for turn in range(6):
        for key in (GATE, GATE_SUB):
            await recording.record(4, key, units=units, ago_s=2000 - turn * 20)
        files = (recording.root / "footage" / "gate").rglob("*.mp4")
        assert sum(file.stat().st_size for file in files) <= 3_000_000
    assert 0 < await recording.covered_s(GATE) < 24
    assert abs(await recording.covered_s(GATE) - await recording.covered_s(GATE_SUB)) <= 4
    assert await recording.covered_s(YARD) == pytest.approx(8)
    assert recording.faults.current == []
