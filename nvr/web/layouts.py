"""Layouts: how an account arranges its cameras on the live page (table `layouts` of state.db;
schema/013_layouts.sql)."""

from __future__ import annotations

import json
import sqlite3
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import structlog

from nvr.store import Database
from nvr.web.access import Account

log = structlog.get_logger(__name__)
MAX_LAYOUTS = 20
"""Of one account."""
MAX_NAME = 40
MAX_CAMERAS = 256
Tiles = Literal[1, 4, 9, 16]


class UnknownLayout(Exception):
    """This account has no layout with that id."""


class LayoutRefused(Exception):
    """A layout cannot be kept. `code`: "bad_layout_name", "layout_name_taken" or "too_many_layouts"."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Layout:
    """`cameras`: their ids in order, None for a tile that stays empty; what does not fit on the first page of `tiles`
    goes on the next ones."""

    name: str
    tiles: Tiles
    cameras: tuple[str | None, ...]


class Layouts:
    """All layouts of all accounts; they end with their account."""

    def __init__(self, db: Database):
        self._db = db

    async def of(self, account: Account) -> dict[int, Layout]:
        """By id, the oldest first. Raises sqlite3.Error."""
        query = "SELECT id, name, tiles, cameras FROM layouts WHERE account = ? ORDER BY id"
        rows = await self._db.read(lambda connection: connection.execute(query, (account.id,)).fetchall())
        return {row["id"]: _layout(row) for row in rows}

    async def add(self, account: Account, layout: Layout) -> int:
        """Its id. Raises LayoutRefused, sqlite3.Error."""

        def work(connection: sqlite3.Connection) -> int:
            name = _free_name(connection, account, layout.name, besides=None)
            query = "SELECT count(*) FROM layouts WHERE account = ?"
            if connection.execute(query, (account.id,)).fetchone()[0] >= MAX_LAYOUTS:
                raise LayoutRefused(
                    "too_many_layouts", f"there are {MAX_LAYOUTS} layouts already; remove one"
                )
            cursor = connection.execute(
                "INSERT INTO layouts (account, name, tiles, cameras) VALUES (?, ?, ?, ?)",
                (account.id, name, layout.tiles, json.dumps(layout.cameras)),
            )
            return int(cursor.lastrowid or 0)

        return await self._db.write(work)

    async def change(self, account: Account, layout_id: int, layout: Layout) -> None:
        """Replace it. Raises UnknownLayout, LayoutRefused, sqlite3.Error."""

        def work(connection: sqlite3.Connection) -> None:
            name = _free_name(connection, account, layout.name, besides=layout_id)
            cursor = connection.execute(
                "UPDATE layouts SET name = ?, tiles = ?, cameras = ? WHERE id = ? AND account = ?",
                (name, layout.tiles, json.dumps(layout.cameras), layout_id, account.id),
            )
            _need(cursor)

        await self._db.write(work)

    async def remove(self, account: Account, layout_id: int) -> None:
        """Raises UnknownLayout, sqlite3.Error."""
        query = "DELETE FROM layouts WHERE id = ? AND account = ?"
        await self._db.write(lambda connection: _need(connection.execute(query, (layout_id, account.id))))


def normal_layout_name(name: str) -> str:
    """In one Unicode form (NFC), without spaces around: 1 to 40 characters that can be seen. Raises LayoutRefused."""
    name = unicodedata.normalize("NFC", name).strip()
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        raise LayoutRefused("bad_layout_name", f"take a name of 1 to {MAX_NAME} characters")
    return name


def _free_name(connection: sqlite3.Connection, account: Account, name: str, besides: int | None) -> str:
    name = normal_layout_name(name)
    for row in connection.execute("SELECT id, name FROM layouts WHERE account = ?", (account.id,)):
        # SQLite's NOCASE knows ASCII only.
        if row["id"] != besides and row["name"].casefold() == name.casefold():
            raise LayoutRefused("layout_name_taken", f'there is already a layout "{name}"')
    return name


def _need(cursor: sqlite3.Cursor) -> None:
    if cursor.rowcount != 1:
        raise UnknownLayout("there is no such layout")


def _layout(row: sqlite3.Row) -> Layout:
    """A damaged list of cameras costs this layout its cameras."""
    cameras: Sequence[str | None] = ()
    try:
        cameras = [None if camera is None else str(camera) for camera in json.loads(row["cameras"])]
    except (ValueError, TypeError):
        log.error(
            "a layout's list of cameras is damaged: it is empty until it is arranged anew", id=row["id"]
        )
    return Layout(row["name"], row["tiles"], tuple(cameras))
