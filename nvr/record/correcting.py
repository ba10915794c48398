"""Footage is put to its true time as soon as the clock is better known: noticed, written down, applied to the index,
while recording goes on."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import structlog

from nvr.clock import Clock
from nvr.errors import StorageError
from nvr.record.corrected_rows import correct
from nvr.record.correction import BootCorrections, ClockEras, Correction
from nvr.record.correction_files import write_corrections
from nvr.record.directory import Directory, Threads

log = structlog.get_logger(__name__)


class Correcting:
    """`look` notices, `run` applies; `on_moved` is called when footage has moved. `next_number` as for segments."""

    def __init__(
        self,
        root: Path,
        directory: Directory,
        threads: Threads,
        clock: Clock,
        eras: ClockEras,
        next_number: Callable[[], int],
        on_moved: Callable[[], None],
        retry_s: float,
    ):
        self._root, self._directory, self._threads = root, directory, threads
        self._clock, self._eras = clock, eras
        self._next_number, self._on_moved, self._retry_s = next_number, on_moved, retry_s
        self._found: list[Correction] = []
        self._needed = asyncio.Event()

    async def look(self) -> None:
        """To be called before each step of writing: what is found lies on the disk before any footage that relies on
        it. Where the disk fails, the next call tries again."""
        state, boot_id = self._clock.state(), self._eras.boot_id
        before = (*self._directory.corrections.of(boot_id), *self._found)
        wall_s, mono_s = self._clock.wall(), self._clock.monotonic()
        found = self._eras.look(state, wall_s, mono_s, before, self._next_number)
        if found is not None:
            log.info("clock is corrected", **found.model_dump())
            self._found.append(found)
        while self._found:
            corrections = self._directory.corrections.adding(boot_id, self._found[0])
            try:
                await self._threads.on_disk(self._write, corrections.boots[boot_id])
            except (OSError, StorageError) as error:
                log.warning("clock correction cannot be written yet", error=str(error))
                return
            self._directory.corrections = self._directory.writer.corrections = corrections
            del self._found[0]
            self._needed.set()

    def _write(self, boot: BootCorrections) -> None:
        self._directory.check()
        write_corrections(self._root, boot)

    def again(self) -> None:
        """The index was rebuilt."""
        self._needed.set()

    async def run(self) -> None:
        """Apply what is found, until cancelled."""
        while True:
            await self._needed.wait()
            self._needed.clear()
            try:
                await self._apply()
            except sqlite3.Error as error:  # the writer meets the same disk, and says so
                log.warning("correcting the footage's times is interrupted", error=str(error))
                self._needed.set()
                await asyncio.sleep(self._retry_s)

    async def _apply(self) -> None:
        corrections = self._directory.corrections
        on_disk = self._threads.on_disk
        for boot in corrections.boots.values():
            for correction in boot.corrections:
                index = self._directory.index
                if index is None or await on_disk(index.is_corrected, boot.boot_id, correction.last_number):
                    continue
                moved = 0
                steps = correct(self._root, index, correction, corrections)
                while (count := await on_disk(next, steps, None)) is not None:
                    moved += count
                if not await on_disk(index.is_rebuilding):
                    await on_disk(index.set_corrected, boot.boot_id, correction.last_number)
                log.info("footage is at its true time", segments=moved, boot_id=boot.boot_id)
                self._on_moved()
