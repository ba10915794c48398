"""Live pictures as fragmented MP4 for a browser's Media Source. Pure.

::

    stream   = (init fragment+)+          a new init where the parameter sets change
    init     = ftyp moov(trak mvex)
    fragment = moof(mfhd traf(tfhd tfdt trun)) mdat       one picture, or the GOP that somebody begins with

Sources: ISO/IEC 14496-12:2022, 8.8 movie fragments; W3C ISO BMFF Byte Stream Format, 4 media segments; W3C Media Source
Extensions, 3.5.8 coded frame processing.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from nvr.media.access_unit import AccessUnit, CodecConfig, Discontinuity, MediaItem
from nvr.record.model import TICKS
from nvr.record.mp4.boxes import NON_SYNC_SAMPLE, SYNC_SAMPLE, TRACK_ID, box, full_box, movie
from nvr.record.mp4.fmp4 import EMPTY_TABLES, TREX

FIRST_STEP_90K = TICKS // 25
"""How long a picture is shown that nothing followed and none went before."""
_DURATION_MAX_90K = 0xFFFF_FFFF
_SAMPLE = struct.Struct(">III")
"""Duration, size, flags of a sample in `trun`."""
_RUN_FLAGS = 0x701
"""Data offset; duration, size and flags of each sample."""
_MOOF_BYTES = 8 + 16 + 8 + 16 + 20 + 20


@dataclass(frozen=True, slots=True)
class LiveFragment:
    """One picture, or a GOP up to now: `data` is moof and mdat, to be appended after `init_segment(config)`.

    `start_90k`: when its first picture is shown, on the time line of its `LiveMuxer`; `duration_90k`: how long all of
    it is. `is_key`: whether it begins with a keyframe.
    """

    config: CodecConfig
    start_90k: int
    duration_90k: int
    is_key: bool
    data: bytes = field(repr=False)


def content_type(config: CodecConfig) -> str:
    """What a browser's `MediaSource.isTypeSupported` is asked, e.g. 'video/mp4; codecs="avc1.640028"'."""
    return f'video/mp4; codecs="{config.rfc6381}"'


def init_segment(config: CodecConfig) -> bytes:
    """What a browser needs before the first fragment of these parameter sets."""
    return box(b"ftyp", b"iso6", bytes(4), b"iso6", b"mp41") + movie(
        config, 0, EMPTY_TABLES, box(b"mvex", TREX)
    )


class LiveMuxer:
    """The pictures of one stream as fragments, the same for all who watch it.

    How long a picture is shown is known when the next has come, and browsers drop everything up to the next keyframe
    where it was said wrong. So each picture waits for the next one. Time is that of the access units; where it goes
    back behind a discontinuity it runs on from what was shown last. Not for streams with B-frames.
    """

    def __init__(self) -> None:
        self._waiting: AccessUnit | None = None
        self._needs_key = True
        self._shift_90k = 0
        self._end_90k = 0
        self._step_90k = FIRST_STEP_90K
        self._number = 0

    def start(self, gop: Sequence[AccessUnit]) -> LiveFragment | None:
        """What somebody begins with who comes now; what `push` gives goes on from there. None: nothing yet, and what
        comes next that begins with a keyframe is the beginning.

        `gop`: all units since the last keyframe, as far as they are still known, the last one that was pushed at the
        end.
        """
        if not gop:
            return None
        if self._waiting is None:
            self._waiting, self._needs_key = gop[-1], False
        if len(gop) == 1:
            return None
        return self._fragment(gop[:-1], gop[-1].pts_90k)

    def push(self, item: MediaItem) -> LiveFragment | None:
        """What was completed by `item`: the picture before it."""
        waiting = self._waiting
        if isinstance(item, Discontinuity):
            self._waiting, self._needs_key = None, True
            return self._fragment([waiting], waiting.pts_90k + self._step_90k) if waiting else None
        if self._needs_key and not item.is_key:
            return None
        self._needs_key = False
        self._waiting = item
        if waiting is None:
            self._shift_90k = max(self._shift_90k, self._end_90k - item.pts_90k)
            return None
        return self._fragment([waiting], item.pts_90k)

    def _fragment(self, units: Sequence[AccessUnit], end_90k: int) -> LiveFragment:
        """`end_90k`: when what follows them is shown, by the access units' time."""
        times_90k = [*(unit.pts_90k for unit in units), end_90k]
        steps_90k = [min(max(after - before, 1), _DURATION_MAX_90K) for before, after in pairwise(times_90k)]
        rows = b"".join(
            _SAMPLE.pack(step_90k, len(unit.data), SYNC_SAMPLE if unit.is_key else NON_SYNC_SAMPLE)
            for unit, step_90k in zip(units, steps_90k, strict=True)
        )
        start_90k, duration_90k = max(times_90k[0] + self._shift_90k, 0), sum(steps_90k)
        self._number = self._number + 1 & 0xFFFF_FFFF
        self._step_90k = steps_90k[-1]
        self._end_90k = max(self._end_90k, start_90k + duration_90k)
        traf = box(
            b"traf",
            full_box(b"tfhd", 0, 0x2_0000, struct.pack(">I", TRACK_ID)),  # offsets count from the moof
            full_box(b"tfdt", 1, 0, struct.pack(">Q", start_90k)),
            full_box(
                b"trun", 0, _RUN_FLAGS, struct.pack(">II", len(units), _MOOF_BYTES + len(rows) + 8), rows
            ),
        )
        moof = box(b"moof", full_box(b"mfhd", 0, 0, struct.pack(">I", self._number)), traf)
        data = moof + box(b"mdat", *(unit.data for unit in units))
        return LiveFragment(units[0].config, start_90k, duration_90k, units[0].is_key, data)
