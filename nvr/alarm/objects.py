"""The objects of incidents in state.db: what was seen, why it is certain, which pictures there are of it."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

from nvr.events import Explanation, Sighting

MAX_OBJECTS = 12
"""Objects of one incident of which pictures are kept; it is found by the kinds and zones of all."""


@dataclass(frozen=True, slots=True)
class SeenObject:
    """One row of `incident_objects` (schema/004.sql). `explanation` as `explanation_of` makes it; None: none was given
    or it is of before that was kept."""

    number: int
    zone: str
    kind: str
    score: float
    seen_s: float
    pictures: int
    has_frames: bool
    explanation: dict[str, Any] | None


def explanation_of(explanation: Explanation) -> dict[str, Any]:
    """JSON-ready, as it is stored and as the API tells it."""
    return {
        "certain_at": explanation.certain_at,
        "after_s": explanation.after_s,
        "pictures": explanation.pictures,
        "examined": [
            {
                "before_s": one.before_s,
                "score": one.score,
                "evidence": one.evidence,
                "step": one.step,
                "moving": one.moving,
                "box": list(one.box),
            }
            for one in explanation.examined
        ],
        "counted": list(explanation.counted),
        "by_way": explanation.by_way,
    }


def note(
    connection: sqlite3.Connection, incident: sqlite3.Row, sighting: Sighting, seen_wall_s: float
) -> None:
    """Add what `sighting` shows to its incident, within the caller's transaction."""
    connection.execute(
        "INSERT OR IGNORE INTO incident_seen (incident, zone, kind, camera, opened_s, state) VALUES (?, ?, ?, ?, ?, ?)",
        (
            incident["id"],
            sighting.zone,
            sighting.kind,
            incident["camera"],
            incident["opened_s"],
            incident["state"],
        ),
    )
    query = "SELECT count(*), coalesce(max(number), 0) + 1 FROM incident_objects WHERE incident = ?"
    count, number = connection.execute(query, (incident["id"],)).fetchone()
    if count >= MAX_OBJECTS:
        return
    explanation = sighting.explanation
    connection.execute(
        "INSERT INTO incident_objects (incident, number, track, zone, kind, score, seen_s, explanation)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (incident, track) DO NOTHING",
        (
            incident["id"],
            number,
            sighting.track,
            sighting.zone,
            sighting.kind,
            sighting.score,
            seen_wall_s,
            None if explanation is None else json.dumps(explanation_of(explanation), separators=(",", ":")),
        ),
    )


def find(connection: sqlite3.Connection, incident_id: int, track: int) -> tuple[int, bool] | None:
    """(number, whether the pictures that counted are stored) of the object that the analysis calls `track`; None: it is
    one too many."""
    query = "SELECT number, has_frames FROM incident_objects WHERE incident = ? AND track = ?"
    row = connection.execute(query, (incident_id, track)).fetchone()
    return (row["number"], bool(row["has_frames"])) if row else None


def has_picture(connection: sqlite3.Connection, incident_id: int, number: int) -> None:
    """Note that a picture of the object was stored; the first object that has one stands for its incident."""
    connection.execute(
        "UPDATE incident_objects SET pictures = pictures + 1 WHERE incident = ? AND number = ?",
        (incident_id, number),
    )
    connection.execute(
        "UPDATE incidents SET best_object = :number, best_revision = best_revision + 1"
        " WHERE id = :incident AND coalesce(best_object, :number) = :number",
        {"incident": incident_id, "number": number},
    )


def has_frames(connection: sqlite3.Connection, incident_id: int, number: int) -> None:
    """Note that the pictures that counted were stored."""
    connection.execute(
        "UPDATE incident_objects SET has_frames = 1 WHERE incident = ? AND number = ?", (incident_id, number)
    )


def of_incident(connection: sqlite3.Connection, incident_id: int) -> list[SeenObject]:
    """The incident's objects in order of sighting."""
    query = "SELECT * FROM incident_objects WHERE incident = ? ORDER BY number"
    return [
        SeenObject(
            number=row["number"],
            zone=row["zone"],
            kind=row["kind"],
            score=row["score"],
            seen_s=row["seen_s"],
            pictures=row["pictures"],
            has_frames=bool(row["has_frames"]),
            explanation=None if row["explanation"] is None else json.loads(row["explanation"]),
        )
        for row in connection.execute(query, (incident_id,))
    ]
