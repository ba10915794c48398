"""When the schedule changes whether and how the site is armed. Pure.

Only the moments of change act; between them whatever a person chose stands. So "disarm by hand at 23:00" holds
until the schedule's next change, and a schedule that slept through a power cut acts on what it missed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from nvr.alarm.sun import sun_at
from nvr.config.schedule import EVERY_DAY, Coordinates, Day, DayTime, Schedule
from nvr.events import Mode

HORIZON_S = 8 * 86400.0
"""How far is looked for a change: a week, and a day for clocks that are put back and suns that are late."""
_MARGIN_DAYS = 2
"""So far can a moment lie from the day that it belongs to: hours before its sunrise, after its sunset."""


@dataclass(frozen=True, slots=True)
class Change:
    """At `at_wall_s` (seconds since 1970 UTC) the schedule arms the site in `mode`, or disarms it (None)."""

    at_wall_s: float
    mode: Mode | None

    @property
    def armed(self) -> bool:
        return self.mode is not None


def last_change(
    schedule: Schedule, zone: ZoneInfo, now_wall_s: float, place: Coordinates | None = None
) -> Change | None:
    """The newest change at or before now; None: there was none for HORIZON_S. `place`: as for `changes`."""
    found = changes(schedule, zone, now_wall_s - HORIZON_S, now_wall_s, place)
    return found[-1] if found else None


def next_change(
    schedule: Schedule, zone: ZoneInfo, now_wall_s: float, place: Coordinates | None = None
) -> Change | None:
    """The first change after now; None: there is none for HORIZON_S. `place`: as for `changes`."""
    found = changes(schedule, zone, now_wall_s, now_wall_s + HORIZON_S, place)
    return found[0] if found else None


def changes(
    schedule: Schedule, zone: ZoneInfo, after_wall_s: float, until_wall_s: float, place: Coordinates | None
) -> list[Change]:
    """All changes after `after_wall_s`, up to and with `until_wall_s`, in order of time. Of several at one moment the
    one of the later day counts, and of the same day the one that stands later in the schedule.

    `place`: where the site is, None only where no entry goes by the sun (else ValueError).
    """
    entries = [(entry.days, entry.day_time, entry.mode) for entry in schedule.changes]
    found: dict[float, Mode | None] = {}
    for day in _days(after_wall_s, until_wall_s, zone):
        kind = kind_of(day, schedule)
        for days, at, mode in entries:
            moment = moment_of(at, day, zone, place) if kind in days else None
            if moment is not None and after_wall_s < moment <= until_wall_s:
                found[moment] = mode
    return [Change(moment, found[moment]) for moment in sorted(found)]


def kind_of(day: date, schedule: Schedule) -> Day:
    """Its weekday, or "holiday" where it is one."""
    is_holiday = f"{day:%m-%d}" in schedule.holidays or day.isoformat() in schedule.holidays
    return "holiday" if is_holiday else EVERY_DAY[day.weekday()]


def moment_of(at: DayTime, day: date, zone: ZoneInfo, place: Coordinates | None) -> float | None:
    """Seconds since 1970 UTC; None: the sun neither rises nor sets on that day, so that nothing happens.

    A time that the clocks skip comes as much later as they skip, one that they show twice when they show it first
    (PEP 495, fold 0).
    """
    if at.sun is None:
        clock = (datetime.min + timedelta(seconds=at.seconds)).time()
        return datetime.combine(day, clock, zone).timestamp()
    if place is None:
        raise ValueError(f"{at} on a site of which nobody knows where it is")
    sun = sun_at(at.sun, day, zone, place)
    return None if sun is None else sun + at.seconds


def midnight(day: date, zone: ZoneInfo) -> float:
    """When the day begins, in seconds since 1970 UTC."""
    return datetime.combine(day, time(0), zone).timestamp()


def _days(after_wall_s: float, until_wall_s: float, zone: ZoneInfo) -> Iterator[date]:
    first = datetime.fromtimestamp(after_wall_s, zone).date() - timedelta(days=_MARGIN_DAYS)
    last = datetime.fromtimestamp(until_wall_s, zone).date() + timedelta(days=_MARGIN_DAYS)
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)
