"""Platforms at the door: who guesses must wait, who logs in and who is refused is in the audit trail."""

from __future__ import annotations

import math
import sqlite3

import structlog

from nvr import audit
from nvr.backoff import AttemptBackoff, BackoffRule, network_of
from nvr.clock import Clock
from nvr.onvif.security import Checked, Verdict
from nvr.refusals import RefusalBatch, Refusals
from nvr.restream.accounts import Platforms
from nvr.store import Database
from nvr.web.errors import ApiError
from nvr.web.once import Once

log = structlog.get_logger(__name__)

RULE = BackoffRule(free=20, first_s=1.0, max_s=60.0)
"""Passwords of 92 bits are not guessed. This spares the processor and the audit trail, and a recorder with an old
password must not keep its neighbour behind the same address out for long."""
ONE_ROW_S = 3600.0


class PlatformVisits:
    """An address (IPv6: its /64) that signs wrongly too often waits, for whatever it asks."""

    def __init__(self, db: Database, platforms: Platforms, clock: Clock):
        self._db, self._platforms, self._clock = db, platforms, clock
        self._addresses = AttemptBackoff(RULE)
        self._refusals = RefusalBatch()
        self._told = Once()

    def admit(self, address: str) -> None:
        """Raises ApiError 429: this address must wait."""
        wait_s = self._addresses.wait_s(network_of(address), self._clock.monotonic())
        if wait_s > 0:
            raise ApiError(
                429,
                "too_many_attempts",
                "too many wrong log-ins; wait a little",
                retry_after_s=math.ceil(wait_s),
            )

    async def checked(self, checked: Checked, address: str) -> None:
        """Note what a signature from `address` was worth. Raises sqlite3.Error: a log-in cannot be recorded."""
        match checked.verdict:
            case Verdict.RIGHT if checked.login is not None:
                self._platforms.seen(checked.login.name, address)
                await self.note("platform-login", checked.login.name, address)
            case Verdict.WRONG:
                now_s = self._clock.monotonic()
                self._addresses.begin(network_of(address), now_s)
                refusals = self._refusals.note(checked.named, address, now_s)
                if refusals is not None:
                    await self._write(refusals)
            case Verdict.OLD if self._told.first((address, self._clock.wall() // ONE_ROW_S)):
                log.warning("a platform's clock is off", address=address, seconds=round(checked.clock_off_s))

    async def note(self, action: str, name: str, address: str, subject: str = "") -> None:
        """Record that the platform `name` did `action`, one row an hour. Raises sqlite3.Error."""
        wall_s = self._clock.wall()
        what = (action, name, address, subject, wall_s // ONE_ROW_S)
        if not self._told.first(what):
            return
        try:
            await audit.record(
                self._db,
                wall_s=wall_s,
                actor=name,
                address=address,
                action=action,
                subject=subject or name,
            )
        except sqlite3.Error:
            self._told.forget(what)
            raise

    async def write_refusals(self) -> None:
        """Write those that were held back; call it every few seconds."""
        for refusals in self._refusals.due(self._clock.monotonic()):
            await self._write(refusals)

    async def _write(self, refusals: Refusals) -> None:
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
