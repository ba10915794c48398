"""What the index knows of each camera's stock of footage."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from nvr.record.disk.outlook import Stock
from nvr.record.index.index import NAME
from nvr.record.keep.retention import DAY_90K

LATEST = 60
"""The rate is that of so many segments, which is about an hour."""


def read_stocks(connection: sqlite3.Connection, cameras: Iterable[str]) -> dict[str, Stock]:
    """The stock of each of `cameras`; a few rows are read of each stream. Raises sqlite3.Error."""
    return {camera: _stock(connection, camera) for camera in cameras}


def read_stocks_beside(root: Path, cameras: Iterable[str]) -> dict[str, Stock] | None:
    """The same, by another process than the service, which may run; None: there is no index. Raises sqlite3.Error."""
    if not (root / NAME).exists():
        return None
    address = f"file:{quote(str((root / NAME).absolute()))}?mode=ro"
    connection = sqlite3.connect(address, uri=True)
    try:
        return read_stocks(connection, cameras)
    finally:
        connection.close()


def _stock(connection: sqlite3.Connection, camera: str) -> Stock:
    total, oldest_90k, continuous_90k, rate = 0, None, None, 0.0
    streams = connection.execute("SELECT id, bytes FROM streams WHERE camera = ?", (camera,)).fetchall()
    for stream, size in streams:
        total += size
        query = "SELECT MIN(start_90k) FROM segments WHERE stream = ?"
        (start_90k,) = connection.execute(query, (stream,)).fetchone()
        if start_90k is not None:
            oldest_90k = start_90k if oldest_90k is None else min(oldest_90k, start_90k)
        start_90k = _oldest_continuous_90k(connection, stream)
        if start_90k is not None:
            continuous_90k = start_90k if continuous_90k is None else min(continuous_90k, start_90k)
        (latest_bytes, latest_90k) = connection.execute(
            "SELECT SUM(bytes), SUM(duration_90k) FROM (SELECT bytes, duration_90k FROM segments WHERE stream = ?"
            " ORDER BY start_90k DESC LIMIT ?)",
            (stream, LATEST),
        ).fetchone()
        if latest_90k:
            rate += latest_bytes / latest_90k * DAY_90K
    return Stock(total, oldest_90k, rate, continuous_90k)


def _oldest_continuous_90k(connection: sqlite3.Connection, stream: int) -> int | None:
    has_classes = connection.execute(
        "SELECT 1 FROM pragma_table_info('segments') WHERE name = 'class'"
    ).fetchone()
    if not has_classes:  # another process may look before the service has brought the index to this version
        return None
    row = connection.execute(
        "SELECT start_90k FROM segments WHERE stream = ? AND class = 0 AND NOT is_open ORDER BY start_90k LIMIT 1",
        (stream,),
    ).fetchone()
    return None if row is None else int(row[0])
