"""Plain data of recording. Pure.

`*_90k` are integers in 1/90000 s: wall times since 1970-01-01 UTC, media times since their segment's first picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Literal, NamedTuple

from nvr.clock import Source
from nvr.events import StreamKey
from nvr.media.access_unit import CodecConfig
from nvr.media.audio import AudioConfig

TICKS = 90_000
SLEW_UNIT = 1_000_000
AUDIO_LEAD_90K = TICKS // 2
"""Media time of audio counts from this much before the segment's first picture, because audio that belongs to the end
of the segment before may arrive when that is complete. In the file it is the pictures that wait (an edit list), since
an edit that skips the start of AAC makes FFmpeg drop seconds of it."""
GapCause = Literal["loss", "reconnect", "timestamp", "overflow", "clock", "stall", "stopped", "disk"]


class Interval(NamedTuple):
    """Wall time from `start_s` until before `end_s`."""

    start_s: float
    end_s: float


class FileRange(NamedTuple):
    """`length` bytes of the file `path` from `offset` on."""

    path: Path
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Gap:
    """Footage known to be missing, and why.

    `cause`: "loss", "reconnect", "timestamp" as in `Discontinuity`; "overflow": the disk did not keep up; "clock":
    the wall clock was put forward; "stall": the camera paused; "stopped": the appliance did not run; "disk": writing
    failed.
    """

    key: StreamKey
    start_90k: int
    end_90k: int
    cause: GapCause


class SegmentClock(NamedTuple):
    """What a segment was recorded by, stored with it so that its wall time can be corrected later.

    `boot_id`, `source`: as in `ClockState`. `mono_90k`, `slew_ppm`: as `Segment.start_90k` and `slew_ppm`, but by the
    monotonic clock of that boot; on that timeline, too, segments of a stream never overlap. `after_90k`: where the
    footage before ends on it, None: this is the stream's first since the boot. `cause`: why anything is missing before,
    None: nothing is. `room_90k`: the least wall minus monotonic time that puts no footage of this boot before the end
    of what the stream had already, None: it had nothing.
    """

    boot_id: str
    source: Source
    mono_90k: int
    slew_ppm: int
    after_90k: int | None
    cause: GapCause | None
    room_90k: int | None

    def mono_at_90k(self, media_90k: int) -> int:
        """Monotonic time of a media time in the segment."""
        return self.mono_90k + media_90k + media_90k * self.slew_ppm // SLEW_UNIT


@dataclass(frozen=True, slots=True)
class Segment:
    """What is known of a segment when its first fragment is complete.

    `number` counts all segments of the appliance in the order in which they were begun and is never used twice.
    `start_90k` is the wall time of media time 0; media time runs `slew_ppm` millionths slower than wall time.
    `gap`: what is missing before it. `audio`: of its audio track, None where it has none. `shift_90k`: how much later
    than it was recorded as `start_90k` is since the clock was corrected; names of files and what stands in them keep
    the recorded time.
    """

    number: int
    key: StreamKey
    config: CodecConfig
    start_90k: int
    slew_ppm: int
    gap: Gap | None = None
    audio: AudioConfig | None = None
    clock: SegmentClock | None = None
    shift_90k: int = 0

    def wall_90k(self, media_90k: int) -> int:
        """Wall time of a media time in this segment."""
        return self.start_90k + media_90k + media_90k * self.slew_ppm // SLEW_UNIT


@dataclass(frozen=True, slots=True)
class AudioRun:
    """Audio units that are written together: sample k has `data[k]` and lasts `durations_90k[k]`; the first starts at
    `media_90k`, counted from AUDIO_LEAD_90K before the segment's first picture."""

    media_90k: int
    data: tuple[bytes, ...] = field(repr=False)
    durations_90k: tuple[int, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Fragment:
    """Access units that are written together, in decode order: sample k has `data[k]`, lasts `durations_90k[k]` in
    decode time, is shown `offsets_90k[k]` after (or before) its decode time and is a keyframe where `keys[k]`.

    `number` counts in the segment from 0; `media_90k` is the decode time of the first sample.
    `audio`: what belongs to its time, or came too late for the fragment before.
    """

    segment: Segment
    number: int
    media_90k: int
    data: tuple[bytes, ...] = field(repr=False)
    durations_90k: tuple[int, ...] = field(repr=False)
    offsets_90k: tuple[int, ...] = field(repr=False)
    keys: tuple[bool, ...] = field(repr=False)
    audio: AudioRun | None = None

    @property
    def media_end_90k(self) -> int:
        return self.media_90k + sum(self.durations_90k)

    @property
    def payload_bytes(self) -> int:
        return sum(map(len, self.data)) + (sum(map(len, self.audio.data)) if self.audio else 0)

    @property
    def missing(self) -> tuple[int, int]:
        """(start, end) in wall time of what is missing when this fragment is not written."""
        gap = self.segment.gap if self.number == 0 else None
        start = gap.start_90k if gap else self.segment.wall_90k(self.media_90k)
        return start, self.segment.wall_90k(self.media_end_90k)


class FragmentEntry(NamedTuple):
    """One fragment in the index: `bytes` in the file, all boxes included; `is_key`: it starts with a keyframe."""

    media_90k: int
    duration_90k: int
    bytes: int
    is_key: bool


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """One segment in the index.

    `header_bytes`: where the first fragment starts in the file; the others follow one another. `footer_bytes`: size of
    the boxes that end a closed file, 0 if there are none. `is_open`: its file may still grow.
    """

    segment: Segment
    header_bytes: int
    footer_bytes: int
    is_open: bool
    fragments: tuple[FragmentEntry, ...]

    @property
    def media_90k(self) -> int:
        return self.fragments[-1].media_90k + self.fragments[-1].duration_90k if self.fragments else 0

    @property
    def end_90k(self) -> int:
        return self.segment.wall_90k(self.media_90k)

    @property
    def footer_offset(self) -> int:
        """Where the last fragment ends in the file."""
        return self.header_bytes + sum(fragment.bytes for fragment in self.fragments)

    @property
    def bytes(self) -> int:
        return self.footer_offset + self.footer_bytes


class FootageClass(IntEnum):
    """The most that was seen in a segment: nothing; something that moved; a person, or what else makes an incident."""

    CONTINUOUS = 0
    MOTION = 1
    PERSON = 2


class Mark(NamedTuple):
    """Footage of both streams of `camera` in [`start_90k`, `end_90k`) is of class `kind` or above."""

    camera: str
    start_90k: int
    end_90k: int
    kind: FootageClass


class Candidate(NamedTuple):
    """A closed segment, as far as deleting it needs; `shift_90k` as in `Segment`."""

    number: int
    key: StreamKey
    start_90k: int
    end_90k: int
    bytes: int
    shift_90k: int = 0
    kind: FootageClass = FootageClass.CONTINUOUS


DeletionCause = Literal["max_days", "space", "space_min_days", "missing"]


@dataclass(frozen=True, slots=True)
class Deletion:
    """What was deleted of one stream on one day (days since 1970 UTC) for one cause: so many segments and bytes, the
    oldest from `start_90k` on, the newest until `end_90k`.

    `cause`: "max_days": outlived its maximum; "space": the oldest, for room; "space_min_days": for room, though within
    its minimum; "missing": the file was gone.
    """

    key: StreamKey
    day: int
    cause: DeletionCause
    segments: int
    bytes: int
    start_90k: int
    end_90k: int


@dataclass(frozen=True, slots=True)
class Usage:
    """How full the recordings directory is. `oldest_wall_s`: start of the oldest footage, None if there is none;
    `days_kept`: from then to now. `dropped_fragments`: since the start, because the disk did not keep up or failed."""

    used_bytes: int
    free_bytes: int
    oldest_wall_s: float | None
    days_kept: float
    dropped_fragments: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """Counters since the start. `frames`: access units that are committed, by stream."""

    frames: Mapping[StreamKey, int]
    fragments: int
    dropped_fragments: int
    commits: int
    last_commit_s: float
    queued_bytes: int
