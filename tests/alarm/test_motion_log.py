"""Minutes with motion: as noted, over real SQLite, before and after they are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from nvr.alarm.incidents import MAX_MARKS, IncidentStore
from nvr.alarm.motion_log import KEPT_HOURS, MAX_PENDING, MotionLog
from nvr.clock import FakeClock
from nvr.events import Motion
from nvr.state import open_state

NOON = 1_800_000_000 - 1_800_000_000 % 3600


@pytest.fixture
async def db(tmp_path: Path):
    state = await open_state(tmp_path)
    yield state
    await state.close()


def moved(log: MotionLog, clock: FakeClock, wall_s: float, camera: str = "gate") -> None:
    log.note(Motion(camera, clock.monotonic() + wall_s - clock.wall(), 0.1))


async def test_minutes_are_found_before_and_after_writing(db) -> None:
    clock = FakeClock(wall=NOON + 3600)
    log = MotionLog(db, clock)
    for at_s in (-30, 0, 59, 61, 300, 3599, 3600):
        moved(log, clock, NOON + at_s)
    moved(log, clock, NOON + 900, "yard")
    expected = [(-60, 120), (300, 360), (3540, 3660)]
    for _ in range(2):
        found = await log.intervals("gate", NOON - 600, NOON + 7200, 0)
        assert [(a - NOON, b - NOON) for a, b in found] == expected
        await log.flush()
    assert await log.intervals("gate", NOON - 600, NOON + 7200, 0) == found
    moved(log, clock, NOON + 120)
    await log.flush()
    assert (await MotionLog(db, clock).intervals("gate", NOON, NOON + 60, 0)) == [(NOON, NOON + 60)]
    coarse = await log.intervals("gate", NOON - 600, NOON + 7200, 3600)
    assert coarse == [(NOON - 60, NOON + 3660)]
    assert await log.intervals("gate", NOON + 360, NOON + 3540, 0) == []


async def test_what_is_kept_is_bounded(db) -> None:
    clock = FakeClock(wall=NOON)
    log = MotionLog(db, clock)
    moved(log, clock, NOON)
    await log.flush()
    clock.advance((KEPT_HOURS + 2) * 3600)
    moved(log, clock, clock.wall())
    await log.flush()
    assert await db.read(lambda c: c.execute("SELECT COUNT(*) FROM motion").fetchone()[0]) == 1
    clock.advance((KEPT_HOURS + 2) * 3600)
    clock.become("none")
    moved(log, clock, clock.wall())
    await log.flush()
    assert await db.read(lambda c: c.execute("SELECT COUNT(*) FROM motion").fetchone()[0]) == 2
    for number in range(MAX_PENDING + 10):
        moved(log, clock, clock.wall(), f"camera{number}")
    assert len(log._pending) == MAX_PENDING


async def test_marks_of_incidents(db) -> None:
    query = (
        "INSERT INTO incidents (id, camera, zone, kind, response, opened_s, last_s, sightings, score, box)"
        " VALUES (?, 'gate', '*', 'person', 'call', ?, ?, 1, 0.9, '[0,0,1,1]')"
    )
    rows = [(n + 1, NOON + 10 * n, NOON + 10 * n + 5) for n in range(5000)]
    await db.write(lambda c: c.executemany(query, rows) and None)
    store = IncidentStore(db)
    few = await store.marks("gate", NOON, NOON + 100)
    assert [(mark.id, mark.opened_s, mark.kind) for mark in few] == [
        (n + 1, NOON + 10 * n, "person") for n in range(10)
    ]
    many = await store.marks("gate", NOON, NOON + 50_000)
    assert MAX_MARKS * 0.8 < len(many) <= MAX_MARKS
    assert many == sorted(many, key=lambda mark: mark.opened_s)
    assert await store.marks("yard", NOON, NOON + 100) == []
