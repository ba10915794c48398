"""Which wall time a stream's pictures get. Pure.

A camera's media clock is smooth but counts from nowhere; arrival by the appliance's clock is absolute but jitters,
and the wall clock may jump. So: each segment is anchored once, the media clock counts inside, and what the anchor
was off is taken back over the next segment by running up to MAX_SLEW_PPM faster or slower. Wall time never goes
back, so nothing recorded ever overlaps; where it must jump forward, that is a gap.
"""

from __future__ import annotations

from typing import NamedTuple

from nvr.record.model import SLEW_UNIT, TICKS, GapCause

MAX_SLEW_PPM = 5_000
"""0.3 s a minute: a picture's time is bent less than anyone sees."""
SLEW_SPAN_90K = 60 * TICKS
JUMP_90K = 2 * TICKS
"""A timeline this far behind the clock is put forward at once."""
TOUCH_90K = TICKS // 10
"""Pictures this close in one media clock belong together: frame times of cameras waver."""


class Anchor(NamedTuple):
    """Wall time of a segment's start, its `Segment.slew_ppm`, and why footage is missing before (None: it is not)."""

    start_90k: int
    slew_ppm: int
    cause: GapCause | None


class WallTimeline:
    """Anchors the segments of one stream; `end_90k` is where its footage ends so far, None before the first.

    Arrival is measured by the monotonic clock and set against the wall clock only when a segment is anchored, so a
    jump of the wall clock is told from a delay. Jitter only ever delays: the least delayed picture since the last
    anchor counts.
    """

    def __init__(self, end_90k: int | None):
        self.end_90k = end_90k
        self._end_pts_90k = 0
        self._least_90k: int | None = None
        self._fresh = True

    def observe(self, pts_90k: int, received_mono_s: float) -> None:
        """A picture arrived."""
        delay_90k = int(received_mono_s * TICKS) - pts_90k
        if self._least_90k is None or delay_90k < self._least_90k:
            self._least_90k = delay_90k

    def raise_end(self, end_90k: int | None) -> None:
        """Other footage of the stream reaches to `end_90k`: nothing begins before."""
        if end_90k is not None and (self.end_90k is None or end_90k > self.end_90k):
            self.end_90k = end_90k
            self._fresh = True

    def restart(self) -> None:
        """The media clock counts from a new point from now on."""
        self._fresh = True
        self._least_90k = None

    def anchor(self, pts_90k: int, wall_minus_mono_s: float, cause: GapCause | None) -> Anchor:
        """Begin a segment with a picture of this pts; at least one must have been observed.

        `cause`: why footage is missing before it; None: nothing is, as far as is known.
        """
        least_90k = self._least_90k if self._least_90k is not None else -pts_90k
        wanted_90k = max(pts_90k + least_90k + int(wall_minus_mono_s * TICKS), 0)
        end_90k = self.end_90k
        if end_90k is None:
            start_90k, cause = wanted_90k, None
        else:
            start_90k = wanted_90k if self._fresh else end_90k + pts_90k - self._end_pts_90k
            if cause is None and abs(start_90k - end_90k) <= TOUCH_90K:
                start_90k = end_90k
            if wanted_90k - start_90k > JUMP_90K:
                start_90k, cause = wanted_90k, cause or "clock"
            start_90k = max(start_90k, end_90k)
            cause = (cause or "stall") if start_90k > end_90k else None
        slew = (wanted_90k - start_90k) * SLEW_UNIT // SLEW_SPAN_90K
        self._fresh = False
        self._least_90k = None
        return Anchor(start_90k, max(-MAX_SLEW_PPM, min(slew, MAX_SLEW_PPM)), cause)

    def correct(self, end_90k: int) -> None:
        """The footage so far turns out to end at this time; what follows goes on from there."""
        self.end_90k = end_90k

    def end(self, wall_90k: int, pts_90k: int) -> None:
        """Footage now reaches to `wall_90k`, where the media clock has `pts_90k`."""
        self.end_90k, self._end_pts_90k = wall_90k, pts_90k
