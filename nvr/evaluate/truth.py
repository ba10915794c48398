"""What is truly in a set of clips: TRUTH.toml, read and checked. Pure."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal, NamedTuple

from nvr.errors import ConfigError

KEYS = ("file", "light", "times", "person", "empty")
MAX_SPANS = 10_000
Times = Literal["first", "pts"]


class Span(NamedTuple):
    """From `start_s` to `end_s`, both included."""

    start_s: float
    end_s: float

    def holds(self, t_s: float) -> bool:
        return self.start_s <= t_s <= self.end_s

    @property
    def length_s(self) -> float:
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class ClipTruth:
    """One clip. `file`: its name in the folder of clips. In each of the `person` spans somebody is visible, in none of
    the `empty` ones; both are in order and do not overlap. `times`: whether the spans count from the first picture or
    are the container's presentation times; None: not said (see `origin_s`)."""

    name: str
    file: str
    light: str
    person: tuple[Span, ...]
    empty: tuple[Span, ...]
    times: Times | None = None

    def origin_s(self, first_s: float, last_s: float) -> float:
        """The presentation time that is 0 in the spans, in a file whose pictures have times from `first_s` to `last_s`.

        Spans count from the first picture unless `times` says otherwise, or the spans do: where they end clearly behind
        the last picture counted so, they can only be presentation times.
        """
        times = self.times
        if times is None:
            spans_end_s = max((span.end_s for span in (*self.person, *self.empty)), default=0.0)
            times = "pts" if first_s > 0 and spans_end_s > (last_s - first_s) + first_s / 2 else "first"
        return 0.0 if times == "pts" else first_s


def parse(data: bytes, place: str) -> tuple[ClipTruth, ...]:
    """The clips of a TRUTH.toml, in its order. Raises ConfigError naming `place`, the clip and the key."""
    try:
        tree = tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise ConfigError(place, "", "not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(place, "", f"not TOML: {error}") from None
    if not tree:
        raise ConfigError(place, "", "has no clips", "a table for each clip, as in [porch]")
    return tuple(_clip(name, table, place) for name, table in tree.items())


def _clip(name: str, table: object, place: str) -> ClipTruth:
    if not isinstance(table, dict):
        raise ConfigError(place, name, "is not a table", "a table for each clip, as in [porch]")
    for key in table:
        if key not in KEYS:
            raise ConfigError(place, f"{name}.{key}", "unknown key", ", ".join(KEYS))
    file = table.get("file")
    if not isinstance(file, str) or not file or "\0" in file or _leaves_folder(file):
        raise ConfigError(place, f"{name}.file", "no file name", "a file in the folder of clips")
    light = table.get("light", "")
    if not isinstance(light, str):
        raise ConfigError(place, f"{name}.light", "is no text", '"day", "night", "infrared"…')
    times = table.get("times")
    if times not in (None, "first", "pts"):
        raise ConfigError(place, f"{name}.times", "unknown value", '"first" or "pts"')
    person, empty = (_spans(table.get(key, []), f"{name}.{key}", place) for key in ("person", "empty"))
    for one in person:
        for other in empty:
            if min(one.end_s, other.end_s) > max(one.start_s, other.start_s):
                problem = f"[{other.start_s:g}, {other.end_s:g}] overlaps a person span"
                raise ConfigError(place, f"{name}.empty", problem)
    return ClipTruth(name, file, light, person, empty, times)


def _leaves_folder(file: str) -> bool:
    path = PurePosixPath(file)
    return path.is_absolute() or ".." in path.parts


def _spans(value: object, key: str, place: str) -> tuple[Span, ...]:
    allowed = "[[start, end], …] in seconds, in order"
    if not isinstance(value, list) or len(value) > MAX_SPANS:
        raise ConfigError(place, key, "is no list of spans", allowed)
    spans: list[Span] = []
    for item in value:
        if not isinstance(item, list) or len(item) != 2 or not all(_is_number(number) for number in item):
            raise ConfigError(place, key, "is no list of spans", allowed)
        span = Span(float(item[0]), float(item[1]))
        if span.start_s >= span.end_s or (spans and span.start_s < spans[-1].end_s):
            raise ConfigError(place, key, f"[{span.start_s:g}, {span.end_s:g}] is not in order", allowed)
        spans.append(span)
    return tuple(spans)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
