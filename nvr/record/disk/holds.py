"""The holds of an open recordings directory: made, ended, and watched over so that they do not fill the disk."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from nvr.clock import Clock
from nvr.errors import StorageError
from nvr.events import Fault
from nvr.faults import FaultBoard
from nvr.record.disk.directory import Directory
from nvr.record.errors import storage_error
from nvr.record.keep.hold import Hold, held_spans
from nvr.record.keep.hold_files import delete_hold, forget_ended, write_hold
from nvr.record.threads import Threads

PLACE = "holds"
LOOK_S = 60.0
WARN_SHARE = 0.8
MOST_HOLDS = 1000


class HoldQuota(StorageError):
    """Holds would take, or nearly take, more of the disk than they may."""

    code = "hold_quota"


class Holds:
    """`share`: the part of the disk (what is used and what is free) that held footage may take, 0 to 1."""

    def __init__(
        self,
        root: Path,
        directory: Directory,
        threads: Threads,
        clock: Clock,
        faults: FaultBoard,
        share: float,
        place: str = PLACE,
    ):
        self._root, self._directory, self._threads = root, directory, threads
        self._clock, self._faults, self._share, self._place = clock, faults, share, place
        self._changing = asyncio.Lock()
        self.held_bytes = 0

    @property
    def all(self) -> list[Hold]:
        """The newest first, those that expired too."""
        return sorted(self._directory.holds.values(), key=lambda hold: hold.made_s, reverse=True)

    @property
    def quota_bytes(self) -> int:
        fill = self._directory.writer.fill
        return int((fill.used_bytes + fill.free_bytes) * self._share)

    @property
    def ended(self) -> frozenset[str]:
        """Ids of holds that were ended while another disk was away."""
        return frozenset(self._directory.ended_holds)

    @property
    def written(self) -> frozenset[str]:
        """Ids of the holds that lie beside the footage here."""
        return frozenset(self._directory.holds.keys() - self._directory.unwritten_holds)

    async def bring(self, hold: Hold) -> None:
        """Hold here too what is held on another disk, whatever the quota says. Raises StorageError."""
        async with self._changing:
            await self._change({**self._directory.holds, hold.id: hold}, hold.id)
            self._directory.unwritten_holds.discard(hold.id)

    async def forget_ended(self) -> None:
        """All disks know by now which holds ended. Raises StorageError."""

        def work() -> None:
            self._directory.check()
            forget_ended(self._root)

        try:
            await self._threads.asked(work)
        except OSError as error:
            raise storage_error(self._root, error) from error
        self._directory.ended_holds.clear()

    async def add(self, hold: Hold) -> None:
        """When this returns, nothing of it will be deleted, and the hold itself is safe on the disk.

        Raises HoldQuota: the quota has no room for it; StorageError: the disk fails.
        """
        async with self._changing:
            holds = self._directory.holds
            if len(holds) >= MOST_HOLDS:
                raise HoldQuota(f"there are {MOST_HOLDS} holds already", remedy="End holds that are over")
            held_bytes = await self._bytes([*holds.values(), hold])
            if held_bytes > self.quota_bytes and held_bytes > self.held_bytes:
                raise HoldQuota(
                    f"held footage would take {held_bytes / 1e9:.1f} GB of the {self.quota_bytes / 1e9:.1f} GB"
                    " that it may take",
                    remedy="End other holds, hold less, or raise [storage] hold_percent",
                )
            await self._change({**holds, hold.id: hold}, hold.id)
            self._show(held_bytes)

    async def remove(self, hold_id: str, remember: bool) -> None:
        """The ring may have its footage again. `remember`: another disk may have to be told. Raises StorageError: the
        disk fails."""
        async with self._changing:
            holds = {id_: other for id_, other in self._directory.holds.items() if id_ != hold_id}
            await self._change(holds, hold_id, remember=remember)
            self._directory.unwritten_holds.discard(hold_id)
            if remember:
                self._directory.ended_holds.add(hold_id)
        with suppress(StorageError):  # it is done; the watch looks again
            await self.look()

    async def watch(self) -> None:
        """Keep the fault up to date, until cancelled."""
        damaged = self._directory.damaged_holds
        self._faults.clear(self._place)
        if damaged:
            files = ", ".join(damaged)[:200]
            detail = f"{self._root}/holds: cannot be understood, so what they hold may be deleted: {files}"
            self._faults.raise_fault(Fault(self._place, "hold_damaged", detail, {"files": files}))
        while True:
            with suppress(StorageError):  # the writer meets the same disk, and says so
                await self.look()
            await asyncio.sleep(LOOK_S)

    async def sizes(self, ids: Collection[str]) -> dict[str, int]:
        """Bytes that each of these holds protects (what two of them share counts for both), 0 once it expired. Those
        that cannot be told now, because the disk or its index cannot be read, are missing."""
        found: dict[str, int] = {}
        with suppress(StorageError):
            for hold in self.all:
                if hold.id in ids:
                    found[hold.id] = await self._bytes([hold])
        return found

    async def look(self) -> None:
        """Measure what is held. Raises StorageError."""
        self._show(await self._bytes(list(self._directory.holds.values())))

    def _show(self, held_bytes: int) -> None:
        self.held_bytes = held_bytes
        quota_bytes = self.quota_bytes
        if self.held_bytes < quota_bytes * WARN_SHARE:
            self._faults.clear(self._place, HoldQuota.code)
            return
        percent = round(self.held_bytes * 100 / max(quota_bytes, 1))
        detail = (
            f"held footage takes {percent} % of what it may take of the disk; soon nothing more can be held"
        )
        self._faults.raise_fault(Fault(self._place, HoldQuota.code, detail, {"percent": percent}))

    async def _bytes(self, holds: list[Hold]) -> int:
        index = self._directory.index
        if index is None:
            raise StorageError(f"{self._root}: the index is being replaced", remedy="Try again in a moment")
        try:
            return await index.bytes_within(held_spans(holds, self._clock.wall()))
        except sqlite3.Error as error:
            raise storage_error(self._root, error) from error

    async def _change(self, holds: dict[str, Hold], changed: str, *, remember: bool = False) -> None:
        """On the disk's thread, so that no deletion comes between. Raises StorageError."""

        def work() -> None:
            self._directory.check()
            if changed in holds:
                write_hold(self._root, holds[changed])
            else:
                delete_hold(self._root, changed, remember=remember)
            self._directory.writer.room.holds = tuple(holds.values())

        try:
            await self._threads.asked(work)
        except OSError as error:
            raise storage_error(self._root, error) from error
        self._directory.holds = holds
