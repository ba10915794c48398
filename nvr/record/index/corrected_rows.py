"""The index's rows put to the times that the clock's corrections say, by the files. May block."""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

import structlog

from nvr.record.clock.correction import Correction, Corrections
from nvr.record.index.index import Index
from nvr.record.layout import path_of
from nvr.record.model import Segment, SegmentRow
from nvr.record.mp4.fmp4_reader import Damaged, read_segment_header

log = structlog.get_logger(__name__)

CORRECTED_AT_ONCE = 64


def correct_all(root: Path, index: Index, corrections: Corrections) -> None:
    """Apply what an earlier life of the service found but did not finish. Raises sqlite3.Error."""
    for boot in corrections.boots.values():
        for correction in boot.corrections:
            if not index.is_corrected(boot.boot_id, correction.last_number):
                for _ in correct(root, index, correction, corrections):
                    pass
                if not index.is_rebuilding():
                    index.set_corrected(boot.boot_id, correction.last_number)


def correct(root: Path, index: Index, correction: Correction, corrections: Corrections) -> Iterator[int]:
    """Put the rows that `correction` means where all `corrections` together say, in steps of some files; yields after
    each how many it moved. What is there already stays. Raises sqlite3.Error."""
    first, last = correction.first_number, correction.last_number
    # Those go first that go the furthest way, so that segments never overlap meanwhile.
    newest_first = True
    for row in index.numbered(first, last, CORRECTED_AT_ONCE, newest_first=False):
        if (to := _true(root, row, corrections)) is not None:
            newest_first = to.start_90k > row.segment.start_90k
            break
    while rows := index.numbered(first, last, CORRECTED_AT_ONCE, newest_first=newest_first):
        moved = [(row, to) for row in rows if (to := _true(root, row, corrections)) is not None]
        index.move(moved)
        if newest_first:
            last = rows[-1].segment.number - 1
        else:
            first = rows[-1].segment.number + 1
        yield len(moved)


def _true(root: Path, row: SegmentRow, corrections: Corrections) -> Segment | None:
    """What the row's segment should be, None: what it is, as far as its file tells."""
    path = root / path_of(row.segment)
    recorded = read_recorded(path)
    if recorded is None:
        return None
    segment = corrections.apply(recorded)
    is_there = (segment.start_90k, segment.slew_ppm) == (row.segment.start_90k, row.segment.slew_ppm)
    return None if is_there else segment


def read_recorded(path: Path) -> Segment | None:
    """What a file says of its segment, None: it cannot be read."""
    try:
        with FileIO(path, "r") as file:
            return read_segment_header(lambda offset, length: os.pread(file.fileno(), length, offset))[0]
    except (OSError, Damaged) as error:
        log.error("footage file cannot be read", path=str(path), error=str(error))
        return None
