"""Platforms that come by RTSP, on their way to the audit trail and to when they were last seen."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque

import structlog

from nvr import audit
from nvr.clock import Clock
from nvr.errors import StorageError
from nvr.refusals import RefusalBatch, Refusals
from nvr.restream.accounts import Platforms
from nvr.restream.server import Observer
from nvr.restream.viewings import Viewing, ViewingRow, Viewings
from nvr.store import Database

log = structlog.get_logger(__name__)

LOOK_S = 5.0
MAX_WAITING = 2000


class Trail(Observer):
    """Takes what happens at once and writes it by and by, each viewing's beginning as soon as the disk can."""

    def __init__(self, db: Database, platforms: Platforms, clock: Clock):
        self._db, self._platforms, self._clock = db, platforms, clock
        self._viewings = Viewings()
        self._refusals = RefusalBatch()
        self._waiting: deque[ViewingRow | Refusals] = deque()
        self._wake = asyncio.Event()

    def refused(self, user: str, address: str) -> None:
        told = self._refusals.note(user, address, self._clock.monotonic())
        if told is not None:
            self._put(told)

    def known(self, user: str, address: str) -> None:
        self._platforms.seen(user, address)

    def began(self, viewing: Viewing) -> None:
        self._platforms.seen(viewing.user, viewing.address)
        self._put(*self._viewings.begin(viewing, self._clock.monotonic()))

    def ended(self, viewing: Viewing) -> None:
        self._platforms.seen(viewing.user, viewing.address)
        self._viewings.end(viewing, self._clock.monotonic())

    async def run(self) -> None:
        """Write until cancelled, and then what is left. Raises StorageError: a viewing cannot be recorded."""
        try:
            while True:
                await self._write()
                self._wake.clear()
                try:
                    async with asyncio.timeout(LOOK_S):
                        await self._wake.wait()
                except TimeoutError:
                    self._look()
        finally:
            self._put(*self._viewings.finish(self._clock.monotonic()))
            await self._write()

    def _look(self) -> None:
        now_s = self._clock.monotonic()
        self._put(*self._viewings.due(now_s), *self._refusals.due(now_s))
        for viewing in self._viewings.running:
            self._platforms.seen(viewing.user, viewing.address)

    def _put(self, *rows: ViewingRow | Refusals) -> None:
        self._waiting += rows
        if len(self._waiting) > MAX_WAITING:
            log.error(
                "audit rows of platforms are lost: the system's disk is too slow", rows=len(self._waiting)
            )
            self._waiting.clear()
        self._wake.set()

    async def _write(self) -> None:
        while self._waiting:
            row = self._waiting.popleft()
            if isinstance(row, Refusals):
                await self._write_refusals(row)
            else:
                await self._write_viewing(row)

    async def _write_viewing(self, row: ViewingRow) -> None:
        viewing = row.viewing
        detail: dict[str, str | int] = {"transport": viewing.transport}
        if row.seconds is not None:
            detail["seconds"] = round(row.seconds)
        try:
            await audit.record(
                self._db,
                wall_s=self._clock.wall(),
                actor=viewing.user,
                address=viewing.address,
                action=row.action,
                subject=viewing.place,
                detail=detail,
            )
        except sqlite3.Error as error:
            raise StorageError(
                f"state.db cannot be written: {error}", remedy="Check the system disk's space and health"
            ) from error

    async def _write_refusals(self, refusals: Refusals) -> None:
        """What the database does not take stands in the log only: nobody ends anything by guessing on a full disk."""
        told = {"address": refusals.address, "count": refusals.count}
        log.warning("platform refused", platform=refusals.account or "(no such platform)", **told)
        try:
            await audit.record(
                self._db,
                wall_s=self._clock.wall(),
                actor="",
                address=refusals.address,
                action="platform-refused",
                subject=refusals.account,
                detail={"count": refusals.count},
            )
        except sqlite3.Error as error:
            log.error("refused platforms cannot be recorded", error=str(error))
