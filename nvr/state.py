"""state.db: accounts, alarm state, incidents, audit. On the system's disk, apart from the footage."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from nvr.store import Database

STATE_SCHEMA = tuple(
    script.read_text("utf-8")
    for script in sorted((resources.files("nvr") / "schema").iterdir(), key=lambda script: script.name)
    if script.name.endswith(".sql")
)
"""The scripts of nvr/schema, oldest version first."""


async def open_state(state: Path) -> Database:
    """state.db in the directory storage.state, brought to this software's schema. Raises StorageError."""
    return await Database.open(state / "state.db", STATE_SCHEMA)
