"""What staff do about an incident, in state.db. Each step is one transaction with its audit row.

    open ──acknowledge──▶ taken ──resolve──▶ its outcome
      └───────────resolve───────────────────▶   │
                            taken ◀──reopen─────┘

Resolving what nobody acknowledged acknowledges it too. Who acknowledged first stays, also when it is opened again.
What was only recorded can be taken up the same way.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from nvr import audit
from nvr.errors import NvrError
from nvr.events import Actor

MAX_NOTE = 2000
"""Characters of a note or reason."""

OUTCOMES = (
    "SELECT camera, zone, outcome, count(*) FROM incidents INDEXED BY incidents_resolved"
    " WHERE outcome IS NOT NULL AND opened_s >= ? GROUP BY camera, zone, outcome"
)


class Outcome(StrEnum):
    """What an incident turned out to be."""

    REAL = "real"
    FALSE_ALARM = "false_alarm"
    TEST = "test"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One row of `incident_history` (schema/009_resolved.sql). `outcome` None: it was opened again."""

    wall_s: float
    actor: str
    outcome: Outcome | None
    note: str


class AlreadyResolved(NvrError):
    """Somebody resolved the incident before: `by`, at `at_s`."""

    code = "already_resolved"

    def __init__(self, by: str, at_s: float):
        super().__init__(f"{by} has resolved this incident already", remedy="Open it again if that was wrong")
        self.by, self.at_s = by, at_s


class NotResolved(NvrError):
    """An incident that is not resolved cannot be opened again."""

    code = "not_resolved"


def acknowledge(connection: sqlite3.Connection, incident_id: int, actor: Actor, now_wall_s: float) -> None:
    """Note who took the incident on; the first one stays. Nothing where there is no such incident."""
    changed = connection.execute(
        "UPDATE incidents SET acknowledged_s = ?, acknowledged_by = ? WHERE id = ? AND acknowledged_s IS NULL",
        (now_wall_s, actor.name, incident_id),
    )
    if changed.rowcount:
        _note(connection, incident_id, actor, now_wall_s, "acknowledge", {})


def resolve(
    connection: sqlite3.Connection,
    incident_id: int,
    actor: Actor,
    now_wall_s: float,
    outcome: Outcome,
    note: str,
) -> None:
    """Close the incident. Nothing where there is no such incident. Raises AlreadyResolved."""
    acknowledge(connection, incident_id, actor, now_wall_s)
    changed = connection.execute(
        "UPDATE incidents SET resolved_s = ?, resolved_by = ?, outcome = ? WHERE id = ? AND outcome IS NULL",
        (now_wall_s, actor.name, outcome, incident_id),
    )
    if changed.rowcount:
        _add(connection, incident_id, HistoryEntry(now_wall_s, actor.name, outcome, note))
        _note(connection, incident_id, actor, now_wall_s, "resolve", {"outcome": outcome.value, "note": note})
        return
    query = "SELECT resolved_by, resolved_s FROM incidents WHERE id = ?"
    if before := connection.execute(query, (incident_id,)).fetchone():
        raise AlreadyResolved(before["resolved_by"], before["resolved_s"])


def reopen(
    connection: sqlite3.Connection, incident_id: int, actor: Actor, now_wall_s: float, reason: str
) -> None:
    """The incident is not done with after all: it is acknowledged as before. Raises NotResolved."""
    changed = connection.execute(
        "UPDATE incidents SET resolved_s = NULL, resolved_by = NULL, outcome = NULL"
        " WHERE id = ? AND outcome IS NOT NULL",
        (incident_id,),
    )
    if not changed.rowcount:
        raise NotResolved(f"incident {incident_id} is not resolved", remedy="Reload the page")
    _add(connection, incident_id, HistoryEntry(now_wall_s, actor.name, None, reason))
    _note(connection, incident_id, actor, now_wall_s, "reopen", {"reason": reason})


def history(connection: sqlite3.Connection, incident_id: int) -> list[HistoryEntry]:
    """Each time the incident was resolved or opened again, oldest first."""
    query = "SELECT wall_s, actor, outcome, note FROM incident_history WHERE incident = ? ORDER BY id"
    return [
        HistoryEntry(
            row["wall_s"], row["actor"], Outcome(row["outcome"]) if row["outcome"] else None, row["note"]
        )
        for row in connection.execute(query, (incident_id,))
    ]


def outcomes(connection: sqlite3.Connection, since_wall_s: float) -> dict[tuple[str, str], Counter[Outcome]]:
    """What the incidents turned out to be that began at `since_wall_s` or later, by (camera, zone)."""
    found: dict[tuple[str, str], Counter[Outcome]] = {}
    for camera, zone, outcome, count in connection.execute(OUTCOMES, (since_wall_s,)):
        found.setdefault((camera, zone), Counter())[Outcome(outcome)] = count
    return found


def _add(connection: sqlite3.Connection, incident_id: int, entry: HistoryEntry) -> None:
    connection.execute(
        "INSERT INTO incident_history (incident, wall_s, actor, outcome, note) VALUES (?, ?, ?, ?, ?)",
        (incident_id, entry.wall_s, entry.actor, entry.outcome, entry.note),
    )


def _note(
    connection: sqlite3.Connection,
    incident_id: int,
    actor: Actor,
    now_wall_s: float,
    action: str,
    detail: audit.Detail,
) -> None:
    """The incident's new state, where it is searched by, and the audit row."""
    connection.execute(
        "UPDATE incident_seen SET state = (SELECT state FROM incidents WHERE id = incident) WHERE incident = ?",
        (incident_id,),
    )
    audit.insert(
        connection,
        wall_s=now_wall_s,
        actor=actor.name,
        address=actor.address,
        action=action,
        subject=f"incident {incident_id}",
        detail=detail,
    )
