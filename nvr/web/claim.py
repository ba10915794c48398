"""The single-use code that makes the first administrator."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import secrets
import sqlite3
from pathlib import Path

from nvr.errors import StorageError
from nvr.store import Database
from nvr.web.accounts import has_accounts
from nvr.whole_file import PRIVATE, write_whole

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: without I, L, O and U, which people misread."""
_MISREAD = str.maketrans("ILO", "110", " -")
CHARACTERS = 12


def new_code() -> str:
    """60 random bits as XXXX-XXXX-XXXX."""
    letters = "".join(secrets.choice(ALPHABET) for _ in range(CHARACTERS))
    return "-".join(letters[at : at + 4] for at in range(0, CHARACTERS, 4))


def code_hash(code: str) -> bytes:
    """SHA-256 of the code without hyphens and spaces, in capitals, with I and L read as 1 and O as 0."""
    return hashlib.sha256(code.upper().translate(_MISREAD).encode("utf-8", "replace")).digest()


class ClaimCode:
    """state.db holds the code's hash, the file `claim-code` (readable by the service alone) the code itself, so
    that the console can print it again after a restart. Both are gone once there is an account."""

    def __init__(self, db: Database, state: Path):
        self._db = db
        self._file = state / "claim-code"

    async def prepare(self) -> str | None:
        """The code to print on the console; None once the appliance was claimed. Makes one where needed.

        Raises StorageError: the file or the database cannot be written. Of a claimed appliance nothing is: it must
        also start on a full disk.
        """
        if await self._db.read(_is_settled) and not await asyncio.to_thread(self._file.exists):
            return None
        try:
            return await self._db.write(self._prepare)
        except sqlite3.Error as error:
            raise StorageError(
                f"{self._db.path}: cannot be written: {error}",
                remedy="Check the system disk's space and health",
                params={"path": str(self._db.path)},
            ) from error

    def _prepare(self, connection: sqlite3.Connection) -> str | None:
        try:
            if has_accounts(connection):
                connection.execute("DELETE FROM claim")
                self._file.unlink(missing_ok=True)
                return None
            row = connection.execute("SELECT code_hash FROM claim").fetchone()
            try:
                code = self._file.read_text("ascii").strip()
            except (FileNotFoundError, UnicodeDecodeError):
                code = ""
            if row is None or not hmac.compare_digest(code_hash(code), row["code_hash"]):
                code = new_code()
                connection.execute("DELETE FROM claim")
                connection.execute(
                    "INSERT INTO claim (only_row, code_hash) VALUES (1, ?)", (code_hash(code),)
                )
                write_whole(self._file, f"{code}\n".encode("ascii"), mode=PRIVATE)
        except OSError as error:
            raise StorageError(
                f"{self._file}: cannot be used: {error.strerror}",
                remedy="Check the directory storage.state",
                params={"path": str(self._file)},
            ) from None
        return code

    async def forget(self) -> None:
        """Remove the file after the code was used; a leftover is removed at the next start."""
        with contextlib.suppress(OSError):
            await asyncio.to_thread(self._file.unlink)


def _is_settled(connection: sqlite3.Connection) -> bool:
    """Whether the appliance was claimed and no code is left over."""
    return has_accounts(connection) and connection.execute("SELECT 1 FROM claim").fetchone() is None


def use_code(connection: sqlite3.Connection, code: str) -> bool:
    """Within the caller's transaction: True once for the right code, which is gone then."""
    row = connection.execute("SELECT code_hash FROM claim").fetchone()
    if row is None or not hmac.compare_digest(code_hash(code), row["code_hash"]):
        return False
    connection.execute("DELETE FROM claim")
    return True
