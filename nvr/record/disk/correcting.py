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
from nvr.record.clock.clock_eras import DiskClock
from nvr.record.clock.correction import BootCorrections
from nvr.record.clock.correction_files import write_corrections
from nvr.record.disk.directory import Directory
from nvr.record.errors import storage_error
from nvr.record.index.corrected_rows import correct, correct_all
from nvr.record.threads import Threads

log = structlog.get_logger(__name__)


class Correcting:
    """`begin` when the directory is open; `look` notices, `run` applies; `on_moved`: footage has moved."""

    def __init__(
        self,
        root: Path,
        directory: Directory,
        threads: Threads,
        clock: Clock,
        disk: DiskClock,
        on_moved: Callable[[], None],
        retry_s: float,
    ):
        self._root, self._directory, self._threads = root, directory, threads
        self._clock, self._disk, self._eras = clock, disk, disk.eras
        self._on_moved, self._retry_s = on_moved, retry_s
        self._needed = asyncio.Event()

    async def begin(self) -> None:
        """Of what an earlier life left, that which is known to be wrong already is put right before anybody sees it: a
        disk may have been away when the clock was set. Raises StorageError."""
        self._eras.join(self._disk)
        corrections = self._directory.corrections
        for correction in self._disk.unwritten:
            corrections = corrections.adding(self._eras.boot_id, correction)
        for segment in self._directory.boot_segments:
            self._disk.note(corrections.apply(segment), corrections.source(segment))
        await self.look()
        index = self._directory.index
        if not self._needed.is_set() or index is None:
            return
        try:
            await self._threads.on_disk(correct_all, self._root, index, self._directory.corrections)
            self._directory.ends_90k.update(await self._threads.on_disk(index.ends_90k))
        except sqlite3.Error as error:
            raise storage_error(self._root, error) from error

    async def look(self) -> None:
        """To be called before each step of writing: what is found lies on the disk before any footage that relies on
        it. Where the disk fails, the next call tries again."""
        self._eras.look(self._clock.state(), self._clock.wall(), self._clock.monotonic())
        boot_id, unwritten = self._eras.boot_id, self._disk.unwritten
        while unwritten:
            corrections = self._directory.corrections.adding(boot_id, unwritten[0])
            try:
                await self._threads.on_disk(self._write, corrections.boots[boot_id])
            except (OSError, StorageError) as error:
                log.warning("clock correction cannot be written yet", error=str(error))
                return
            self._directory.corrections = self._directory.writer.corrections = corrections
            log.info("clock is corrected", path=str(self._root), **unwritten.pop(0).model_dump())
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
                self._directory.ends_90k.update(await on_disk(index.ends_90k))
                self._on_moved()
