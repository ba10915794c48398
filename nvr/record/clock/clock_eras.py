"""When the clock's becoming better known corrects footage recorded before, on all disks at once. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from nvr.clock import RANK, ClockState, Source
from nvr.record.clock.correction import Correction
from nvr.record.model import TICKS, Segment

WRONG_90K = 2 * TICKS
"""Footage further off than this is corrected; less is bent away while recording goes on."""
LATE_S = 60.0
"""A clock may be set this long after it became better known."""


class Era(NamedTuple):
    """From here on streams go on at wall time = monotonic time + `wall_minus_mono_s`, which `source` says, give or take
    `error_s` (None: nobody knows). `made_s`: when that was found, in wall time."""

    source: Source
    wall_minus_mono_s: float
    error_s: float | None
    made_s: float

    @property
    def offset_90k(self) -> int:
        return int(self.wall_minus_mono_s * TICKS)


class ClockEras:
    """By which clock the segments of this boot are anchored, and when those before must be corrected. One for all
    disks: what lies on several must fit together again.

    `source`: of what is anchored from now on; a better one counts only after LATE_S, or when it corrects what was
    recorded before. `eras`: what was found so far, in order.
    """

    def __init__(self, state: ClockState):
        self.boot_id, self.source = state.boot_id, state.source
        self.eras: list[Era] = []
        self._better_since_s: float | None = None
        self._anchored: dict[Source, tuple[int, int]] = {}
        self._disks: list[DiskClock] = []

    def join(self, disk: DiskClock) -> None:
        """A disk was opened. What was found while it was away is meant for its footage too, so that all fits together:
        that is to be known before anything there is noted."""
        self._disks.append(disk)
        for era in self.eras:
            disk.correct(era)

    def leave(self, disk: DiskClock) -> None:
        """It was let go; what was not written there is given to it again when it is opened the next time."""
        if disk in self._disks:
            self._disks.remove(disk)

    def note(self, source: Source, offset_90k: int) -> None:
        """Something was anchored by `source`, so far behind the monotonic clock."""
        if RANK[source] < RANK[self.source]:
            self.source = source  # until it is clear that it need not be corrected
        least_90k, most_90k = self._anchored.get(source, (offset_90k, offset_90k))
        self._anchored[source] = min(least_90k, offset_90k), max(most_90k, offset_90k)

    def look(self, state: ClockState, wall_s: float, mono_s: float) -> None:
        """Find what the clock tells now of earlier footage: every disk gets its `Correction` of it."""
        if state.rank <= RANK[self.source]:
            self.source, self._better_since_s = state.source, None
            return
        if self._better_since_s is None:
            self._better_since_s = mono_s
        worse = [edges for source, edges in self._anchored.items() if RANK[source] < state.rank]
        offset_90k = int((wall_s - mono_s) * TICKS)
        off_90k = max((abs(offset_90k - edge) for edges in worse for edge in edges), default=0)
        if off_90k <= WRONG_90K:
            if not worse or mono_s - self._better_since_s > LATE_S:
                self._rise(state)
            return
        self._rise(state)
        era = Era(state.source, wall_s - mono_s, state.error_s, wall_s)
        self.eras.append(era)
        for disk in self._disks:
            disk.correct(era)

    def _rise(self, state: ClockState) -> None:
        self.source, self._better_since_s = state.source, None
        self._anchored = {s: edges for s, edges in self._anchored.items() if RANK[s] >= state.rank}


class DiskClock:
    """What one disk has of this boot, and what must be written there. `known`: its corrections of this boot so far;
    `numbers`: its last segments of this boot, by their clocks; `next_number` as for segments. `unwritten`: corrections
    to be written and taken from the list, in order."""

    def __init__(
        self,
        eras: ClockEras,
        known: Sequence[Correction],
        numbers: Mapping[Source, int],
        next_number: Callable[[], int],
    ):
        self.eras = eras
        self.unwritten: list[Correction] = []
        self._known, self._next_number = list(known), next_number
        self._numbers = dict(numbers)

    def note(self, segment: Segment, source: Source | None = None) -> None:
        """A segment was anchored here, or is found from an earlier life of the service; then `source` is what its time
        is known by."""
        clock = segment.clock
        if clock is not None and clock.boot_id == self.eras.boot_id:
            self._numbers[clock.source] = max(segment.number, self._numbers.get(clock.source, 0))
            self.eras.note(source or clock.source, segment.start_90k - clock.mono_90k)

    def correct(self, era: Era) -> None:
        """Everything here that was recorded by a worse clock is meant, if there is anything."""
        if any((known.source, known.made_s) == (era.source, era.made_s) for known in self._known):
            return
        # What was recorded before anything as good as this clock was right by it, or has been corrected by it.
        rank = RANK[era.source]
        settled = [correction.last_number for correction in self._known if RANK[correction.source] >= rank]
        settled += [number for source, number in self._numbers.items() if RANK[source] >= rank]
        first = max(settled, default=-1) + 1
        if first > max(self._numbers.values(), default=-1):
            return
        correction = Correction(
            wall_minus_mono_s=era.wall_minus_mono_s,
            source=era.source,
            error_s=era.error_s,
            first_number=first,
            last_number=self._next_number(),
            made_s=era.made_s,
        )
        self._known.append(correction)
        self.unwritten.append(correction)
