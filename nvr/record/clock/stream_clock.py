"""One stream's time, over all disks: in wall time and by the monotonic clock. Pure."""

from __future__ import annotations

from typing import NamedTuple

from nvr.clock import RANK, Source
from nvr.record.clock.clock_eras import ClockEras
from nvr.record.clock.correction import has_room
from nvr.record.clock.wall_timeline import WallTimeline
from nvr.record.model import GapCause, SegmentClock


class BootFootage(NamedTuple):
    """Of one stream on one disk, from an earlier life of the service in this boot of the machine: where it ends by the
    monotonic clock, `SegmentClock.room_90k`, and by which clock it was recorded."""

    end_90k: int
    room_90k: int | None
    source: Source


class StreamClock:
    """Besides the timeline in wall time (`wall`) there is one by the monotonic clock, made by the same rules: it is
    what footage is corrected to, and it cannot overlap either. Without `eras` there is nothing to correct."""

    def __init__(self, eras: ClockEras | None = None):
        self.wall = WallTimeline(None)
        self._eras = eras
        self._steady = WallTimeline(None)
        self._room_90k: int | None = None
        self._source: Source = "none"
        self._era = len(eras.eras) if eras is not None else 0
        self._has_begun = False

    @property
    def is_outdated(self) -> bool:
        """Whether the true time became known since the last segment was begun."""
        return self._eras is not None and len(self._eras.eras) != self._era

    def take_in(self, end_90k: int | None, in_boot: BootFootage | None) -> None:
        """A disk was opened that has footage of the stream up to `end_90k`: nothing begins before."""
        after_90k = self.wall.end_90k
        self.wall.raise_end(end_90k)
        if not self._has_begun and self._eras is not None:
            self._era = len(self._eras.eras)  # what is found on a disk has been corrected by what is known
        if in_boot is not None:
            if not self._has_begun and in_boot.end_90k >= (self._steady.end_90k or 0):
                self._source = in_boot.source
            self._steady.raise_end(in_boot.end_90k)
            self._raise_room(in_boot.room_90k)
        elif self._steady.end_90k is not None and self.wall.end_90k != after_90k and end_90k is not None:
            self._raise_room(end_90k - self._steady.end_90k)  # footage of an earlier boot

    def observe(self, pts_90k: int, received_mono_s: float) -> None:
        """A picture arrived."""
        self.wall.observe(pts_90k, received_mono_s)
        self._steady.observe(pts_90k, received_mono_s)

    def restart(self) -> None:
        """The media clock counts from a new point from now on."""
        self.wall.restart()
        self._steady.restart()

    def begin(self, pts_90k: int, cause: GapCause | None, lost_90k: int = 0) -> SegmentClock | None:
        """The place of a new segment on the monotonic clock; puts the stream at the true time if that became known.
        To be called before the segment is anchored in `wall`. `lost_90k`: so much of the end was lost."""
        eras = self._eras
        if eras is None:
            return None
        self._has_begun = True
        after_90k = self._steady.end_90k
        for era in eras.eras[self._era :]:
            if RANK[self._source] < RANK[era.source]:
                self._source = era.source
                if after_90k is not None and has_room(self._room_90k, era.offset_90k):
                    self.wall.correct(after_90k + era.offset_90k)
        self._era = len(eras.eras)
        mono_90k, slew_ppm, gap_cause = self._steady.anchor(pts_90k, 0.0, cause)
        end_90k = self.wall.end_90k
        if after_90k is None or RANK[eras.source] < RANK[self._source]:
            # What was recorded before, in another boot or by a better clock, is not moved with this.
            after_90k, gap_cause = None, gap_cause or cause
            self._room_90k = None if end_90k is None else end_90k - mono_90k
        elif lost_90k:
            after_90k, gap_cause = after_90k - lost_90k, cause or "disk"
        self._source = eras.source
        return SegmentClock(
            eras.boot_id, eras.source, mono_90k, slew_ppm, after_90k, gap_cause, self._room_90k
        )

    def end(self, wall_90k: int, mono_90k: int | None, pts_90k: int) -> None:
        """Footage now reaches to there, where the media clock has `pts_90k`."""
        self.wall.end(wall_90k, pts_90k)
        if mono_90k is not None:
            self._steady.end(mono_90k, pts_90k)

    def _raise_room(self, room_90k: int | None) -> None:
        if room_90k is not None:
            self._room_90k = max(room_90k, room_90k if self._room_90k is None else self._room_90k)
