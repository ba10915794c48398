"""Footage recorded by a wrong clock is put to its true time, and never onto other footage."""

from __future__ import annotations

from itertools import count, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from record_streams import GATE, encode

from nvr.clock import RANK, ClockState, Source
from nvr.media.access_unit import AccessUnit, Discontinuity
from nvr.record.clock.clock_eras import ClockEras, DiskClock
from nvr.record.clock.correction import NO_CORRECTIONS, Correction, Corrections
from nvr.record.clock.stream_clock import BootFootage, StreamClock
from nvr.record.model import TICKS, Fragment, Segment
from nvr.record.mp4.segment import SegmentBuilder

STEP_S = 5.0
TRUE_S = 1_790_000_000.0
"""The true time when the simulated clock shows 0."""

Op = tuple[str, float]


class Disk:
    """One disk's files and index, and what is open of it."""

    def __init__(self) -> None:
        self.numbers = count(1)
        self.corrections: Corrections = NO_CORRECTIONS
        self.files: dict[int, tuple[Segment, int]] = {}
        self.index: dict[int, Segment] = {}
        self.clock: DiskClock | None = None
        self.builder: SegmentBuilder | None = None

    def open(self, eras: ClockEras) -> None:
        newest = self.newest
        found = newest is not None and newest.clock is not None and newest.clock.boot_id == eras.boot_id
        numbers = {newest.clock.source: newest.number} if found else {}
        self.clock = DiskClock(eras, self.corrections.of(eras.boot_id), numbers, self.numbers.__next__)
        eras.join(self.clock)
        self.apply(eras.boot_id)
        if found:
            recorded = self.files[newest.number][0]
            self.clock.note(self.corrections.apply(recorded), self.corrections.source(recorded))

    def close(self, eras: ClockEras) -> None:
        assert self.clock is not None
        eras.leave(self.clock)
        self.clock = self.builder = None

    @property
    def newest(self) -> Segment | None:
        return max(self.index.values(), key=lambda segment: segment.start_90k, default=None)

    def found(self, boot_id: str) -> tuple[int | None, BootFootage | None]:
        newest = self.newest
        if newest is None:
            return None, None
        media_90k = self.files[newest.number][1]
        clock = newest.clock
        assert clock is not None
        in_boot = None
        if clock.boot_id == boot_id:
            in_boot = BootFootage(clock.mono_at_90k(media_90k), clock.room_90k, clock.source)
        return newest.wall_90k(media_90k), in_boot

    def take(self, fragment: Fragment) -> None:
        segment = fragment.segment
        self.files[segment.number] = segment, fragment.media_end_90k
        self.index[segment.number] = self.corrections.apply(segment)

    def apply(self, boot_id: str) -> None:
        assert self.clock is not None
        for correction in self.clock.unwritten:
            self.corrections = self.corrections.adding(boot_id, correction)
            self.index = self.again
        self.clock.unwritten.clear()

    @property
    def again(self) -> dict[int, Segment]:
        return {number: self.corrections.apply(file) for number, (file, _) in self.files.items()}


class Appliance:
    """One stream of keyframes alone, recorded through boots, jumps and corrections, on disks that come and go."""

    def __init__(self, disks: int = 1) -> None:
        self.config = encode()[0].config
        self.true_s = 0.0
        self.boot = 0
        self.booted_s = self.off_s = 0.0
        self.source: Source = "ntp"
        self.has_fallen = False
        self.disks = [Disk() for _ in range(disks)]
        self.here = 0
        self._begin()

    @property
    def state(self) -> ClockState:
        return ClockState(f"boot-{self.boot}", self.source)

    @property
    def mono_s(self) -> float:
        return self.true_s - self.booted_s + 10

    @property
    def offset_s(self) -> float:
        """Wall minus monotonic time."""
        return TRUE_S + self.true_s + self.off_s - self.mono_s

    @property
    def open_disks(self) -> list[Disk]:
        return [disk for disk in self.disks if disk.clock is not None]

    @property
    def index(self) -> dict[int, Segment]:
        return self.disks[0].index

    @property
    def corrections(self) -> Corrections:
        return self.disks[0].corrections

    def _begin(self) -> None:
        """A life of the service; all disks are there."""
        self.eras = ClockEras(self.state)
        self.stream = StreamClock(self.eras)
        for disk in self.disks:
            self._open(disk)
        self._build(self.disks[self.here])

    def _open(self, disk: Disk) -> None:
        """As `Correcting.begin` and `Route.meet`."""
        disk.builder = None
        disk.open(self.eras)
        self.look()
        self.stream.take_in(*disk.found(self.eras.boot_id))

    def _build(self, disk: Disk) -> SegmentBuilder:
        if disk.builder is None:
            disk.builder = SegmentBuilder(
                GATE, end_90k=None, next_number=disk.numbers.__next__, disk=disk.clock, clock=self.stream
            )
        return disk.builder

    @property
    def builder(self) -> SegmentBuilder:
        builder = self.disks[self.here].builder
        assert builder is not None
        return builder

    def look(self) -> None:
        self.eras.look(self.state, self.mono_s + self.offset_s, self.mono_s)
        for disk in self.open_disks:
            disk.apply(self.eras.boot_id)

    def _move(self, *, lost_90k: int | None) -> None:
        """The stream goes on on another open disk, as `Route`; `lost_90k`: that much of it was lost."""
        old, others = self.disks[self.here], [d for d in self.open_disks if d is not self.disks[self.here]]
        if not others:
            return
        cause = self.builder.pending_cause
        fragment = self.builder.stop("disk", self.offset_s)
        if fragment is not None and lost_90k is None:
            old.take(fragment)
        stored_90k = self.stream.wall.end_90k
        self.here = self.disks.index(others[0])
        if lost_90k is None or stored_90k is None:
            self._build(others[0]).resume(cause, None)
        else:
            self._build(others[0]).resume("disk", stored_90k - lost_90k)

    def _pull(self, number: int) -> None:
        disk = self.disks[number % len(self.disks)]
        if disk.clock is None or len(self.open_disks) == 1:
            return
        if disk is self.disks[self.here]:
            self._move(lost_90k=TICKS)
        disk.close(self.eras)

    def _plug(self) -> None:
        for disk in self.disks:
            if disk.clock is None:
                self._open(disk)

    def record(self, pictures: int, delay_s: float = 0.0) -> None:
        for _ in range(pictures):
            self.true_s += STEP_S
            pts_90k = int(self.true_s * TICKS)
            unit = AccessUnit(GATE, self.config, b"key", pts_90k, True, self.mono_s + delay_s)
            self._take(self.builder.push(unit, self.offset_s))
            self.look()

    def _take(self, fragment: Fragment | None) -> None:
        if fragment is not None:
            self.disks[self.here].take(fragment)

    def do(self, op: Op) -> None:
        kind, value = op
        if kind == "record":
            self.record(int(value), 0.0)
        elif kind == "late":
            self.record(2, value)
        elif kind == "jump":
            self.off_s += value
        elif kind == "set":
            self.off_s = value
        elif kind == "source":
            self.source = max(list(RANK)[int(value)], self.source, key=RANK.__getitem__)
        elif kind == "fall":
            self.source, self.has_fallen = "none", True
        elif kind == "reconnect":
            self.true_s += abs(value)
            self._take(self.builder.push(Discontinuity(GATE, "reconnect", self.mono_s), self.offset_s))
        elif kind == "move":
            self._move(lost_90k=None)
        elif kind == "pull":
            self._pull(int(value))
        elif kind == "plug":
            self._plug()
        elif kind in ("restart", "boot"):
            self._plug()  # one that comes only later is put where the clock of then says
            # A source that fell in this boot is not remembered by a later life of the service.
            kind = "boot" if self.has_fallen else kind
            self.has_fallen = False
            self._take(self.builder.stop("stopped", self.offset_s))
            self.true_s += abs(value)
            if kind == "boot":
                self.boot += 1
                self.booted_s = self.true_s
                self.off_s += value
                self.source = "none"
            self._begin()
        self.look()

    @property
    def spans(self) -> list[tuple[int, int]]:
        """On all open disks."""
        return sorted(
            (segment.start_90k, segment.wall_90k(disk.files[number][1]))
            for disk in self.open_disks
            for number, segment in disk.index.items()
        )

    def check(self) -> None:
        assert all(a[1] <= b[0] for a, b in pairwise(self.spans)), "nothing overlaps"
        for disk in self.disks:
            again = disk.again
            assert again == disk.index, "a rebuild gives the same"
            assert {n: disk.corrections.apply(s) for n, s in again.items()} == again, "idempotent"
            for segment in again.values():
                if segment.gap is not None:
                    assert segment.gap.start_90k < segment.gap.end_90k == segment.start_90k


SECONDS = st.sampled_from([-7200.0, -100.0, -30.0, -3.0, -1.0, 1.0, 3.0, 30.0, 100.0, 7200.0])
OPS = st.one_of(
    st.tuples(st.just("record"), st.integers(1, 40).map(float)),
    st.tuples(st.just("late"), st.sampled_from([0.5, 3.0])),
    st.tuples(st.sampled_from(["jump", "boot", "restart", "reconnect", "set"]), SECONDS),
    st.tuples(st.sampled_from(["set", "fall"]), st.just(0.0)),
    st.tuples(st.just("source"), st.integers(0, 3).map(float)),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(OPS, max_size=25))
def test_nothing_overlaps_whatever_the_clock_does(ops: list[Op]) -> None:
    appliance = Appliance()
    for op in ops:
        appliance.do(op)
        appliance.check()


MOVES = st.one_of(
    OPS,
    st.tuples(st.sampled_from(["move", "plug"]), st.just(0.0)),
    st.tuples(st.just("pull"), st.sampled_from([0.0, 1.0])),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(MOVES, max_size=30))
def test_nothing_overlaps_on_several_disks_either(ops: list[Op]) -> None:
    appliance = Appliance(disks=2)
    for op in ops:
        appliance.do(op)
        appliance.check()


@pytest.mark.parametrize("off_s", [-50 * 365 * 86400.0, -3600.0, -600.0, 600.0, 3 * 365 * 86400.0])
@pytest.mark.parametrize("source", ["person", "ntp"])
def test_footage_of_a_boot_without_clock_comes_to_its_true_time(off_s: float, source: Source) -> None:
    appliance = Appliance()
    appliance.record(100)
    appliance.do(("boot", 300.0))
    last_night = appliance.spans
    appliance.off_s = off_s
    appliance.record(60)  # 5 minutes
    appliance.check()
    appliance.off_s, appliance.source = 0.0, source
    appliance.look()
    appliance.record(60)
    appliance.check()
    spans = appliance.spans
    assert spans[: len(last_night)] == last_night
    edges = [edge for span in spans[len(last_night) :] for edge in span]
    assert edges[0] / TICKS - TRUE_S == pytest.approx(805, abs=1)
    assert edges[-1] / TICKS - TRUE_S == pytest.approx(appliance.true_s, abs=STEP_S + 1)
    assert all(b - a == 0 for a, b in zip(edges[1::2], edges[2::2], strict=False)), "one piece"
    gaps = [segment.gap for segment in appliance.index.values() if segment.gap is not None]
    assert [(gap.start_90k, gap.cause) for gap in gaps] == [(last_night[-1][1], "stopped")]


def test_a_correction_of_a_correction() -> None:
    """A person was wrong by a minute; NTP knows better."""
    appliance = Appliance()
    appliance.do(("boot", 0.0))
    appliance.off_s = -86400.0
    appliance.record(30)
    appliance.off_s, appliance.source = -60.0, "person"
    appliance.record(30)
    assert appliance.spans[0][0] / TICKS - TRUE_S == pytest.approx(5 - 60, abs=0.1)
    appliance.off_s, appliance.source = 0.0, "ntp"
    appliance.record(30)
    appliance.check()
    assert appliance.spans[0][0] / TICKS - TRUE_S == pytest.approx(5, abs=0.1)
    assert len(appliance.corrections.of("boot-1")) == 2


def test_a_clock_that_is_set_a_moment_after_it_became_trusted() -> None:
    appliance = Appliance()
    appliance.do(("boot", 0.0))
    appliance.off_s = 3600.0
    appliance.record(10)
    appliance.source = "ntp"
    appliance.record(4)
    appliance.off_s = 0.0
    appliance.record(40)
    appliance.check()
    assert appliance.spans[0][0] / TICKS - TRUE_S == pytest.approx(5, abs=0.1)


def test_small_errors_and_files_without_clock_stay() -> None:
    appliance = Appliance()
    appliance.do(("boot", 0.0))
    appliance.off_s = 1.5
    appliance.record(10)
    appliance.off_s, appliance.source = 0.0, "ntp"
    appliance.record(40)
    assert appliance.corrections == NO_CORRECTIONS
    old = Segment(1, GATE, appliance.config, 90_000, 0)
    correction = Correction(
        wall_minus_mono_s=5, source="ntp", error_s=None, first_number=0, last_number=9, made_s=0
    )
    assert NO_CORRECTIONS.adding("boot-1", correction).apply(old) is old


@pytest.mark.parametrize("off_s", [-3600.0, 3600.0, -10 * 365 * 86400.0])
def test_a_stream_on_two_disks_of_which_one_is_away_when_the_clock_is_set(off_s: float) -> None:
    appliance = Appliance(disks=2)
    appliance.do(("boot", 300.0))
    appliance.off_s = off_s
    appliance.record(30)
    appliance.do(("move", 0.0))
    appliance.record(30)
    appliance.do(("pull", 0.0))
    appliance.off_s, appliance.source = 0.0, "ntp"
    appliance.record(30)
    appliance.do(("plug", 0.0))
    appliance.record(30)
    appliance.check()
    spans = appliance.spans
    # How long the picture before a move is shown is not known; nothing else is missing.
    steps = [b[0] - a[1] for a, b in pairwise(spans) if b[0] != a[1]]
    assert len(steps) == 1
    assert steps[0] < STEP_S * TICKS
    assert spans[0][0] / TICKS - TRUE_S == pytest.approx(305, abs=0.1)
    assert spans[-1][1] / TICKS - TRUE_S == pytest.approx(appliance.true_s, abs=STEP_S + 1)
    first, second = (disk.corrections.of("boot-1") for disk in appliance.disks)
    assert [c.wall_minus_mono_s for c in first] == [c.wall_minus_mono_s for c in second]
