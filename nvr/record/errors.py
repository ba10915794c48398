"""Which StorageError a failed disk operation is."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

from nvr.errors import StorageError

PLACE = "disk"
"""On the board of faults."""
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_CORRUPT = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


class DiskFull(StorageError):
    """There is no space left; recording goes on by itself when there is."""

    code = "disk_full"


def storage_error(path: Path, error: OSError | sqlite3.Error) -> StorageError:
    """`error`, met while working in the recordings directory `path`, as a sentence with a remedy."""
    params = {"path": str(path)}
    if is_full(error):
        return DiskFull(
            f"{path}: the disk is full",
            remedy="Remove what does not belong on this disk, or lower [storage] max_gb",
            params=params,
        )
    cause = error.strerror or str(error) if isinstance(error, OSError) else str(error)
    return StorageError(
        f"{path}: cannot be written: {cause}",
        remedy="Check that the disk is connected, mounted writable and healthy",
        params=params,
    )


def is_full(error: OSError | sqlite3.Error) -> bool:
    """Whether `error` means that space or quota is used up."""
    if isinstance(error, OSError):
        return error.errno in FULL
    return getattr(error, "sqlite_errorname", "") == "SQLITE_FULL"


def is_corrupt(error: BaseException | None) -> bool:
    """Whether `error` means that a database file is damaged (and not merely busy, full or unreachable)."""
    return isinstance(error, sqlite3.DatabaseError) and getattr(error, "sqlite_errorname", "").startswith(
        _CORRUPT
    )
