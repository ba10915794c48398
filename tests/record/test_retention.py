"""What goes when room is needed or days are over: pure rules, and the same on a real directory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from record_running import FAST, Start
from record_streams import GATE, YARD, encode, fat

from nvr.clock import FakeClock
from nvr.events import Role, StreamKey
from nvr.media.access_unit import CodecConfig
from nvr.record.index.index import Index
from nvr.record.keep.retention import (
    DAY_90K,
    Budget,
    Closed,
    Days,
    Doomed,
    Keep,
    Longer,
    Rules,
    Until,
    choose,
    outlived,
)
from nvr.record.keep.settled_clock import SettledClock
from nvr.record.model import TICKS, Candidate, FootageClass, FragmentEntry, Segment, SegmentRow

CAMERAS = ("a", "b", "c")
NOW = 1000 * DAY_90K
NONE = Days(0, 0)
CONFIG = CodecConfig("avc1.42c00a", b"sps", b"pps", 64, 48, False)


@st.composite
def segments(draw: st.DrawFn) -> list[Candidate]:
    """Closed segments of a few streams, oldest first, up to 40 days old (one may seem to be of the future)."""
    found, at = [], NOW - 40 * DAY_90K
    for number in range(draw(st.integers(0, 40))):
        at += draw(st.integers(1, 3 * DAY_90K))
        key = StreamKey(draw(st.sampled_from(CAMERAS)), draw(st.sampled_from(list(Role))))
        end, size = at + draw(st.integers(1, DAY_90K)), draw(st.integers(1, 1000))
        found.append(Candidate(number, key, at, end, size, kind=draw(st.sampled_from(FootageClass))))
    return found


@st.composite
def rules(draw: st.DrawFn) -> Rules:
    def days(below: Days = NONE) -> Days:
        """At least as many as `below`."""
        least = draw(st.floats(below.least, 50))
        if below.most is None:
            return Days(least, None)
        return Days(least, draw(st.one_of(st.none(), st.floats(max(least, below.most), 60))))

    def longer(below: Days) -> Longer:
        motion = days(below)
        return Longer(motion, days(motion))

    held: dict[str, list[tuple[int, int]]] = {}
    for camera in draw(st.sets(st.sampled_from(CAMERAS))):
        edges = sorted(draw(st.sets(st.integers(NOW - 45 * DAY_90K, NOW + DAY_90K), max_size=6)))
        held[camera] = list(zip(edges[::2], edges[1::2], strict=False))
    of_all, cameras = days(), {camera: days() for camera in CAMERAS[:2]}
    keep = Keep(of_all, cameras, {"a": longer(cameras["a"])}, longer(of_all))
    known = draw(st.one_of(st.none(), st.integers(NOW - 45 * DAY_90K, NOW)))
    return Rules(keep, held, known)


def asked(found: list[Candidate]) -> Closed:
    """`found` as the index gives it."""

    def closed(until: Until) -> list[Candidate]:
        limits = {(camera, kind): until(camera, kind) for camera in CAMERAS for kind in FootageClass}
        return [c for c in found if (limit := limits[c.key.camera, c.kind]) is None or c.end_90k <= limit]

    return closed


def days_of(candidate: Candidate, rules: Rules) -> Days:
    """While it is not known what was seen in it, as if it were the most."""
    is_known = rules.known_until_90k is None or candidate.end_90k <= rules.known_until_90k
    days = rules.keep.of(candidate.key.camera, FootageClass.PERSON)
    of_class = rules.keep.of(candidate.key.camera, candidate.kind)
    assert days.least >= of_class.least, "what is seen never goes earlier"
    assert days.most is None or (of_class.most is not None and days.most >= of_class.most)
    return of_class if is_known else days


def is_within_minimum(candidate: Candidate, rules: Rules) -> bool:
    return candidate.end_90k > NOW - int(days_of(candidate, rules).least * DAY_90K)


@given(segments(), rules(), st.integers(-10, 20_000))
def test_room_is_made_by_the_oldest_that_nothing_protects(
    found: list[Candidate], rules: Rules, excess: int
) -> None:
    gone = choose(asked(found), excess, rules, NOW)
    chosen = [doomed.candidate for doomed in gone]
    assert len(set(chosen)) == len(chosen)
    assert not any(rules.is_held(candidate) for candidate in chosen), "a hold protects always"

    free = [c for c in found if not rules.is_held(c) and not is_within_minimum(c, rules)]
    within = [c for c in found if not rules.is_held(c) and is_within_minimum(c, rules)]
    # All that goes is the oldest of its kind, and what is within its minimum goes only after all else.
    by_cause = {
        cause: [d.candidate for d in gone if d.cause == cause] for cause in ("space", "space_min_days")
    }
    assert by_cause["space"] == free[: len(by_cause["space"])]
    assert by_cause["space_min_days"] == within[: len(by_cause["space_min_days"])]
    assert not by_cause["space_min_days"] or by_cause["space"] == free
    # Enough, and no more than needed.
    freed = sum(candidate.bytes for candidate in chosen)
    assert freed >= excess or chosen == [*free, *within]
    assert not chosen or freed - chosen[-1].bytes < excess


@given(segments(), rules(), st.integers(1, 10))
def test_what_outlived_its_maximum_goes_unless_it_is_held(
    found: list[Candidate], rules: Rules, count: int
) -> None:
    def is_outlived(candidate: Candidate) -> bool:
        most = days_of(candidate, rules).most
        return most is not None and candidate.end_90k <= NOW - int(most * DAY_90K)

    wanted = [c for c in found if is_outlived(c) and not rules.is_held(c)]
    assert outlived(asked(found), rules, NOW, count) == [Doomed(c, "max_days") for c in wanted[:count]]


@given(segments(), rules(), st.integers(1, 20_000))
@settings(max_examples=60, deadline=None)
def test_index_gives_what_the_rules_decide_on(found: list[Candidate], rules: Rules, excess: int) -> None:
    """Of a real index, where segments of a stream do not overlap and numbers are in the order of time."""
    last: dict[StreamKey, int] = {}
    known = []
    for candidate in found:
        if last.get(candidate.key, 0) <= candidate.start_90k:
            known.append(candidate._replace(number=candidate.number + 1))
            last[candidate.key] = candidate.end_90k
    with TemporaryDirectory() as folder:
        index = Index(Path(folder))
        try:
            put_candidates(index, known)

            def closed(until: Until) -> Iterable[Candidate]:
                return index.closed(until, rules.held)

            assert choose(closed, excess, rules, NOW) == choose(asked(known), excess, rules, NOW)
            assert outlived(closed, rules, NOW, 5) == outlived(asked(known), rules, NOW, 5)
            of_b = [c for c in known if c.key.camera == "b"]
            assert list(index.closed(lambda *_: None, camera="b")) == of_b
        finally:
            asyncio.run(index.close())


def put_candidates(index: Index, found: list[Candidate]) -> None:
    """As rows, with one fragment as long as they are."""
    rows = [
        SegmentRow(
            Segment(c.number, c.key, CONFIG, c.start_90k, 0),
            0,
            0,
            False,
            (FragmentEntry(0, c.end_90k - c.start_90k, c.bytes, True),),
        )
        for c in found
    ]
    index.commit(rows)
    classes = [(c.kind, c.number) for c in found]
    index.db.write_now(lambda c: c.executemany("UPDATE segments SET class = ? WHERE id = ?", classes))


@given(
    st.lists(st.integers(1, 1000), max_size=30),
    st.one_of(st.none(), st.integers(0, 20_000)),
    st.integers(0, 5_000),
    st.integers(0, 20_000),
    st.integers(0, 3_000),
)
def test_budget_is_kept_by_the_oldest(
    sizes: list[int], max_bytes: int | None, keep_free: int, free: int, incoming: int
) -> None:
    closed = [
        Candidate(n, StreamKey("a", Role.MAIN), n * TICKS, n * TICKS + 1, s) for n, s in enumerate(sizes)
    ]
    used = sum(sizes)
    budget = Budget(max_bytes, keep_free)
    gone = choose(asked(closed), budget.excess(used, free, incoming), Rules(Keep()), NOW)

    assert [doomed.candidate for doomed in gone] == closed[: len(gone)]
    freed = sum(doomed.candidate.bytes for doomed in gone)
    if len(gone) < len(closed):
        assert max_bytes is None or used - freed + incoming <= max_bytes
        assert free + freed - incoming >= keep_free
    fits = (max_bytes is None or used + incoming <= max_bytes) and free - incoming >= keep_free
    assert (not gone) == (fits or not closed)
    assert budget.excess(used - freed, free + freed, incoming) == 0 or len(gone) == len(closed)


def test_clock_settles_after_its_last_jump() -> None:
    clock = FakeClock()
    settled = SettledClock(clock, 3600)
    assert not settled.is_settled
    clock.advance(3600)
    assert settled.is_settled
    clock.jump_wall(10 * 365 * 86_400)
    assert not settled.is_settled
    clock.advance(3599)
    assert not settled.is_settled
    clock.advance(1)
    assert settled.is_settled
    clock.jump_wall(30)
    assert settled.is_settled, "a clock that is disciplined jumps by seconds"
    clock.become("none")
    clock.advance(7200)
    assert not settled.is_settled, "nobody knows the time"
    clock.become("ntp")
    assert not settled.is_settled, "it has only just become known"
    clock.advance(3600)
    assert settled.is_settled


async def test_maximum_of_days_deletes_and_says_so(start: Start) -> None:
    keep = Keep(Days(), {"gate": Days(0, 100 / 86_400)})
    recording = await start(pace=replace(FAST, settle_s=1e9))
    for key in (GATE, YARD):
        for ago_s in (300, 200, 20):
            await recording.record(4, key, ago_s=ago_s)
    await recording.stop()

    untrusted = await start(pace=replace(FAST, settle_s=1e9), keep=keep)
    await untrusted.record(4, ago_s=10)
    assert await untrusted.covered_s() == pytest.approx(16)
    await untrusted.stop()

    again = await start(pace=replace(FAST, settle_s=0), keep=keep)
    await again.record(1, ago_s=1)
    assert await again.covered_s() == pytest.approx(9)
    assert await again.covered_s(YARD) == pytest.approx(12)
    assert len(list((again.root / "footage" / "gate").rglob("*.mp4"))) == 3
    await again.stop()
    index = Index(again.root)
    (deletion,) = await index.deletions(0)
    assert (deletion.key, deletion.cause, deletion.segments) == (GATE, "max_days", 2)
    now_s = again.clock.wall()
    assert deletion.day == now_s // 86_400
    assert now_s - deletion.start_90k / TICKS == pytest.approx(300, abs=60)
    assert now_s - deletion.end_90k / TICKS == pytest.approx(196, abs=60)
    assert deletion.bytes > 0
    await index.close()


async def test_minimum_protects_until_there_is_nothing_else(start: Start) -> None:
    """The yard's footage goes first although it is younger; then the gate's, and that is a fault."""
    units = fat(encode(), 4000)
    keep = Keep(Days(), {"gate": Days(1, None)})
    recording = await start(max_bytes=8_000_000, keep=keep, pace=replace(FAST, minimum_s=0.2))
    await recording.record(8, GATE, units=units, ago_s=3000)
    for turn in range(8):
        await recording.record(8, YARD, units=units, ago_s=2000 - turn * 20)
    assert await recording.covered_s(GATE) == pytest.approx(8)
    assert 0 < await recording.covered_s(YARD) < 64
    assert recording.faults.current == []

    for turn in range(12):
        await recording.record(8, GATE, units=units, ago_s=1500 - turn * 20)
        if recording.faults.current:
            break
    fault = await recording.fault("keep_minimum")
    assert fault.params == {"cameras": "gate"}
    assert await recording.covered_s(YARD) == 0
    intervals = await recording.recorder.coverage(GATE, 0, 1e11)
    assert recording.clock.wall() - intervals[0].start_s < 2000, "the oldest went first"
    await recording.no_fault("keep_minimum")
    await recording.stop()
    index = Index(recording.root)
    causes = {(d.key.camera, d.cause) for d in await index.deletions(0)}
    assert causes == {("yard", "space"), ("gate", "space_min_days")}
    await index.close()


async def test_footage_deleted_by_hand_is_known(start: Start, tmp_path: Path) -> None:
    recording = await start()
    for ago_s in (200, 100):
        await recording.record(4, ago_s=ago_s)
    await recording.stop()
    min(recording.root.rglob("*.mp4")).unlink()
    again = await start()
    assert await again.covered_s() == pytest.approx(4)
    await again.stop()
    index = Index(again.root)
    (deletion,) = await index.deletions(0)
    assert (deletion.key, deletion.cause, deletion.segments) == (GATE, "missing", 1)
    await index.close()
