"""Log-ins as their owners and administrators see them: where and when each began, and its end before its time."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from nvr import audit
from nvr.clock import Clock
from nvr.events import Actor
from nvr.store import Database
from nvr.web.access import Account


@dataclass(frozen=True, slots=True)
class LogIn:
    """`key`: as `Session.key`. `agent`: what the browser called itself."""

    key: str
    begun_wall_s: float
    expires_wall_s: float
    address: str
    agent: str


class LogIns:
    """Lists and ends sessions. What runs under one that ended ends within 2 s (`WebServer._revalidate`)."""

    def __init__(self, db: Database, clock: Clock):
        self._db, self._clock = db, clock

    async def of(self, account: Account) -> list[LogIn]:
        """Those that are valid, the newest first."""
        values = (account.id, self._clock.wall())

        def work(connection: sqlite3.Connection) -> list[LogIn]:
            query = "SELECT * FROM sessions WHERE account = ? AND expires_s > ? ORDER BY created_s DESC"
            return [
                LogIn(
                    row["token_hash"].hex(), row["created_s"], row["expires_s"], row["address"], row["agent"]
                )
                for row in connection.execute(query, values)
            ]

        return await self._db.read(work)

    async def end(self, account: Account, key: str, *, by: Actor) -> bool:
        """End the account's log-in with that key; False: it has none."""
        now_wall_s = self._clock.wall()

        def work(connection: sqlite3.Connection) -> bool:
            ended = connection.execute(
                "DELETE FROM sessions WHERE account = ? AND lower(hex(token_hash)) = ?", (account.id, key)
            ).rowcount
            if ended:
                audit.insert(
                    connection,
                    wall_s=now_wall_s,
                    actor=by.name,
                    address=by.address,
                    action="session-end",
                    subject=account.name,
                )
            return bool(ended)

        return await self._db.write(work)
