"""Checks the audit trail's chain, and writes its head down outside of the database (`audit-head.json` in the state
directory), so that a chain whose end was cut off, or that was written anew, does not pass for whole."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nvr.audit_chain import LEAST_DIGITS, Head, Row, Verdict, check
from nvr.clock import Clock
from nvr.errors import StorageError
from nvr.events import Fault
from nvr.faults import FaultBoard
from nvr.store import Database
from nvr.whole_file import PRIVATE, write_whole

log = structlog.get_logger(__name__)

PLACE = "audit"
NAME, DISPUTED = "audit-head.json", "audit-head.disputed.json"
WRITE_S = 60.0
CHECK_S = 24 * 3600.0
_QUERY = "SELECT id, wall_s, actor, address, action, subject, detail, hash FROM audit ORDER BY id"


class KnownHead(BaseModel):
    """The head as the file has it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    row: int = Field(ge=1)
    hash: str = Field(pattern=rf"^[0-9a-f]{{{LEAST_DIGITS},64}}$")
    wall_s: float


class HeadFiles:
    """What the state directory says of the chain's head. Blocks."""

    def __init__(self, state: Path):
        self._state = state

    def read(self) -> list[Head]:
        """The heads that are known, also one that was not in the chain any more when it was last looked at. A file
        that cannot be read counts as none: it proves nothing."""
        heads = []
        for name in (NAME, DISPUTED):
            try:
                known = KnownHead.model_validate_json((self._state / name).read_bytes())
            except FileNotFoundError:
                continue
            except (OSError, ValidationError) as error:
                log.error("a head of the audit trail cannot be read", path=name, error=str(error))
                continue
            heads.append(Head(known.row, known.hash))
        return heads

    def write(self, head: Head, wall_s: float) -> None:
        """Raises StorageError."""
        path = self._state / NAME
        text = KnownHead(row=head.row, hash=head.digest, wall_s=wall_s).model_dump_json()
        try:
            write_whole(path, text.encode(), mode=PRIVATE)
        except OSError as error:
            raise StorageError(
                f"{path}: cannot be written: {error.strerror}",
                remedy="Check that the system's disk is healthy and has room",
                params={"path": str(path)},
            ) from error

    def dispute(self) -> None:
        """Keep the present head beside, for who looks into it; the first one that was set aside stays."""
        path, aside = self._state / NAME, self._state / DISPUTED
        try:
            if path.exists() and not aside.exists():
                path.rename(aside)
        except OSError as error:
            log.error("a disputed head cannot be set aside", error=str(error))


def verify(state: Path, heads: tuple[Head, ...] = ()) -> Verdict:
    """Check the chain in state.db of the directory, against the heads known there and `heads`; the service may run.
    Blocks. Raises StorageError: it cannot be read, or is of before there was a chain."""
    file = state / "state.db"
    known = HeadFiles(state).read()  # first: the chain is read later, so it must have them
    try:
        # Read only: whoever checks makes no file that the service could not write.
        with closing(
            sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=10.0)
        ) as connection:
            connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
            return check(_rows(connection), (*known, *heads))
    except sqlite3.Error as error:
        raise StorageError(
            f"{file}: the audit trail cannot be read: {error}",
            remedy="Start the appliance with `nvr serve` once, or check the system's disk",
            params={"path": str(file)},
        ) from error


def _rows(connection: sqlite3.Connection) -> Iterator[Row]:
    return (Row(*row) for row in connection.execute(_QUERY))


class AuditWatch:
    """Writes the head down at most every WRITE_S and in the end, and checks the whole chain after the start and once a
    day; what is wrong is a fault."""

    def __init__(self, db: Database, state: Path, *, clock: Clock, faults: FaultBoard):
        self._db, self._state, self._clock, self._faults = db, state, clock, faults
        self._files = HeadFiles(state)
        self._known: Head | None = None
        self._checking = asyncio.Lock()
        self.verdict: tuple[Verdict, float] | None = None
        """What the last check found, and when (wall time)."""

    async def run(self, healthy: Callable[[], None]) -> None:
        """Until cancelled. Raises StorageError."""
        healthy()
        checked_mono_s: float | None = None
        while True:
            await asyncio.sleep(WRITE_S)  # what starts has better to do
            await self.flush()
            now_s = self._clock.monotonic()
            if checked_mono_s is None or now_s - checked_mono_s >= CHECK_S:
                await self.check()
                checked_mono_s = now_s

    async def head(self) -> Head | None:
        """The newest row, None: there is none yet. Raises StorageError."""
        row = await self._one("SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1")
        return Head(row["id"], row["hash"].hex()) if row else None

    async def check(self) -> Verdict:
        """Check the whole chain now. Raises StorageError."""
        async with self._checking:
            verdict = await asyncio.to_thread(verify, self._state)
        self.verdict = (verdict, self._clock.wall())
        if verdict.state == "whole":
            self._faults.clear(PLACE)
        else:
            row = verdict.broken_row or (verdict.missing.row if verdict.missing else 0)
            detail = f"the audit trail is {verdict.state} at row {row}; `nvr audit verify` says more"
            self._faults.raise_fault(Fault(PLACE, "audit_broken", detail, {"row": row}))
        return verdict

    async def flush(self) -> None:
        """Write the head down. One that the table does not contain any more is kept beside, and tells for good.
        Raises StorageError."""
        if self._known is None:
            known = await asyncio.to_thread(self._files.read)
            self._known = known[0] if known else None
        head = await self.head()
        if head == self._known:
            return
        if self._known is not None and not await self._is_there(self._known):
            await asyncio.to_thread(self._files.dispute)
            await self.check()
        if head is not None:
            await asyncio.to_thread(self._files.write, head, self._clock.wall())
        self._known = head

    async def _is_there(self, head: Head) -> bool:
        row = await self._one("SELECT hash FROM audit WHERE id = ?", head.row)
        return row is not None and row["hash"].hex().startswith(head.digest)

    async def _one(self, query: str, *values: int) -> sqlite3.Row | None:
        try:
            return await self._db.read(lambda c: c.execute(query, values).fetchone())
        except sqlite3.DatabaseError as error:
            raise StorageError(
                f"state.db cannot be read: {error}", remedy="Check the system disk's space and health"
            ) from error
