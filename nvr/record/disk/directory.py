"""An open recordings directory and the threads that may block on it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack, closing
from datetime import datetime
from io import FileIO
from pathlib import Path

import structlog

from nvr.clock import Source
from nvr.errors import StorageError
from nvr.events import StreamKey
from nvr.record.clock.clock_eras import ClockEras, DiskClock
from nvr.record.clock.correction import NO_CORRECTIONS
from nvr.record.clock.correction_files import read_corrections
from nvr.record.clock.stream_clock import BootFootage
from nvr.record.disk.identity import DiskIdentity, DiskMissing, is_same_directory
from nvr.record.disk.writer import Batch, Report, Writer
from nvr.record.errors import is_corrupt, storage_error
from nvr.record.filesystem import FileSystemSync, take_directory, total_bytes
from nvr.record.index import recovery
from nvr.record.index.corrected_rows import read_recorded
from nvr.record.index.index import Index
from nvr.record.keep.hold import Hold, held_spans
from nvr.record.keep.hold_files import read_ended, read_holds
from nvr.record.keep.retention import Budget, Keep
from nvr.record.keep.settled_clock import SettledClock
from nvr.record.layout import path_of
from nvr.record.model import Segment
from nvr.record.threads import Threads

log = structlog.get_logger(__name__)


class Directory:
    """Everything that is open in one recordings directory. Made by `open`.

    `next_number`: for the first new segment. `ends_90k`: where the footage of each stream ends. `index` is None while
    a damaged one is being replaced. `corrections` of the clock; `in_boot`: what each stream has of this boot of the
    machine, `boot_segments`: the segments that say so, as recorded. `holds` by id; `damaged_holds`: names of
    files of others; `unwritten_holds`: ids of holds of other disks that are not beside the footage here yet;
    `ended_holds`: as `Holds.ended`. `total_bytes`: of the file system.
    """

    def __init__(self, root: Path, threads: Threads, lock: FileIO, sync: FileSystemSync, index: Index):
        self._root, self._threads = root, threads
        self._lock, self._sync = lock, sync
        self._identity: DiskIdentity | None = None
        self.index: Index | None = index
        self.next_number = 1
        self.ends_90k: dict[StreamKey, int] = {}
        self.in_boot: dict[StreamKey, BootFootage] = {}
        self.boot_segments: list[Segment] = []
        self.corrections = NO_CORRECTIONS
        self.writer: Writer
        self.holds: dict[str, Hold] = {}
        self.damaged_holds: list[str] = []
        self.unwritten_holds: set[str] = set()
        self.ended_holds: set[str] = set()
        self.total_bytes = 0

    @classmethod
    async def open(
        cls,
        root: Path,
        threads: Threads,
        now: datetime,
        budget: Budget,
        identity: DiskIdentity | None,
        keep: Keep,
        clock: SettledClock,
        boot_id: str,
        other_holds: Iterable[Hold] = (),
    ) -> Directory:
        """Take the directory and mend what a crash left; with `identity` only if its own disk is there. `keep` and
        `clock`: for deleting. `boot_id`: as in `ClockState`. `other_holds`: of other disks, which count here from the
        first moment on. Raises StorageError."""
        on_disk = threads.on_disk
        async with AsyncExitStack() as opened:
            if identity is not None:
                await on_disk(identity.expect)
            lock = opened.enter_context(await on_disk(take_directory, root))
            try:
                sync = opened.enter_context(closing(await on_disk(FileSystemSync, root)))
                holds, damaged_holds = await on_disk(read_holds, root)
                ended = await on_disk(read_ended, root)
                others = {h.id: h for h in other_holds if h.id not in holds and h.id not in ended}
                holds.update(others)
                corrections, _ = await on_disk(read_corrections, root)
                held = held_spans(holds.values(), None)
                await on_disk(recovery.make_room_to_start, root, held, corrections)
                if identity is not None:
                    await on_disk(identity.settle)
                    opened.callback(identity.release)
                index = await on_disk(recovery.open_index, root, now)
                self = cls(root, threads, lock, sync, index)
                self.holds, self.damaged_holds = holds, damaged_holds
                self.unwritten_holds, self.ended_holds = set(others), ended
                self.total_bytes = await on_disk(total_bytes, root)
                self._identity = identity
                self.corrections = corrections
                opened.push_async_callback(self._close_index)
                try:
                    self.next_number = await on_disk(recovery.recover, root, index, sync, now, corrections)
                except sqlite3.Error as error:
                    if not is_corrupt(error):
                        raise
                    log.error("index is damaged and will be rebuilt", path=str(root), error=str(error))
                    index = await self._new_index(now)
                    self.next_number = await on_disk(recovery.recover, root, index, sync, now, corrections)
                self.ends_90k = await on_disk(index.ends_90k)
                found = await on_disk(_of_this_boot, root, index, boot_id)
                self.in_boot, self.boot_segments = found
                self.writer = await on_disk(
                    Writer, root, index, budget=budget, sync=sync, keep=keep, clock=clock
                )
                self.writer.corrections = corrections
                self.writer.room.holds = tuple(holds.values())
                self.writer.room.known_until_90k = await on_disk(index.classes_known_until_90k)
                self.writer.room.may_delete = not await on_disk(index.is_rebuilding)
            except (OSError, sqlite3.Error) as error:
                raise storage_error(root, error) from error
            opened.pop_all()
        return self

    def clock(self, eras: ClockEras, next_number: Callable[[], int]) -> DiskClock:
        """What it has of this boot."""
        numbers: dict[Source, int] = {}
        for segment in self.boot_segments:
            if segment.clock is not None:
                source = segment.clock.source
                numbers[source] = max(segment.number, numbers.get(source, 0))
        return DiskClock(eras, self.corrections.of(eras.boot_id), numbers, next_number)

    def step(self, batch: Batch, *, commit: bool, finish: bool = False) -> Report:
        """`Writer.step`, on the disk's thread; nothing is written where the directory's disk is no longer mounted, and
        the report's error is a DiskMissing."""
        try:
            self.check()
        except StorageError as error:
            return Report(left=list(batch.fragments), error=error)
        return self.writer.step(batch, commit=commit, finish=finish)

    def check(self) -> None:
        """Before every write. Raises DiskMissing: the path does not lead to the opened directory any more;
        StorageError."""
        try:
            is_here = is_same_directory(self._root, self._sync.directory)
        except OSError as error:
            raise storage_error(self._root, error) from error
        if not is_here:
            raise DiskMissing(
                f"{self._root}: its disk was disconnected",
                remedy="Connect and mount the disk again",
                params={"path": str(self._root)},
            )

    async def replace_index(self, now: datetime) -> None:
        """Set a damaged index aside; the new one must be rebuilt. Raises StorageError, OSError."""
        self.writer.room.may_delete = False
        index = await self._new_index(now)
        await self._threads.on_disk(self.writer.replace_index, index)

    async def close(self, timeout_s: float) -> None:
        """Close everything, and let others have the directory, also when cancelled meanwhile. Raises TimeoutError: the
        disk does not answer; then whoever still works on it keeps the directory."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._close()
        except asyncio.CancelledError:
            self._lock.close()
            raise

    async def _close(self) -> None:
        await self._threads.on_disk(self.writer.close)
        await self._close_index()
        await self._threads.on_disk(self._sync.close)
        self._lock.close()
        if self._identity is not None:
            self._identity.release()

    async def _new_index(self, now: datetime) -> Index:
        await self._close_index()
        await self._threads.on_disk(recovery.set_aside, self._root, now)
        # A missing index beside footage is marked to be rebuilt.
        self.index = await self._threads.on_disk(recovery.open_index, self._root, now)
        return self.index

    async def _close_index(self) -> None:
        if self.index is not None:
            index, self.index = self.index, None
            # Cancelled or not, what was given to the disk's thread still uses the connection: closing it meanwhile
            # from another thread crashes SQLite.
            await self._threads.on_disk(_nothing)
            await index.close()


def _of_this_boot(
    root: Path, index: Index, boot_id: str
) -> tuple[dict[StreamKey, BootFootage], list[Segment]]:
    """What an earlier life of the service left, so that what follows does not overlap it however it is corrected."""
    found: dict[StreamKey, BootFootage] = {}
    segments = []
    for row in index.newest():
        recorded = read_recorded(root / path_of(row.segment))
        clock = recorded.clock if recorded is not None else None
        if recorded is not None and clock is not None and clock.boot_id == boot_id:
            end_90k = clock.mono_at_90k(row.media_90k)
            found[row.segment.key] = BootFootage(end_90k, clock.room_90k, clock.source)
            segments.append(recorded)
    return found, segments


def _nothing() -> None:
    """Done as soon as everything before it is."""
