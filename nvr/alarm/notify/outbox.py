"""Deliveries in state.db: what must still be told after a power cut, and what became of the rest."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from nvr.alarm.notify.policy import Recipient, State
from nvr.errors import StorageError
from nvr.store import Database

T = TypeVar("T")
KEPT_S = 90 * 86_400.0
"""How long it is kept what became of a delivery."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A delivery to be: `due_s` in wall time. `state`, `problem`: "given_up" at once where there is no room."""

    recipient: Recipient
    escalates: bool
    due_s: float
    state: State = "waiting"
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Stored:
    """One row of the table `deliveries` (schema/007_notify.sql); times in seconds since 1970 UTC."""

    id: int
    incident: int
    recipient: Recipient
    escalates: bool
    due_s: float
    state: State
    attempts: int
    changed_s: float
    problem: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a delivery, or of its last attempt."""

    id: int
    incident: int
    state: State
    attempts: int
    changed_s: float
    problem: str


@dataclass(frozen=True, slots=True)
class TargetSummary:
    """How a target is doing. `delivered_s`: when something last arrived."""

    waiting: int
    delivered_s: float | None


class Outbox:
    """Reads and writes deliveries. Raises StorageError where state.db cannot be used."""

    def __init__(self, db: Database):
        self._db = db

    async def plan(self, incident: int, planned: Sequence[Planned], now_s: float) -> list[Stored]:
        """Add what is not there yet, and note that the incident was planned; all that waits of the incident."""
        rows = [
            (
                incident,
                p.recipient.target,
                p.recipient.member,
                int(p.escalates),
                p.due_s,
                p.state,
                now_s,
                p.problem,
            )
            for p in planned
        ]

        def work(connection: sqlite3.Connection) -> list[Stored]:
            connection.executemany(
                "INSERT INTO deliveries (incident, target, member, escalates, due_s, state, changed_s, problem)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                rows,
            )
            connection.execute("UPDATE notify_state SET planned = max(planned, ?)", (incident,))
            query = "SELECT * FROM deliveries WHERE incident = ? AND state = 'waiting'"
            return [_stored(row) for row in connection.execute(query, (incident,))]

        return await self._write(work)

    async def planned_up_to(self) -> int:
        """The newest incident that was planned."""
        return await self._read(lambda c: int(c.execute("SELECT planned FROM notify_state").fetchone()[0]))

    async def waiting(self) -> list[Stored]:
        """All that wait, oldest first."""
        query = "SELECT * FROM deliveries WHERE state = 'waiting' ORDER BY id"
        return await self._read(lambda c: [_stored(row) for row in c.execute(query)])

    async def note(self, outcomes: Iterable[Outcome]) -> None:
        """Write down what became of deliveries."""
        rows = [(o.state, o.attempts, o.changed_s, o.problem, o.id) for o in outcomes]

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "UPDATE deliveries SET state = ?, attempts = ?, changed_s = ?, problem = ? WHERE id = ?", rows
            )

        await self._write(work)

    async def forget_old(self, now_s: float) -> None:
        """Remove what ended long ago."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "DELETE FROM deliveries WHERE state != 'waiting' AND changed_s < ?", (now_s - KEPT_S,)
            )

        await self._write(work)

    async def of_incident(self, incident: int) -> list[Stored]:
        """Its deliveries, in the order in which they are due."""
        query = "SELECT * FROM deliveries WHERE incident = ? ORDER BY due_s, id"
        return await self._read(lambda c: [_stored(row) for row in c.execute(query, (incident,))])

    async def summary(self, target: str) -> TargetSummary:
        """How one target is doing."""
        query = (
            "SELECT count(*) FILTER (WHERE state = 'waiting'),"
            " max(changed_s) FILTER (WHERE state = 'delivered') FROM deliveries WHERE target = ?"
        )
        return await self._read(lambda c: TargetSummary(*c.execute(query, (target,)).fetchone()))

    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await used(self._db.write(work))

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await used(self._db.read(work))


async def used(work: Awaitable[T]) -> T:
    """The result of reading or writing state.db. Raises StorageError."""
    try:
        return await work
    except sqlite3.DatabaseError as error:
        raise StorageError(
            f"state.db cannot be used: {error}", remedy="Check the system disk's space and health"
        ) from error


def _stored(row: sqlite3.Row) -> Stored:
    return Stored(
        id=row["id"],
        incident=row["incident"],
        recipient=Recipient(row["target"], row["member"]),
        escalates=bool(row["escalates"]),
        due_s=row["due_s"],
        state=row["state"],
        attempts=row["attempts"],
        changed_s=row["changed_s"],
        problem=row["problem"],
    )
