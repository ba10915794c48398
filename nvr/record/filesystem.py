"""What recording asks of the operating system. All of it may block; none of it runs on the event loop."""

from __future__ import annotations

import ctypes
import fcntl
import os
from collections.abc import Sequence
from io import FileIO
from pathlib import Path

from nvr.errors import StorageError
from nvr.record.errors import storage_error

LOCK_NAME = "lock"
_MOST_BUFFERS = 512
"""Below IOV_MAX, which is 1024 on Linux."""


def take_directory(root: Path) -> FileIO:
    """Make sure that `root` is a writable directory of ours alone; the answer's closing gives it back.

    It is created if only its last part is missing. Raises StorageError.
    """
    try:
        root.mkdir(exist_ok=True)
    except FileExistsError as error:
        raise StorageError(
            f"{root}: not a directory",
            remedy="Name a directory in [storage] recordings",
            params={"path": str(root)},
        ) from error
    except FileNotFoundError as error:
        raise StorageError(
            f"{root}: the recordings directory does not exist",
            remedy="Connect and mount its disk, or correct [storage] recordings",
            params={"path": str(root)},
        ) from error
    except OSError as error:
        raise storage_error(root, error) from error
    try:
        lock = FileIO(root / LOCK_NAME, "a")
    except OSError as error:
        raise storage_error(root, error) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        if isinstance(error, BlockingIOError):
            raise StorageError(
                f"{root}: in use by another process that records",
                remedy="Stop the other one, or give each its own [storage] recordings",
                params={"path": str(root)},
            ) from error
        raise storage_error(root, error) from error
    return lock


class FileSystemSync:
    """Puts everything written to one file system on its disk. `directory`: the descriptor of its directory `root`."""

    def __init__(self, root: Path):
        self.directory = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._has_syncfs = hasattr(self._libc, "syncfs")

    def __call__(self, files: Sequence[int]) -> None:
        """Return when it is done; `files` are the descriptors with new bytes. Raises OSError."""
        if not self._has_syncfs:
            for file in files:
                os.fdatasync(file)
            os.sync()  # for the names of new files
        elif self._libc.syncfs(self.directory) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))

    def close(self) -> None:
        os.close(self.directory)


def append(file: int, size: int, buffers: Sequence[bytes]) -> int:
    """Append `buffers` to a file of `size` bytes opened with O_APPEND and return its new size.

    Raises OSError; then the file has `size` bytes as before, unless it cannot even be cut.
    """
    total = 0
    try:
        for start in range(0, len(buffers), _MOST_BUFFERS):
            part = buffers[start : start + _MOST_BUFFERS]
            total += _write_all(file, part)
    except OSError:
        truncate(file, size)
        raise
    return size + total


def _write_all(file: int, buffers: Sequence[bytes]) -> int:
    length = sum(map(len, buffers))
    written = os.writev(file, buffers)
    if written < length:
        # Rare (a disk that fills up just here): what is left goes in one piece, and mostly fails with the reason.
        rest = memoryview(b"".join(buffers))[written:]
        while rest:
            rest = rest[os.write(file, rest) :]
    return length


def truncate(file: int, size: int) -> bool:
    """Cut a file to `size` bytes; whether that worked."""
    try:
        os.ftruncate(file, size)
    except OSError:
        return False
    return True


def free_bytes(root: Path) -> int:
    """Bytes that may still be written to the disk of `root`. Raises OSError."""
    state = os.statvfs(root)
    return state.f_bavail * state.f_frsize


def total_bytes(root: Path) -> int:
    """Size of the disk of `root`. Raises OSError."""
    state = os.statvfs(root)
    return state.f_blocks * state.f_frsize


def delete(root: Path, path: str) -> None:
    """Delete a footage file, and its day's folder when that is empty. Raises OSError, not if it is gone already."""
    file = root / path
    file.unlink(missing_ok=True)
    try:
        file.parent.rmdir()
    except OSError:
        return  # it holds other files
