"""Finished packages in the state directory, `evidence/<id>/`: small files as they are, footage as where it lies. May
block."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from nvr.errors import StorageError
from nvr.evidence.packing import Package
from nvr.evidence.zip_layout import Entry
from nvr.record.model import FileRange
from nvr.whole_file import PRIVATE, sync_folder, write_whole

FOLDER = "evidence"
_PARTS = "parts.json"


class _Part(Struct, frozen=True, forbid_unknown_fields=True):
    """One file of the package: `length` bytes of `path` from `offset` on; a path without folder lies beside."""

    name: str
    size: int
    crc32: int
    path: str
    offset: int


class Shelf:
    """`state`: the state directory."""

    def __init__(self, state: Path):
        self._root = state / FOLDER

    def save(self, package_id: str, package: Package) -> None:
        """On the disk when this returns; one of that id is replaced. Raises StorageError."""
        folder = self._root / package_id
        parts = []
        try:
            if folder.exists():
                shutil.rmtree(folder)
            folder.mkdir(parents=True, mode=0o700)
            for entry, data in package.files:
                if isinstance(data, bytes):
                    write_whole(folder / entry.name, data, mode=PRIVATE)
                    parts.append(_Part(*entry, entry.name, 0))
                else:
                    parts.append(_Part(*entry, str(data.path), data.offset))
            write_whole(folder / _PARTS, msgspec.json.encode(parts), mode=PRIVATE)
            sync_folder(self._root)
        except OSError as error:
            with suppress(OSError):
                shutil.rmtree(folder)
            raise StorageError(
                f"{folder}: the package cannot be written: {error.strerror}",
                remedy="Check that the disk has room and is healthy",
            ) from error

    def load(self, package_id: str) -> Package:
        """Raises StorageError: it is not there, or damaged."""
        folder = self._root / package_id
        try:
            parts = msgspec.json.decode((folder / _PARTS).read_bytes(), type=list[_Part])
        except (OSError, msgspec.DecodeError) as error:
            raise StorageError(
                f"{folder}: the package cannot be read", remedy="Have it made again"
            ) from error
        # An absolute path stays what it is.
        return Package(
            [
                (
                    Entry(part.name, part.size, part.crc32),
                    FileRange(folder / part.path, part.offset, part.size),
                )
                for part in parts
            ]
        )
