"""Requests for packages in state.db (schema/015_evidence.sql): made by one person, decided by another."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import Literal

from nvr import audit
from nvr.events import Actor
from nvr.store import Database

State = Literal["requested", "refused", "approved", "ready", "failed"]
Failure = Literal["disk_away", "unreadable", "too_large", "storage"]
MOST_SHOWN = 200


class UnknownRequest(Exception):
    """There is no request with that id."""


class SamePerson(Exception):
    """Nobody decides on what he asked for himself."""


class AlreadyDecided(Exception):
    """It was decided before."""


@dataclass(frozen=True, slots=True)
class EvidenceRequest:
    """One request. Times in seconds since 1970 UTC. `person`: who needs the package, outside of the appliance.

    `state`: "requested"; "refused"; "approved": the package is being made; "ready"; "failed": see `failure`, may be
    approved again. `bytes`: of the ZIP, None before it is ready.
    """

    id: str
    case: str
    person: str
    reason: str
    cameras: tuple[str, ...]
    start_s: float
    end_s: float
    requested_by: str
    requested_s: float
    state: State = "requested"
    decided_by: str | None = None
    decided_s: float | None = None
    failure: str = ""
    bytes: int | None = None


class RequestStore:
    """All requests; each change stands in the audit trail with the request's id as subject."""

    def __init__(self, db: Database):
        self.db = db

    async def add(self, request: EvidenceRequest, by: Actor) -> None:
        """Raises StorageError."""
        values = (
            *(request.id, request.case, request.person, request.reason, json.dumps(request.cameras)),
            *(request.start_s, request.end_s, request.state, request.requested_by, request.requested_s),
        )
        detail: audit.Detail = {
            "case": request.case,
            "cameras": ", ".join(request.cameras),
            "start_s": request.start_s,
            "end_s": request.end_s,
        }

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO evidence (id, case_name, person, reason, cameras, start_s, end_s, state, requested_by,"
                " requested_s) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                values,
            )
            _note(connection, request.requested_s, by, "evidence-request", request.id, detail)

        await self.db.write(work)

    async def decide(self, request_id: str, *, approve: bool, by: Actor, now_s: float) -> EvidenceRequest:
        """As it is then. Raises UnknownRequest, SamePerson, AlreadyDecided; StorageError."""

        def work(connection: sqlite3.Connection) -> EvidenceRequest:
            request = _find(connection, request_id)
            if request.requested_by == by.name:
                raise SamePerson
            if request.state not in ("requested", "failed"):
                raise AlreadyDecided
            connection.execute(
                "UPDATE evidence SET state = ?, decided_by = ?, decided_s = ?, failure = '' WHERE id = ?",
                ("approved" if approve else "refused", by.name, now_s, request_id),
            )
            _note(connection, now_s, by, "evidence-approve" if approve else "evidence-refuse", request_id)
            return _find(connection, request_id)

        return await self.db.write(work)

    async def finish(self, request_id: str, outcome: int | Failure, now_s: float) -> None:
        """The package is ready and its ZIP has so many bytes, or it could not be made. Raises StorageError."""

        def work(connection: sqlite3.Connection) -> None:
            if isinstance(outcome, int):
                connection.execute(
                    "UPDATE evidence SET state = 'ready', bytes = ? WHERE id = ?", (outcome, request_id)
                )
                _note(connection, now_s, Actor(""), "evidence-ready", request_id, {"bytes": outcome})
            else:
                connection.execute(
                    "UPDATE evidence SET state = 'failed', failure = ? WHERE id = ?", (outcome, request_id)
                )
                _note(connection, now_s, Actor(""), "evidence-failed", request_id, {"cause": outcome})

        await self.db.write(work)

    async def get(self, request_id: str) -> EvidenceRequest:
        """Raises UnknownRequest."""
        return await self.db.read(lambda connection: _find(connection, request_id))

    async def newest(self) -> list[EvidenceRequest]:
        """At most MOST_SHOWN, the newest first."""
        query = "SELECT * FROM evidence ORDER BY requested_s DESC LIMIT ?"
        return await self.db.read(lambda c: [_as_request(row) for row in c.execute(query, (MOST_SHOWN,))])

    async def next_approved(self) -> EvidenceRequest | None:
        """The one that has waited longest for its package."""
        query = "SELECT * FROM evidence WHERE state = 'approved' ORDER BY decided_s LIMIT 1"
        row = await self.db.read(lambda connection: connection.execute(query).fetchone())
        return None if row is None else _as_request(row)


def _find(connection: sqlite3.Connection, request_id: str) -> EvidenceRequest:
    row = connection.execute("SELECT * FROM evidence WHERE id = ?", (request_id,)).fetchone()
    if row is None:
        raise UnknownRequest
    return _as_request(row)


def _as_request(row: sqlite3.Row) -> EvidenceRequest:
    return EvidenceRequest(
        row["id"],
        row["case_name"],
        row["person"],
        row["reason"],
        tuple(json.loads(row["cameras"])),
        *(row[name] for name in ("start_s", "end_s", "requested_by", "requested_s", "state")),
        *(row[name] for name in ("decided_by", "decided_s", "failure", "bytes")),
    )


def _note(
    connection: sqlite3.Connection,
    now_s: float,
    by: Actor,
    action: str,
    request_id: str,
    detail: audit.Detail | None = None,
) -> None:
    audit.insert(
        connection,
        wall_s=now_s,
        actor=by.name,
        address=by.address,
        action=action,
        subject=request_id,
        detail=detail,
    )
