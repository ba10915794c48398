"""Which footage goes: when it is older than its maximum, and when room is needed. Pure.

Room is made by the oldest footage that nothing protects. A minimum of days protects until there is no other footage;
then the oldest of what it protects goes, and that is a fault. A hold protects always.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from nvr.config import Config
from nvr.record.model import TICKS, Candidate, DeletionCause

MARGIN_SHARE = 50
MAX_MARGIN_BYTES = 256 << 20
DAY_90K = 86_400 * TICKS

Span90k = tuple[int, int]
"""Wall time from the first until before the second."""
Until = Callable[[str], int | None]
"""For a camera: the wall time in 1/90000 s up to which footage is asked for; None: all."""
Closed = Callable[[Until], Iterable[Candidate]]
"""Closed segments, oldest first, at least all those that end at `Until` of their camera or before."""


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


@dataclass(frozen=True, slots=True)
class Keep:
    """The days of each camera; `default` holds for cameras that are no longer configured."""

    default: Days = AS_ROOM_ALLOWS
    cameras: Mapping[str, Days] = field(default_factory=dict)

    @classmethod
    def configured(cls, config: Config) -> Keep:
        """As nvr.toml says."""
        most = config.storage.max_days
        cameras = {
            camera.id: Days(camera.keep_days_min, camera.keep_days_max or most) for camera in config.camera
        }
        return cls(Days(0.0, most), cameras)

    def of(self, camera: str) -> Days:
        """The days of one camera."""
        return self.cameras.get(camera, self.default)

    @property
    def has_maximum(self) -> bool:
        return any(days.most is not None for days in (self.default, *self.cameras.values()))


KEEP_AS_ROOM_ALLOWS = Keep()


@dataclass(frozen=True, slots=True)
class Rules:
    """What protects footage now: `keep`, and `held`: for a camera the spans of its holds, disjoint and in order."""

    keep: Keep
    held: Mapping[str, Sequence[Span90k]] = field(default_factory=dict)

    def is_held(self, candidate: Candidate) -> bool:
        """Whether a hold protects any of it."""
        spans = self.held.get(candidate.key.camera, ())
        return any(start < candidate.end_90k and candidate.start_90k < end for start, end in spans)

    def free_until(self, camera: str, now_90k: int) -> int:
        """Footage that ends at this time or before has outlived its minimum."""
        return now_90k - int(self.keep.of(camera).least * DAY_90K)

    def expired_until(self, camera: str, now_90k: int) -> int:
        """Footage that ends at this time or before has outlived its maximum."""
        most = self.keep.of(camera).most
        return 0 if most is None else now_90k - int(most * DAY_90K)


class Doomed(NamedTuple):
    """A segment that goes, and why."""

    candidate: Candidate
    cause: DeletionCause


def outlived(closed: Closed, rules: Rules, now_90k: int, count: int) -> list[Doomed]:
    """The `count` oldest segments that are older than their camera's maximum and not held."""
    chosen: list[Doomed] = []
    for candidate in closed(lambda camera: rules.expired_until(camera, now_90k)):
        if len(chosen) == count:
            break
        if candidate.end_90k <= rules.expired_until(candidate.key.camera, now_90k) and not rules.is_held(
            candidate
        ):
            chosen.append(Doomed(candidate, "max_days"))
    return chosen


def choose(closed: Closed, excess_bytes: int, rules: Rules, now_90k: int) -> list[Doomed]:
    """What goes so that `excess_bytes` become free: the oldest that is neither held nor within its minimum ("space"),
    and where that is not enough the oldest that is not held ("space_min_days"). Less where there is no more."""
    chosen: list[Doomed] = []

    def is_free(candidate: Candidate) -> bool:
        return candidate.end_90k <= rules.free_until(candidate.key.camera, now_90k)

    for candidate in closed(lambda camera: rules.free_until(camera, now_90k)) if excess_bytes > 0 else ():
        if excess_bytes <= 0:
            break
        if is_free(candidate) and not rules.is_held(candidate):
            chosen.append(Doomed(candidate, "space"))
            excess_bytes -= candidate.bytes
    for candidate in closed(lambda _camera: None) if excess_bytes > 0 else ():
        if excess_bytes <= 0:
            break
        if not is_free(candidate) and not rules.is_held(candidate):
            chosen.append(Doomed(candidate, "space_min_days"))
            excess_bytes -= candidate.bytes
    return chosen
