"""Platform accounts: recorders and video management systems elsewhere, what they log in with and which cameras they may
fetch (table `platforms` of state.db; schema/012_platforms.sql).

Not the accounts of people: their passwords are hashed, these must be readable, because HTTP and RTSP Digest
(RFC 7616) and WS-UsernameToken prove that both sides know the password itself. So the appliance makes them, nobody
chooses one that he uses elsewhere, and each opens nothing but the cameras picked for it.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import sqlite3
import textwrap
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

import structlog

from nvr import audit
from nvr.clock import Clock
from nvr.errors import StorageError
from nvr.events import Actor
from nvr.store import Database

log = structlog.get_logger(__name__)
MAX_PLATFORMS = 32
MAX_NAME = 32
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,30}[A-Za-z0-9])?", re.ASCII)
"""What every recorder's form takes, and what means the same inside of a URL."""
PASSWORD_CHARACTERS = 16
"""The most that common recorders take; 92 bits."""
_ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without letters that are mistaken for digits; nothing that a URL would need to escape."""
KEEP_SEEN_S = 60.0


class UnknownPlatform(Exception):
    """There is no platform of that name."""


class PlatformRefused(Exception):
    """A platform cannot be made. `code`: "bad_platform_name", "platform_taken" or "too_many_platforms"."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class PlatformCredential:
    """What checks a platform's log-in, and the ids of the cameras it may see."""

    name: str
    password: str = field(repr=False)
    cameras: frozenset[str]

    def may_see(self, camera: str) -> bool:
        return camera in self.cameras


@dataclass(frozen=True, slots=True)
class Platform:
    """One platform account. `seen_wall_s`: when it last showed the right password, None: never; `seen_address`: from
    where."""

    name: str
    password: str = field(repr=False)
    cameras: frozenset[str]
    enabled: bool
    created_wall_s: float
    created_by: str
    seen_wall_s: float | None = None
    seen_address: str = ""


class Platforms:
    """All platform accounts. Changes go through this object alone, so what it remembers is what holds: looking up
    awaits nothing and never fails.

    `on_change` is told of every account that is made, changed or removed; what was added to it must neither block nor
    raise.
    """

    def __init__(self, db: Database, clock: Clock):
        self._db, self._clock = db, clock
        self._known: dict[str, Platform] = {}
        self._unwritten: set[str] = set()
        self._listeners: list[Callable[[], None]] = []

    @classmethod
    async def open(cls, db: Database, clock: Clock) -> Platforms:
        """As state.db has them. Raises sqlite3.Error."""
        platforms = cls(db, clock)
        rows = await db.read(lambda c: c.execute("SELECT * FROM platforms").fetchall())
        platforms._known = {row["name"]: _platform(row) for row in rows}
        return platforms

    def on_change(self, listener: Callable[[], None]) -> None:
        self._listeners.append(listener)

    async def run(self, healthy: Callable[[], None]) -> None:
        """Write down when which platform was last seen, each minute and at the end. Raises StorageError."""
        healthy()
        try:
            while True:
                await asyncio.sleep(KEEP_SEEN_S)
                await self.flush()
        except sqlite3.Error as error:
            raise StorageError(
                f"state.db cannot be written: {error}", remedy="Check the system disk's space and health"
            ) from error
        finally:
            with suppress(sqlite3.Error):
                await self.flush()

    @property
    def any_enabled(self) -> bool:
        """Whether anybody could log in at all."""
        return any(platform.enabled for platform in self._known.values())

    def all(self) -> list[Platform]:
        """By name."""
        return sorted(self._known.values(), key=lambda platform: platform.name.lower())

    def credential(self, name: str) -> PlatformCredential | None:
        """Of the platform with exactly this name; None: there is none, or it is switched off. Takes any text."""
        known = self._known.get(name)
        if known is None or not known.enabled:
            return None
        return PlatformCredential(known.name, known.password, known.cameras)

    def seen(self, name: str, address: str) -> None:
        """The platform has just shown the right password from `address` (without port); others are ignored."""
        known = self._known.get(name)
        if known is not None:
            self._known[name] = replace(
                known, seen_wall_s=self._clock.wall(), seen_address=address[: audit.MAX_TEXT]
            )
            self._unwritten.add(name)

    async def add(self, name: str, cameras: Iterable[str], *, by: Actor) -> Platform:
        """A new one, switched on, with a new password. Raises PlatformRefused: no such name is possible, it is taken
        (without regard to case), or there are MAX_PLATFORMS; sqlite3.Error."""
        if not NAME.fullmatch(name):
            allowed = f"1 to {MAX_NAME} letters a-z and digits; . _ - may stand between them"
            raise PlatformRefused("bad_platform_name", f"take {allowed}")
        platform = Platform(name, new_password(), frozenset(cameras), True, self._clock.wall(), by.name)

        def work(connection: sqlite3.Connection) -> None:
            names = [row["name"] for row in connection.execute("SELECT name FROM platforms")]
            if name.lower() in map(str.lower, names):
                raise PlatformRefused("platform_taken", f'there is already a platform "{name}"')
            if len(names) >= MAX_PLATFORMS:
                raise PlatformRefused("too_many_platforms", f"there are {MAX_PLATFORMS} platforms already")
            connection.execute(
                "INSERT INTO platforms (name, password, cameras, enabled, created_s, created_by)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (name, platform.password, _encoded(platform.cameras), 1, platform.created_wall_s, by.name),
            )
            self._audit(connection, by, "platform-add", name, _lines(platform.cameras))

        await self._db.write(work)
        self._keep(platform)
        return platform

    async def change(self, name: str, cameras: Iterable[str], enabled: bool, *, by: Actor) -> Platform:
        """Other cameras, or switched on or off; what runs and is no longer permitted ends at once. Raises
        UnknownPlatform, sqlite3.Error."""
        allowed = frozenset(cameras)

        def work(connection: sqlite3.Connection) -> None:
            changed = connection.execute(
                "UPDATE platforms SET cameras = ?, enabled = ? WHERE name = ?",
                (_encoded(allowed), int(enabled), name),
            )
            _need(changed)
            detail: dict[str, str | bool] = {"enabled": enabled, **_lines(allowed)}
            self._audit(connection, by, "platform-change", name, detail)

        await self._db.write(work)
        return self._keep(replace(self._known[name], cameras=allowed, enabled=enabled))

    async def renew_password(self, name: str, *, by: Actor) -> Platform:
        """A new password; what runs under the old one ends at once. Raises UnknownPlatform, sqlite3.Error."""
        password = new_password()

        def work(connection: sqlite3.Connection) -> None:
            _need(connection.execute("UPDATE platforms SET password = ? WHERE name = ?", (password, name)))
            self._audit(connection, by, "platform-password", name, {})

        await self._db.write(work)
        return self._keep(replace(self._known[name], password=password))

    async def remove(self, name: str, *, by: Actor) -> None:
        """Forget it; what it has running ends at once. Raises UnknownPlatform, sqlite3.Error."""

        def work(connection: sqlite3.Connection) -> None:
            _need(connection.execute("DELETE FROM platforms WHERE name = ?", (name,)))
            self._audit(connection, by, "platform-remove", name, {})

        await self._db.write(work)
        self._known.pop(name, None)
        self._unwritten.discard(name)
        self._tell()

    async def flush(self) -> None:
        """Write down what was seen since the last time. Raises sqlite3.Error."""
        names, self._unwritten = self._unwritten, set()
        rows = [
            (platform.seen_wall_s, platform.seen_address, platform.name)
            for platform in map(self._known.get, names)
            if platform is not None
        ]
        if rows:
            query = "UPDATE platforms SET seen_s = ?, seen_address = ? WHERE name = ?"
            await self._db.write(lambda connection: connection.executemany(query, rows))

    def _keep(self, platform: Platform) -> Platform:
        self._known[platform.name] = platform
        self._tell()
        return platform

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()

    def _audit(
        self,
        connection: sqlite3.Connection,
        by: Actor,
        action: str,
        name: str,
        detail: Mapping[str, str | bool],
    ) -> None:
        audit.insert(
            connection,
            wall_s=self._clock.wall(),
            actor=by.name,
            address=by.address,
            action=action,
            subject=name,
            detail=detail,
        )


def new_password() -> str:
    """Random; see PASSWORD_CHARACTERS."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(PASSWORD_CHARACTERS))


def _need(cursor: sqlite3.Cursor) -> None:
    if cursor.rowcount != 1:
        raise UnknownPlatform("there is no such platform")


def _lines(cameras: frozenset[str]) -> dict[str, str]:
    """For the audit trail, which cuts longer texts."""
    lines = textwrap.wrap(" ".join(sorted(cameras)), audit.MAX_TEXT, break_on_hyphens=False)
    return {f"cameras {number}": line for number, line in enumerate(lines, 1)}


def _encoded(cameras: frozenset[str]) -> str:
    return json.dumps(sorted(cameras))


def _platform(row: sqlite3.Row) -> Platform:
    """A damaged list of cameras costs this platform its cameras, not the appliance its start."""
    try:
        cameras = frozenset(str(camera) for camera in json.loads(row["cameras"]))
    except (ValueError, TypeError):
        log.error(
            "a platform's list of cameras is damaged: it sees none until they are picked again",
            name=row["name"],
        )
        cameras = frozenset()
    return Platform(
        row["name"],
        row["password"],
        cameras,
        bool(row["enabled"]),
        row["created_s"],
        row["created_by"],
        row["seen_s"],
        row["seen_address"],
    )
