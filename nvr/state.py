"""state.db: accounts, alarm state, incidents, audit. On the system's disk, apart from the footage."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from nvr import audit
from nvr.store import Database, Step

_AFTER: dict[str, tuple[Step, ...]] = {"006_audit_chain.sql": (audit.chain_existing,)}
"""What SQL alone cannot do; each is a version of its own, behind that of its script."""

STATE_SCHEMA: tuple[Step, ...] = tuple(
    step
    for script in sorted((resources.files("nvr") / "schema").iterdir(), key=lambda script: script.name)
    if script.name.endswith(".sql")
    for step in (script.read_text("utf-8"), *_AFTER.get(script.name, ()))
)
"""The scripts of nvr/schema and what belongs to them, oldest version first."""


async def open_state(state: Path) -> Database:
    """state.db in the directory storage.state, brought to this software's schema. Raises StorageError."""
    return await Database.open(state / "state.db", STATE_SCHEMA)
