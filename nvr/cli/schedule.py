"""Which schedule is in force, nvr.toml's or the page's, as `nvr check` says it; also while the service runs."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from nvr.alarm.plan import Plan, Stored
from nvr.alarm.schedule_store import read_stored
from nvr.config import Config, Site
from nvr.errors import StorageError


def plan_in_force(config: Config) -> Plan:
    """Raises StorageError: what was made on the page cannot be read or used."""
    stored = _stored(config.storage.state / "state.db", config.site)
    if stored.problem:
        raise StorageError(
            f"the schedule made on the page cannot be used, nvr.toml's is in force: {stored.problem}",
            remedy="Make it anew on the page, or go back to nvr.toml's there",
        )
    plan = Plan(config)
    plan.use(stored)
    return plan


def described(plan: Plan, zone: ZoneInfo, now_wall_s: float) -> str:
    """Whose it is, and what it does next."""
    if plan.schedule is None:
        return "none: armed and disarmed only by hand"
    whose = "nvr.toml's"
    if plan.source == "page":
        made = datetime.fromtimestamp(plan.stored.changed_s, zone)
        whose = f"made on the page by {plan.stored.changed_by} ({made:%Y-%m-%d %H:%M}), not nvr.toml's"
    following = plan.next_change(now_wall_s)
    if following is None:
        return f"{whose}; nothing changes in the coming days"
    moment = datetime.fromtimestamp(following.at_wall_s, zone)
    return f"{whose}; next {moment:%a %Y-%m-%d %H:%M}: {following.mode or 'off'}"


def _stored(file: Path, site: Site) -> Stored:
    """Raises StorageError."""
    if not file.exists():
        return Stored()
    try:
        # Read only: whoever checks makes no file that the service could not write.
        with closing(
            sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=10.0)
        ) as connection:
            is_there = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'schedule'").fetchone()
            return read_stored(connection, site) if is_there else Stored()
    except sqlite3.Error as error:
        raise StorageError(
            f"{file}: the schedule cannot be read: {error}", remedy="Check the system's disk"
        ) from error
