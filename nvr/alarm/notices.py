"""Incidents that no sighting opened: something that acts failed while armed, the appliance was started anew, somebody
pressed the panic button. They ring, escalate and are acknowledged as all others."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from enum import StrEnum

from nvr.events import Response

SITE = "*"
"""In place of a camera's id, which can never be that: the notice is about no single camera."""
_NOWHERE = json.dumps((0.0, 0.0, 1.0, 1.0))


class NoticeKind(StrEnum):
    """`Incident.kind`, where it is no kind of object; words: `kind.…` in the locales."""

    CAMERA_DOWN = "camera_down"
    SIREN_DOWN = "siren_down"
    SPEAKER_DOWN = "speaker_down"
    ANALYSIS_DOWN = "analysis_down"
    RESTARTED = "restarted"
    PANIC = "panic"


@dataclass(frozen=True, slots=True)
class Notice:
    """`camera`: its id, or SITE. `test`: it came about in a quiet test."""

    kind: NoticeKind
    response: Response
    camera: str = SITE
    test: bool = False


def insert(connection: sqlite3.Connection, notice: Notice, wall_s: float) -> int | None:
    """Open an incident within the caller's transaction; its number."""
    cursor = connection.execute(
        "INSERT INTO incidents (camera, zone, kind, response, opened_s, last_s, sightings, score, box, test)"
        " VALUES (?, '*', ?, ?, ?, ?, 1, 0, ?, ?)",
        (notice.camera, notice.kind, notice.response, wall_s, wall_s, _NOWHERE, notice.test),
    )
    connection.execute(
        "INSERT INTO incident_seen (incident, zone, kind, camera, opened_s, state) VALUES (?, '*', ?, ?, ?, 'open')",
        (cursor.lastrowid, notice.kind, notice.camera, wall_s),
    )
    return cursor.lastrowid
