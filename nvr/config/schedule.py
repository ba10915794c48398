"""The section [schedule] of nvr.toml: at which moments of a week, and of holidays, the site is armed or disarmed.

The page's schedule is made of the same models. Their errors carry a code of their own (`schedule_…`), and where they
are about several keys the `place` of the one to mend, so that the page can say it at the field.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, time
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from nvr.config.model import Model
from nvr.events import Mode

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"]
EVERY_DAY: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday")
"""Weekdays in the order of `date.weekday()`, then the day that takes their place on holidays."""
MAX_CHANGES = 64
MAX_HOLIDAYS = 100
MAX_SUN_OFFSET_S = 6 * 3600
LEAP_YEAR = 2000
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")
_SUN = re.compile(r"(sunrise|sunset)(?:([+-])(\d\d):([0-5]\d))?")


class Coordinates(NamedTuple):
    """Where the site is, in degrees; north and east are positive."""

    latitude: float
    longitude: float


class DayTime(NamedTuple):
    """A moment of any day: `seconds` after midnight by the site's clock, or after `sun` (negative: before it)."""

    sun: Literal["sunrise", "sunset"] | None
    seconds: int

    @classmethod
    def parse(cls, text: str) -> DayTime:
        """Of "22:00", "22:00:30", "sunset", "sunset-00:30", "sunrise+01:00". Raises ValueError."""
        if found := _CLOCK.fullmatch(text):
            hours, minutes, seconds = (int(part or 0) for part in found.groups())
            return cls(None, hours * 3600 + minutes * 60 + seconds)
        found = _SUN.fullmatch(text)
        if found is None:
            raise ValueError("no time of day")
        offset = int(found[3] or 0) * 3600 + int(found[4] or 0) * 60
        if offset > MAX_SUN_OFFSET_S:
            raise ValueError("too far from the sun")
        return cls("sunrise" if found[1] == "sunrise" else "sunset", -offset if found[2] == "-" else offset)

    def __str__(self) -> str:
        minutes, seconds = divmod(abs(self.seconds), 60)
        hours_minutes = f"{minutes // 60:02}:{minutes % 60:02}"
        if self.sun is None:
            return hours_minutes + (f":{seconds:02}" if seconds else "")
        return self.sun + (f"{'-' if self.seconds < 0 else '+'}{hours_minutes}" if self.seconds else "")


def _day_time(value: object) -> str:
    text = value.isoformat() if isinstance(value, time) else value
    try:
        return str(DayTime.parse(text if isinstance(text, str) else ""))
    except ValueError:
        raise PydanticCustomError(
            "schedule_at",
            'no time of day; for example "22:00", "sunset", "sunset-00:30" or "sunrise+01:00", 6 hours at most',
        ) from None


def _in_order(days: tuple[Day, ...]) -> tuple[Day, ...]:
    return tuple(day for day in EVERY_DAY if day in days)


def _holiday(value: object) -> str:
    text = value.isoformat() if isinstance(value, date) else value
    try:
        if not isinstance(text, str) or not re.fullmatch(r"(\d{4}-)?\d\d-\d\d", text):
            raise ValueError
        date.fromisoformat(text if len(text) > len("01-01") else f"{LEAP_YEAR}-{text}")
    except ValueError:
        raise PydanticCustomError(
            "schedule_holiday", 'no such date; for example "2027-02-06", or "01-01" for each year'
        ) from None
    return text


def _without_zone(at: time) -> str:
    return at.replace(microsecond=0, tzinfo=None).isoformat()


class WeeklyChange(Model):
    """On these days, at this moment, the site is armed in a mode or disarmed ("off"). `at` is what `DayTime` parses."""

    days: Annotated[tuple[Day, ...], Field(min_length=1), AfterValidator(_in_order)] = EVERY_DAY
    at: Annotated[str, BeforeValidator(_day_time)]
    set: Literal["home", "night", "away", "off"]

    @property
    def day_time(self) -> DayTime:
        return DayTime.parse(self.at)

    @property
    def mode(self) -> Mode | None:
        """None: disarmed."""
        return None if self.set == "off" else Mode(self.set)

    def __str__(self) -> str:
        days = "every day" if self.days == EVERY_DAY else " ".join(self.days)
        return f"{days} {self.at} {self.set}"


class Schedule(Model):
    """`change`: the moments of change; between them stands what a person chose. On `holidays` ("2027-02-06", or "01-01"
    for each year) the entries of the day "holiday" hold in place of the weekday's.

    `arm` with `disarm` is the short form: armed in the mode "night" and disarmed at these times of every day.
    """

    arm: time | None = None
    disarm: time | None = None
    holidays: Annotated[
        tuple[Annotated[str, BeforeValidator(_holiday)], ...], Field(max_length=MAX_HOLIDAYS)
    ] = ()
    change: Annotated[tuple[WeeklyChange, ...], Field(max_length=MAX_CHANGES)] = ()

    @field_validator("arm", "disarm", mode="before")
    @classmethod
    def _clock_time(cls, value: object) -> object:
        if isinstance(value, str):
            try:
                return time.fromisoformat(value)
            except ValueError:
                raise ValueError('no time of day; for example "22:00"') from None
        return value

    @field_validator("holidays")
    @classmethod
    def _holidays_differ(cls, holidays: tuple[str, ...]) -> tuple[str, ...]:
        for day in holidays:
            if holidays.count(day) > 1:
                raise PydanticCustomError("schedule_holiday_twice", '"{day}" is there twice', {"day": day})
        return holidays

    @model_validator(mode="after")
    def _one_form(self) -> Schedule:
        if (self.arm is None) != (self.disarm is None):
            raise ValueError("`arm` and `disarm` go together; add the other one, or use [[schedule.change]]")
        if self.arm is not None and self.arm == self.disarm:
            raise ValueError("arm and disarm are the same time")
        if self.arm is not None and (self.change or self.holidays):
            raise ValueError("`arm` and `disarm` stand alone; write them as [[schedule.change]] too")
        return self

    @model_validator(mode="after")
    def _moments_differ(self) -> Schedule:
        first: dict[tuple[Day, str], int] = {}
        for number, change in enumerate(self.change):
            for day in change.days:
                other = first.setdefault((day, change.at), number)
                if other != number:
                    raise PydanticCustomError(
                        "schedule_same_time",
                        'change number {number} and number {other} are both on "{day}" at {at}; remove one',
                        {
                            "number": number + 1,
                            "other": other + 1,
                            "day": day,
                            "at": change.at,
                            "place": f"change.{number}.at",
                        },
                    )
        return self

    @property
    def changes(self) -> tuple[WeeklyChange, ...]:
        """The entries, whichever form they were written in."""
        if self.arm is None or self.disarm is None:
            return self.change
        return (
            WeeklyChange(at=_without_zone(self.arm), set="night"),
            WeeklyChange(at=_without_zone(self.disarm), set="off"),
        )

    @property
    def has_idle_holidays(self) -> bool:
        """Whether nothing would change on the holidays it has, which is seldom what was meant."""
        return bool(self.holidays) and not any("holiday" in change.days for change in self.change)


def check_sun(changes: Sequence[WeeklyChange], coordinates: Coordinates | None) -> None:
    """Raises PydanticCustomError: an entry needs the sun, and nobody knows where the site is."""
    if coordinates is not None:
        return
    for number, change in enumerate(changes):
        if change.day_time.sun is not None:
            raise PydanticCustomError(
                "schedule_place",
                'schedule change number {number} is at "{at}", which needs to know where the site is; '
                "add `latitude` and `longitude` to [site]",
                {"number": number + 1, "at": change.at, "place": f"change.{number}.at"},
            )
