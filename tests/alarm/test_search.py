"""Searching incidents: the right ones, in order, page by page, at the cost of the answer; and a state.db of before."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nvr.alarm import objects
from nvr.alarm.handling import Outcome
from nvr.alarm.incidents import IncidentStore
from nvr.alarm.objects import MAX_OBJECTS
from nvr.alarm.search import LANES, Wanted, find
from nvr.events import Actor, Box, Response, Sighting
from nvr.state import STATE_SCHEMA
from nvr.store import Database, Step

CAMERAS, ZONES, KINDS = ("gate", "school", "yard"), ("*", "sân"), ("person", "dog", "car")
NOON = 1_795_500_000.0
BEFORE = next(n for n, step in enumerate(STATE_SCHEMA) if "CREATE TABLE incident_objects" in str(step))
"""Schema version of the software that knew no objects."""


def connect(*, version: int | None = None) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.row_factory = sqlite3.Row
    migrate(connection, STATE_SCHEMA[:version])
    return connection


def migrate(connection: sqlite3.Connection, steps: tuple[Step, ...]) -> None:
    for step in steps:
        if isinstance(step, str):
            connection.executescript(step)
        else:
            step(connection)


def sighting(camera: str, zone: str, kind: str, track: int, response: Response = Response.CALL) -> Sighting:
    return Sighting(camera, zone, response, kind, 0.9, Box(0, 0, 1, 1), track, 0.0, b"")


INSERT = (
    "INSERT INTO incidents (camera, zone, kind, response, opened_s, last_s, sightings, score, box, acknowledged_s{})"
    " VALUES (?, ?, ?, ?, ?, ?, 1, 0.9, '[0,0,1,1]', ?{})"
)


def add(
    connection: sqlite3.Connection,
    camera: str,
    seen: list[tuple[str, str]],
    response: str,
    opened_s: float,
    *,
    acknowledged: bool = False,
    outcome: Outcome | None = None,
) -> int:
    """An incident in which these (zone, kind) were seen."""
    zone, kind = seen[0]
    done_s = opened_s + 9 if acknowledged else None
    values = (camera, zone, kind, response, opened_s, opened_s, done_s, outcome)
    number = connection.execute(INSERT.format(", outcome", ", ?"), values).lastrowid
    row = connection.execute("SELECT * FROM incidents WHERE id = ?", (number,)).fetchone()
    for track, (zone, kind) in enumerate(seen, start=1):
        objects.note(connection, row, sighting(camera, zone, kind, track), opened_s)
    assert number is not None
    return number


incidents = st.lists(
    st.tuples(
        st.sampled_from(CAMERAS),
        st.lists(st.tuples(st.sampled_from(ZONES), st.sampled_from(KINDS)), min_size=1, max_size=4),
        st.sampled_from(["record", "call", "siren"]),
        st.integers(0, 8),
        st.sampled_from([(False, None), (True, None), *((True, outcome) for outcome in Outcome)]),
    ),
    max_size=25,
)
conditions = st.builds(
    Wanted,
    kind=st.sampled_from([None, *KINDS, "cow"]),
    zone=st.sampled_from([None, *ZONES, "nowhere"]),
    since_s=st.sampled_from([None, 2.0, 5.0]),
    until_s=st.sampled_from([None, 4.0, 7.0]),
    acknowledged=st.sampled_from([None, True, False]),
    resolved=st.sampled_from([None, True, False]),
    outcome=st.sampled_from([None, None, *Outcome]),
)
visible = st.one_of(st.none(), st.frozensets(st.sampled_from([*CAMERAS, "absent"])))


@settings(max_examples=150)
@given(incidents, conditions, visible, st.integers(1, 4))
def test_all_that_meet_the_conditions_and_no_others(stored, wanted: Wanted, cameras, limit: int) -> None:
    connection = connect()
    ids = {}
    for one in stored:
        camera, seen, response, opened_s, (acknowledged, outcome) = one
        number = add(connection, camera, seen, response, opened_s, acknowledged=acknowledged, outcome=outcome)
        ids[number] = one

    def meets(camera: str, seen, response: str, opened_s: float, handled) -> bool:
        acknowledged, outcome = handled
        waits = acknowledged or response != "record"
        state, resolved = (acknowledged, outcome is not None) if waits else (None, None)
        return (
            (cameras is None or camera in cameras)
            and any(wanted.zone in (None, z) and wanted.kind in (None, k) for z, k in seen)
            and (wanted.since_s is None or opened_s >= wanted.since_s)
            and (wanted.until_s is None or opened_s < wanted.until_s)
            and wanted.acknowledged in (None, state)
            and wanted.resolved in (None, resolved)
            and wanted.outcome in (None, outcome)
        )

    expected = sorted((n for n in ids if meets(*ids[n])), key=lambda n: (ids[n][3], n), reverse=True)
    found: list[int] = []
    before = None
    while page := find(connection, cameras, wanted, before=before, limit=limit):
        assert len(page) <= limit
        found += [row["id"] for row in page]
        before = found[-1]
        assert len(found) <= len(expected)
    assert found == expected


def filled(count: int) -> sqlite3.Connection:
    connection = connect()
    connection.execute("BEGIN")
    for n in range(count):
        kind = "cow" if n < 10 else KINDS[n % 3]  # cows came long ago, and never again
        outcome = list(Outcome)[n // 6 % 4] if n // 3 % 2 else None
        add(
            connection,
            CAMERAS[n % 3],
            [(ZONES[n % 2], kind)],
            "record" if n % 5 else "call",
            NOON + n,
            outcome=outcome,
        )
    connection.execute("COMMIT")
    return connection


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(),
        Wanted(kind="dog"),
        Wanted(kind="cow"),
        Wanted(kind="bus"),
        Wanted(zone="sân"),
        Wanted(zone="sân", kind="cow"),
        Wanted(acknowledged=False),
        Wanted(acknowledged=True),
        Wanted(kind="cow", acknowledged=True),
        Wanted(resolved=False),
        Wanted(resolved=True),
        Wanted(outcome=Outcome.FALSE_ALARM),
        Wanted(zone="sân", outcome=Outcome.REAL, since_s=NOON + 100),
        Wanted(since_s=NOON + 100, until_s=NOON + 120),
        Wanted(kind="person", zone="*", since_s=NOON, until_s=NOON + 50, acknowledged=False),
    ],
    ids=str,
)
@pytest.mark.parametrize("cameras", [None, frozenset({"yard"})], ids=["all", "one"])
def test_the_cost_is_that_of_the_answer(wanted: Wanted, cameras: frozenset[str] | None) -> None:
    """Steps of SQLite's machine for the same page out of 500 and of 5,000 incidents."""
    costs = []
    for count in (500, 5000):
        connection, steps = filled(count), 0

        def count_step() -> int:
            nonlocal steps
            steps += 1
            return 0

        connection.set_progress_handler(count_step, 10)
        find(connection, cameras, wanted, before=None, limit=20)
        costs.append(steps)
        connection.close()
    assert costs[1] <= costs[0] * 1.3 + 20


def test_each_lane_is_one_step_into_an_index_and_sorts_nothing() -> None:
    connection = connect()
    for query in LANES:
        values = ["x"] * (query.count("?") - 4) + [0.0, 1.0, 1, 20]
        plan = [row["detail"] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}", values)]
        assert len(plan) == 1, plan
        assert plan[0].startswith("SEARCH ") and " INDEX " in plan[0], plan
        assert "opened_s>? AND" in plan[0], plan


def test_what_a_state_db_of_before_holds_is_found() -> None:
    """The version before knew no objects."""
    connection = connect(version=BEFORE)
    rows = [
        ("gate", "*", "person", "call", NOON, NOON, None),
        ("gate", "sân", "dog", "record", NOON + 1, NOON + 1, None),
        ("yard", "*", "person", "siren", NOON + 2, NOON + 2, NOON + 9),
    ]
    connection.executemany(INSERT.format("", ""), rows)
    migrate(connection, STATE_SCHEMA[BEFORE:])

    def ids(wanted: Wanted) -> list[int]:
        return [row["id"] for row in find(connection, None, wanted, before=None, limit=9)]

    assert ids(Wanted()) == [3, 2, 1]
    assert ids(Wanted(kind="person")) == [3, 1]
    assert ids(Wanted(zone="sân")) == [2]
    assert ids(Wanted(acknowledged=False)) == ids(Wanted(kind="person", acknowledged=False)) == [1]
    assert ids(Wanted(acknowledged=True)) == ids(Wanted(zone="*", acknowledged=True)) == [3]
    assert ids(Wanted(resolved=False)) == ids(Wanted(kind="person", resolved=False)) == [3, 1]
    assert objects.of_incident(connection, 1) == []


async def test_what_is_acknowledged_waits_no_more(tmp_path: Path) -> None:
    db = await Database.open(tmp_path / "state.db", STATE_SCHEMA)
    store = IncidentStore(db)
    first = await store.open(sighting("gate", "*", "person", 1), Response.CALL, NOON)
    await store.extend(first, sighting("gate", "sân", "dog", 2), Response.CALL, NOON + 5)
    for wanted in (Wanted(), Wanted(kind="dog"), Wanted(zone="sân")):
        waits = Wanted(wanted.kind, wanted.zone, acknowledged=False)
        assert [one.id for one in await store.page(None, conditions=waits)] == [first.id]
    await store.acknowledge(first.id, Actor("Minh"), NOON + 60)
    for wanted in (Wanted(), Wanted(kind="dog"), Wanted(zone="sân")):
        waits, done = (Wanted(wanted.kind, wanted.zone, acknowledged=which) for which in (False, True))
        assert await store.page(None, conditions=waits) == []
        assert [one.id for one in await store.page(None, conditions=done)] == [first.id]
    # What comes later belongs to what is done.
    await store.extend(first, sighting("gate", "*", "car", 3), Response.CALL, NOON + 70)
    done = Wanted(kind="car", acknowledged=True)
    assert [one.id for one in await store.page(None, conditions=done)] == [first.id]
    await db.close()


async def test_objects_are_bounded_but_all_kinds_are_found(tmp_path: Path) -> None:
    db = await Database.open(tmp_path / "state.db", STATE_SCHEMA)
    store = IncidentStore(db)
    incident = await store.open(sighting("gate", "*", "person", 1), Response.CALL, NOON)
    for track in range(1, MAX_OBJECTS + 5):
        kind = "person" if track < MAX_OBJECTS + 4 else "cow"
        incident = await store.extend(
            incident, sighting("gate", "*", kind, track), Response.CALL, NOON + track
        )
    seen = await store.objects(incident.id)
    assert [one.number for one in seen] == list(range(1, MAX_OBJECTS + 1))
    assert await store.find_object(incident.id, MAX_OBJECTS + 4) is None
    assert [one.id for one in await store.page(None, conditions=Wanted(kind="cow"))] == [incident.id]
    await db.close()
