"""Which disk a recordings directory is: a marker file on it, and a note of it beside the system's state.

A mount point whose disk is missing looks like an empty directory, and whoever records into it fills the system's
card. So the first use of a directory writes a marker into it and remembers the marker's id in `<state>/disks.json`;
from then on nothing is written to that path unless the marker is there.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
from pathlib import Path

from nvr.errors import StorageError
from nvr.record.errors import storage_error
from nvr.whole_file import write_whole

MARKER = "nvr-disk.json"
REGISTRY = "disks.json"
_MOST_BYTES = 4096


class DiskMissing(StorageError):
    """The disk that belongs to a recordings directory is not there; recording goes on by itself when it is."""

    code = "disk_missing"


class DiskTwice(StorageError):
    """Two of the directories lie on one disk, under one marker."""

    code = "disk_twice"


class InUse:
    """Shared by all recordings directories of the appliance: which of them has the disk with an id."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.directory: dict[str, str] = {}


class DiskIdentity:
    """The identity of the directory `root`; `state` is storage.state. `in_use`: of the appliance. All
    methods may block."""

    def __init__(self, root: Path, state: Path, in_use: InUse | None = None):
        self._root, self._registry = root, state / REGISTRY
        self._key = str(root.absolute())
        self._in_use = in_use or InUse()

    def expect(self) -> None:
        """Raises DiskMissing: another disk was seen here before than is there now, or none is; DiskTwice: another
        directory of the appliance is the same; StorageError: what is remembered cannot be read. Changes nothing."""
        self._refuse_twice()
        expected = self._remembered().get(self._key)
        if expected is None:
            return
        try:
            found = self._marker()
        except OSError as error:
            raise self._missing(f"its disk does not answer ({error.strerror})") from error
        if found is None:
            raise self._missing("its disk is not there (the marker file of the disk is missing)")
        if found != expected:
            raise self._missing("another disk is connected than the one that was used before")

    def is_remembered(self) -> bool:
        """Whether a disk was seen here before. Raises StorageError: what is remembered cannot be read."""
        return self._key in self._remembered()

    def settle(self) -> None:
        """Mark the directory if it has no marker, remember which it is, and have it until `release`. Raises OSError
        (the directory), StorageError (the state)."""
        found = self._marker()
        if found is None:
            found = secrets.token_hex(8)
            write_whole(self._root / MARKER, json.dumps({"id": found}).encode())
        with self._in_use.lock:
            known = self._remembered()
            if known.get(self._key) != found:
                self._remember({**known, self._key: found})
            self._in_use.directory[found] = self._key

    def use(self) -> None:
        """Have the disk that is there, as `settle` does, but change nothing on it. Raises OSError."""
        found = self._marker()
        if found is not None:
            self._in_use.directory[found] = self._key

    def release(self) -> None:
        """Another directory may be this disk."""
        with self._in_use.lock:
            mine = [found for found, key in self._in_use.directory.items() if key == self._key]
            for found in mine:
                del self._in_use.directory[found]

    def forget(self) -> bool:
        """Take whatever is there next as this directory's disk; whether one was remembered. Raises StorageError."""
        known = self._remembered()
        if known.pop(self._key, None) is None:
            return False
        self._remember(known)
        return True

    def _refuse_twice(self) -> None:
        try:
            other = self._in_use.directory.get(self._marker() or "", self._key)
        except OSError:
            return
        if other != self._key:
            raise DiskTwice(
                f"{self._root}: the same disk as {other}",
                remedy="Mount a disk of its own there, or take one of the two out of [storage] recordings",
                params={"path": str(self._root), "other": other},
            )

    def _missing(self, what: str) -> DiskMissing:
        return DiskMissing(
            f"{self._root}: {what}",
            remedy="Connect and mount the disk; if it was replaced on purpose, run `nvr disk --accept`",
            params={"path": str(self._root)},
        )

    def _marker(self) -> str | None:
        """The id in the marker; None: no marker, or none that says anything. Raises OSError."""
        try:
            with (self._root / MARKER).open("rb") as file:
                found = json.loads(file.read(_MOST_BYTES))
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None
        identity = found.get("id") if isinstance(found, dict) else None
        return identity if isinstance(identity, str) and identity else None

    def _remembered(self) -> dict[str, str]:
        """Raises StorageError."""
        try:
            found = json.loads(self._registry.read_bytes())
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise storage_error(self._registry, error) from error
        except ValueError as error:
            raise self._unreadable() from error
        if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
            raise self._unreadable()
        return found

    def _remember(self, known: dict[str, str]) -> None:
        try:
            write_whole(self._registry, json.dumps(known, indent=2, ensure_ascii=False).encode())
        except OSError as error:
            raise storage_error(self._registry, error) from error

    def _unreadable(self) -> StorageError:
        return StorageError(
            f"{self._registry}: what is remembered of the disks is damaged",
            remedy="Connect and mount the right disk, then delete this file",
            params={"path": str(self._registry)},
        )


def is_same_directory(root: Path, descriptor: int) -> bool:
    """Whether the path `root` still leads to the open directory `descriptor`: not after its disk was unmounted, or
    mounted anew. Raises OSError, but for a missing path."""
    try:
        return os.path.samestat(root.stat(), os.fstat(descriptor))
    except (FileNotFoundError, NotADirectoryError):
        return False
