"""After a crash: what the files hold is made known to the index. The files are the truth.

At every start: deletions are finished; files that were being written are cut behind their last intact fragment and
closed; files that the index does not know are taken in. A damaged index is set aside and a new one filled from the
files, the newest of each stream at once, the rest while recording goes on. Footage is never deleted because of the
index: what cannot be read is left where it is.

All of this runs off the event loop.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path

import structlog

from nvr.errors import StorageError
from nvr.events import Role, StreamKey
from nvr.record.clock.correction import NO_CORRECTIONS, Corrections
from nvr.record.errors import is_corrupt
from nvr.record.filesystem import append, delete, free_bytes
from nvr.record.index.corrected_rows import correct_all
from nvr.record.index.index import NAME, Index
from nvr.record.keep.retention import Span90k
from nvr.record.layout import (
    DAY,
    FOOTAGE,
    day_name,
    path_of,
    segment_number,
    segment_start_90k,
    stream_folder,
)
from nvr.record.model import TICKS, Segment, SegmentRow
from nvr.record.mp4.fmp4 import footer
from nvr.record.mp4.fmp4_reader import Damaged, Read, read_footer, read_segment_header, scan
from nvr.record.mp4.samples import StoredFragment

log = structlog.get_logger(__name__)

NUMBER_MARGIN = 1_000_000
"""Without an index the highest number in use is not known for sure; numbers go on this much behind the highest seen."""
OLDEST_CHECKED = 64
LEAST_FREE_BYTES = 1 << 20
LONGEST_90K = 300 * TICKS
"""A file's name does not say where it ends; segments last about a minute."""


def open_index(root: Path, now: datetime) -> Index:
    """The directory's index; a damaged one is set aside as `index.db.corrupt-<time>`, and the new one is marked to be
    rebuilt. So is one that is missing beside footage. Raises StorageError."""
    has_index = (root / NAME).exists()
    try:
        index = Index(root)
    except StorageError as error:
        if not is_corrupt(error.__cause__):
            raise
        log.error("index is damaged and will be rebuilt", path=str(root / NAME), error=str(error.__cause__))
        set_aside(root, now)
        has_index = False
        index = Index(root)
    if not has_index and any(_days(root)):
        index.set_rebuilding(True)
    return index


def make_room_to_start(
    root: Path, held: Mapping[str, Sequence[Span90k]], corrections: Corrections = NO_CORRECTIONS
) -> None:
    """On a disk without any room an index cannot even be opened, so nothing would ever be deleted: here the oldest
    files go, by their names, until there is a little. The newest file of a stream stays, and so does what is `held`
    (as in `Rules`), or may be because its name tells a time that
    was corrected. Raises OSError."""
    if free_bytes(root) >= LEAST_FREE_BYTES:
        return
    newest = {path for key in stream_keys(root) for path, _ in _newest(root, key, None)}
    for day in sorted(_days(root), key=lambda day: day.name):
        for path, number in sorted(_files(day), key=lambda file: file[1]):
            if free_bytes(root) >= LEAST_FREE_BYTES:
                return
            may_be_held = bool(held) and corrections.covers(number)
            if path not in newest and not may_be_held and not _is_held(path, held):
                log.warning("disk is full: oldest footage is deleted", path=str(path))
                delete(root, str(path.relative_to(root)))


def _is_held(path: Path, held: Mapping[str, Sequence[Span90k]]) -> bool:
    start_90k = segment_start_90k(path.parent.name, path.name)
    end_90k = start_90k + LONGEST_90K
    spans = held.get(path.parent.parent.parent.name, ())
    return any(start < end_90k and start_90k < end for start, end in spans)


def set_aside(root: Path, now: datetime) -> None:
    """Rename a damaged, closed index with its log. Raises OSError."""
    stamp = f"{now.astimezone(UTC):%Y%m%dT%H%M%S}"
    for suffix in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):
            (root / f"{NAME}{suffix}").rename(root / f"{NAME}.corrupt-{stamp}{suffix}")


def recover(
    root: Path,
    index: Index,
    sync: Callable[[Sequence[int]], None],
    now: datetime,
    corrections: Corrections = NO_CORRECTIONS,
) -> int:
    """Bring the index up to the files and their `corrections`, and return the first number for new segments. `sync` as
    in `Writer`.

    Raises OSError, sqlite3.Error.
    """
    garbage = index.garbage()
    for path in garbage:
        delete(root, path)
    index.commit((), deleted=garbage)
    now_90k = int(now.timestamp()) * TICKS
    while gone := [c.number for c in index.oldest(OLDEST_CHECKED) if not (root / path_of(c)).exists()]:
        index.drop_rows(gone, now_90k)
    correct_all(root, index, corrections)
    _mend_open(root, index, sync, now_90k, corrections)
    highest = _take_in_unknown(root, index, sync, corrections)
    number = max(index.last_number(), highest) + 1
    return number + NUMBER_MARGIN if index.is_rebuilding() else number


def _mend_open(
    root: Path,
    index: Index,
    sync: Callable[[Sequence[int]], None],
    now_90k: int,
    corrections: Corrections,
) -> None:
    mended, empty = [], []
    for row in index.open_rows():
        path = root / path_of(row.segment)
        found = mend(path, row, corrections)
        if found is None:
            empty.append(row.segment.number)
            continue
        if found.footer_offset < row.footer_offset:
            log.error(
                "committed footage is missing", path=str(path), bytes=row.footer_offset - found.footer_offset
            )
        mended.append(found)
    sync(())
    index.commit(mended)
    index.drop_rows(empty, now_90k)


def _take_in_unknown(
    root: Path, index: Index, sync: Callable[[Sequence[int]], None], corrections: Corrections
) -> int:
    """Index files begun after the last commit; the answer is the highest number of a file that was looked at."""
    highest = 0
    ends_90k = index.ends_90k()
    rebuilding = index.is_rebuilding()
    rows = []
    for key in stream_keys(root):
        end_90k = ends_90k.get(key, 0)
        known = index.numbers(key, max(end_90k - 2 * 86_400 * TICKS, 0))
        for path, number in _newest(root, key, None if rebuilding else day_name(end_90k)):
            highest = max(highest, number)
            if number in known or index.row(number) is not None:  # the day in a path is the recorded one
                continue
            if (row := mend(path, None, corrections)) is not None:
                rows.append(row)
    sync(())
    index.commit(rows)
    return highest


def _newest(root: Path, key: StreamKey, since_day: str | None) -> list[tuple[Path, int]]:
    """Files of the days from `since_day` on; None: only the newest file."""
    folder = root / stream_folder(key)
    days = sorted(path for path in folder.iterdir() if DAY.fullmatch(path.name))
    if since_day is not None:
        return [file for day in days if day.name >= since_day for file in _files(day)]
    return max(
        ([file] for day in days[-1:] for file in _files(day)), default=[], key=lambda files: files[0][1]
    )


def mend(path: Path, row: SegmentRow | None, corrections: Corrections = NO_CORRECTIONS) -> SegmentRow | None:
    """Cut a file that nobody writes any more behind its last intact fragment and close it; the answer is its row.

    `row`: what the index has of it; fragments in it are not checked again. None: there is no file, or nothing of
    footage in it (then it is deleted), or it cannot be understood (then it stays). The caller syncs. Raises OSError.
    """
    try:
        file = FileIO(path, "r+")
    except FileNotFoundError:
        return None
    with file:
        size = os.fstat(file.fileno()).st_size
        read = _reader(file)
        try:
            recorded, header_bytes = read_segment_header(read)
            segment = corrections.apply(recorded)
        except Damaged as error:
            log.error("footage file cannot be understood and is left alone", path=str(path), error=str(error))
            return replace(row, is_open=False) if row is not None and size >= row.bytes else None
        with suppress(Damaged):
            fragments, footer_bytes = read_footer(read, size)
            return _row(segment, header_bytes, footer_bytes, fragments)
        found = scan(read, min(size, row.footer_offset) if row else header_bytes, header_bytes, check=False)
        more = scan(read, size, found.end)
        fragments = [*found.fragments, *more.fragments]
        if not fragments:
            path.unlink()
            return None
        if size > more.end:
            log.info("torn end of a footage file is cut", path=str(path), bytes=size - more.end)
            file.truncate(more.end)
        file.seek(more.end)
        footer_bytes = 0
        with suppress(OSError):  # no room: the file is whole without
            footer_bytes = append(file.fileno(), more.end, [footer(header_bytes, fragments)]) - more.end
    return _row(segment, header_bytes, footer_bytes, fragments)


def read_row(path: Path, corrections: Corrections) -> SegmentRow | None:
    """The row of a closed file, for a new index; None: it cannot be read or holds no footage. Changes nothing."""
    try:
        with FileIO(path, "r") as file:
            read = _reader(file)
            size = os.fstat(file.fileno()).st_size
            recorded, header_bytes = read_segment_header(read)
            segment = corrections.apply(recorded)
            try:
                fragments, footer_bytes = read_footer(read, size)
            except Damaged:
                fragments, footer_bytes = scan(read, size, header_bytes).fragments, 0
    except (OSError, Damaged) as error:
        log.error("footage file cannot be read", path=str(path), error=str(error))
        return None
    return _row(segment, header_bytes, footer_bytes, fragments) if fragments else None


def all_files(root: Path, below: int) -> Iterator[Path]:
    """Footage files with numbers below `below`, the newest day first. Raises OSError."""
    for day in sorted(_days(root), key=lambda day: day.name, reverse=True):
        for path, number in sorted(_files(day), key=lambda file: -file[1]):
            if number < below:
                yield path


def read_rows(
    paths: Iterator[Path], count: int, corrections: Corrections = NO_CORRECTIONS
) -> tuple[list[SegmentRow], bool]:
    """(rows of the next `count` files, whether those were the last)."""
    rows: list[SegmentRow] = []
    for _ in range(count):
        path = next(paths, None)
        if path is None:
            return rows, True
        row = read_row(path, corrections)
        if row is not None:
            rows.append(row)
    return rows, False


def stream_keys(root: Path) -> list[StreamKey]:
    """Streams that have a folder."""
    keys = []
    for folder in (root / FOOTAGE).glob("*/*"):
        with suppress(ValueError):
            key = StreamKey(folder.parent.name, Role(folder.name))
            if folder.is_dir() and stream_folder(key):
                keys.append(key)
    return sorted(keys)


def _days(root: Path) -> Iterator[Path]:
    for key in stream_keys(root):
        for day in (root / stream_folder(key)).iterdir():
            if DAY.fullmatch(day.name):
                yield day


def _files(day: Path) -> list[tuple[Path, int]]:
    with os.scandir(day) as entries:
        numbered = [(entry.name, segment_number(entry.name)) for entry in entries]
    return [(day / name, number) for name, number in numbered if number is not None]


def _reader(file: FileIO) -> Read:
    return lambda offset, length: os.pread(file.fileno(), length, offset)


def _row(
    segment: Segment, header_bytes: int, footer_bytes: int, fragments: Sequence[StoredFragment]
) -> SegmentRow:
    return SegmentRow(
        segment, header_bytes, footer_bytes, False, tuple(fragment.entry for fragment in fragments)
    )
