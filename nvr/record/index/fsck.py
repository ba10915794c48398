"""Checks a recordings directory that nobody records into: every file against the index, and the index anew from the
files. Blocks; for the command line."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from io import FileIO
from pathlib import Path

from nvr.errors import StorageError
from nvr.record.clock.correction import Corrections
from nvr.record.clock.correction_files import read_corrections
from nvr.record.errors import is_corrupt
from nvr.record.filesystem import FileSystemSync, take_directory
from nvr.record.index import recovery
from nvr.record.index.corrected_rows import correct_all
from nvr.record.index.index import NAME, Index
from nvr.record.keep.hold_files import read_holds
from nvr.record.layout import path_of, segment_number
from nvr.record.model import SegmentRow
from nvr.record.mp4.fmp4_reader import Damaged, read_footer, read_segment_header, scan

MOST_PROBLEMS = 1000
REBUILD_STEP = 64
_ALL = 1 << 62

Progress = Callable[[int, int], None]
"""Told how many files of how many are done."""


@dataclass(frozen=True, slots=True)
class Problem:
    """`path`: relative to the recordings directory."""

    path: str
    what: str


@dataclass(slots=True)
class Findings:
    """`files`, `bytes`: footage that was looked at. `segments`: in the index. `problems`: the first MOST_PROBLEMS of
    `problem_count`. `holds`: that can be understood."""

    files: int = 0
    bytes: int = 0
    segments: int = 0
    holds: int = 0
    problem_count: int = 0
    problems: list[Problem] = field(default_factory=list)

    def add(self, path: str, what: str) -> None:
        self.problem_count += 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(Problem(path, what))


@contextmanager
def taken(root: Path) -> Iterator[None]:
    """The directory is ours for the block. Raises StorageError: it is missing, or the service records into it."""
    if not root.is_dir():
        raise StorageError(
            f"{root}: the recordings directory does not exist",
            remedy="Connect and mount its disk, or correct [storage] recordings",
            params={"path": str(root)},
        )
    with take_directory(root):
        yield


def open_index(root: Path) -> Index | None:
    """The index there is; None: it is missing or damaged. Creates none. Raises StorageError."""
    if not (root / NAME).exists():
        return None
    try:
        return Index(root)
    except StorageError as error:
        if is_corrupt(error.__cause__):
            return None
        raise


def check(root: Path, index: Index | None, progress: Progress, *, full: bool) -> Findings:
    """Look at every file of footage: its boxes, and whether the index says the same; with `full` also at the checksum
    of every fragment. Changes nothing. Raises OSError, sqlite3.Error."""
    found = Findings()
    holds, damaged = read_holds(root)
    found.holds = len(holds)
    for name in damaged:
        found.add(f"holds/{name}", "this hold cannot be understood; what it holds may be deleted")
    corrections, damaged = read_corrections(root)
    for name in damaged:
        found.add(
            f"clock/{name}",
            "this clock correction cannot be understood; footage may be shown at a wrong time",
        )
    if index is None:
        found.add(NAME, "missing or damaged; the service rebuilds it at its next start, or --rebuild now")
    else:
        found.segments = index.count()
    total = sum(1 for _ in recovery.all_files(root, _ALL))
    known = 0
    for path in recovery.all_files(root, _ALL):
        row = index.row(segment_number(path.name) or 0) if index is not None else None
        relative = str(path.relative_to(root))
        found.files += 1
        found.bytes += path.stat().st_size
        if index is not None and row is None:
            found.add(relative, "not in the index")
        elif row is not None and path_of(row.segment) != relative:
            found.add(relative, f"the index has this number as {path_of(row.segment)}")
        elif row is not None:
            known += 1
        problem = _problem(path, row, corrections, full=full)
        if problem:
            found.add(relative, problem)
        progress(found.files, total)
    if index is not None and known < found.segments:
        for candidate in index.all_candidates():
            if not (root / path_of(candidate)).exists():
                found.add(path_of(candidate), "in the index, but the file is missing")
    return found


def rebuild(root: Path, now: datetime, progress: Progress) -> Index:
    """Set the index aside and make a new one from the files. Raises OSError, sqlite3.Error, StorageError.

    What was deleted and why is known to the old index alone, which is kept beside the new one.
    """
    recovery.set_aside(root, now)
    corrections, _ = read_corrections(root)
    index = Index(root)
    index.set_rebuilding(True)
    sync = FileSystemSync(root)
    try:
        recovery.recover(root, index, sync, now, corrections)
    finally:
        sync.close()
    total = sum(1 for _ in recovery.all_files(root, _ALL))
    files, done, is_last = recovery.all_files(root, _ALL), 0, False
    while not is_last:
        rows, is_last = recovery.read_rows(files, REBUILD_STEP, corrections)
        index.commit(rows, only_unknown=True)
        done = min(done + REBUILD_STEP, total)
        progress(done, total)
    index.set_rebuilding(False)
    correct_all(root, index, corrections)
    return index


def _problem(path: Path, row: SegmentRow | None, corrections: Corrections, *, full: bool) -> str | None:
    """What is wrong with one file. `row`: what the index has of it. Raises OSError but for this file's own."""
    try:
        with FileIO(path, "r") as file:
            size = os.fstat(file.fileno()).st_size

            def read(offset: int, length: int) -> bytes:
                return os.pread(file.fileno(), length, offset)

            segment, header_bytes = read_segment_header(read)
            try:
                fragments, footer_bytes = read_footer(read, size)
            except Damaged:
                fragments, footer_bytes = scan(read, size, header_bytes, check=full).fragments, 0
            else:
                intact = len(scan(read, size, header_bytes).fragments) if full else len(fragments)
                if intact < len(fragments):
                    return f"damaged after {intact} of {len(fragments)} fragments"
    except Damaged as error:
        return f"cannot be understood: {error}"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if row is None:
        return None
    if (segment.number, segment.key) != (row.segment.number, row.segment.key):
        return f"is segment {segment.number} of {segment.key}, the index has it as another"
    if corrections.apply(segment).start_90k != row.segment.start_90k:
        return "belongs to another time than the index says"
    entries = tuple(fragment.entry for fragment in fragments)
    if row.is_open:  # what is behind the last commit is taken in at the next start
        return None if entries[: len(row.fragments)] == row.fragments else "committed footage is missing"
    if entries != row.fragments or footer_bytes != row.footer_bytes:
        return f"holds {len(entries)} fragments, the index has {len(row.fragments)} or others"
    return None
