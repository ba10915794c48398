"""Where packages are asked for, decided on, made and fetched."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from nvr import audit
from nvr.audit_chain import Head, Row
from nvr.clock import Clock
from nvr.config import Config
from nvr.errors import StorageError
from nvr.events import Actor
from nvr.evidence.building import Custody, Gathered, Order, build, gather
from nvr.evidence.fingerprint import fingerprint
from nvr.evidence.manifest import Camera, Deed, Site, one_line, utc
from nvr.evidence.packing import Package
from nvr.evidence.requests import EvidenceRequest, Failure, RequestStore
from nvr.evidence.shelf import Shelf
from nvr.evidence.signing import open_key
from nvr.record.disks.disks import Disks
from nvr.record.keep.hold import Hold
from nvr.store import Database

log = structlog.get_logger(__name__)

LONGEST_PAUSE_S = 0.5


class EvidenceDesk:
    """`requests`: all of them. `jobs` of `run` make what was approved, one package at a time."""

    def __init__(
        self, db: Database, disks: Disks, config: Config, clock: Clock, on_change: Callable[[], None]
    ):
        self.requests = RequestStore(db)
        self._db, self._disks, self._config, self._clock = db, disks, config, clock
        self._shelf = Shelf(config.storage.state)
        self._key: Ed25519PrivateKey | None = None
        self._opening = asyncio.Lock()
        self._on_change = on_change
        self._approved = asyncio.Event()
        self._reading: tuple[str, _Reading, int] | None = None

    async def run(self, healthy: Callable[[], None]) -> None:
        """Make packages until cancelled. Raises StorageError: state.db cannot be used."""
        healthy()
        while True:
            self._approved.clear()
            request = await self.requests.next_approved()
            if request is None:
                await self._approved.wait()
                continue
            outcome = await self._make(request)
            await self.requests.finish(request.id, outcome, self._clock.wall())
            self._on_change()

    async def ask(self, holds: list[Hold], by: Actor) -> EvidenceRequest:
        """Ask for a package of what `holds`, of one case and span, protect. Raises StorageError."""
        first = holds[0]
        request = EvidenceRequest(
            id=secrets.token_hex(8),
            case=first.case,
            person=first.person,
            reason=first.reason,
            cameras=tuple(sorted({hold.camera for hold in holds})),
            start_s=first.start_s,
            end_s=first.end_s,
            requested_by=by.name,
            requested_s=self._clock.wall(),
        )
        await self.requests.add(request, by)
        self._on_change()
        return request

    async def decide(self, request_id: str, *, approve: bool, by: Actor) -> EvidenceRequest:
        """`RequestStore.decide`; what is approved is made next."""
        decided = await self.requests.decide(request_id, approve=approve, by=by, now_s=self._clock.wall())
        self._approved.set()
        self._on_change()
        return decided

    async def package(self, request_id: str) -> Package:
        """One that is ready. Raises StorageError."""
        return await asyncio.to_thread(self._shelf.load, request_id)

    async def fingerprint(self) -> str:
        """Of the appliance's key, which is made if there is none. Raises StorageError."""
        return fingerprint((await self._open_key()).public_key().public_bytes_raw())

    def progress(self, request_id: str) -> float | None:
        """How much of a package's footage is read, 0 to 1; None: it is not being made now."""
        if self._reading is None or self._reading[0] != request_id:
            return None
        _, reading, total = self._reading
        return min(reading.done / total, 1.0) if total else 1.0

    async def _open_key(self) -> Ed25519PrivateKey:
        async with self._opening:  # or two would be made at first use
            if self._key is None:
                self._key = await asyncio.to_thread(open_key, self._config.storage.state)
            return self._key

    async def _make(self, request: EvidenceRequest) -> int | Failure:
        try:
            order = self._order(request)
            gathered = await gather(self._disks, order)
            if gathered.is_partial:
                return "disk_away"
            package = await self._read(order, gathered)
            await asyncio.to_thread(self._shelf.save, request.id, package)
        except StorageError as error:
            log.warning("package of evidence cannot be made", request=request.id, error=str(error))
            return "storage"
        except (OSError, EOFError) as error:
            log.warning("footage for evidence cannot be read", request=request.id, error=str(error))
            return "unreadable"
        except ValueError as error:
            log.warning("more than a package can hold", request=request.id, error=str(error))
            return "too_large"
        return package.zip_bytes

    async def _read(self, order: Order, gathered: Gathered) -> Package:
        """Raises StorageError, OSError, EOFError, ValueError."""
        key, reading = await self._open_key(), _Reading()
        self._reading = (order.id, reading, gathered.bytes)
        try:
            rows = await self._db.read(lambda connection: _about(connection, order.id))
            newest = await audit.page(self._db, limit=1)
            head = Head(newest[0].id, newest[0].hash.hex()) if newest else None
            custody = Custody(rows, head, self._clock.state(), self._clock.wall())
            return await build(order, gathered, custody, key, reading.read)
        finally:
            reading.stop()
            self._reading = None

    def _order(self, request: EvidenceRequest) -> Order:
        found = [(camera, self._config.find_camera(camera)) for camera in request.cameras]
        return Order(
            id=request.id,
            site=Site(self._config.site.name, self._config.site.timezone),
            cameras=tuple(
                Camera(camera, one_line(known.name) if known else camera, ("main", "sub"))
                if known is None or len(known.streams) == 2
                else Camera(camera, one_line(known.name), ("main",))
                for camera, known in found
            ),
            start_s=request.start_s,
            end_s=request.end_s,
            case=one_line(request.case),
            reason=one_line(request.reason),
            person=one_line(request.person),
            requested=Deed(one_line(request.requested_by), utc(request.requested_s)),
            approved=Deed(one_line(request.decided_by or ""), utc(request.decided_s or 0.0)),
        )


def _about(connection: sqlite3.Connection, request_id: str) -> list[Row]:
    query = "SELECT * FROM audit WHERE subject = ? ORDER BY id"
    return [audit.as_row(row) for row in connection.execute(query, (request_id,))]


class _Stopped(Exception):
    """Nobody waits for it any more."""


class _Reading:
    """Counts what a thread reads, and gives recording and playback at least half of the disk's time."""

    def __init__(self) -> None:
        self.done = 0
        self._stopped = threading.Event()
        self._since_s = time.monotonic()

    def read(self, size: int) -> None:
        """Called by the reading thread after each chunk. Raises _Stopped."""
        self.done += size
        pause_s = min(time.monotonic() - self._since_s, LONGEST_PAUSE_S)
        if self._stopped.wait(pause_s):
            raise _Stopped
        self._since_s = time.monotonic()

    def stop(self) -> None:
        """The thread is to end."""
        self._stopped.set()
