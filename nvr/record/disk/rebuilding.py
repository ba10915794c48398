"""The index anew from the files, in the background, while recording goes on."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import structlog

from nvr.events import Fault
from nvr.faults import FaultBoard
from nvr.record.disk.directory import Directory
from nvr.record.errors import PLACE
from nvr.record.index import recovery
from nvr.record.threads import Threads

log = structlog.get_logger(__name__)

FILES_A_STEP = 16


class Rebuilding:
    """Set `needed` once the index was made anew and empty; `run` fills it and then lets the ring delete again."""

    def __init__(
        self,
        root: Path,
        directory: Directory,
        threads: Threads,
        faults: FaultBoard,
        next_number: Callable[[], int],
        retry_s: float,
        on_done: Callable[[], None],
        place: str = PLACE,
    ):
        self.needed = asyncio.Event()
        self._root, self._directory, self._threads = root, directory, threads
        self._faults, self._next_number, self._retry_s = faults, next_number, retry_s
        self._on_done, self._place = on_done, place

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.needed.wait()
            self.needed.clear()
            detail = f"{self._root}: the index is being rebuilt from the files; older footage appears little by little"
            fault = Fault(self._place, "index_rebuilding", detail, {"path": str(self._root)})
            self._faults.raise_fault(fault)
            number = self._next_number()
            while not self.needed.is_set():
                try:
                    if await self._take_in(number):
                        self._faults.clear(self._place, fault.code)
                        break
                except (OSError, sqlite3.Error) as error:
                    log.warning("rebuilding the index is interrupted", error=str(error))
                    await asyncio.sleep(self._retry_s)

    async def _take_in(self, below: int) -> bool:
        """Take all files with numbers below `below` into the index; False: it was replaced again meanwhile."""
        files = recovery.all_files(self._root, below)
        is_last = False
        while not is_last:
            rows, is_last = await self._threads.reading(
                recovery.read_rows, files, FILES_A_STEP, self._directory.corrections
            )
            index = self._directory.index
            if index is None or self.needed.is_set():
                return False
            await self._threads.on_disk(index.commit, rows, only_unknown=True)
        await self._threads.on_disk(self._directory.writer.end_rebuild)
        self._on_done()
        return True
