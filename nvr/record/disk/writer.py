"""The disk's thread: appends fragments, syncs, commits, deletes.

Order of a commit: bytes in the files, `syncfs`, one SQLite transaction, and only then the footage exists for anyone
else. What was appended but not committed survives the death of the process (recovery finds it), and what was
committed survives a power cut.

When a disk is full or read-only, fragments wait in their queue until it is not. Any other error costs the segment
it hits: it is ended where it was last whole, the loss is stored as a gap, and the stream goes on in a new file.
After a failed sync nobody knows what reached the disk, so every segment with uncommitted bytes is ended there.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from nvr.clock import SystemClock
from nvr.errors import StorageError
from nvr.events import StreamKey
from nvr.record.clock.correction import NO_CORRECTIONS
from nvr.record.disk.gap_list import GapList
from nvr.record.disk.growing_file import GrowingFile
from nvr.record.disk.room import Room
from nvr.record.errors import FULL, is_corrupt, storage_error
from nvr.record.filesystem import free_bytes
from nvr.record.index.index import NAME, Index
from nvr.record.keep.marks import Marks
from nvr.record.keep.retention import KEEP_AS_ROOM_ALLOWS, Budget, Keep
from nvr.record.keep.settled_clock import SettledClock
from nvr.record.layout import path_of
from nvr.record.model import Fragment, Gap

WAIT_FOR = FULL | {errno.EROFS}
LOG_BYTES = 4 << 20
"""SQLite's write-ahead log grows to 1000 pages before it is used again from its start."""
SLACK_BYTES = 1 << 20
"""For what a commit writes besides fragments: footers, pages of the index."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Work for one step: `fragments` in order; `gaps`: lost before they came here; `ended`: numbers of segments that
    get no further fragments."""

    fragments: Sequence[Fragment] = ()
    gaps: Sequence[Gap] = ()
    ended: Sequence[int] = ()


@dataclass(slots=True)
class Report:
    """What one step did.

    `left`: fragments to try again, in order. `given_up`: numbers of segments that take nothing more. `lost`: how many
    fragments that cost. `frames`: committed access units by stream. `error`: the first that was met. `is_committed`:
    everything written so far is committed. `is_index_corrupt`: the index must be replaced. `broken`: cameras whose
    minimum of days had to be broken for room. `ends_90k`: where the committed footage of streams ends now.
    """

    left: list[Fragment] = field(default_factory=list)
    given_up: set[int] = field(default_factory=set)
    lost: int = 0
    frames: dict[StreamKey, int] = field(default_factory=dict)
    fragments: int = 0
    error: StorageError | None = None
    is_committed: bool = False
    is_index_corrupt: bool = False
    commit_s: float = 0.0
    broken: set[str] = field(default_factory=set)
    ends_90k: dict[StreamKey, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fill:
    """How full the disk is: bytes used by footage and index, bytes free, start of the oldest footage."""

    used_bytes: int
    free_bytes: int
    oldest_90k: int | None


class Writer:
    """Does all writing in one recordings directory.

    `sync(file descriptors)` puts what was written on the disk, as `FileSystemSync`. `room` deletes. `corrections` are
    applied to what is committed. `picture_bytes`: taken by incident pictures beside the footage, as the budget counts
    them.
    """

    def __init__(
        self,
        root: Path,
        index: Index,
        *,
        budget: Budget,
        sync: Callable[[Sequence[int]], None],
        keep: Keep = KEEP_AS_ROOM_ALLOWS,
        clock: SettledClock | None = None,
    ):
        """Raises sqlite3.Error, OSError."""
        self.index = index
        self.room = Room(root, budget, keep, clock or SettledClock(SystemClock(), 0.0))
        self.corrections = NO_CORRECTIONS
        self.fill = Fill(0, 0, None)
        self._root, self._sync = root, sync
        self._files: dict[int, GrowingFile] = {}
        self._given_up: set[int] = set()
        self._ended: set[int] = set()
        self._gaps = GapList()
        self.marks = Marks()
        self._committed_bytes = self._log_bytes = 0
        self.picture_bytes = 0
        self.measure()

    def close(self) -> None:
        """Let go of all files; what is not committed is left to recovery."""
        for file in self._files.values():
            os.close(file.fd)
        self._files.clear()

    def measure(self) -> None:
        """Read from index and file system how full the disk is. Raises sqlite3.Error, OSError."""
        self._log_bytes = _size(self._root / f"{NAME}-wal")
        self._committed_bytes = self.index.used_bytes() + _size(self._root / NAME) + self._log_bytes
        self.fill = Fill(self._used_bytes, free_bytes(self._root), self.index.oldest_90k())

    def replace_index(self, index: Index) -> None:
        """Go on with an empty index; what is being written goes into it with the next commit."""
        self.index = index
        self.room.known_until_90k = 0
        for file in self._files.values():
            file.is_dirty = True

    def end_rebuild(self) -> None:
        """The index knows all files again. Raises sqlite3.Error, OSError."""
        self.index.set_rebuilding(False)
        self.room.may_delete = True
        self.measure()

    def step(self, batch: Batch, *, commit: bool, finish: bool = False) -> Report:
        """Write `batch`; with `commit` commit what was written since the last; with `finish` end all segments first.

        Raises nothing that a disk or a database can cause: it is in the report.
        """
        report = Report()
        for gap in batch.gaps:
            self._gaps.add(gap)
        self._ended.update(batch.ended)
        try:
            self._make_room(batch.fragments)
        except (OSError, sqlite3.Error) as error:
            self._note(report, error)
        self._write(batch.fragments, report)
        self._given_up.difference_update(batch.ended)
        self._end_segments({fragment.segment.number for fragment in report.left}, everything=finish)
        if commit:
            self._commit(report)
        report.broken = self.room.take_broken()
        return report

    def _write(self, fragments: Sequence[Fragment], report: Report) -> None:
        waiting: set[int] = set()
        for fragment in fragments:
            number = fragment.segment.number
            if number in self._given_up:
                self._lose(fragment, report)
                continue
            if number in waiting:
                report.left.append(fragment)
                continue
            try:
                self._file(fragment).append(fragment)
            except OSError as error:
                self._note(report, error)
                if error.errno in WAIT_FOR:
                    waiting.add(number)
                    report.left.append(fragment)
                else:
                    self._give_up(number, report)
                    self._lose(fragment, report)

    def _file(self, fragment: Fragment) -> GrowingFile:
        """Raises OSError."""
        segment = fragment.segment
        file = self._files.get(segment.number)
        if file is None:
            path = self._root / path_of(segment)
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
            file = self._files[segment.number] = GrowingFile(segment, path, descriptor)
        return file

    def _lose(self, fragment: Fragment, report: Report) -> None:
        report.lost += 1
        self._gaps.add(Gap(fragment.segment.key, *fragment.missing, "disk"))

    def _give_up(self, number: int, report: Report) -> None:
        """End a segment at its last whole fragment; whoever fills it is told, unless that is over anyway."""
        if number not in self._ended:
            self._ended.add(number)
            self._given_up.add(number)
            report.given_up.add(number)

    def _end_segments(self, waiting: set[int], *, everything: bool) -> None:
        """Write the footers of segments that are complete."""
        for number, file in self._files.items():
            if (everything or (number in self._ended and number not in waiting)) and not file.is_ended:
                file.end()
        self._ended &= waiting | self._files.keys()

    def _commit(self, report: Report) -> None:
        dirty = [file for file in self._files.values() if file.is_dirty]
        if not (dirty or self._gaps or self.room.deleted or self.marks):
            report.is_committed = True
            return
        begin_s = time.monotonic()
        try:
            self._sync([file.fd for file in dirty])
        except OSError as error:
            self._note(report, error)
            self._after_failed_sync(dirty, report)
            return
        self.room.synced()
        empty = [file for file in dirty if not file.stored]
        rows = [file.row(self.corrections) for file in dirty if file.stored]
        gaps = self._gaps.take()
        try:
            self.index.commit(rows, gaps, self.room.deleted, marks=self.marks)
            self.room.deleted = []
            self._committed(dirty, report)
            for file in empty:
                file.path.unlink(missing_ok=True)
            self.measure()
        except (OSError, sqlite3.Error) as error:
            if not report.is_committed:
                for gap in gaps:
                    self._gaps.add(gap)
            self._note(report, error)
        report.commit_s = time.monotonic() - begin_s

    def _committed(self, files: Sequence[GrowingFile], report: Report) -> None:
        report.is_committed = True
        for file in files:
            segment = self.corrections.apply(file.segment)
            new = file.stored[file.committed :]
            frames = sum(len(fragment.samples) for fragment in new)
            key = file.segment.key
            report.frames[key] = report.frames.get(key, 0) + frames
            report.fragments += len(new)
            if new:
                last = new[-1]
                end_90k = segment.wall_90k(last.media_90k + last.samples.duration_90k)
                report.ends_90k[key] = max(end_90k, report.ends_90k.get(key, end_90k))
            file.committed, file.committed_size, file.is_dirty = len(file.stored), file.size, False
            if file.is_ended:
                del self._files[file.segment.number]
                os.close(file.fd)

    def _after_failed_sync(self, dirty: Sequence[GrowingFile], report: Report) -> None:
        for file in dirty:
            lost = file.cut_to_committed()
            self._give_up(file.segment.number, report)
            for fragment in lost:
                report.lost += 1
                start_90k = file.segment.wall_90k(fragment.media_90k)
                end_90k = file.segment.wall_90k(fragment.media_90k + fragment.samples.duration_90k)
                self._gaps.add(Gap(file.segment.key, start_90k, end_90k, "disk"))

    # Room

    @property
    def _used_bytes(self) -> int:
        return (
            self._committed_bytes
            + self.picture_bytes
            + sum(file.size - file.committed_size for file in self._files.values())
        )

    def _make_room(self, fragments: Sequence[Fragment]) -> None:
        """Raises OSError, sqlite3.Error."""
        growth = [(file.segment.key, file.size - file.committed_size) for file in self._files.values()]
        growth += [(fragment.segment.key, fragment.payload_bytes) for fragment in fragments]
        incoming_bytes = sum(fragment.payload_bytes for fragment in fragments)
        incoming_bytes += SLACK_BYTES + max(LOG_BYTES - self._log_bytes, 0)
        if self.room.make(self.index, self._used_bytes, incoming_bytes, growth):
            self.measure()

    def _note(self, report: Report, error: OSError | sqlite3.Error) -> None:
        report.is_index_corrupt = report.is_index_corrupt or is_corrupt(error)
        report.error = report.error or storage_error(self._root, error)


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0
