"""One recorded keyframe, for a still picture of a moment. Reads disks: runs off the event loop."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path

import structlog

from nvr.media.access_unit import CodecConfig
from nvr.record.layout import path_of
from nvr.record.model import TICKS, SegmentRow
from nvr.record.mp4.fmp4_reader import Damaged, read_fragment

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Keyframe:
    """A recorded keyframe. `name` tells it from all others of its stream; `data` as in `AccessUnit.data`;
    `wall_s`: when it was shown."""

    name: tuple[str, int]
    wall_s: float
    config: CodecConfig
    data: bytes = field(repr=False)


def read_keyframe(root: Path, row: SegmentRow, at_90k: int, max_bytes: int) -> Keyframe | None:
    """The segment's last keyframe that is shown at `at_90k` or before, else its first; None: it cannot be read, or
    has more than `max_bytes`."""
    chosen, offset, at = None, row.header_bytes, row.header_bytes
    for entry in row.fragments:
        if entry.is_key and (chosen is None or row.segment.wall_90k(entry.media_90k) <= at_90k):
            chosen, offset = entry, at
        at += entry.bytes
    if chosen is None:
        return None
    path = root / path_of(row.segment)
    try:
        with FileIO(path, "r") as file:
            fragment = read_fragment(
                lambda start, length: os.pread(file.fileno(), length, start), offset, check=False
            )
            if fragment.entry != chosen:
                raise Damaged(f"another fragment at byte {offset} than the index says")
            # The samples end their fragment (fmp4.py).
            size = int(fragment.samples.sizes[0])
            if size > max_bytes:
                return None
            data = os.pread(file.fileno(), size, offset + fragment.bytes - fragment.payload_bytes)
    except (OSError, Damaged) as error:
        log.warning("footage file cannot be read", path=str(path), error=str(error))
        return None
    if len(data) != size:
        return None
    wall_s = row.segment.wall_90k(chosen.media_90k) / TICKS
    return Keyframe((str(path), chosen.media_90k), wall_s, row.segment.config, data)
