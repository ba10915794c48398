"""Finding incidents in state.db at a cost that grows with the answer, not with what is stored.

The conditions are answered by lanes: queries that each read one index from one place on, newest first, and no further
than the page is long. A camera is a lane; where a condition is left open that the index has before the time, each of
its values is one. The lanes are merged.
"""

from __future__ import annotations

import heapq
import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nvr.alarm.handling import Outcome

_LATEST = (1e18, 1 << 62)
_STATES = ("kept", "open", "taken", *Outcome)
"""Of the columns `state` (schema/009_resolved.sql)."""

BY_CAMERA = (
    "SELECT opened_s, id FROM incidents INDEXED BY incidents_by_time"
    " WHERE camera = ? AND opened_s >= ? AND (opened_s, id) < (?, ?)"
    " ORDER BY opened_s DESC, id DESC LIMIT ?"
)
BY_STATE = (
    "SELECT opened_s, id FROM incidents INDEXED BY incidents_by_state"
    " WHERE camera = ? AND state = ? AND opened_s >= ? AND (opened_s, id) < (?, ?)"
    " ORDER BY opened_s DESC, id DESC LIMIT ?"
)
# Grouped: a kind may have been seen in several zones of one incident.
BY_KIND = (
    "SELECT opened_s, incident FROM incident_seen INDEXED BY seen_by_kind"
    " WHERE camera = ? AND kind = ? AND state = ? AND opened_s >= ? AND (opened_s, incident) < (?, ?)"
    " GROUP BY opened_s, incident ORDER BY opened_s DESC, incident DESC LIMIT ?"
)
BY_ZONE = (
    "SELECT opened_s, incident FROM incident_seen INDEXED BY seen_by_zone"
    " WHERE camera = ? AND zone = ? AND kind = ? AND state = ?"
    " AND opened_s >= ? AND (opened_s, incident) < (?, ?)"
    " ORDER BY opened_s DESC, incident DESC LIMIT ?"
)
LANES = (BY_CAMERA, BY_STATE, BY_KIND, BY_ZONE)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Conditions that an incident must meet; None: any. It has an object of `kind` that was sighted in `zone`; it began
    at `since_s` or later and before `until_s`; it was `acknowledged`, or (False) still waits for that; it was
    `resolved`, or (False) still waits for that; what was only recorded waits for nobody. `outcome`: what it was."""

    kind: str | None = None
    zone: str | None = None
    since_s: float | None = None
    until_s: float | None = None
    acknowledged: bool | None = None
    resolved: bool | None = None
    outcome: Outcome | None = None


ANY = Wanted()


def find(
    connection: sqlite3.Connection,
    cameras: Iterable[str] | None,
    wanted: Wanted,
    *,
    before: int | None,
    limit: int,
) -> list[sqlite3.Row]:
    """Rows of `incidents`, newest first by (opened_s, id), at most `limit`: of `cameras` (None: all), after the
    incident `before` in that order (None: from the first on; an unknown one has none after it)."""
    bound = _LATEST if wanted.until_s is None else (wanted.until_s, 0)
    if before is not None:
        row = connection.execute("SELECT opened_s, id FROM incidents WHERE id = ?", (before,)).fetchone()
        if row is None:
            return []
        bound = min(bound, (row[0], row[1]))
    span = (-1e18 if wanted.since_s is None else wanted.since_s, *bound, limit)
    if cameras is None:
        cameras = _distinct(connection, "SELECT min(camera) FROM incidents WHERE camera > ?")
    lanes = [
        connection.execute(query, (*values, *span)).fetchall()
        for camera in cameras
        for query, values in _lanes(connection, camera, wanted)
    ]
    ids: list[int] = []
    for _, number in heapq.merge(*(map(tuple, lane) for lane in lanes), reverse=True):
        if number not in ids[-1:]:  # the same incident in two lanes comes twice in a row
            ids.append(number)
        if len(ids) == limit:
            break
    query = "SELECT i.* FROM json_each(?) AS page JOIN incidents AS i ON i.id = page.value ORDER BY page.key"
    return connection.execute(query, (json.dumps(ids),)).fetchall()


def _lanes(
    connection: sqlite3.Connection, camera: str, wanted: Wanted
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(query, values before those of the time) of one camera's lanes."""
    states = _states(wanted)
    if wanted.zone is not None:
        query = "SELECT min(kind) FROM incident_seen WHERE camera = ? AND zone = ? AND kind > ?"
        kinds = [wanted.kind] if wanted.kind else _distinct(connection, query, camera, wanted.zone)
        yield from ((BY_ZONE, (camera, wanted.zone, kind, state)) for kind in kinds for state in states)
    elif wanted.kind is not None:
        yield from ((BY_KIND, (camera, wanted.kind, state)) for state in states)
    elif states == _STATES:
        yield BY_CAMERA, (camera,)
    else:
        yield from ((BY_STATE, (camera, state)) for state in states)


def _states(wanted: Wanted) -> tuple[str, ...]:
    """In which an incident meets the conditions."""
    outcomes = set(Outcome)
    acknowledged = {None: set(_STATES), False: {"open"}, True: {"taken", *outcomes}}[wanted.acknowledged]
    resolved = {None: set(_STATES), False: {"open", "taken"}, True: outcomes}[wanted.resolved]
    outcome = set(_STATES) if wanted.outcome is None else {wanted.outcome}
    return tuple(state for state in _STATES if state in acknowledged & resolved & outcome)


def _distinct(connection: sqlite3.Connection, query: str, *values: str) -> list[str]:
    """All values of a column, each by one step in its index; `query` finds the least above its last parameter."""
    found: list[str] = []
    while (
        value := connection.execute(query, (*values, found[-1] if found else "")).fetchone()[0]
    ) is not None:
        found.append(value)
    return found
