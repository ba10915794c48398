"""Puts a package together: measures its files, signs the manifest, lays them out as a ZIP or a folder. May block.

Footage is never copied to make a package: a ZIP is a plan of small pieces and ranges of files, for whoever sends it.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from nvr.evidence.manifest import (
    MANIFEST,
    MAX_FILE_BYTES,
    SIGNATURE,
    File,
    FileRole,
    Footage,
    Manifest,
    parse,
)
from nvr.evidence.signature import sign
from nvr.evidence.zip_layout import Entry, directory, local_header
from nvr.record.model import FileRange
from nvr.whole_file import sync_folder

CHUNK_BYTES = 1 << 20
Piece = bytes | FileRange


class Content(NamedTuple):
    """A file that goes into a package as `path`, and where its bytes come from. `of`: for segments."""

    path: str
    role: FileRole
    data: Piece
    of: Footage | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """A file and what is said of it."""

    data: Piece
    file: File
    crc32: int


def measure(contents: Sequence[Content], done: Callable[[int], None] = lambda size: None) -> list[Measured]:
    """Read everything once. `done(bytes)` is told of each chunk. Raises OSError; EOFError: a file is shorter than its
    range; ValueError: one is larger than a package's file may be."""
    return [_measured(content, done) for content in contents]


def _measured(content: Content, done: Callable[[int], None]) -> Measured:
    digest, crc32, size = hashlib.sha256(), 0, 0
    for chunk in chunks(content.data):
        digest.update(chunk)
        crc32 = zlib.crc32(chunk, crc32)
        size += len(chunk)
        done(len(chunk))
        if size > MAX_FILE_BYTES:
            raise ValueError(f"{content.path}: more than {MAX_FILE_BYTES} bytes")
    return Measured(
        content.data, File(content.path, content.role, size, digest.hexdigest(), content.of), crc32
    )


def chunks(piece: Piece) -> Iterator[bytes]:
    """Its bytes, at most CHUNK_BYTES at once of a file. Raises OSError; EOFError: the file is shorter."""
    if isinstance(piece, bytes):
        yield piece
        return
    with FileIO(piece.path, "r") as file:
        file.seek(piece.offset)
        left = piece.length
        while left:
            data = file.read(min(left, CHUNK_BYTES))
            if not data:
                raise EOFError(f"{piece.path}: {left} bytes are missing")
            left -= len(data)
            yield data


class Package:
    """The files of a package in the order of its ZIP, and where their bytes come from."""

    def __init__(self, files: Sequence[tuple[Entry, Piece]]):
        self.files = list(files)

    @property
    def zip_bytes(self) -> int:
        """How long the ZIP is."""
        entries = [entry for entry, _ in self.files]
        return sum(len(local_header(entry)) + entry.size for entry in entries) + len(directory(entries))

    def zip_plan(self, start: int = 0, stop: int | None = None) -> Iterator[Piece]:
        """The bytes of the ZIP from `start` until before `stop` (None: its end)."""
        at = 0
        for piece in self._pieces():
            size = len(piece) if isinstance(piece, bytes) else piece.length
            begin, end = max(start - at, 0), size if stop is None else min(stop - at, size)
            if begin < end:
                if isinstance(piece, bytes):
                    yield piece[begin:end]
                else:
                    yield FileRange(piece.path, piece.offset + begin, end - begin)
            at += size

    def _pieces(self) -> Iterator[Piece]:
        for entry, data in self.files:
            yield local_header(entry)
            yield data
        yield directory([entry for entry, _ in self.files])

    def write_zip(self, path: Path) -> None:
        """Make the file `path`, on the disk when this returns. Raises OSError, also where there is one; EOFError."""
        _write(path, (chunk for piece in self.zip_plan() for chunk in chunks(piece)))
        sync_folder(path.parent)

    def write_folder(self, folder: Path) -> None:
        """Make the folder `folder`, on the disk when this returns. Raises as `write_zip`."""
        folder.mkdir()
        for entry, data in self.files:
            path = folder / entry.name
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, chunks(data))
        for made in (*(path for path in folder.rglob("*") if path.is_dir()), folder, folder.parent):
            sync_folder(made)


def seal(manifest: Manifest, files: Sequence[Measured], key: Ed25519PrivateKey) -> Package:
    """Sign a package of measured files. `manifest`: about exactly these, in their order. Raises ValueError: it is
    not, or is none that a verifier would take."""
    if [measured.file for measured in files] != list(manifest.files):
        raise ValueError("the manifest is about other files")
    data = manifest.encode()
    parse(data)
    own = [(MANIFEST, data), (SIGNATURE, sign(key, data))]
    first: list[tuple[Entry, Piece]] = [
        (Entry(name, len(part), zlib.crc32(part)), part) for name, part in own
    ]
    return Package(
        [*first, *((Entry(item.file.path, item.file.size, item.crc32), item.data) for item in files)]
    )


def _write(path: Path, data: Iterator[bytes]) -> None:
    with path.open("xb") as file:
        for chunk in data:
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
