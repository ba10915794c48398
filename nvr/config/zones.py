"""Where in a camera's picture something counts, when, and what is done then: zones, lines and masks of nvr.toml."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from datetime import datetime, time
from typing import Annotated, Literal, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, model_validator

from nvr.config.alarm import Confirm
from nvr.config.model import Model, Name, Unit
from nvr.events import Mode, Response, Rule

OBJECT_KINDS = ("person", "bicycle", "motorcycle", "car", "bus", "truck", "dog", "cat", "cow")
WHOLE_PICTURE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
MAX_PLACES = 32
SHORTEST_LINE = 0.02
"""Share of the picture; a line that is shorter is a slip of the finger."""


class Hours(NamedTuple):
    """From `start` up to `end`, by the site's clock; over midnight where `end` is not after `start`."""

    start: time
    end: time

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"

    def contain(self, now: time) -> bool:
        if self.start < self.end:
            return self.start <= now < self.end
        return now >= self.start or now < self.end


def _hours(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError('no hours; for example "22:00-05:00"')
    start, _, end = value.partition("-")
    try:
        hours = Hours(_clock_time(start.strip()), _clock_time(end.strip()))
    except ValueError:
        raise ValueError('no hours; for example "22:00-05:00"') from None
    if hours.start == hours.end:
        raise ValueError("begins and ends at the same time; leave `hours` out for all day")
    return hours


def _clock_time(text: str) -> time:
    if text == "24:00":
        return time(0)
    moment = time.fromisoformat(text)
    if moment.tzinfo is not None:
        raise ValueError("a time zone")
    return moment


Point = tuple[Unit, Unit]
Polygon = Annotated[tuple[Point, ...], Field(min_length=3, max_length=32)]
Objects = Annotated[tuple[Literal[OBJECT_KINDS], ...], Field(min_length=1)]  # type: ignore[valid-type]


class Place(Model, ABC):
    """What zones and lines have in common.

    `response = "siren"` is only for closed premises (school, store, culture house) and needs `decided_by`: the
    person who answers for it. On a public road somebody always walks at two in the morning. Outside its `hours`
    (none: all day) and its `modes` it only records; without `modes` one with the siren acts in "night" and "away",
    any other in all. `entry_seconds`: who enters a siren's zone has so long to disarm it.
    """

    name: Name
    response: Response = Response.CALL
    objects: Objects = ("person",)
    hours: Annotated[tuple[Annotated[Hours, BeforeValidator(_hours)], ...], Field(max_length=8)] = ()
    modes: Annotated[tuple[Mode, ...], Field(min_length=1)] | None = None
    entry_seconds: Annotated[float, Field(ge=0.0, le=120.0)] = 0.0
    confirm: Confirm = Confirm()
    decided_by: str = ""

    @model_validator(mode="after")
    def _delays_are_of_the_siren(self) -> Place:
        for key in ("entry_seconds", "confirm"):
            if self.response is not Response.SIREN and key in self.model_fields_set:
                raise ValueError(f'`{key}` is for response = "siren" only; add that, or remove `{key}`')
        return self

    @model_validator(mode="after")
    def _siren_is_decided(self) -> Place:
        if self.response is Response.SIREN and not self.decided_by.strip():
            raise ValueError(
                'response "siren" needs `decided_by`: who decided that it may sound by itself here'
            )
        return self

    def acts_in(self, mode: Mode) -> bool:
        """Whether it does more than record where the site is armed so."""
        if self.modes is None:
            return self.response is not Response.SIREN or mode is not Mode.HOME
        return mode in self.modes

    def is_in_force(self, now_wall_s: float, site: ZoneInfo) -> bool:
        """Whether the moment (seconds since 1970 UTC) lies in its hours."""
        now = datetime.fromtimestamp(now_wall_s, site).time()
        return not self.hours or any(hours.contain(now) for hours in self.hours)

    @abstractmethod
    def allows(self, rule: Rule) -> bool:
        """Whether a sighting here can have come about by `rule`."""


class Zone(Place):
    """A polygon of the picture. `rule`: "enter", an object is confirmed in it; "loiter", it stays for `seconds`."""

    polygon: Polygon = WHOLE_PICTURE
    rule: Literal["enter", "loiter"] = "enter"
    seconds: Annotated[float, Field(ge=1.0, le=3600.0)] = 30.0

    @model_validator(mode="after")
    def _seconds_are_of_loitering(self) -> Zone:
        if self.rule == "enter" and "seconds" in self.model_fields_set:
            raise ValueError('`seconds` is for rule = "loiter" only; add that, or remove `seconds`')
        return self

    @property
    def loiter_s(self) -> float | None:
        """How long an object must stay; None: not at all."""
        return self.seconds if self.rule == "loiter" else None

    def allows(self, rule: Rule) -> bool:
        return rule is (Rule.LOITER if self.rule == "loiter" else Rule.ENTER)


class Line(Place):
    """A line that is crossed. Stand at `from` and look towards `to`: "left" counts who crosses to your left hand,
    "right" to your right. So of a line drawn from the picture's left to its right, "left" is upwards, away from the
    camera, and "right" downwards, towards it."""

    start: Annotated[Point, Field(alias="from")]
    end: Annotated[Point, Field(alias="to")]
    direction: Literal["both", "left", "right"] = "both"

    @model_validator(mode="after")
    def _is_long_enough(self) -> Line:
        (x0, y0), (x1, y1) = self.start, self.end
        if max(abs(x1 - x0), abs(y1 - y0)) < SHORTEST_LINE:
            raise ValueError("`from` and `to` are the same place; draw the line across the way")
        return self

    def allows(self, rule: Rule) -> bool:
        sides = {"left": (Rule.CROSS_LEFT,), "right": (Rule.CROSS_RIGHT,)}
        return rule in sides.get(self.direction, (Rule.CROSS_LEFT, Rule.CROSS_RIGHT))


class Mask(Model):
    """A part of the picture in which nothing counts: neither what moves there, nor who stands there."""

    polygon: Polygon


def check_names(places: Iterable[Place]) -> None:
    """Raises ValueError: incidents could not say which of them it was."""
    seen: set[str] = set()
    for place in places:
        if place.name in seen:
            raise ValueError(f'two zones or lines are named "{place.name}"')
        seen.add(place.name)
