"""The files of a span as they are, for who must hand over originals. Reads disks: runs off the event loop."""

from __future__ import annotations

import os
from collections.abc import Sequence
from io import FileIO
from pathlib import Path
from typing import NamedTuple

import structlog

from nvr.clock import Source
from nvr.record.clock.correction import Corrections
from nvr.record.layout import path_of
from nvr.record.model import FileRange, Segment, SegmentRow
from nvr.record.mp4.fmp4_reader import Damaged, read_segment_header

log = structlog.get_logger(__name__)


class Original(NamedTuple):
    """A whole segment: `file` is all that is committed of it, from its first byte on. `segment`, `end_90k`: at its true
    time; `source`: the best clock that this time is known by."""

    segment: Segment
    end_90k: int
    source: Source
    file: FileRange


def read_originals(root: Path, rows: Sequence[SegmentRow], corrections: Corrections) -> list[Original]:
    """Those of `rows`, in their order; files that are gone are left out."""
    return [found for row in rows if (found := _original(root, row, corrections)) is not None]


def _original(root: Path, row: SegmentRow, corrections: Corrections) -> Original | None:
    path = root / path_of(row.segment)
    source: Source = "none"
    try:
        with FileIO(path, "r") as file:
            recorded, _ = read_segment_header(lambda at, length: os.pread(file.fileno(), length, at))
            source = corrections.source(recorded)
    except Damaged as error:  # it is the original all the same
        log.warning("footage file is damaged", path=str(path), error=str(error))
    except OSError as error:
        log.warning("footage file cannot be read", path=str(path), error=str(error))
        return None
    return Original(row.segment, row.end_90k, source, FileRange(path, 0, row.bytes))
