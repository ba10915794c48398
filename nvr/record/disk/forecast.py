"""What an open recordings directory holds of each camera, brought up to date now and then."""

from __future__ import annotations

import asyncio
import sqlite3

import structlog

from nvr.record.disk.directory import Directory
from nvr.record.disk.outlook import Share, capacity_bytes
from nvr.record.disk.stock import read_stocks
from nvr.record.keep.retention import Budget, Keep

log = structlog.get_logger(__name__)

LOOK_S = 60.0


class Forecast:
    """`keep`: its cameras are those that are told about."""

    def __init__(self, directory: Directory, budget: Budget, keep: Keep):
        self._directory, self._budget, self._keep = directory, budget, keep
        self.share: Share | None = None

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.look()
            except sqlite3.Error as error:  # the writer meets the same disk, and says so
                log.debug("no outlook", error=str(error))
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Raises sqlite3.Error."""
        index = self._directory.index
        if index is None:
            return
        stocks = await index.db.read(lambda connection: read_stocks(connection, self._keep.cameras))
        fill = self._directory.writer.fill
        self.share = Share(stocks, capacity_bytes(self._budget, fill.used_bytes, fill.free_bytes))
