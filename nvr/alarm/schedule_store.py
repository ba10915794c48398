"""The schedule that administrators make on the page: kept in state.db, in force as soon as it is on the disk."""

from __future__ import annotations

import sqlite3
import textwrap
from collections.abc import Callable

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from nvr import audit
from nvr.alarm.plan import Plan, Stored
from nvr.clock import Clock
from nvr.config import Site
from nvr.config.schedule import Schedule, check_sun
from nvr.config.words import as_config_error
from nvr.events import Actor, Fault
from nvr.faults import FaultBoard
from nvr.store import Database

PLACE = "schedule"
MAX_AUDITED_DATES = 180
"""Characters a line: the audit log cuts longer ones."""


class ScheduleConflict(Exception):
    """Somebody else changed the schedule meanwhile; `by`: who."""

    def __init__(self, by: str):
        super().__init__(f"{by} changed the schedule meanwhile")
        self.by = by


class ScheduleStore:
    """Keeps `plan` as state.db has it. `on_change` is called after each change, and must neither block nor raise."""

    def __init__(
        self,
        db: Database,
        plan: Plan,
        site: Site,
        *,
        clock: Clock,
        faults: FaultBoard,
        on_change: Callable[[], None],
    ):
        self._db, self._site, self.plan = db, site, plan
        self._clock, self._faults, self._on_change = clock, faults, on_change

    async def load(self) -> None:
        """Put in force what is stored; where that cannot be used, nvr.toml's stays, and a fault says so.
        Raises sqlite3.Error."""
        self._take(await self._db.read(lambda connection: read_stored(connection, self._site)))

    async def replace(self, schedule: Schedule | None, version: int, actor: Actor) -> None:
        """`schedule` in place of the one in force; None: nvr.toml's again. `version`: of what `actor` saw.

        Raises ScheduleConflict, and sqlite3.Error where state.db cannot be written.
        """
        before, now_s = self.plan.schedule, self._clock.wall()

        def work(connection: sqlite3.Connection) -> Stored:
            known = read_stored(connection, self._site)
            if known.version != version:
                raise ScheduleConflict(known.changed_by)
            text = None if schedule is None else schedule.model_dump_json(include={"holidays", "change"})
            connection.execute(
                "REPLACE INTO schedule (only_row, version, schedule, changed_s, changed_by) VALUES (1, ?, ?, ?, ?)",
                (version + 1, text, now_s, actor.name),
            )
            audit.insert(
                connection,
                wall_s=now_s,
                actor=actor.name,
                address=actor.address,
                action="schedule-change" if schedule else "schedule-reset",
                detail=differences(before, schedule) if schedule else {},
            )
            return Stored(version + 1, schedule, now_s, actor.name)

        self._take(await self._db.write(work))
        self._on_change()

    def _take(self, stored: Stored) -> None:
        self.plan.use(stored)
        if stored.problem:
            detail = f"the schedule made on the page cannot be used: {stored.problem}"
            self._faults.raise_fault(Fault(PLACE, "schedule_unusable", detail))
        else:
            self._faults.clear(PLACE)


def read_stored(connection: sqlite3.Connection, site: Site) -> Stored:
    """What state.db says. Raises sqlite3.Error."""
    row = connection.execute("SELECT version, schedule, changed_s, changed_by FROM schedule").fetchone()
    if row is None:
        return Stored()
    version, text, changed_s, changed_by = row
    if text is None:
        return Stored(version, None, changed_s, changed_by)
    try:
        schedule = Schedule.model_validate_json(text)
        check_sun(schedule.changes, site.coordinates)
    except ValidationError as error:
        return Stored(version, None, changed_s, changed_by, str(as_config_error("state.db", {}, error)))
    except PydanticCustomError as error:
        return Stored(version, None, changed_s, changed_by, error.message())
    return Stored(version, schedule, changed_s, changed_by)


def differences(before: Schedule | None, after: Schedule) -> dict[str, str]:
    """What was taken away and what was added, in words, for the audit log."""
    old, new = _lines(before), _lines(after)
    told = {f"removed {n}": line for n, line in enumerate((line for line in old if line not in new), 1)}
    return told | {f"added {n}": line for n, line in enumerate((line for line in new if line not in old), 1)}


def _lines(schedule: Schedule | None) -> list[str]:
    if schedule is None:
        return []
    dates = textwrap.wrap(" ".join(schedule.holidays), MAX_AUDITED_DATES)
    return [str(entry) for entry in schedule.changes] + [f"holidays {line}" for line in dates]
