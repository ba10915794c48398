"""Opens a package, folder or ZIP, for checking. May block; what is opened may come from anybody."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

from nvr.errors import StorageError
from nvr.evidence.findings import Finding
from nvr.evidence.zip_layout import MAX_ENTRIES, NoPackage, open_zip

CHUNK_BYTES = 1 << 20


class FolderFiles:
    """A package as a folder. Links are not followed: what is no plain file is a finding."""

    def __init__(self, root: Path):
        self._root = root
        self.differences: list[Finding] = []
        self.sizes = self._look()

    def _look(self) -> dict[str, int]:
        """Raises OSError: the folder itself cannot be read."""
        sizes: dict[str, int] = {}
        folders = [""]
        while folders:
            folder = folders.pop()
            with os.scandir(self._root / folder) as found:
                for item in found:
                    name = f"{folder}/{item.name}" if folder else item.name
                    if item.is_dir(follow_symlinks=False):
                        folders.append(name)
                    elif item.is_file(follow_symlinks=False):
                        sizes[name] = item.stat(follow_symlinks=False).st_size
                    else:
                        self.differences.append(Finding("added", name, "no plain file"))
                    if len(sizes) + len(folders) + len(self.differences) > 2 * MAX_ENTRIES:
                        self.differences.append(
                            Finding("added", folder or ".", "more files than a package has")
                        )
                        return sizes
        return sizes

    def chunks(self, name: str) -> Iterator[bytes]:
        """Raises OSError."""
        descriptor = os.open(self._root / name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with FileIO(descriptor, "r") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(22, "no plain file")
            while data := file.read(CHUNK_BYTES):
                yield data

    def close(self) -> None:
        """Nothing is kept open."""


class ZipFiles:
    """A package as a ZIP of the layout in zip_layout.py. Raises NoPackage; OSError."""

    def __init__(self, path: Path):
        self._file = FileIO(path, "r")
        try:
            total = os.fstat(self._file.fileno()).st_size
            opened = open_zip(lambda at, length: os.pread(self._file.fileno(), length, at), total)
        except (NoPackage, OSError):
            self._file.close()
            raise
        self.differences = [Finding("container", name or "ZIP", what) for name, what in opened.differences]
        self._places: dict[str, tuple[int, int]] = {}
        for entry, at in opened.entries:
            if entry.name in self._places:
                self.differences.append(Finding("container", entry.name, "stands in the ZIP twice"))
            self._places[entry.name] = (at, entry.size)
        self.sizes = {name: size for name, (_, size) in self._places.items()}

    def chunks(self, name: str) -> Iterator[bytes]:
        """Raises OSError."""
        at, left = self._places[name]
        while left:
            data = os.pread(self._file.fileno(), min(left, CHUNK_BYTES), at)
            if not data:
                raise OSError(5, "the ZIP ends within it")
            at, left = at + len(data), left - len(data)
            yield data

    def close(self) -> None:
        """No more is read."""
        self._file.close()


def open_package(path: Path) -> FolderFiles | ZipFiles:
    """Raises NoPackage: a file, but no ZIP of this layout; StorageError: nothing can be read there."""
    try:
        return FolderFiles(path) if path.is_dir() else ZipFiles(path)
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}") from error
