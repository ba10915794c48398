"""SQLite files: transactions, migration, damage, and readers that do not wait for writers."""

import asyncio
import sqlite3
import threading

import pytest

from nvr.errors import StorageError
from nvr.state import STATE_SCHEMA, open_state
from nvr.store import Database

V1 = "CREATE TABLE t (x INTEGER)"
V2 = "ALTER TABLE t ADD COLUMN y INTEGER NOT NULL DEFAULT 7"


async def rows(db: Database) -> list[tuple]:
    return [tuple(row) for row in await db.read(lambda c: c.execute("SELECT * FROM t").fetchall())]


async def test_write_read_and_rollback(tmp_path):
    db = await Database.open(tmp_path / "a" / "x.db", [V1])
    await db.write(lambda c: c.execute("INSERT INTO t VALUES (1)"))

    def broken(connection):
        connection.execute("INSERT INTO t VALUES (2)")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await db.write(broken)
    assert await rows(db) == [(1,)]
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        await db.read(lambda c: c.execute("INSERT INTO t VALUES (3)"))
    await db.close()


async def test_migration_keeps_what_was_stored(tmp_path):
    db = await Database.open(tmp_path / "x.db", [V1])
    await db.write(lambda c: c.execute("INSERT INTO t VALUES (1)"))
    await db.close()
    db = await Database.open(tmp_path / "x.db", [V1, V2])
    assert await rows(db) == [(1, 7)]
    await db.close()
    with pytest.raises(StorageError, match="newer version"):
        await Database.open(tmp_path / "x.db", [V1])


async def test_a_failed_migration_changes_nothing(tmp_path):
    db = await Database.open(tmp_path / "x.db", [V1])
    await db.close()
    with pytest.raises(StorageError, match="cannot be opened"):
        await Database.open(tmp_path / "x.db", [V1, "CREATE TABLE u (x INTEGER); nonsense"])
    with sqlite3.connect(tmp_path / "x.db") as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("t",)]
    connection.close()


async def test_damage_and_bad_places_are_named(tmp_path):
    (tmp_path / "x.db").write_bytes(b"this is no database " * 300)
    with pytest.raises(StorageError, match=r"x\.db"):
        await Database.open(tmp_path / "x.db", [V1])
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file"):
        await Database.open(tmp_path / "file" / "x.db", [V1])


async def test_readers_do_not_wait_for_a_stalled_writer(tmp_path):
    db = await Database.open(tmp_path / "x.db", [V1])
    await db.write(lambda c: c.execute("INSERT INTO t VALUES (1)"))
    release = threading.Event()

    def stalled(connection):
        connection.execute("INSERT INTO t VALUES (2)")
        release.wait(30)

    async with asyncio.TaskGroup() as group:
        writing = group.create_task(db.write(stalled))
        async with asyncio.timeout(10):
            assert await rows(db) == [(1,)]
        assert not writing.done()
        release.set()
    assert await rows(db) == [(1,), (2,)]
    await db.close()


async def test_state_db_has_its_tables(tmp_path):
    db = await open_state(tmp_path / "state")
    names = await db.read(
        lambda c: {r[0] for r in c.execute("SELECT name FROM sqlite_master WHERE type='table'")}
    )
    assert {"accounts", "sessions", "claim", "alarm_state", "incidents", "audit"} <= names
    await db.close()
    assert STATE_SCHEMA
