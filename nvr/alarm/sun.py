"""When the sun rises and sets at the site. Pure; the astronomy is astral's (after NOAA's solar calculator)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Literal
from zoneinfo import ZoneInfo

from astral import Observer
from astral.sun import sunrise, sunset

from nvr.config.schedule import Coordinates

_EVENTS = {"sunrise": sunrise, "sunset": sunset}
_TRIES_DEG = (0.0, 1.0, -1.0)
_DEGREE = timedelta(minutes=4)
"""By so much the sun is later one degree farther west."""


def sun_at(
    event: Literal["sunrise", "sunset"], day: date, zone: ZoneInfo, place: Coordinates
) -> float | None:
    """Seconds since 1970 UTC of the sunrise before the noon of `day`, or the sunset after it; None: on that day the sun
    stays above or below the horizon.

    A sunset belongs to the day whose noon it follows, also where it comes after midnight, as in a northern summer.
    """
    # Days counted by the sun itself, so that both events lie well within one of them, whatever the clocks show.
    solar = timezone(timedelta(hours=place.longitude / 15))
    solar_day = datetime.combine(day, time(12), zone).astimezone(UTC).astimezone(solar).date()
    for shift in _TRIES_DEG:
        # Once a year astral loses an event that comes within minutes of midnight UTC (sffjunkie/astral#102); a degree
        # farther east or west it is minutes away from there.
        longitude = (place.longitude + shift + 180) % 360 - 180
        observer = Observer(place.latitude, longitude)
        try:
            found = _EVENTS[event](observer, solar_day, solar)
        except ValueError:
            continue
        return round((found + shift * _DEGREE).timestamp())
    return None
