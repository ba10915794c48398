"""SQLite files: open, migrate, one writer thread and one reader thread a file.

WAL with `synchronous=FULL`: a commit that was announced survives a power cut (NORMAL lost 18 to 23 s of rows in
measurements). Readers never wait for a stalled commit, because they have their own connection and thread.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TypeVar

from nvr.errors import StorageError

T = TypeVar("T")
Step = str | Callable[[sqlite3.Connection], None]
"""What brings a database to its next version: SQL, or what is done within one transaction."""


class Database:
    """One SQLite file.

    `path`: the file. `schema`: one step a version, oldest first; version n is `schema[n-1]` and is
    recorded in `PRAGMA user_version`. A file newer than the software is refused, not changed.
    Construct it off the event loop or with `await Database.open(...)`.
    Raises StorageError: the file cannot be opened, is no database, is damaged, or is newer than the software.
    """

    def __init__(self, path: Path, schema: Sequence[Step]):
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with ExitStack() as opened:
                self._writer = opened.enter_context(closing(self._connect()))
                self._prepare(self._writer)
                self._migrate(schema)
                self._reader = opened.enter_context(closing(self._connect()))
                self._prepare(self._reader)
                self._reader.execute("PRAGMA query_only=ON")
                opened.pop_all()  # they stay open
        except (OSError, sqlite3.DatabaseError) as error:
            raise StorageError(
                f"{path}: cannot be opened as a database: {error}",
                remedy="Check that the directory is writable and the disk healthy",
                params={"path": str(path)},
            ) from error
        self._write_thread = ThreadPoolExecutor(1, thread_name_prefix=f"write {path.name}")
        self._read_thread = ThreadPoolExecutor(1, thread_name_prefix=f"read {path.name}")

    @classmethod
    async def open(cls, path: Path, schema: Sequence[Step]) -> Database:
        """Open in a thread; the event loop never waits for the disk."""
        return await asyncio.to_thread(cls, path, schema)

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=10.0)

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.row_factory = sqlite3.Row

    def _migrate(self, schema: Sequence[Step]) -> None:
        (version,) = self._writer.execute("PRAGMA user_version").fetchone()
        if version > len(schema):
            raise StorageError(
                f"{self.path}: written by a newer version of the software (schema {version}, known {len(schema)})",
                remedy="Update the appliance, or restore the backup made before the update",
                params={"path": str(self.path)},
            )
        # A table that others refer to can only be made anew while foreign keys are off (sqlite.org/lang_altertable).
        self._writer.execute("PRAGMA foreign_keys=OFF")
        for number, step in enumerate(schema[version:], start=version + 1):
            if isinstance(step, str):
                self._writer.executescript(
                    f"BEGIN IMMEDIATE;\n{step}\n;PRAGMA user_version={number};\nCOMMIT;"
                )
            else:
                self._writer.execute("BEGIN IMMEDIATE")
                step(self._writer)
                self._writer.execute(f"PRAGMA user_version={number}")
                self._writer.execute("COMMIT")
        self._writer.execute("PRAGMA foreign_keys=ON")

    def write_now(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in one transaction in the calling thread, which must be the only one that writes."""
        connection = self._writer
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # a full disk makes SQLite roll back by itself, but not always
                connection.execute("ROLLBACK")
            raise
        return result

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in one transaction on the writer thread and wait for the commit to be on the disk."""
        return await asyncio.get_running_loop().run_in_executor(self._write_thread, self.write_now, work)

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on the reader thread; it sees every committed transaction."""
        return await asyncio.get_running_loop().run_in_executor(self._read_thread, work, self._reader)

    async def close(self) -> None:
        """Finish what was queued, then close."""
        await asyncio.to_thread(self._write_thread.shutdown)
        await asyncio.to_thread(self._read_thread.shutdown)
        await asyncio.to_thread(self._reader.close)
        await asyncio.to_thread(self._writer.close)
