"""Incidents in state.db: sightings of one camera that belong together, as staff see them."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from dataclasses import dataclass

from nvr.alarm import handling, notices, objects
from nvr.alarm.handling import HistoryEntry, Outcome
from nvr.alarm.notices import Notice
from nvr.alarm.objects import SeenObject
from nvr.alarm.search import ANY, Wanted, find
from nvr.events import Actor, Box, Response, Rule, Sighting
from nvr.store import Database


@dataclass(frozen=True, slots=True)
class Incident:
    """One row of the table `incidents` (schema/001.sql, 004.sql, 005.sql, 008, 009); times in seconds since 1970 UTC.
    `test`: of a quiet test. `best_object`: the number of the object whose picture stands for it, `best_revision`
    changes with that picture."""

    id: int
    camera: str
    zone: str
    kind: str
    response: Response
    opened_s: float
    last_s: float
    sightings: int
    score: float
    box: Box
    has_picture: bool
    acknowledged_s: float | None
    acknowledged_by: str | None
    best_object: int | None = None
    best_revision: int = 0
    rule: Rule = Rule.ENTER
    test: bool = False
    resolved_s: float | None = None
    resolved_by: str | None = None
    outcome: Outcome | None = None


MAX_MARKS = 2000
FOOTAGE_BEFORE_S, FOOTAGE_AFTER_S = 10.0, 20.0
"""An incident's footage begins so long before its first sighting and ends so long after its last."""
LONGEST_S = 3600.0
"""No incident lasts longer (journal.py: ten minutes)."""


@dataclass(frozen=True, slots=True)
class Mark:
    """An incident as the timeline shows it."""

    id: int
    kind: str
    response: Response
    opened_s: float
    last_s: float


class IncidentStore:
    """Reads and writes incidents. Writes wait for the disk, so the siren's path never awaits one."""

    def __init__(self, db: Database):
        self._db = db

    async def open(
        self, sighting: Sighting, response: Response, seen_wall_s: float, *, test: bool = False
    ) -> Incident:
        """A new incident that begins with `sighting`, seen at `seen_wall_s`; `test`: of a quiet test."""
        row = (
            sighting.camera,
            sighting.zone,
            sighting.kind,
            response,
            seen_wall_s,
            seen_wall_s,
            sighting.score,
            json.dumps(sighting.box),
            sighting.rule,
            test,
        )

        def insert(connection: sqlite3.Connection) -> Incident:
            cursor = connection.execute(
                "INSERT INTO incidents (camera, zone, kind, response, opened_s, last_s, sightings, score, box,"
                " rule, test) VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?)",
                row,
            )
            return _with(connection, cursor.lastrowid, sighting, seen_wall_s)

        return await self._db.write(insert)

    async def open_notice(self, notice: Notice, wall_s: float) -> Incident:
        """A new incident without a sighting."""
        return await self._db.write(lambda c: _one(c, notices.insert(c, notice, wall_s)))

    async def extend(
        self, incident: Incident, sighting: Sighting, response: Response, seen_wall_s: float
    ) -> Incident:
        """Count `sighting` to `incident`; the response becomes `response`."""

        def update(connection: sqlite3.Connection) -> Incident:
            connection.execute(
                "UPDATE incidents SET last_s = max(last_s, ?), sightings = sightings + 1, score = max(score, ?),"
                " response = ? WHERE id = ?",
                (seen_wall_s, sighting.score, response, incident.id),
            )
            return _with(connection, incident.id, sighting, seen_wall_s)

        return await self._db.write(update)

    async def mark_picture(self, incident_id: int) -> Incident:
        """Note that the incident's picture is on the disk."""

        def update(connection: sqlite3.Connection) -> Incident:
            connection.execute("UPDATE incidents SET has_picture = 1 WHERE id = ?", (incident_id,))
            return _one(connection, incident_id)

        return await self._db.write(update)

    async def find_object(self, incident_id: int, track: int) -> tuple[int, bool] | None:
        """`objects.find`."""
        return await self._db.read(lambda connection: objects.find(connection, incident_id, track))

    async def mark_object_picture(self, incident_id: int, number: int) -> Incident:
        """Note that a picture of the object is on the disk."""

        def update(connection: sqlite3.Connection) -> Incident:
            objects.has_picture(connection, incident_id, number)
            return _one(connection, incident_id)

        return await self._db.write(update)

    async def mark_frames(self, incident_id: int, number: int) -> Incident:
        """Note that the pictures that counted for the object are on the disk."""

        def update(connection: sqlite3.Connection) -> Incident:
            objects.has_frames(connection, incident_id, number)
            return _one(connection, incident_id)

        return await self._db.write(update)

    async def acknowledge(self, incident_id: int, actor: Actor, now_wall_s: float) -> Incident | None:
        """`handling.acknowledge`; the incident as it is then. None: no such incident."""

        def update(connection: sqlite3.Connection) -> Incident | None:
            handling.acknowledge(connection, incident_id, actor, now_wall_s)
            return _find(connection, incident_id)

        return await self._db.write(update)

    async def resolve(
        self, incident_id: int, actor: Actor, now_wall_s: float, outcome: Outcome, note: str
    ) -> Incident | None:
        """`handling.resolve`; the incident as it is then. None: no such incident. Raises AlreadyResolved."""

        def update(connection: sqlite3.Connection) -> Incident | None:
            handling.resolve(connection, incident_id, actor, now_wall_s, outcome, note)
            return _find(connection, incident_id)

        return await self._db.write(update)

    async def reopen(self, incident_id: int, actor: Actor, now_wall_s: float, reason: str) -> Incident:
        """`handling.reopen`; the incident as it is then. Raises NotResolved."""

        def update(connection: sqlite3.Connection) -> Incident:
            handling.reopen(connection, incident_id, actor, now_wall_s, reason)
            return _one(connection, incident_id)

        return await self._db.write(update)

    async def history(self, incident_id: int) -> list[HistoryEntry]:
        """`handling.history`."""
        return await self._db.read(lambda connection: handling.history(connection, incident_id))

    async def outcomes(self, since_wall_s: float) -> dict[tuple[str, str], Counter[Outcome]]:
        """`handling.outcomes`."""
        return await self._db.read(lambda connection: handling.outcomes(connection, since_wall_s))

    async def get(self, incident_id: int) -> Incident | None:
        """The incident, or None."""
        return await self._db.read(lambda connection: _find(connection, incident_id))

    async def objects(self, incident_id: int) -> list[SeenObject]:
        """What was seen in the incident, in order of sighting."""
        return await self._db.read(lambda connection: objects.of_incident(connection, incident_id))

    async def page(
        self,
        cameras: frozenset[str] | None,
        *,
        before: int | None = None,
        limit: int = 50,
        camera: str | None = None,
        conditions: Wanted = ANY,
    ) -> list[Incident]:
        """Newest first, at most `limit`, those after the incident `before`; of `cameras` only (None: all), or of
        one."""
        wanted = (
            cameras
            if camera is None
            else frozenset({camera}) & (cameras if cameras is not None else {camera})
        )
        return await self._db.read(
            lambda c: [_incident(row) for row in find(c, wanted, conditions, before=before, limit=limit)]
        )

    async def marks(self, camera: str, start_s: float, end_s: float) -> list[Mark]:
        """The camera's incidents that began in a span, in order of time. Where there are more than MAX_MARKS, only
        the first in each MAX_MARKS-th part of the span; each costs one look-up, however many there are."""
        query = (
            "SELECT id, kind, response, opened_s, last_s FROM incidents"
            " WHERE camera = ? AND opened_s >= ? AND opened_s < ? ORDER BY opened_s LIMIT ?"
        )

        def read(connection: sqlite3.Connection) -> list[sqlite3.Row]:
            rows = connection.execute(query, (camera, start_s, end_s, MAX_MARKS + 1)).fetchall()
            if len(rows) <= MAX_MARKS:
                return rows
            step_s = (end_s - start_s) / MAX_MARKS
            thinned: list[sqlite3.Row] = []
            at_s = start_s
            while row := connection.execute(query, (camera, at_s, end_s, 1)).fetchone():
                thinned.append(row)
                at_s = row["opened_s"] + step_s
            return thinned

        rows = await self._db.read(read)
        return [Mark(r["id"], r["kind"], Response(r["response"]), r["opened_s"], r["last_s"]) for r in rows]

    async def spans(self, camera: str, start_s: float, end_s: float) -> list[tuple[float, float]]:
        """(opened_s, last_s) of all the camera's incidents that reach into a span, in order. Raises sqlite3.Error."""
        query = (
            "SELECT opened_s, last_s FROM incidents WHERE camera = ? AND opened_s >= ? AND opened_s < ? AND last_s >= ?"
            " ORDER BY opened_s"
        )
        values = (camera, start_s - LONGEST_S, end_s, start_s)
        return await self._db.read(lambda c: [(row[0], row[1]) for row in c.execute(query, values)])

    async def unacknowledged(self, since_wall_s: float) -> list[Incident]:
        """Incidents whose last sighting is not older than `since_wall_s` and that nobody took on, oldest first."""
        query = (
            "SELECT * FROM incidents WHERE acknowledged_s IS NULL AND last_s >= ? ORDER BY id DESC LIMIT 100"
        )
        rows = await self._db.read(lambda c: [_incident(row) for row in c.execute(query, (since_wall_s,))])
        return rows[::-1]


def _find(connection: sqlite3.Connection, incident_id: int) -> Incident | None:
    row = connection.execute("SELECT * FROM incidents WHERE id = ?", (incident_id,)).fetchone()
    return _incident(row) if row else None


def _one(connection: sqlite3.Connection, incident_id: int | None) -> Incident:
    return _incident(connection.execute("SELECT * FROM incidents WHERE id = ?", (incident_id,)).fetchone())


def _with(
    connection: sqlite3.Connection, incident_id: int | None, sighting: Sighting, seen_wall_s: float
) -> Incident:
    """The incident, after `sighting` was added to what is seen in it."""
    row = connection.execute("SELECT * FROM incidents WHERE id = ?", (incident_id,)).fetchone()
    objects.note(connection, row, sighting, seen_wall_s)
    return _incident(row)


def _incident(row: sqlite3.Row) -> Incident:
    return Incident(
        id=row["id"],
        camera=row["camera"],
        zone=row["zone"],
        kind=row["kind"],
        response=Response(row["response"]),
        opened_s=row["opened_s"],
        last_s=row["last_s"],
        sightings=row["sightings"],
        score=row["score"],
        box=Box(*json.loads(row["box"])),
        has_picture=bool(row["has_picture"]),
        acknowledged_s=row["acknowledged_s"],
        acknowledged_by=row["acknowledged_by"],
        best_object=row["best_object"],
        best_revision=row["best_revision"],
        rule=Rule(row["rule"]),
        test=bool(row["test"]),
        resolved_s=row["resolved_s"],
        resolved_by=row["resolved_by"],
        outcome=Outcome(row["outcome"]) if row["outcome"] else None,
    )
