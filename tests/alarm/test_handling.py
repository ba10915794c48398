"""Acknowledge, resolve, open again: what each leads to from every state, and that each change has one audit row."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_search import CAMERAS, NOON, ZONES, add, connect, sighting

from nvr.alarm import handling
from nvr.alarm.handling import MAX_NOTE, AlreadyResolved, NotResolved, Outcome
from nvr.alarm.incidents import IncidentStore
from nvr.alarm.search import Wanted
from nvr.events import Actor, Response
from nvr.state import open_state

MINH, LAN = Actor("Minh", "10.0.0.5"), Actor("Lan", "10.0.0.6")

deeds = st.lists(
    st.tuples(
        st.sampled_from(["acknowledge", "reopen", *Outcome]),
        st.sampled_from([MINH, LAN]),
        st.text(max_size=9),
    ),
    max_size=12,
)


@given(st.sampled_from(["record", "call", "siren"]), deeds)
def test_any_order_of_deeds(response: str, done: list[tuple[str, Actor, str]]) -> None:
    connection = connect()
    number = add(connection, "gate", [("*", "person"), ("sân", "dog")], response, NOON)
    state, taken_by, resolved = "kept" if response == "record" else "open", None, None
    actions: list[str] = []
    for step, (what, actor, note) in enumerate(done):
        now = NOON + 10 + step
        if what == "reopen" and resolved is None:
            with pytest.raises(NotResolved):
                handling.reopen(connection, number, actor, now, note)
        elif what == "reopen":
            handling.reopen(connection, number, actor, now, note)
            state, resolved = "taken", None
            actions.append("reopen")
        elif what != "acknowledge" and resolved is not None:
            with pytest.raises(AlreadyResolved) as refused:
                handling.resolve(connection, number, actor, now, Outcome(what), note)
            assert (refused.value.by, refused.value.at_s) == resolved
        else:
            if taken_by is None:
                taken_by = actor.name
                actions.append("acknowledge")
            if what == "acknowledge":
                handling.acknowledge(connection, number, actor, now)
                state = "taken" if resolved is None else state
            else:
                handling.resolve(connection, number, actor, now, Outcome(what), note)
                state, resolved = what, (actor.name, now)
                actions.append("resolve")
        row = connection.execute("SELECT * FROM incidents WHERE id = ?", (number,)).fetchone()
        assert (row["state"], row["acknowledged_by"]) == (state, taken_by)
        assert (row["resolved_by"], row["resolved_s"]) == (resolved or (None, None))
        seen = connection.execute("SELECT DISTINCT state FROM incident_seen").fetchall()
        assert [one["state"] for one in seen] == [state]
    audited = connection.execute("SELECT action, subject FROM audit ORDER BY id").fetchall()
    assert [tuple(row) for row in audited] == [(action, f"incident {number}") for action in actions]
    kept = handling.history(connection, number)
    assert ["reopen" if one.outcome is None else "resolve" for one in kept] == [
        action for action in actions if action != "acknowledge"
    ]
    connection.close()


def test_what_the_audit_row_says() -> None:
    connection = connect()
    number = add(connection, "gate", [("*", "person")], "siren", NOON)
    handling.resolve(connection, number, MINH, NOON + 40, Outcome.FALSE_ALARM, "bò vào sân")
    handling.reopen(connection, number, LAN, NOON + 50, "xem lại thì có người")
    rows = connection.execute("SELECT * FROM audit ORDER BY id").fetchall()
    assert [(row["actor"], row["address"], row["action"], row["wall_s"]) for row in rows] == [
        ("Minh", "10.0.0.5", "acknowledge", NOON + 40),
        ("Minh", "10.0.0.5", "resolve", NOON + 40),
        ("Lan", "10.0.0.6", "reopen", NOON + 50),
    ]
    assert json.loads(rows[1]["detail"]) == {"outcome": "false_alarm", "note": "bò vào sân"}
    assert json.loads(rows[2]["detail"]) == {"reason": "xem lại thì có người"}
    connection.close()


def test_an_outcome_that_is_none_is_refused_by_the_database() -> None:
    connection = connect()
    number = add(connection, "gate", [("*", "person")], "call", NOON)
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute("UPDATE incidents SET outcome = 'perhaps' WHERE id = ?", (number,))
    connection.close()


async def test_two_officers_at_once(tmp_path: Path) -> None:
    db = await open_state(tmp_path)
    store = IncidentStore(db)
    number = (await store.open(sighting("gate", "*", "person", 1), Response.SIREN, NOON)).id
    note = "x" * MAX_NOTE
    answers = await asyncio.gather(
        store.resolve(number, MINH, NOON + 9, Outcome.REAL, note),
        store.resolve(number, LAN, NOON + 9, Outcome.FALSE_ALARM, ""),
        return_exceptions=True,
    )
    first, second = answers
    assert not isinstance(first, BaseException) and first is not None
    assert (first.outcome, first.resolved_by, first.acknowledged_by) == (Outcome.REAL, "Minh", "Minh")
    assert isinstance(second, AlreadyResolved) and second.by == "Minh"
    assert [(one.actor, one.note) for one in await store.history(number)] == [("Minh", note)]
    # What was refused left nothing behind.
    actions = await db.read(
        lambda c: [row["action"] for row in c.execute("SELECT action FROM audit ORDER BY id")]
    )
    assert actions == ["acknowledge", "resolve"]
    await db.close()


async def test_what_is_not_there(tmp_path: Path) -> None:
    db = await open_state(tmp_path)
    store = IncidentStore(db)
    assert await store.acknowledge(7, MINH, NOON) is None
    assert await store.resolve(7, MINH, NOON, Outcome.REAL, "") is None
    with pytest.raises(NotResolved):
        await store.reopen(7, MINH, NOON, "x")
    assert await db.read(lambda c: c.execute("SELECT count(*) FROM audit").fetchone()[0]) == 0
    await db.close()


async def test_later_sightings_of_a_resolved_incident_are_found_with_it(tmp_path: Path) -> None:
    db = await open_state(tmp_path)
    store = IncidentStore(db)
    first = await store.open(sighting("gate", "*", "person", 1), Response.CALL, NOON)
    resolved = await store.resolve(first.id, MINH, NOON + 5, Outcome.TEST, "")
    assert resolved is not None
    await store.extend(resolved, sighting("gate", "sân", "dog", 2), Response.CALL, NOON + 9)
    conditions = Wanted(kind="dog", outcome=Outcome.TEST)
    assert [one.id for one in await store.page(None, conditions=conditions)] == [first.id]
    await store.reopen(first.id, MINH, NOON + 20, "x")
    assert await store.page(None, conditions=conditions) == []
    assert [one.id for one in await store.page(None, conditions=Wanted(kind="dog", resolved=False))] == [
        first.id
    ]
    await db.close()


async def test_outcomes_by_zone_from_the_index_alone(tmp_path: Path) -> None:
    db = await open_state(tmp_path)
    days = 86400.0

    def fill(connection: sqlite3.Connection) -> None:
        for n in range(60):
            outcome = [None, Outcome.REAL, Outcome.FALSE_ALARM, Outcome.FALSE_ALARM][n % 4]
            seen = [(ZONES[n % 2], "person")]
            add(
                connection, CAMERAS[n % 3], seen, "siren", NOON - n * days, acknowledged=True, outcome=outcome
            )

    await db.write(fill)
    found = await IncidentStore(db).outcomes(NOON - 29.5 * days)
    expected: dict[tuple[str, str], Counter[Outcome]] = {}
    for n in range(30):
        if n % 4:
            place = expected.setdefault((CAMERAS[n % 3], ZONES[n % 2]), Counter())
            place[Outcome.REAL if n % 4 == 1 else Outcome.FALSE_ALARM] += 1
    assert found == expected
    explain = f"EXPLAIN QUERY PLAN {handling.OUTCOMES}"
    plan = await db.read(lambda c: [row["detail"] for row in c.execute(explain, (0.0,))])
    assert plan[0] == "SEARCH incidents USING COVERING INDEX incidents_resolved (opened_s>?)"
    await db.close()
