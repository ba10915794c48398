"""Which footage goes: when it is older than its maximum, when room is needed, and when its camera has too much. Pure.

Room is made by the oldest footage that nothing protects. A minimum of days protects until there is no other footage;
then the oldest of what it protects goes, and that is a fault. A hold protects always. Minimum and maximum depend on
what was seen in it, its class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from nvr.config import Config
from nvr.config.days import ClassDays, in_order
from nvr.record.model import TICKS, Candidate, DeletionCause, FootageClass

MARGIN_SHARE = 50
MAX_MARGIN_BYTES = 256 << 20
DAY_90K = 86_400 * TICKS
GB = 1_000_000_000

Span90k = tuple[int, int]
"""Wall time from the first until before the second."""
Until = Callable[[str, FootageClass], int | None]
"""For a camera and class: the wall time in 1/90000 s up to which footage is asked for; None: all."""
Closed = Callable[[Until], Iterable[Candidate]]
"""Closed segments, oldest first, at least all those that end at `Until` of their camera and class or before."""


@dataclass(frozen=True, slots=True)
class Budget:
    """At most `max_bytes` (None: no limit) are used and at least `keep_free_bytes` stay free on the disk."""

    max_bytes: int | None
    keep_free_bytes: int

    def excess(self, used_bytes: int, free_bytes: int, incoming_bytes: int) -> int:
        """How many bytes must be deleted before `incoming_bytes` are written; 0 if there is room.

        When something must go, a little more goes (a fiftieth, at most 256 MB), so that it is not for every write.
        """
        over = 0
        if self.max_bytes is not None and used_bytes + incoming_bytes > self.max_bytes:
            over = used_bytes + incoming_bytes - self.max_bytes + _margin(self.max_bytes)
        if free_bytes - incoming_bytes < self.keep_free_bytes:
            short = self.keep_free_bytes - (free_bytes - incoming_bytes) + _margin(self.keep_free_bytes)
            over = max(over, short)
        return over


def _margin(limit_bytes: int) -> int:
    return min(limit_bytes // MARGIN_SHARE, MAX_MARGIN_BYTES)


class Days(NamedTuple):
    """How long footage is kept: at least `least` days where the disk has room for that, at most `most` (None: as long
    as there is room)."""

    least: float = 0.0
    most: float | None = None


AS_ROOM_ALLOWS = Days()


class Longer(NamedTuple):
    """The days of footage in which more was seen."""

    motion: Days
    person: Days


@dataclass(frozen=True, slots=True)
class Keep:
    """The days of each camera, and in `longer` those of its footage in which more was seen, where they are others;
    `default`, `default_longer` hold for cameras that are no longer configured. `max_bytes`: of a camera's footage, main
    and sub, where there is a limit."""

    default: Days = AS_ROOM_ALLOWS
    cameras: Mapping[str, Days] = field(default_factory=dict)
    longer: Mapping[str, Longer] = field(default_factory=dict)
    default_longer: Longer | None = None
    max_bytes: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def configured(cls, config: Config) -> Keep:
        """As nvr.toml says."""
        default, default_longer = _days(in_order(config.days_of(None)))
        found = {camera.id: _days(config.days_of(camera)) for camera in config.camera}
        return cls(
            default,
            {camera: days for camera, (days, _) in found.items()},
            {camera: longer for camera, (_, longer) in found.items() if longer is not None},
            default_longer,
            {camera.id: int(camera.max_gb * GB) for camera in config.camera if camera.max_gb is not None},
        )

    def of(self, camera: str, kind: FootageClass = FootageClass.CONTINUOUS) -> Days:
        """The days of one camera's footage of a class."""
        is_known = camera in self.cameras
        longer = self.longer.get(camera) if is_known else self.default_longer
        if longer is None or kind is FootageClass.CONTINUOUS:
            return self.cameras.get(camera, self.default)
        return longer.motion if kind is FootageClass.MOTION else longer.person

    @property
    def has_maximum(self) -> bool:
        return any(
            self.of(camera, kind).most is not None for camera in ("", *self.cameras) for kind in FootageClass
        )


def _days(classes: Sequence[ClassDays]) -> tuple[Days, Longer | None]:
    continuous, *more = (Days(days.least, days.most) for days in classes)
    return continuous, None if all(days == continuous for days in more) else Longer(*more)


KEEP_AS_ROOM_ALLOWS = Keep()


@dataclass(frozen=True, slots=True)
class Rules:
    """What protects footage now: `keep`, and `held`: for a camera the spans of its holds, disjoint and in order.
    `known_until_90k`: what was seen in footage that ends later is not known yet, so it counts as of the highest class;
    None: all is known."""

    keep: Keep
    held: Mapping[str, Sequence[Span90k]] = field(default_factory=dict)
    known_until_90k: int | None = None

    def is_held(self, candidate: Candidate) -> bool:
        """Whether a hold protects any of it."""
        spans = self.held.get(candidate.key.camera, ())
        return any(start < candidate.end_90k and candidate.start_90k < end for start, end in spans)

    def free_until(self, camera: str, kind: FootageClass, now_90k: int) -> int:
        """Footage that ends at this time or before has outlived its minimum."""

        def limit(kind: FootageClass) -> int:
            return now_90k - int(self.keep.of(camera, kind).least * DAY_90K)

        return self._known(limit(kind), limit(FootageClass.PERSON))

    def expired_until(self, camera: str, kind: FootageClass, now_90k: int) -> int:
        """Footage that ends at this time or before has outlived its maximum."""

        def limit(kind: FootageClass) -> int:
            most = self.keep.of(camera, kind).most
            return 0 if most is None else now_90k - int(most * DAY_90K)

        return self._known(limit(kind), limit(FootageClass.PERSON))

    def _known(self, limit: int, limit_of_highest: int) -> int:
        return (
            limit if self.known_until_90k is None else max(min(limit, self.known_until_90k), limit_of_highest)
        )


class Doomed(NamedTuple):
    """A segment that goes, and why."""

    candidate: Candidate
    cause: DeletionCause


def outlived(closed: Closed, rules: Rules, now_90k: int, count: int) -> list[Doomed]:
    """The `count` oldest segments that are older than the maximum of their camera and class and not held."""

    def until(camera: str, kind: FootageClass) -> int:
        return rules.expired_until(camera, kind, now_90k)

    chosen: list[Doomed] = []
    for candidate in closed(until):
        if len(chosen) == count:
            break
        if candidate.end_90k <= until(candidate.key.camera, candidate.kind) and not rules.is_held(candidate):
            chosen.append(Doomed(candidate, "max_days"))
    return chosen


def choose(closed: Closed, excess_bytes: int, rules: Rules, now_90k: int) -> list[Doomed]:
    """What goes so that `excess_bytes` become free: the oldest that is neither held nor within its minimum ("space"),
    and where that is not enough the oldest that is not held ("space_min_days"). Less where there is no more."""
    chosen: list[Doomed] = []

    def until(camera: str, kind: FootageClass) -> int:
        return rules.free_until(camera, kind, now_90k)

    def is_free(candidate: Candidate) -> bool:
        return candidate.end_90k <= until(candidate.key.camera, candidate.kind)

    for candidate in closed(until) if excess_bytes > 0 else ():
        if excess_bytes <= 0:
            break
        if is_free(candidate) and not rules.is_held(candidate):
            chosen.append(Doomed(candidate, "space"))
            excess_bytes -= candidate.bytes
    for candidate in closed(lambda _camera, _kind: None) if excess_bytes > 0 else ():
        if excess_bytes <= 0:
            break
        if not is_free(candidate) and not rules.is_held(candidate):
            chosen.append(Doomed(candidate, "space_min_days"))
            excess_bytes -= candidate.bytes
    return chosen
