"""Cuts one stream's access units into fragments and segments. Pure.

A fragment ends before a keyframe and otherwise after a second, so that little is lost when the power goes, even
where keyframes are rare. It ends only where the next unit is shown after all before it: then both sides sort by
themselves, and the decode times that RTP does not carry are the fragment's own presentation times in order.
A segment (a file) starts with a keyframe: after a minute, with new parameter sets, after missing pictures. Audio goes
along: it cuts nothing, except that a new configuration of it makes the next keyframe start a segment.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from nvr.events import StreamKey
from nvr.media.access_unit import AccessUnit, CodecConfig, Discontinuity, MediaItem
from nvr.media.audio import AudioUnit
from nvr.record.clock.clock_eras import DiskClock
from nvr.record.clock.stream_clock import BootFootage, StreamClock
from nvr.record.model import TICKS, Fragment, Gap, GapCause, Segment
from nvr.record.mp4.audio_queue import AudioQueue

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


class SegmentBuilder:
    """Takes the items of one stream in order and returns a fragment whenever one is complete.

    `end_90k`: where the stream's stored footage ends, None if there is none. `next_number()` numbers the segments.
    `clock`: the stream's own, where it records on several disks in turn, and has been told of this one's footage; else
    `in_boot` is what it has of this boot already. With `disk` the segments tell by which clock they were recorded, and
    the stream goes on at the true time when that becomes known. Nothing is taken before a keyframe.
    """

    def __init__(
        self,
        key: StreamKey,
        *,
        end_90k: int | None,
        next_number: Callable[[], int],
        disk: DiskClock | None = None,
        in_boot: BootFootage | None = None,
        clock: StreamClock | None = None,
    ):
        self._key, self._next_number, self._disk = key, next_number, disk
        if clock is None:
            clock = StreamClock(disk.eras if disk is not None else None)
            clock.take_in(end_90k, in_boot)
        self._clock = clock
        self._cause: GapCause | None = "stopped"
        self._missing_90k: int | None = None
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
        self._audio = AudioQueue()

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
        self._clock.observe(item.pts_90k, item.received_mono_s)
        return done

    def push_audio(self, unit: AudioUnit) -> None:
        """Take one unit; it is part of the fragment of its time, or of the next where that is complete already."""
        self._audio.push(unit)

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
    def pending_cause(self) -> GapCause | None:
        """Why nothing is between the segment before and the next one, as far as is known by now."""
        return self._cause

    def resume(self, cause: GapCause | None, missing_90k: int | None) -> None:
        """The stream was recorded on another disk and goes on here with the next keyframe. `cause`: why something is
        missing in between (None: nothing is), from `missing_90k` on (None: from where its footage ended)."""
        self._cause, self._missing_90k = cause, missing_90k

    @property
    def segment_number(self) -> int | None:
        """The number of the segment that is being filled, None between segments."""
        return self._segment.number if self._segment else None

    @property
    def open_bytes(self) -> int:
        """Bytes of the open fragment."""
        return self._bytes + self._audio.bytes

    def abandon(self, cause: GapCause) -> None:
        """As `stop`, but the segment cannot take any more: the open fragment is dropped."""
        self._units = []
        self._bytes = 0
        self._audio.restart()
        self._break(cause)

    def _break(self, cause: GapCause) -> None:
        self._cause = self._cause or cause
        self._segment = None
        self._wait_for_key = True

    def _discontinuity(self, item: Discontinuity, wall_minus_mono_s: float) -> Fragment | None:
        if item.cause == "timestamp" and not self._wait_for_key:
            # No picture is missing and pts go on: record on, with a new anchor at the next keyframe.
            self._rotate = True
            self._clock.restart()
            return None
        done = self.stop(item.cause, wall_minus_mono_s)
        if item.cause in ("reconnect", "timestamp"):
            self._clock.restart()
        if item.cause == "reconnect":
            self._audio.restart()
        return done

    def _cut_before(self, unit: AccessUnit, wall_minus_mono_s: float) -> Fragment | None:
        """The open fragment, if it ends before `unit`."""
        step_90k = unit.pts_90k - self._highest_90k
        if self._goes_astray(unit, step_90k):
            done = self.stop("timestamp", wall_minus_mono_s)
            self._clock.restart()
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
            or self._segment.audio != self._audio.config
            or abs(wall_minus_mono_s - self._segment_offset_s) > WALL_JUMP_S
            or self._clock.is_outdated
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
            self._audio.take(self._segment.audio, base_90k, base_90k + self._media_end_90k),
        )
        self._fragments += 1
        clock = self._segment.clock
        self._clock.end(
            self._segment.wall_90k(self._media_end_90k),
            None if clock is None else clock.mono_at_90k(self._media_end_90k),
            base_90k + self._media_end_90k,
        )
        return fragment

    def _begin(self, pts_90k: int, config: CodecConfig, wall_minus_mono_s: float) -> Segment:
        lost_90k = self._lost_90k()
        clock = self._clock.begin(pts_90k, self._cause, lost_90k)
        end_90k = self._clock.wall.end_90k
        goes_on = end_90k is not None and self._cause is None
        start_90k, slew_ppm, cause = self._clock.wall.anchor(pts_90k, wall_minus_mono_s, self._cause)
        gap = Gap(self._key, end_90k, start_90k, cause) if end_90k is not None and cause else None
        if end_90k is not None and lost_90k:
            gap = Gap(self._key, end_90k - lost_90k, start_90k, self._cause or "disk")
        self._missing_90k = None
        self._base_pts_90k, self._segment_offset_s = pts_90k, wall_minus_mono_s
        self._media_end_90k = self._fragments = 0
        self._cause = None
        audio = self._audio.begin(pts_90k, goes_on=goes_on and gap is None)
        segment = Segment(self._next_number(), self._key, config, start_90k, slew_ppm, gap, audio, clock)
        if self._disk is not None:
            self._disk.note(segment)
        return segment

    def _lost_90k(self) -> int:
        """How much of what the stream had is missing too, on a disk that it has left."""
        end_90k = self._clock.wall.end_90k
        return 0 if self._missing_90k is None or end_90k is None else max(end_90k - self._missing_90k, 0)
