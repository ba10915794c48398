"""The nightly schedule: when the site was last to change and when it changes next. Pure.

Only the moments of change act; between them whatever a person chose stands. So "disarm by hand at 23:00" holds
until the schedule's next change, and a schedule that slept through a power cut acts on what it missed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from nvr.config import Schedule


@dataclass(frozen=True, slots=True)
class Change:
    """At `at_wall_s` (seconds since 1970 UTC) the schedule makes the site armed or not."""

    at_wall_s: float
    armed: bool


def last_change(schedule: Schedule, zone: ZoneInfo, now_wall_s: float) -> Change:
    """The newest change at or before now."""
    return max((c for c in _around(schedule, zone, now_wall_s) if c.at_wall_s <= now_wall_s), key=_time)


def next_change(schedule: Schedule, zone: ZoneInfo, now_wall_s: float) -> Change:
    """The first change after now."""
    return min((c for c in _around(schedule, zone, now_wall_s) if c.at_wall_s > now_wall_s), key=_time)


def _time(change: Change) -> float:
    return change.at_wall_s


def _around(schedule: Schedule, zone: ZoneInfo, now_wall_s: float) -> list[Change]:
    """The changes of the days around now; two days each way, for time zones that skip a day's hour."""
    today = datetime.fromtimestamp(now_wall_s, zone).date()
    changes = []
    for offset in range(-2, 3):
        day = today + timedelta(days=offset)
        for clock_time, armed in ((schedule.arm, True), (schedule.disarm, False)):
            moment = datetime.combine(day, clock_time.replace(tzinfo=None), zone)
            changes.append(Change(moment.timestamp(), armed))
    return changes
