"""Tells the index of a directory what is seen, and in the background what was seen while it was not told."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence

import structlog

from nvr.errors import StorageError
from nvr.record.disk.directory import Directory
from nvr.record.index.index import Index
from nvr.record.index.recovery import LONGEST_90K
from nvr.record.keep.retention import DAY_90K
from nvr.record.model import Mark
from nvr.record.threads import Threads

log = structlog.get_logger(__name__)

Seen = Callable[[str, int, int], Awaitable[Sequence[Mark]]]
"""What was seen by a camera between two wall times in 1/90000 s. Raises StorageError, sqlite3.Error."""
MARKS_A_STEP = 128
REST_S = 0.1
"""After each step: an index that knew no classes takes minutes, and must not take a third of the processor for them."""
STEP_90K = DAY_90K


class Marking:
    """After a start the last day, after a rebuild everything, oldest first. Until a moment is reached, footage after it
    is kept as if persons were seen in it (`Room.known_until_90k`). `seen` None: nobody knows, nothing was seen."""

    def __init__(self, directory: Directory, threads: Threads, seen: Seen | None, retry_s: float):
        self._directory, self._threads = directory, threads
        self._seen, self._retry_s = seen, retry_s

    @property
    def is_done(self) -> bool:
        """Whether all footage has been told what was seen in it."""
        room = self._directory.writer.room
        return room.may_delete and room.known_until_90k is None

    def mark(self, mark: Mark) -> None:
        """Something was seen just now; the index knows with the next commit, also of footage that is committed later.
        Neither blocks nor raises."""
        self._directory.writer.marks.add(mark)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            room = self._directory.writer.room
            index = self._directory.index
            if index is not None and room.may_delete and room.known_until_90k is not None:
                try:
                    await self._tell(index, room.known_until_90k - LONGEST_90K)
                except (StorageError, OSError, sqlite3.Error) as error:
                    log.warning("what was seen in older footage is not known yet", error=str(error))
            await asyncio.sleep(self._retry_s)

    async def _tell(self, index: Index, at_90k: int) -> None:
        on_disk, room = self._threads.on_disk, self._directory.writer.room
        while self._seen is not None:
            if self._directory.index is not index:
                return
            start_90k = await on_disk(index.first_90k, at_90k)
            if start_90k is None:
                break
            at_90k = start_90k + STEP_90K
            if self._directory.index is not index:
                return
            for camera in await on_disk(index.cameras):
                marks = await self._seen(camera, start_90k, at_90k + LONGEST_90K)
                for first in range(0, len(marks), MARKS_A_STEP):
                    if self._directory.index is not index:
                        return
                    await on_disk(index.mark, marks[first : first + MARKS_A_STEP])
                    await asyncio.sleep(REST_S)
            if self._directory.index is index:
                room.known_until_90k = at_90k
        if self._directory.index is index:
            if self._seen is not None:
                await on_disk(index.set_classes_known)
            room.known_until_90k = None
            room.look_soon()
