"""The schedule in force: nvr.toml's or the page's, changed while the alarm runs, kept over restarts."""

import sqlite3
from datetime import datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_runner import make_config, running, ticks

from nvr import audit
from nvr.alarm.plan import Plan, Stored
from nvr.alarm.schedule import last_change, next_change
from nvr.alarm.schedule_store import ScheduleConflict, ScheduleStore, differences
from nvr.clock import FakeClock
from nvr.config import Schedule
from nvr.events import Actor
from nvr.faults import FaultBoard
from nvr.state import open_state

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
NOWHERE = Path("/nowhere")
LAN, MINH = Actor("Lan", "10.0.0.1"), Actor("Minh", "10.0.0.2")
FILE = Schedule(arm=time(22), disarm=time(5))


def weekly(*changes, holidays=()):
    change = [dict(zip(("at", "set"), one, strict=True)) for one in changes]
    return Schedule.model_validate({"change": change, "holidays": holidays})


PAGE = weekly(("20:00", "away"), ("06:00", "off"))


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=HANOI).timestamp()


NOON = at("2026-11-24T12:00")


@pytest.fixture
def config(tmp_path):
    return make_config(tmp_path, port=None, schedule=FILE)


class Place:
    """A store with what it works with, as one life of the appliance has it."""

    def __init__(self, config, db, clock):
        self.clock, self.faults, self.told = clock, FaultBoard(clock), []
        self.plan, self.db = Plan(config), db
        self.store = ScheduleStore(
            db,
            self.plan,
            config.site,
            clock=clock,
            faults=self.faults,
            on_change=lambda: self.told.append(self.plan.source),
        )


@pytest.fixture
async def place(config):
    db = await open_state(config.storage.state)
    place = Place(config, db, FakeClock(wall=NOON))
    await place.store.load()
    yield place
    await db.close()


async def audited(db):
    rows = await audit.page(db)
    return [(row.actor, row.address, row.action, row.detail) for row in reversed(rows)]


async def test_the_page_takes_the_place_of_the_file_and_gives_it_back(place, config):
    assert (place.plan.source, place.plan.schedule) == ("nvr.toml", FILE)
    await place.store.replace(PAGE, 0, LAN)
    assert (place.plan.source, place.plan.schedule) == ("page", PAGE)
    assert place.plan.next_change(NOON).at_wall_s == at("2026-11-24T20:00")
    again = Place(config, place.db, place.clock)
    await again.store.load()
    assert again.plan.schedule == PAGE
    assert again.plan.stored == Stored(1, PAGE, NOON, "Lan")
    await place.store.replace(None, 1, MINH)
    assert (place.plan.source, place.plan.schedule) == ("nvr.toml", FILE)
    assert place.plan.stored == Stored(2, None, NOON, "Minh")
    assert place.told == ["page", "nvr.toml"]


async def test_nobody_overwrites_what_he_has_not_seen(place):
    await place.store.replace(PAGE, 0, LAN)
    with pytest.raises(ScheduleConflict, match="Lan") as conflict:
        await place.store.replace(weekly(("21:00", "home")), 0, MINH)
    assert conflict.value.by == "Lan"
    with pytest.raises(ScheduleConflict):
        await place.store.replace(None, 0, MINH)
    assert place.plan.schedule == PAGE
    assert [action for _, _, action, _ in await audited(place.db)] == ["schedule-change"]


async def test_what_changed_stands_in_the_audit_log(place):
    await place.store.replace(PAGE, 0, LAN)
    await place.store.replace(weekly(("20:00", "away"), ("06:30", "off"), holidays=["01-01"]), 1, MINH)
    await place.store.replace(None, 2, LAN)
    first, second, third = await audited(place.db)
    assert first[:3] == ("Lan", "10.0.0.1", "schedule-change")
    assert second[3] == (
        '{"removed 1": "every day 06:00 off", "added 1": "every day 06:30 off", "added 2": "holidays 01-01"}'
    )
    assert third == ("Lan", "10.0.0.1", "schedule-reset", "{}")


def test_long_lists_fit_the_audit_log():
    days = [f"{month:02}-{day:02}" for month in range(1, 6) for day in range(1, 21)]
    told = differences(None, weekly(*((f"{hour:02}:00", "off") for hour in range(24)), holidays=days))
    assert max(map(len, told.values())) <= audit.MAX_TEXT
    assert sum(line.count("-") for line in told.values()) == 100


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        ("{", "JSON"),
        ('{"change": [{"at": "25:00", "set": "off"}]}', "change number 1 at"),
        ('{"change": [{"at": "sunset", "set": "off"}]}', "`latitude` and `longitude`"),
    ],
)
async def test_what_cannot_be_used_leaves_the_file_in_force_and_is_a_fault(place, config, stored, words):
    await place.store.replace(PAGE, 0, LAN)
    await place.db.write(lambda c: c.execute("UPDATE schedule SET schedule = ?", (stored,)))
    again = Place(config, place.db, place.clock)
    await again.store.load()
    assert (again.plan.source, again.plan.schedule) == ("nvr.toml", FILE)
    fault = again.faults.at("schedule")
    assert fault.code == "schedule_unusable"
    assert words in fault.detail
    await again.store.replace(PAGE, 1, LAN)
    assert again.faults.at("schedule") is None
    assert again.plan.schedule == PAGE


async def test_what_is_not_on_the_disk_is_not_in_force(place):
    await place.db.write(lambda c: c.execute("DROP TABLE schedule"))
    with pytest.raises(sqlite3.Error):
        await place.store.replace(PAGE, 0, LAN)
    assert place.plan.schedule == FILE
    assert await audited(place.db) == []


changes = st.lists(
    st.tuples(
        st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59)),
        st.sampled_from(["home", "night", "away", "off"]),
    ),
    max_size=4,
    unique_by=lambda change: change[0],
).map(lambda found: weekly(*found))
steps = st.lists(st.floats(-90_000, 200_000), min_size=1, max_size=12)


@given(changes, steps, st.floats(0, 86400))
def test_a_plan_answers_as_its_schedule_does_whichever_way_time_goes(schedule, times, made_s):
    plan = Plan(make_config(NOWHERE, port=None, schedule=schedule))
    changed_s = NOON + made_s
    plan.use(Stored(1, schedule, changed_s, "Lan"))
    for offset in times:
        now = NOON + offset
        changed_s = min(changed_s, now)
        last, following = last_change(schedule, HANOI, now), next_change(schedule, HANOI, now)
        assert plan.next_change(now) == following
        assert plan.last_change(now) == (last if last and last.at_wall_s > changed_s else None)


def test_an_older_version_is_dropped():
    plan = Plan(make_config(NOWHERE, port=None, schedule=FILE))
    plan.use(Stored(2, PAGE, NOON, "Lan"))
    plan.use(Stored(1, None, NOON, "Minh"))
    assert plan.schedule == PAGE


async def test_a_changed_schedule_does_nothing_belatedly_and_then_what_it_says(config):
    """At 12:00 somebody puts "armed from 11:00, disarmed at 13:00" in."""
    clock = FakeClock(wall=NOON)
    new = weekly(("11:00", "away"), ("13:00", "off"))
    async with running(config, clock) as site:
        store = ScheduleStore(
            site.db, site.plan, config.site, clock=clock, faults=site.faults, on_change=lambda: None
        )
        await store.replace(new, 0, LAN)
        await ticks(site)
        assert not site.runner.view().armed.armed
        assert site.runner.view().next_change.at_wall_s == at("2026-11-24T13:00")
    # Nor after a restart: what state.db keeps says since when it counts.
    clock.advance(60)
    async with running(config, clock) as site:
        store = ScheduleStore(
            site.db, site.plan, config.site, clock=clock, faults=site.faults, on_change=lambda: None
        )
        await store.load()
        await ticks(site)
        assert not site.runner.view().armed.armed
        clock.advance(23 * 3600)
        await site.until(lambda: site.runner.view().armed.armed)
        assert site.runner.view().armed.actor == "schedule"
        site.runner.disarm(LAN)
        await ticks(site)
        assert not site.runner.view().armed.armed  # by hand, until the next change


async def test_without_any_schedule_one_can_be_made_and_acts(tmp_path):
    clock = FakeClock(wall=NOON)
    config = make_config(tmp_path, port=None)
    async with running(config, clock) as site:
        assert site.runner.view().next_change is None
        store = ScheduleStore(
            site.db, site.plan, config.site, clock=clock, faults=site.faults, on_change=lambda: None
        )
        await store.replace(weekly(("12:30", "home")), 0, LAN)
        clock.advance(1800)
        await site.until(lambda: site.runner.view().armed.armed)
