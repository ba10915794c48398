"""What the alarm leaves on the disk, written behind its back: incidents, pictures, armed state, audit rows.

Nothing here is awaited by the siren's path. Queue: 500 entries; when it is full (a disk that stands still) the
newest record is dropped and a fault raised.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol

from nvr import audit
from nvr.alarm.handling import Outcome
from nvr.alarm.incidents import Incident, IncidentStore
from nvr.alarm.notices import Notice
from nvr.alarm.object_pictures import ObjectPictures
from nvr.alarm.policy import RINGING, RINGING_S, belongs, stronger
from nvr.alarm.ringing import Ringing
from nvr.clock import Clock
from nvr.errors import StorageError
from nvr.events import Actor, BetterPicture, Fault, Mode, Response, Sighting
from nvr.faults import FaultBoard
from nvr.store import Database

QUEUE_LENGTH = 500
PLACE = "state"
PICTURES = "pictures"


class Pictures(Protocol):
    """Where incident pictures are kept."""

    async def save_picture(self, picture_id: str, camera: str, jpeg: bytes, wall_s: float) -> None:
        """Store `jpeg`; returns when it is safely named. Raises StorageError."""
        ...


@dataclass(frozen=True, slots=True)
class Armed:
    """How the site is armed (None: not), since when (wall time), by whom and why ("start": never decided yet)."""

    mode: Mode | None
    since_s: float
    actor: str
    why: Literal["manual", "schedule", "start"]

    @property
    def armed(self) -> bool:
        return self.mode is not None


class Journal:
    """Queues and writes the alarm's records. `ringing`: the incidents that ring."""

    def __init__(
        self,
        db: Database,
        *,
        clock: Clock,
        faults: FaultBoard,
        pictures: Pictures,
        on_incident: Callable[[Incident], None],
    ):
        self._db, self._clock, self._faults = db, clock, faults
        self._pictures, self._on_incident = pictures, on_incident
        self._incidents = IncidentStore(db)
        self._objects = ObjectPictures(self._incidents, self._save_picture)
        self._better: dict[int, BetterPicture] = {}
        self._latest: dict[str, Incident] = {}
        self.ringing = Ringing()
        self._queue: asyncio.Queue[Callable[[], Awaitable[object]]] = asyncio.Queue(QUEUE_LENGTH)
        self._unwritten: Callable[[], Awaitable[object]] | None = None

    async def load(self) -> Armed | None:
        """The armed state of before the start, None at the very first; unacknowledged incidents ring again."""
        row = await self._db.read(lambda c: c.execute("SELECT * FROM alarm_state").fetchone())
        for incident in await self._incidents.unacknowledged(self._clock.wall() - RINGING_S):
            if incident.response in RINGING and not incident.test:
                self.ringing.announce(incident)
        if row is None:
            return None
        mode = None if row["mode"] is None else Mode(row["mode"])
        return Armed(mode, row["since_s"], row["actor"], row["why"])

    async def run(self, healthy: Callable[[], None]) -> None:
        """Write until cancelled; call `flush` afterwards.

        Raises StorageError when state.db cannot be written; that record is tried again first in the next run.
        """
        while True:
            if self._unwritten is None:
                healthy()
                self._unwritten = await self._queue.get()
            await self._write_one()
            if self._queue.empty():
                self._faults.clear(PLACE, "records_lost")

    async def settle(self, timeout_s: float) -> None:
        """Wait until `run` has written what is queued; a disk that does not manage it in time is left to `flush`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._queue.join()

    async def flush(self) -> None:
        """Write what is still queued; the last thing before the database is closed. Raises StorageError."""
        while self._unwritten is not None or not self._queue.empty():
            self._unwritten = self._unwritten or self._queue.get_nowait()
            await self._write_one()

    async def _write_one(self) -> None:
        """A record that is at fault itself is dropped: it must not hold up those behind it."""
        work, self._unwritten = self._unwritten, None
        if work is None:
            return
        try:
            await work()
        except asyncio.CancelledError:
            self._unwritten = work
            raise
        except sqlite3.DatabaseError as error:
            self._unwritten = work
            raise StorageError(
                f"state.db cannot be written: {error}", remedy="Check the system disk's space and health"
            ) from error
        finally:
            if self._unwritten is None:
                self._queue.task_done()

    # Queued records

    def sighting(
        self,
        sighting: Sighting,
        response: Response,
        seen_wall_s: float,
        *,
        test: bool = False,
        rings: bool = False,
    ) -> None:
        """`sighting` was answered with `response`; it opens an incident or belongs to its camera's latest. `test`: in
        a quiet test. `rings`: not to one that staff have taken on."""
        self._put(lambda: self._write_sighting(sighting, response, seen_wall_s, test, rings))

    def notice(self, notice: Notice) -> None:
        """An incident of its own, opened now."""
        now = self._clock.wall()
        self._put(lambda: self._write_notice(notice, now))

    def better_picture(self, picture: BetterPicture) -> None:
        """There is a better picture of a sighted object; of each only the newest waits to be written."""
        waits = picture.track in self._better
        self._better[picture.track] = picture
        if not waits and not self._put(lambda: self._write_better(picture.track)):
            del self._better[picture.track]

    def armed(self, armed: Armed) -> None:
        """The armed state to restore after a power cut."""
        row = (int(armed.armed), armed.mode, armed.since_s, armed.actor, armed.why)
        query = (
            "REPLACE INTO alarm_state (only_row, armed, mode, since_s, actor, why) VALUES (1, ?, ?, ?, ?, ?)"
        )

        def replace(connection: sqlite3.Connection) -> None:
            connection.execute(query, row)

        self._put(lambda: self._db.write(replace))

    def action(self, actor: Actor, action: str, subject: str, detail: audit.Detail | None = None) -> None:
        """One audit row, timed now."""
        now = self._clock.wall()
        self._put(lambda: self._audit(now, actor, action, subject, detail))

    def acknowledge_all(self, actor: Actor) -> None:
        """Staff took on everything that rings, or that was sighted by now: it rings no more when this returns, and is
        noted behind."""
        now, numbers = self._clock.wall(), self.ringing.ids
        self.ringing.acknowledged(numbers, actor)
        for number in numbers:
            self._put(partial(self._acknowledge, number, actor, now))
        self._put(lambda: self._acknowledge_late(actor, now))

    # Acknowledging

    async def acknowledge(self, incident_id: int, actor: Actor) -> Incident | None:
        """Staff took the incident on: it rings no more. None: no such incident."""
        return await self._acknowledge(incident_id, actor, self._clock.wall())

    async def _acknowledge_late(self, actor: Actor, now: float) -> None:
        """What waited in the queue before this rings by now."""
        for number in self.ringing.ids:
            await self._acknowledge(number, actor, now)

    async def _acknowledge(self, incident_id: int, actor: Actor, now: float) -> Incident | None:
        return self._handled(await self._incidents.acknowledge(incident_id, actor, now), actor)

    async def resolve(self, incident_id: int, actor: Actor, outcome: Outcome, note: str) -> Incident | None:
        """Staff are done with the incident: it rings no more. None: no such incident. Raises AlreadyResolved."""
        now = self._clock.wall()
        return self._handled(await self._incidents.resolve(incident_id, actor, now, outcome, note), actor)

    async def reopen(self, incident_id: int, actor: Actor, reason: str) -> Incident | None:
        """Staff are not done with the incident after all. Raises NotResolved."""
        now = self._clock.wall()
        return self._handled(await self._incidents.reopen(incident_id, actor, now, reason), actor)

    def _handled(self, incident: Incident | None, actor: Actor) -> Incident | None:
        if incident is not None:
            self.ringing.acknowledged((incident.id,), actor)
            latest = self._latest.get(incident.camera)
            if latest is not None and latest.id == incident.id:
                self._latest[incident.camera] = incident
            self._on_incident(incident)
        return incident

    # Writing

    def _put(self, work: Callable[[], Awaitable[object]]) -> bool:
        """Whether there was room for it."""
        try:
            self._queue.put_nowait(work)
        except asyncio.QueueFull:
            detail = "the system's disk does not keep up; alarm records are being lost"
            self._faults.raise_fault(Fault(PLACE, "records_lost", detail))
            return False
        return True

    async def _audit(
        self, wall_s: float, actor: Actor, action: str, subject: str, detail: audit.Detail | None = None
    ) -> None:
        await audit.record(
            self._db,
            wall_s=wall_s,
            actor=actor.name,
            address=actor.address,
            action=action,
            subject=subject,
            detail=detail,
        )

    async def _write_notice(self, notice: Notice, wall_s: float) -> None:
        incident = await self._incidents.open_notice(notice, wall_s)
        self.ringing.announce(incident)
        self._on_incident(incident)

    async def _write_sighting(
        self, sighting: Sighting, response: Response, seen_wall_s: float, test: bool, rings: bool
    ) -> None:
        latest = self._latest.get(sighting.camera)
        if (
            latest is not None
            and latest.test is test
            and not (rings and latest.acknowledged_s is not None)
            and belongs(
                latest.opened_s,
                latest.last_s,
                latest.response,
                latest.acknowledged_s is not None,
                response,
                seen_wall_s,
            )
        ):
            strongest = stronger(latest.response, response)
            incident = await self._incidents.extend(latest, sighting, strongest, seen_wall_s)
            incident = await self._objects.sighted(incident, sighting) or incident
        else:
            incident = await self._incidents.open(sighting, response, seen_wall_s, test=test)
            self._announce(
                incident
            )  # it rings before its picture has found its way to what may be a slow disk
            is_saved = await self._save_picture(str(incident.id), incident, sighting.picture)
            pictured = await self._objects.sighted(incident, sighting)
            if is_saved:
                pictured = await self._incidents.mark_picture(incident.id)
            if pictured is None:
                return
            incident = pictured
        self._announce(incident)

    async def _write_better(self, track: int) -> None:
        incident = await self._objects.better(self._better.pop(track))
        if incident is not None:
            self._on_incident(incident)

    def _announce(self, incident: Incident) -> None:
        self._latest[incident.camera] = incident
        self.ringing.announce(incident)
        self._on_incident(incident)

    async def _save_picture(self, name: str, incident: Incident, jpeg: bytes) -> bool:
        """Whether it is saved; without, the incident stands all the same."""
        try:
            await self._pictures.save_picture(name, incident.camera, jpeg, incident.opened_s)
        except StorageError as error:
            self._faults.raise_fault(Fault(PICTURES, error.code, str(error), error.params))
            return False
        self._faults.clear(PICTURES)
        return True
