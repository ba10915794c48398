"""The audit trail in state.db: who did what, from where, about what. Rows are only ever added."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping

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
    connection.execute(
        "INSERT INTO audit (wall_s, actor, address, action, subject, detail) VALUES (?, ?, ?, ?, ?, ?)",
        (
            wall_s,
            actor[:MAX_TEXT],
            address[:MAX_TEXT],
            action[:MAX_TEXT],
            subject[:MAX_TEXT],
            json.dumps(_cut(detail or {}), ensure_ascii=False),
        ),
    )


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


def _cut(detail: Detail) -> Detail:
    return {key: value[:MAX_TEXT] if isinstance(value, str) else value for key, value in detail.items()}
