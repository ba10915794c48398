"""state.db: accounts, alarm state, incidents, audit. On the system's disk, apart from the footage."""

from __future__ import annotations

import asyncio
from importlib import resources
from pathlib import Path

from nvr import audit
from nvr.errors import StorageError
from nvr.store import Database, Step
from nvr.whole_file import PRIVATE

_AFTER: dict[str, tuple[Step, ...]] = {"006_audit_chain.sql": (audit.chain_existing,)}
"""What SQL alone cannot do; each is a version of its own, behind that of its script."""

STATE_SCHEMA: tuple[Step, ...] = tuple(
    step
    for script in sorted((resources.files("nvr") / "schema").iterdir(), key=lambda script: script.name)
    if script.name.endswith(".sql")
    for step in (script.read_text("utf-8"), *_AFTER.get(script.name, ()))
)
"""The scripts of nvr/schema and what belongs to them, oldest version first. A database knows only how many of them it
has had, so a new script takes a number above all that are there, whatever it was called while it was written."""


async def open_state(state: Path) -> Database:
    """state.db in the directory storage.state, brought to this software's schema, for nobody else to read (platforms'
    passwords are in it). Raises StorageError."""
    await asyncio.to_thread(_make_private, state / "state.db")
    return await Database.open(state / "state.db", STATE_SCHEMA)


def _make_private(path: Path) -> None:
    """SQLite gives the files beside it the same mode."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(PRIVATE)
        path.chmod(PRIVATE)
    except OSError as error:
        raise StorageError(
            f"{path}: cannot be opened: {error.strerror}",
            remedy="Check that the directory is writable and the disk healthy",
            params={"path": str(path)},
        ) from error
