"""Files that are never half there: written beside, put on the disk, and renamed."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

PRIVATE = 0o600
"""Readable and writable by the owner alone."""


def write_whole(path: Path, data: bytes, *, mode: int = 0o666) -> None:
    """Write the file `path` anew, made with `mode` (less the umask); under its name there is never half of it, and it
    is on the disk on return. Raises OSError."""
    unfinished = path.with_name(f"{path.name}.part")
    try:
        # What is left of an earlier try may belong to somebody else.
        unfinished.unlink(missing_ok=True)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        unfinished.replace(path)
    except OSError:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Put the names in a folder on the disk. Raises OSError."""
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
