"""The coming days as the schedule will have them: what the page draws. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from nvr.alarm.schedule import Change, changes, kind_of, last_change, midnight
from nvr.alarm.sun import sun_at
from nvr.config.schedule import Coordinates, Schedule

DAYS = 7


@dataclass(frozen=True, slots=True)
class PlannedDay:
    """`start_s` to `end_s` (seconds since 1970 UTC): from its midnight to the next, 23 to 25 hours. `before`: the
    change that it begins with, None: there was none for days. `changes`: those after its first moment. `sunrise_s`,
    `sunset_s`: None where the site's place is not known or the sun does not rise or set."""

    day: date
    start_s: float
    end_s: float
    is_holiday: bool
    sunrise_s: float | None
    sunset_s: float | None
    before: Change | None
    changes: tuple[Change, ...]


def coming_days(
    schedule: Schedule, zone: ZoneInfo, now_wall_s: float, place: Coordinates | None
) -> list[PlannedDay]:
    """Today by the site's clock and the days after it, as if nobody chose anything by hand."""
    today = datetime.fromtimestamp(now_wall_s, zone).date()
    days = [today + timedelta(days=number) for number in range(DAYS)]
    edges = [midnight(day, zone) for day in (*days, today + timedelta(days=DAYS))]
    before = last_change(schedule, zone, edges[0], place)
    coming = changes(schedule, zone, edges[0], edges[-1], place)
    planned = []
    for day, (start_s, end_s) in zip(days, pairwise(edges), strict=True):
        before = next((change for change in coming if change.at_wall_s == start_s), before)
        during = tuple(change for change in coming if start_s < change.at_wall_s < end_s)
        planned.append(
            PlannedDay(
                day,
                start_s,
                end_s,
                kind_of(day, schedule) == "holiday",
                sun_at("sunrise", day, zone, place) if place else None,
                sun_at("sunset", day, zone, place) if place else None,
                before,
                during,
            )
        )
        before = during[-1] if during else before
    return planned
