"""What an open recordings directory holds: found by time, for a timeline, a player or a still picture."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from nvr.errors import StorageError
from nvr.events import StreamKey
from nvr.record.clock.stream_clock import BootFootage
from nvr.record.disk.directory import Directory
from nvr.record.errors import is_corrupt, storage_error
from nvr.record.index.index import Index
from nvr.record.index.timeline import Hole, Recorded, Spans90k, read_gaps, read_recorded
from nvr.record.model import TICKS, Deletion, Gap, Interval
from nvr.record.mp4.virtual_mp4 import Piece, VirtualMp4
from nvr.record.play import playback
from nvr.record.play.keyframe import Keyframe, read_keyframe
from nvr.record.play.originals import Original, read_originals
from nvr.record.threads import Threads


class Finder:
    """Asks the index and reads files, off the event loop. Committed footage only."""

    def __init__(self, root: Path, directory: Directory, threads: Threads):
        self._root, self._directory, self._threads = root, directory, threads
        self._index_is_damaged = False

    def found(self, key: StreamKey) -> tuple[int | None, BootFootage | None]:
        """What there is of a stream, for `StreamClock.take_in`."""
        return self._directory.ends_90k.get(key), self._directory.in_boot.get(key)

    @property
    def total_bytes(self) -> int:
        """Size of the disk."""
        return self._directory.total_bytes

    @property
    def is_rebuilding(self) -> bool:
        """Whether older footage may not be in the index yet."""
        return not self._directory.writer.room.may_delete

    async def coverage(self, key: StreamKey, start_s: float, end_s: float) -> list[Interval]:
        """Recorded intervals of a span, in order, cut to it, those that touch joined; committed footage only.

        Raises StorageError: the index cannot be read.
        """
        with self._reading() as index:
            return await index.coverage(key, int(start_s * TICKS), int(end_s * TICKS))

    async def gaps(self, key: StreamKey, start_s: float, end_s: float) -> list[Gap]:
        """Footage known to be missing in a span, and why, in order of time. Raises StorageError."""
        with self._reading() as index:
            return await index.gaps(key, int(start_s * TICKS), int(end_s * TICKS))

    async def recorded(self, key: StreamKey, start_90k: int, end_90k: int) -> Recorded:
        """Where a span of any length was recorded. Raises StorageError."""
        with self._reading() as index:
            return await index.db.read(lambda connection: read_recorded(connection, key, start_90k, end_90k))

    async def holes(self, key: StreamKey, spans: Spans90k, start_90k: int, end_90k: int) -> list[Hole]:
        """What is missing between `spans` and at both ends, where the cause is known here. Raises StorageError."""
        with self._reading() as index:
            return await index.db.read(
                lambda connection: read_gaps(connection, key, spans, start_90k, end_90k)
            )

    async def deletions(self, since_day: int, cameras: Iterable[str] | None, count: int) -> list[Deletion]:
        """`Index.deletions`. Raises StorageError."""
        with self._reading() as index:
            return await index.deletions(since_day, cameras, count)

    async def keyframe(self, key: StreamKey, at_s: float, max_bytes: int) -> Keyframe | None:
        """The keyframe shown at `at_s` or before, of the segment that has footage of that moment; None: nothing was
        recorded then, or it has more than `max_bytes`. Raises StorageError."""
        at_90k = int(at_s * TICKS)
        with self._reading() as index:
            rows = await index.rows(key, at_90k, at_90k + 1)
        if not rows:
            return None
        return await self._threads.reading(read_keyframe, self._root, rows[0], at_90k, max_bytes)

    async def mp4(
        self, key: StreamKey, start_s: float, end_s: float, audio: playback.Audio = "all"
    ) -> list[VirtualMp4]:
        """Committed footage of a span as MP4s, one for each run of equal parameter sets and audio; [] if there is none.

        The first starts with the keyframe shown at `start_s` or before (the first after, if nothing was recorded
        then); the last ends up to a second behind `end_s`. Raises StorageError: the index cannot be read.
        """
        pieces = await self.pieces(key, start_s, end_s)
        return await self._threads.reading(playback.as_mp4s, pieces, audio)

    async def pieces(self, key: StreamKey, start_s: float, end_s: float) -> list[Piece]:
        """What `mp4` is made of. Raises StorageError: the index cannot be read."""
        start_90k, end_90k = int(start_s * TICKS), int(end_s * TICKS)
        with self._reading() as index:
            rows = await index.rows(key, start_90k, end_90k)
        return await self._threads.reading(playback.read_pieces, self._root, rows, start_90k, end_90k)

    async def originals(self, key: StreamKey, start_s: float, end_s: float) -> list[Original]:
        """Whole segments that have footage in a span, in order of time. Raises StorageError: the index cannot be
        read."""
        with self._reading() as index:
            rows = await index.rows(key, int(start_s * TICKS), int(end_s * TICKS))
        return await self._threads.reading(read_originals, self._root, rows, self._directory.corrections)

    @contextmanager
    def _reading(self) -> Iterator[Index]:
        index = self._directory.index
        if index is None:
            raise StorageError(f"{self._root}: the index is being replaced", remedy="Try again in a moment")
        try:
            yield index
        except sqlite3.Error as error:
            self._index_is_damaged = self._index_is_damaged or is_corrupt(error)
            raise storage_error(self._root, error) from error
