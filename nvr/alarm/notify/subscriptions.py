"""Phones that asked for Web Push, in state.db. A subscription lives as long as the log-in under which it was made: who
logs out, loses the account or gets a new password is told nothing more."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from nvr.alarm.notify.outbox import used
from nvr.store import Database

MAX_SUBSCRIPTIONS = 200
"""Of all accounts; then the oldest go."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a browser gave (Push API): `endpoint` at its push service, its public key `p256dh` and its secret `auth`,
    both base64url."""

    endpoint: str
    p256dh: str
    auth: str

    def __repr__(self) -> str:
        return "Subscription(…)"


class Subscriptions:
    """Raises StorageError where state.db cannot be used."""

    def __init__(self, db: Database):
        self._db = db

    async def add(self, session_key: str, subscription: Subscription, now_s: float) -> None:
        """Remember it under the log-in; one that is known moves to that log-in."""
        row = (
            bytes.fromhex(session_key),
            subscription.endpoint,
            subscription.p256dh,
            subscription.auth,
            now_s,
        )

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM push_subscriptions WHERE endpoint = ?", (subscription.endpoint,))
            connection.execute(
                "INSERT INTO push_subscriptions (session, endpoint, p256dh, auth, created_s) VALUES (?, ?, ?, ?, ?)",
                row,
            )
            connection.execute(
                "DELETE FROM push_subscriptions WHERE id NOT IN"
                " (SELECT id FROM push_subscriptions ORDER BY id DESC LIMIT ?)",
                (MAX_SUBSCRIPTIONS,),
            )

        await used(self._db.write(work))

    async def remove(self, session_key: str) -> None:
        """Forget those of the log-in."""
        await self._delete("DELETE FROM push_subscriptions WHERE session = ?", bytes.fromhex(session_key))

    async def forget(self, member: str) -> None:
        """The push service says that it is no more."""
        await self._delete("DELETE FROM push_subscriptions WHERE id = ?", int(member))

    async def has(self, session_key: str) -> bool:
        """Whether the log-in has one."""
        query = "SELECT 1 FROM push_subscriptions WHERE session = ?"
        key = bytes.fromhex(session_key)
        return await used(self._db.read(lambda c: c.execute(query, (key,)).fetchone() is not None))

    async def get(self, member: str) -> Subscription | None:
        """None: it is no more."""
        query = "SELECT endpoint, p256dh, auth FROM push_subscriptions WHERE id = ?"

        def work(connection: sqlite3.Connection) -> Subscription | None:
            row = connection.execute(query, (int(member),)).fetchone()
            return Subscription(*row) if row else None

        return await used(self._db.read(work))

    async def members(self, is_meant: Callable[[str], bool], camera: str | None, now_s: float) -> list[str]:
        """Ids of those whose log-in has not ended and whose account `is_meant` and may see the camera (None: any)."""
        query = (
            "SELECT p.id, a.name, a.cameras FROM push_subscriptions p JOIN sessions s ON s.token_hash = p.session"
            " JOIN accounts a ON a.id = s.account WHERE s.expires_s > ? ORDER BY p.id"
        )

        def work(connection: sqlite3.Connection) -> list[str]:
            return [
                str(row["id"])
                for row in connection.execute(query, (now_s,))
                if is_meant(row["name"])
                and (camera is None or row["cameras"] is None or camera in json.loads(row["cameras"]))
            ]

        return await used(self._db.read(work))

    async def _delete(self, query: str, value: bytes | int) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute(query, (value,))

        await used(self._db.write(work))
