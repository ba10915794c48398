"""What the clock's being set later says about footage recorded before. Pure.

Each segment knows its place on the monotonic clock of its boot. Once it is known how far that is from the true time, a
sum puts every segment where it belongs, whatever the wall clock showed; which were meant follows from the file alone,
so a rebuilt index comes out the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from nvr.clock import RANK, ClockState, Source
from nvr.record.model import TICKS, Gap, Segment, SegmentClock

WRONG_90K = 2 * TICKS
"""Footage further off than this is corrected; less is bent away while recording goes on."""
LATE_S = 60.0
"""A clock may be set this long after it became better known."""
MAX_NUMBER = 1 << 62

Seconds = Annotated[float, Field(ge=-1e11, le=1e11, allow_inf_nan=False)]
Number = Annotated[int, Field(ge=0, le=MAX_NUMBER)]


class Correction(BaseModel):
    """Segments `first_number` to `last_number` that were recorded in one boot of the machine by a worse clock than
    `source` belong where the monotonic clock plus `wall_minus_mono_s` says, give or take `error_s` (None: nobody
    knows). `made_s`: when that was found, in wall time."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    wall_minus_mono_s: Seconds
    source: Source
    error_s: Annotated[float, Field(ge=0.0, le=1e9, allow_inf_nan=False)] | None
    first_number: Number
    last_number: Number
    made_s: Seconds

    @property
    def offset_90k(self) -> int:
        return int(self.wall_minus_mono_s * TICKS)


class BootCorrections(BaseModel):
    """All of one boot, in the order in which they were made."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    boot_id: Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{1,64}$")]
    corrections: tuple[Correction, ...]


@dataclass(frozen=True, slots=True)
class Corrections:
    """All that are known of a recordings directory, by boot."""

    boots: Mapping[str, BootCorrections] = field(default_factory=dict)

    def of(self, boot_id: str) -> tuple[Correction, ...]:
        """Those of one boot."""
        found = self.boots.get(boot_id)
        return found.corrections if found is not None else ()

    def adding(self, boot_id: str, correction: Correction) -> Corrections:
        """With one more."""
        corrections = (*self.of(boot_id), correction)
        return Corrections({**self.boots, boot_id: BootCorrections(boot_id=boot_id, corrections=corrections)})

    def covers(self, number: int) -> bool:
        """Whether a segment's recorded time may not be its true one, as far as its number tells."""
        return any(
            correction.first_number <= number <= correction.last_number
            for boot in self.boots.values()
            for correction in boot.corrections
        )

    def apply(self, segment: Segment) -> Segment:
        """The segment of a file at its true time, with what is missing before it there. One that is not concerned, or
        whose true place other footage has, is as it was recorded."""
        clock = segment.clock
        if clock is None:
            return segment
        for correction in reversed(self.of(clock.boot_id)):
            is_meant = correction.first_number <= segment.number <= correction.last_number
            if is_meant and RANK[clock.source] < RANK[correction.source]:
                return _placed(segment, clock, correction.offset_90k)
        return segment


NO_CORRECTIONS = Corrections()


def has_room(room_90k: int | None, offset_90k: int) -> bool:
    """Whether footage of a boot may lie `offset_90k` behind the monotonic clock (see `SegmentClock.room_90k`)."""
    return offset_90k >= 0 and (room_90k is None or offset_90k >= room_90k)


def _placed(segment: Segment, clock: SegmentClock, offset_90k: int) -> Segment:
    if not has_room(clock.room_90k, offset_90k):
        return segment
    start_90k = clock.mono_90k + offset_90k
    before_90k: int | None = None
    if clock.after_90k is not None:
        before_90k = clock.after_90k + offset_90k
    elif clock.room_90k is not None:
        before_90k = clock.room_90k + clock.mono_90k
    is_missing = before_90k is not None and clock.cause is not None and before_90k < start_90k
    gap = Gap(segment.key, before_90k, start_90k, clock.cause) if is_missing else None  # type: ignore[arg-type]
    recorded_90k = segment.start_90k - segment.shift_90k
    return replace(
        segment,
        start_90k=start_90k,
        slew_ppm=clock.slew_ppm,
        gap=gap,
        shift_90k=start_90k - recorded_90k,
    )


class ClockEras:
    """By which clock the segments of this boot are anchored, and when those before must be corrected.

    `source`: of what is anchored from now on; a better one counts only after LATE_S, or when it corrects what was
    recorded before. `count`: how many corrections were found; after each, streams go on at `offset_90k` behind the
    monotonic clock.
    """

    def __init__(self, state: ClockState):
        self.boot_id, self.source = state.boot_id, state.source
        self.count = self.offset_90k = 0
        self._better_since_s: float | None = None
        self._anchored: dict[Source, tuple[int, int]] = {}
        self._numbers: dict[Source, int] = {}

    def note(self, segment: Segment) -> None:
        """A segment was anchored, or is found from an earlier life of the service."""
        clock = segment.clock
        if clock is None or clock.boot_id != self.boot_id:
            return
        if RANK[clock.source] < RANK[self.source]:
            self.source = clock.source  # until it is clear that it need not be corrected
        self._numbers[clock.source] = segment.number
        offset_90k = segment.start_90k - clock.mono_90k
        least_90k, most_90k = self._anchored.get(clock.source, (offset_90k, offset_90k))
        self._anchored[clock.source] = min(least_90k, offset_90k), max(most_90k, offset_90k)

    def look(
        self,
        state: ClockState,
        wall_s: float,
        mono_s: float,
        before: tuple[Correction, ...],
        last_number: Callable[[], int],
    ) -> Correction | None:
        """What the clock tells now of footage up to `last_number()`. `before`: earlier corrections of this boot."""
        if state.rank <= RANK[self.source]:
            self.source, self._better_since_s = state.source, None
            return None
        if self._better_since_s is None:
            self._better_since_s = mono_s
        worse = [edges for source, edges in self._anchored.items() if RANK[source] < state.rank]
        offset_90k = int((wall_s - mono_s) * TICKS)
        off_90k = max((abs(offset_90k - edge) for edges in worse for edge in edges), default=0)
        if off_90k <= WRONG_90K:
            if not worse or mono_s - self._better_since_s > LATE_S:
                self._rise(state)
            return None
        self._rise(state)
        # What was recorded before anything as good as this clock was right by it, or has been corrected by it.
        settled = [correction.last_number for correction in before if RANK[correction.source] >= state.rank]
        settled += [number for source, number in self._numbers.items() if RANK[source] >= state.rank]
        correction = Correction(
            wall_minus_mono_s=wall_s - mono_s,
            source=state.source,
            error_s=state.error_s,
            first_number=max(settled, default=-1) + 1,
            last_number=last_number(),
            made_s=wall_s,
        )
        self.count += 1
        self.offset_90k = correction.offset_90k
        return correction

    def _rise(self, state: ClockState) -> None:
        self.source, self._better_since_s = state.source, None
        self._anchored = {s: edges for s, edges in self._anchored.items() if RANK[s] >= state.rank}
