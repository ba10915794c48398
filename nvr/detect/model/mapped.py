"""Memory of mapped files, given back (Linux)."""

from __future__ import annotations

import ctypes
from pathlib import Path

from nvr.child.lock import libc

_MAPS = Path("/proc/self/maps")
_MADV_DONTNEED = 4  # madvise(2)


def give_back(file: Path) -> None:
    """Take the pages of `file` that are mapped to be read out of this process's memory. What is read of them again
    comes from the file again. Without /proc nothing happens."""
    if not _MAPS.exists():
        return
    name = str(file.resolve())
    for line in _MAPS.read_text().splitlines():
        addresses, access, *_, path = line.split(maxsplit=5)
        if path == name and access.startswith("r--"):
            start, end = (int(address, 16) for address in addresses.split("-"))
            libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_DONTNEED)
