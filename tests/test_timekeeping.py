import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvr import timekeeping
from nvr.clock import FLOOR_S, RANK, SLACK_S, ClockState, Evidence, FakeClock, SystemClock, decide
from nvr.faults import FaultBoard
from nvr.timekeeping import KnownTime, Timekeeping, read_known_time, recall, write_known_time

EVIDENCE = st.builds(
    Evidence,
    wall_s=st.floats(0, 5e9),
    is_synchronized=st.booleans(),
    error_s=st.floats(0, 20),
    keeps_time=st.booleans(),
    known=st.sampled_from(list(RANK)),
    least_wall_s=st.floats(FLOOR_S, 5e9),
)


@given(EVIDENCE)
def test_where_the_time_is_from(evidence):
    source, error_s = decide(evidence)
    is_late_enough = evidence.wall_s >= evidence.least_wall_s - SLACK_S
    if evidence.wall_s < FLOOR_S:
        assert source == "none"
    else:
        assert RANK[source] >= RANK[evidence.known] or evidence.known == "rtc"
        assert not evidence.is_synchronized or source == "ntp"
        assert source != "rtc" or (evidence.keeps_time and is_late_enough)
        assert source != "none" or not (evidence.keeps_time and is_late_enough)
    assert (error_s is not None) == (source == "ntp")


@given(EVIDENCE)
def test_knowing_more_never_makes_it_worse(evidence):
    rank = RANK[decide(evidence)[0]]
    assert RANK[decide(evidence._replace(is_synchronized=True))[0]] >= rank
    assert RANK[decide(evidence._replace(keeps_time=True))[0]] >= rank


def test_the_machines_clock():
    clock = SystemClock()
    state = clock.state()
    assert len(state.boot_id) == 36
    assert state is clock.state()  # asked again within the second
    clock.remember(clock.wall() + 10 * SLACK_S, "none")
    assert clock.state().source in ("none", "ntp")
    clock.remember(clock.wall(), "person")
    assert clock.state().source in ("person", "ntp")


def test_known_time_survives_a_restart_but_a_confirmation_only_this_boot(tmp_path):
    clock = FakeClock(source="none")
    recall(clock, tmp_path)
    assert not clock.state().is_trusted
    write_known_time(tmp_path, KnownTime(wall_s=5.0, boot_id="another", source="person"))
    recall(clock, tmp_path)
    assert not clock.state().is_trusted
    write_known_time(tmp_path, KnownTime(wall_s=5.0, boot_id=clock.state().boot_id, source="person"))
    recall(clock, tmp_path)
    assert clock.state().source == "person"
    (tmp_path / timekeeping.NAME).write_text('{"wall_s": "soon"')
    assert read_known_time(tmp_path) is None


class Watched:
    def __init__(self, clock, state):
        self.clock = clock
        self.faults = FaultBoard(clock)
        self.changed = asyncio.Event()
        self.faults.on_change(self.changed.set)
        self.keeping = Timekeeping(clock, state, self.faults, self.changed.set)

    @property
    def codes(self):
        return {fault.code for fault, _ in self.faults.current}

    async def until(self, condition):
        async with asyncio.timeout(15):
            while not condition():
                self.changed.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await self.changed.wait()


@asynccontextmanager
async def watched(state, **clock) -> AsyncIterator[Watched]:
    watched = Watched(FakeClock(**clock), state)
    job = asyncio.create_task(watched.keeping.run(lambda: None))
    try:
        yield watched
    finally:
        job.cancel()
        await asyncio.wait([job])


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(timekeeping, "LOOK_S", 0.02)


async def test_an_untrusted_clock_is_a_fault_until_it_is_set(tmp_path):
    async with watched(tmp_path, source="none") as site:
        await site.until(lambda: site.codes == {"clock_untrusted"})
        assert read_known_time(tmp_path) is None  # what nobody trusts is not remembered
        site.clock.jump_wall(1e6)
        site.clock.become("ntp")
        await site.until(lambda: not site.codes)  # that it jumped then is no news
        await site.until(lambda: read_known_time(tmp_path) is not None)
        assert read_known_time(tmp_path) == KnownTime(
            wall_s=site.clock.wall(), boot_id=site.clock.state().boot_id, source="ntp"
        )


async def test_a_jump_of_a_trusted_clock_is_told_for_an_hour(tmp_path):
    async with watched(tmp_path) as site:
        await site.until(lambda: read_known_time(tmp_path) is not None)
        site.clock.jump_wall(-120)
        await site.until(lambda: site.codes == {"clock_jumped"})
        ((fault, _),) = site.faults.current
        assert fault.params == {"seconds": -120}
        site.clock.advance(timekeeping.SHOWN_S + 1)
        await site.until(lambda: not site.codes)
        assert read_known_time(tmp_path).wall_s <= site.clock.wall()  # a trusted clock may go back


async def test_a_person_confirms(tmp_path):
    async with watched(tmp_path, source="none") as site:
        await site.until(lambda: site.codes == {"clock_untrusted"})
        assert await site.keeping.confirm()
        assert site.clock.state() == ClockState(site.clock.state().boot_id, "person")
        assert not site.codes
        assert read_known_time(tmp_path).source == "person"


async def test_nobody_can_confirm_1970(tmp_path):
    async with watched(tmp_path, source="none", wall=86_400.0) as site:
        assert not await site.keeping.confirm()
        assert not site.clock.state().is_trusted


async def test_a_state_directory_that_cannot_be_written_is_a_fault(tmp_path):
    async with watched(tmp_path / "missing") as site:
        await site.until(lambda: site.codes == {"storage"})
        (tmp_path / "missing").mkdir()
        site.clock.advance(timekeeping.WRITE_S + 1)
        await site.until(lambda: not site.codes)
