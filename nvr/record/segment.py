"""Cuts one stream's access units into fragments and segments. Pure.

A fragment ends before a keyframe and otherwise after a second, so that little is lost when the power goes, even
where keyframes are rare. It ends only where the next unit is shown after all before it: then both sides sort by
themselves, and the decode times that RTP does not carry are the fragment's own presentation times in order.
A segment (a file) starts with a keyframe: after a minute, with new parameter sets, after missing pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

from nvr.clock import RANK, Source
from nvr.events import StreamKey
from nvr.media.access_unit import AccessUnit, CodecConfig, Discontinuity, MediaItem
from nvr.record.correction import ClockEras, has_room
from nvr.record.model import TICKS, Fragment, Gap, GapCause, Segment, SegmentClock
from nvr.record.wall_timeline import WallTimeline

SEGMENT_90K = 60 * TICKS
FRAGMENT_90K = TICKS
SHORT_GOP_90K = TICKS // 2
"""Shorter GOPs share a fragment: a stream of keyframes alone needs no fragment a picture."""
MAX_STEP_90K = 10 * TICKS
"""A larger step between two pictures is no pause but a media clock that jumped."""
LARGE_BYTES = 4 << 20
"""A fragment is also cut when it has this many bytes,"""
MAX_BYTES = 32 << 20
"""and given up when it cannot be cut until it has this many,"""
MAX_UNITS = 2_000
"""or this many units."""
STALE_S = 1.5
PAUSE_S = 1.0
"""With reordering a fragment is cut anywhere only when the camera has paused this long."""
WALL_JUMP_S = 1.0
"""A wall clock that was set by more than this shows at the next keyframe, not only a minute later."""
DEFAULT_STEP_90K = TICKS // 25


class BootFootage(NamedTuple):
    """Of one stream, from an earlier life of the service in this boot of the machine: where it ends by the monotonic
    clock, `SegmentClock.room_90k`, and by which clock it was recorded."""

    end_90k: int
    room_90k: int | None
    source: Source


class SegmentBuilder:
    """Takes the items of one stream in order and returns a fragment whenever one is complete.

    `end_90k`: where the stream's stored footage ends, None if there is none. `next_number()` numbers the segments.
    Nothing is taken before a keyframe. With `eras` the segments tell by which clock they were recorded, and the stream
    goes on at the true time when that becomes known; `in_boot`: what it has of this boot already.

    Besides the timeline in wall time there is one by the monotonic clock, made by the same rules: it is what footage is
    corrected to, and it cannot overlap either.
    """

    def __init__(
        self,
        key: StreamKey,
        *,
        end_90k: int | None,
        next_number: Callable[[], int],
        eras: ClockEras | None = None,
        in_boot: BootFootage | None = None,
    ):
        self._key, self._next_number = key, next_number
        self._timeline = WallTimeline(end_90k)
        self._eras = eras
        self._era = eras.count if eras is not None else 0
        self._steady = WallTimeline(in_boot.end_90k if in_boot is not None else None)
        self._room_90k = in_boot.room_90k if in_boot is not None else None
        self._source: Source = in_boot.source if in_boot is not None else "none"
        self._cause: GapCause | None = "stopped"
        self._config: CodecConfig | None = None
        self._segment: Segment | None = None
        self._base_pts_90k = self._media_end_90k = self._fragments = 0
        self._segment_offset_s = 0.0
        self._rotate = False
        self._wait_for_key = True
        self._reordered = False
        self._step_90k = DEFAULT_STEP_90K
        self._units: list[AccessUnit] = []
        self._bytes = self._highest_90k = 0

    def push(self, item: MediaItem, wall_minus_mono_s: float) -> Fragment | None:
        """Take one item. `wall_minus_mono_s`: difference of the appliance's clocks now."""
        if isinstance(item, Discontinuity):
            return self._discontinuity(item, wall_minus_mono_s)
        done = None if self._wait_for_key else self._cut_before(item, wall_minus_mono_s)
        if self._wait_for_key:
            if not item.is_key:
                return done
            self._wait_for_key = False
            self._reordered = self._reordered and item.config == self._config
            self._highest_90k = item.pts_90k
        self._config = item.config
        self._highest_90k = max(self._highest_90k, item.pts_90k)
        self._units.append(item)
        self._bytes += len(item.data)
        self._timeline.observe(item.pts_90k, item.received_mono_s)
        if self._eras is not None:
            self._steady.observe(item.pts_90k, item.received_mono_s)
        return done

    def flush_stale(self, now_mono_s: float, wall_minus_mono_s: float) -> Fragment | None:
        """The open fragment, if the camera pauses: what it sent must not wait for what it does not send."""
        if not self._units or now_mono_s - self._units[0].received_mono_s < STALE_S:
            return None
        if self._reordered and now_mono_s - self._units[-1].received_mono_s < PAUSE_S:
            return None
        return self._finish(None, wall_minus_mono_s)

    def stop(self, cause: GapCause, wall_minus_mono_s: float) -> Fragment | None:
        """End the segment; the next one starts at the next keyframe, and `cause` says why nothing is between."""
        done = self._finish(None, wall_minus_mono_s) if self._units else None
        self._break(cause)
        return done

    @property
    def segment_number(self) -> int | None:
        """The number of the segment that is being filled, None between segments."""
        return self._segment.number if self._segment else None

    @property
    def open_bytes(self) -> int:
        """Bytes of the open fragment."""
        return self._bytes

    def abandon(self, cause: GapCause) -> None:
        """As `stop`, but the segment cannot take any more: the open fragment is dropped."""
        self._units = []
        self._bytes = 0
        self._break(cause)

    def _break(self, cause: GapCause) -> None:
        self._cause = self._cause or cause
        self._segment = None
        self._wait_for_key = True

    def _restart(self) -> None:
        self._timeline.restart()
        self._steady.restart()

    def _discontinuity(self, item: Discontinuity, wall_minus_mono_s: float) -> Fragment | None:
        if item.cause == "timestamp" and not self._wait_for_key:
            # No picture is missing and pts go on: record on, with a new anchor at the next keyframe.
            self._rotate = True
            self._restart()
            return None
        done = self.stop(item.cause, wall_minus_mono_s)
        if item.cause in ("reconnect", "timestamp"):
            self._restart()
        return done

    def _cut_before(self, unit: AccessUnit, wall_minus_mono_s: float) -> Fragment | None:
        """The open fragment, if it ends before `unit`."""
        step_90k = unit.pts_90k - self._highest_90k
        if self._goes_astray(unit, step_90k):
            done = self.stop("timestamp", wall_minus_mono_s)
            self._restart()
            return done
        if step_90k <= 0:
            self._reordered = True
            return None
        if unit.is_key and self._is_due(unit, wall_minus_mono_s):
            done = self._finish(unit.pts_90k, wall_minus_mono_s) if self._units else None
            self._segment = None
            self._rotate = False
            return done
        if not self._units:
            return None
        first = self._units[0]
        span_90k = unit.pts_90k - first.pts_90k
        if unit.is_key:
            is_end = span_90k >= SHORT_GOP_90K or not first.is_key
        else:
            is_end = span_90k >= FRAGMENT_90K or self._bytes >= LARGE_BYTES
        return self._finish(unit.pts_90k, wall_minus_mono_s) if is_end else None

    def _goes_astray(self, unit: AccessUnit, step_90k: int) -> bool:
        """Whether `unit` cannot follow the units before it in one segment."""
        if unit.is_key:
            return not 0 < step_90k <= MAX_STEP_90K
        if unit.config is not self._config and unit.config != self._config:
            return True
        return abs(step_90k) > MAX_STEP_90K or self._bytes >= MAX_BYTES or len(self._units) >= MAX_UNITS

    def _is_due(self, unit: AccessUnit, wall_minus_mono_s: float) -> bool:
        """Whether a new segment starts with the keyframe `unit`."""
        if self._rotate or (unit.config is not self._config and unit.config != self._config):
            return True
        return self._segment is not None and (
            unit.pts_90k - self._base_pts_90k >= SEGMENT_90K
            or abs(wall_minus_mono_s - self._segment_offset_s) > WALL_JUMP_S
            or (self._eras is not None and self._eras.count != self._era)
        )

    def _finish(self, next_pts_90k: int | None, wall_minus_mono_s: float) -> Fragment:
        """Close the open fragment, which is not empty, before a unit with this pts (None: none is known)."""
        units, self._units, self._bytes = self._units, [], 0
        shown_90k = sorted(unit.pts_90k for unit in units)
        if len(shown_90k) > 1:
            self._step_90k = min(max(shown_90k[-1] - shown_90k[-2], 1), TICKS)
        if self._segment is None:
            self._segment = self._begin(shown_90k[0], units[0].config, wall_minus_mono_s)
        base_90k, at_90k = self._base_pts_90k, self._media_end_90k
        decode_90k = []
        for pts_90k in shown_90k:
            # A hole after a pause stays a hole; time never goes back, whatever the order of the pictures.
            at_90k = max(pts_90k - base_90k, at_90k)
            decode_90k.append(at_90k)
            at_90k += 1
        end_pts_90k = shown_90k[-1] + self._step_90k
        if next_pts_90k is not None and not self._reordered:
            end_pts_90k = next_pts_90k  # with reordering, pictures shown earlier may follow the next unit
        self._media_end_90k = max(end_pts_90k - base_90k, at_90k)
        fragment = Fragment(
            self._segment,
            self._fragments,
            decode_90k[0],
            tuple(unit.data for unit in units),
            tuple(b - a for a, b in pairwise([*decode_90k, self._media_end_90k])),
            tuple(u.pts_90k - base_90k - at for u, at in zip(units, decode_90k, strict=True)),
            tuple(unit.is_key for unit in units),
        )
        self._fragments += 1
        end_90k = self._segment.wall_90k(self._media_end_90k)
        self._timeline.end(end_90k, base_90k + self._media_end_90k)
        if self._segment.clock is not None:
            mono_end_90k = self._segment.clock.mono_at_90k(self._media_end_90k)
            self._steady.end(mono_end_90k, base_90k + self._media_end_90k)
        return fragment

    def _begin(self, pts_90k: int, config: CodecConfig, wall_minus_mono_s: float) -> Segment:
        clock = self._clock(pts_90k, self._eras) if self._eras is not None else None
        end_90k = self._timeline.end_90k
        start_90k, slew_ppm, cause = self._timeline.anchor(pts_90k, wall_minus_mono_s, self._cause)
        gap = Gap(self._key, end_90k, start_90k, cause) if end_90k is not None and cause else None
        self._base_pts_90k, self._segment_offset_s = pts_90k, wall_minus_mono_s
        self._media_end_90k = self._fragments = 0
        self._cause = None
        segment = Segment(self._next_number(), self._key, config, start_90k, slew_ppm, gap, clock)
        if self._eras is not None:
            self._eras.note(segment)
        return segment

    def _clock(self, pts_90k: int, eras: ClockEras) -> SegmentClock:
        """The place of a new segment on the monotonic clock; puts the stream at the true time if that became known."""
        after_90k = self._steady.end_90k
        if eras.count != self._era:
            self._era = eras.count
            if after_90k is not None and has_room(self._room_90k, eras.offset_90k):
                self._timeline.correct(after_90k + eras.offset_90k)
        mono_90k, slew_ppm, cause = self._steady.anchor(pts_90k, 0.0, self._cause)
        end_90k = self._timeline.end_90k
        if after_90k is None or RANK[eras.source] < RANK[self._source]:
            # What was recorded before, in another boot or by a better clock, is not moved with this.
            after_90k, cause = None, cause or self._cause
            self._room_90k = None if end_90k is None else end_90k - mono_90k
        self._source = eras.source
        return SegmentClock(eras.boot_id, eras.source, mono_90k, slew_ppm, after_90k, cause, self._room_90k)
