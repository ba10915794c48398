"""The audit trail in state.db: who did what, from where, about what. Rows are only ever added, each chained to the one
before it (audit_chain.py)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping

from nvr.audit_chain import GENESIS, Row, row_hash
from nvr.store import Database

Detail = Mapping[str, str | int | float | bool | None]
MAX_TEXT = 200


def insert(
    connection: sqlite3.Connection,
    *,
    wall_s: float,
    actor: str,
    address: str,
    action: str,
    subject: str = "",
    detail: Detail | None = None,
) -> None:
    """Add one row within the caller's transaction, so that the deed and its record stand or fall together.

    `wall_s`: seconds since 1970 UTC. `actor`: account name, "schedule", or "" before log-in. `address`: remote
    address, "" for the appliance itself. `action`: claim, login, login-refused, logout, live, playback, download,
    account-add, arm, ... `subject`: camera, incident or account it was about. `detail`: a flat mapping without
    secrets. Texts are cut at MAX_TEXT characters.
    """
    texts = (actor[:MAX_TEXT], address[:MAX_TEXT], action[:MAX_TEXT], subject[:MAX_TEXT])
    _append(connection, wall_s, *texts, json.dumps(_cut(detail or {}), ensure_ascii=False))


async def record(
    db: Database,
    *,
    wall_s: float,
    actor: str,
    address: str,
    action: str,
    subject: str = "",
    detail: Detail | None = None,
) -> None:
    """`insert` in a transaction of its own; returns when the row is safe on the disk."""

    def work(connection: sqlite3.Connection) -> None:
        insert(
            connection,
            wall_s=wall_s,
            actor=actor,
            address=address,
            action=action,
            subject=subject,
            detail=detail,
        )

    await db.write(work)


async def page(
    db: Database,
    *,
    before: int | None = None,
    limit: int = 50,
    actor: str | None = None,
    action: str | None = None,
    since_s: float | None = None,
    until_s: float | None = None,
) -> list[Row]:
    """Newest first, at most `limit` rows with ids below `before`; only those of `actor`, of `action`, and written from
    `since_s` until before `until_s`, as far as these are given."""
    conditions = {
        "id < ?": before,
        "actor = ?": actor,
        "action = ?": action,
        "wall_s >= ?": since_s,
        "wall_s < ?": until_s,
    }
    asked = {condition: value for condition, value in conditions.items() if value is not None}
    where = " AND ".join(asked) or "1"
    query = f"SELECT * FROM audit WHERE {where} ORDER BY id DESC LIMIT ?"  # noqa: S608
    return await db.read(lambda c: [as_row(row) for row in c.execute(query, (*asked.values(), limit))])


def as_row(row: sqlite3.Row) -> Row:
    """A row of the table as the chain takes it."""
    return Row(*(row[name] for name in Row.__slots__))


def chain_existing(connection: sqlite3.Connection) -> None:
    """Migration: chain the rows of before there was a chain; they keep their ids."""
    rows = connection.execute("SELECT * FROM audit_before ORDER BY id")
    names = ("wall_s", "actor", "address", "action", "subject", "detail")
    for row in rows.fetchall():
        _append(connection, *(row[name] for name in names), row_id=row["id"])
    connection.execute("DROP TABLE audit_before")


def _append(
    connection: sqlite3.Connection,
    wall_s: float,
    actor: str,
    address: str,
    action: str,
    subject: str,
    detail: str,
    *,
    row_id: int | None = None,
) -> None:
    last = connection.execute("SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1").fetchone()
    number = row_id or (last["id"] + 1 if last else 1)
    values = (number, float(wall_s), actor, address, action, subject, detail)
    digest = row_hash(last["hash"] if last else GENESIS, *values)
    connection.execute(
        "INSERT INTO audit (id, wall_s, actor, address, action, subject, detail, hash)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (*values, digest),
    )


def _cut(detail: Detail) -> Detail:
    return {key: value[:MAX_TEXT] if isinstance(value, str) else value for key, value in detail.items()}
