"""When persons came into the farm's pictures, and when the service knew of them."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bench.farm_video import FPS
from bench.street import PERSON_PICTURES

LOOK_EVERY_S = 0.02
STAYS_S = PERSON_PICTURES / FPS
LATE_S = 1.0
"""A sighting may come so long after the person went."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A person in the service's database. `at_mono_s`: when it could be read there first."""

    camera: str
    at_mono_s: float


@dataclass(frozen=True, slots=True)
class Matched:
    """`delays_s` from each entry that was noticed; entries that were `missed`; sightings of nobody."""

    delays_s: list[float]
    missed: int
    false: int


async def watch(state: Path, found: list[Stored]) -> None:
    """Append each person that the service stores from now on, until cancelled."""
    query = (
        "SELECT o.rowid, i.camera FROM incident_objects o JOIN incidents i ON i.id = o.incident"
        " WHERE o.kind = 'person' AND o.rowid > ? ORDER BY o.rowid"
    )
    with closing(sqlite3.connect(f"file:{state}?mode=ro", uri=True)) as connection:
        (last,) = connection.execute("SELECT coalesce(max(rowid), 0) FROM incident_objects").fetchone()
        while True:
            for row, camera in connection.execute(query, (last,)).fetchall():
                found.append(Stored(camera, time.monotonic()))
                last = row
            await asyncio.sleep(LOOK_EVERY_S)


def match(entries: Sequence[tuple[str, float]], stored: Sequence[Stored]) -> Matched:
    """`entries`: camera, and when its first picture with the person was sent. The first sighting while somebody is
    there counts, more of them do not."""
    delays, of_somebody = [], set()
    for camera, came_s in entries:
        of_this = [
            at
            for at, one in enumerate(stored)
            if one.camera == camera and came_s <= one.at_mono_s <= came_s + STAYS_S + LATE_S
        ]
        of_somebody.update(of_this)
        delays += [stored[at].at_mono_s - came_s for at in of_this[:1]]
    return Matched(delays, len(entries) - len(delays), len(stored) - len(of_somebody))
