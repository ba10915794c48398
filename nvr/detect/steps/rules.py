"""When a followed object counts: in a zone, in it for long, or across a line. Pure.

An object is where its foot point is. What happens before it is confirmed is remembered for a while and counts then, so
that who runs across a line within a second is not missed.

Lines have a band: an object has crossed when it has left the band on the other side, and its path, all pieces of it
since it left the first side, has gone through the line itself and not around its end. So neither a box that trembles
on the line nor somebody who turns back there counts.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal

from nvr.detect.steps.zones import Point, contains, foot_point
from nvr.events import Box, Rule

AGAIN_S = 30.0
"""A track that stayed out of a zone this long and comes back is reported again; one that crosses a line to the same
side again, so long after it last did."""
STILL_THERE_S = 5.0
"""As long as somebody counts in a zone that is told anew so often, so that an incident lasts as long as its cause."""
ABSENCE_S = 5.0
"""Shorter absences do not interrupt loitering."""
REMEMBER_S = 10.0
"""A crossing counts when the object is confirmed no later than this after it."""
BAND = 0.1
MIN_BAND = 0.008
"""Half the width of a line's band, as a share of the object's height; and at least, as a share of the picture's: what
a box trembles."""


@dataclass(frozen=True, slots=True)
class WatchedZone:
    """A polygon in relative coordinates and the kinds of object that count in it; `loiter_s`: only after so long.
    `siren`: what counts there sounds it."""

    polygon: tuple[Point, ...]
    kinds: frozenset[str]
    loiter_s: float | None = None
    siren: bool = False


@dataclass(frozen=True, slots=True)
class WatchedLine:
    """As `LineSetup`."""

    start: Point
    end: Point
    direction: Literal["both", "left", "right"]
    kinds: frozenset[str]
    siren: bool = False


@dataclass(frozen=True, slots=True)
class Counted:
    """Something that counts: in the zone with index `place`, or on the line with that index after the last zone."""

    place: int
    rule: Rule


@dataclass(slots=True)
class _Stay:
    """One track in one zone. `since_s`, `last_s`: when it came in and was last seen in it."""

    since_s: float
    last_s: float
    is_told: bool = False


@dataclass(slots=True)
class _Passage:
    """One track at one line. `side`: +1 left, -1 right, where it last was outside the band; `passed`: how often its
    path has gone through the line to the left since, less how often to the right."""

    at: Point
    side: int = 0
    passed: int = 0


@dataclass(slots=True)
class _History:
    stays: dict[int, _Stay] = field(default_factory=dict)
    passages: dict[int, _Passage] = field(default_factory=dict)
    crossed_s: dict[Counted, float] = field(default_factory=dict)
    told_s: dict[Counted, float] = field(default_factory=dict)


class Rules:
    """The rules of one camera and what they remember of each track, by its number."""

    def __init__(self, zones: Sequence[WatchedZone], lines: Sequence[WatchedLine] = ()):
        self._zones, self._lines = tuple(zones), tuple(lines)
        self._tracks: dict[int, _History] = {}
        self._told_s: dict[int, float] = {}

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of object that count anywhere."""
        zones, lines = (zone.kinds for zone in self._zones), (line.kinds for line in self._lines)
        return frozenset[str]().union(*zones, *lines)

    def observe(
        self, track: int, box: Box, kinds: frozenset[str], t_s: float, *, confirmed: bool, aspect: float
    ) -> list[Counted]:
        """The track, which is all of `kinds`, was seen at `t_s` (never before the last time): what counts of it now.
        `aspect`: width of the picture over its height."""
        history = self._tracks.setdefault(track, _History())
        foot = foot_point(box)
        self._stay(history, foot, t_s)
        self._pass(history, foot, max(BAND * (box.y1 - box.y0), MIN_BAND), aspect, t_s)
        if not confirmed:
            return []
        found = [self._entered(history, i, z, t_s) for i, z in enumerate(self._zones) if kinds & z.kinds]
        first_line = len(self._zones)
        crossings = [c for c in history.crossed_s if kinds & self._lines[c.place - first_line].kinds]
        found += [_crossed(history, crossing, t_s) for crossing in crossings]
        return [counted for counted in found if counted is not None]

    def keep_only(self, tracks: Collection[int]) -> None:
        """Forget all others."""
        for number in self._tracks.keys() - set(tracks):
            del self._tracks[number]

    def _stay(self, history: _History, foot: Point, t_s: float) -> None:
        for index, zone in enumerate(self._zones):
            if not contains(zone.polygon, foot):
                continue
            stay = history.stays.get(index)
            allowed_s = AGAIN_S if zone.loiter_s is None else ABSENCE_S
            if stay is None or t_s - stay.last_s >= allowed_s:
                history.stays[index] = _Stay(t_s, t_s, is_told=_is_recent(stay, t_s))
            else:
                stay.last_s = t_s

    def _entered(self, history: _History, index: int, zone: WatchedZone, t_s: float) -> Counted | None:
        stay = history.stays.get(index)
        if stay is None or stay.last_s != t_s or t_s - stay.since_s < (zone.loiter_s or 0.0):
            return None
        if stay.is_told and t_s - self._told_s.get(index, t_s) < STILL_THERE_S:
            return None
        stay.is_told = True
        self._told_s[index] = t_s
        return Counted(index, Rule.ENTER if zone.loiter_s is None else Rule.LOITER)

    def _pass(self, history: _History, foot: Point, band: float, aspect: float, t_s: float) -> None:
        for index, line in enumerate(self._lines, start=len(self._zones)):
            passage = history.passages.setdefault(index, _Passage(foot))
            passage.passed += _through(line, passage.at, foot)
            passage.at = foot
            distance = _distance(line, foot, aspect)
            if abs(distance) <= band:
                continue
            side = 1 if distance > 0 else -1
            if passage.side == -side and passage.passed * side > 0:
                rule = Rule.CROSS_LEFT if side > 0 else Rule.CROSS_RIGHT
                if line.direction in ("both", "left" if side > 0 else "right"):
                    history.crossed_s[Counted(index, rule)] = t_s
            passage.side, passage.passed = side, 0


def _is_recent(stay: _Stay | None, t_s: float) -> bool:
    """Who loitered, left for a moment and is back is the same as before."""
    return stay is not None and stay.is_told and t_s - stay.last_s < AGAIN_S


def _crossed(history: _History, crossing: Counted, t_s: float) -> Counted | None:
    crossed_s = history.crossed_s.pop(crossing)
    told_s = history.told_s.get(crossing)
    if t_s - crossed_s > REMEMBER_S or (told_s is not None and t_s - told_s < AGAIN_S):
        return None
    history.told_s[crossing] = t_s
    return crossing


def _side(a: Point, b: Point, p: Point) -> float:
    """Positive where `p` is at the left hand of who looks from `a` to `b`; the picture's y points down."""
    return (b[1] - a[1]) * (p[0] - a[0]) - (b[0] - a[0]) * (p[1] - a[1])


def _distance(line: WatchedLine, p: Point, aspect: float) -> float:
    """From the endless line, in heights of the picture; positive to its left."""
    (x0, y0), (x1, y1) = line.start, line.end
    length = ((aspect * (x1 - x0)) ** 2 + (y1 - y0) ** 2) ** 0.5
    return aspect * _side(line.start, line.end, p) / length if length else 0.0


def _through(line: WatchedLine, a: Point, b: Point) -> int:
    """+1 where the way from `a` to `b` goes through the line to its left, -1 to its right, else 0. A point on the
    endless line counts to its left, so that a way in two pieces goes through it as often as in one."""
    before, after = _side(line.start, line.end, a) >= 0, _side(line.start, line.end, b) >= 0
    if before == after:
        return 0
    # The line's ends must lie on different sides of the way, or on it.
    if _side(a, b, line.start) * _side(a, b, line.end) > 0:
        return 0
    return 1 if after else -1
