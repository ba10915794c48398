"""What the clock's being set later says about footage recorded before. Pure.

Each segment knows its place on the monotonic clock of its boot. Once it is known how far that is from the true time, a
sum puts every segment where it belongs, whatever the wall clock showed; which were meant follows from the file alone,
so a rebuilt index comes out the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from nvr.clock import RANK, Source
from nvr.record.model import TICKS, Gap, Segment, SegmentClock

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
        correction = self._of_segment(segment)
        if correction is None or segment.clock is None:
            return segment
        return _placed(segment, segment.clock, correction.offset_90k)

    def source(self, segment: Segment) -> Source:
        """The best clock that the time of a file's segment is known by."""
        correction = self._of_segment(segment)
        if correction is not None:
            return correction.source
        return "none" if segment.clock is None else segment.clock.source

    def _of_segment(self, segment: Segment) -> Correction | None:
        clock = segment.clock
        if clock is None:
            return None
        for correction in reversed(self.of(clock.boot_id)):
            is_meant = correction.first_number <= segment.number <= correction.last_number
            if is_meant and RANK[clock.source] < RANK[correction.source]:
                return correction
        return None


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
