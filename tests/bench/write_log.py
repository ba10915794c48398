"""Reads the log of `blklogwrites` and makes the disk as a power cut leaves it.

Format: QEMU block/blklogwrites.c, the same as Linux Documentation/admin-guide/device-mapper/log-writes.rst. A super
block, then entries of one sector, each followed by what it wrote; all little-endian.
"""

from __future__ import annotations

import os
import random
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

MAGIC = 0x6A736677736872
SUPER = struct.Struct("<QQQI")
ENTRY = struct.Struct("<QQQQ")
FLUSH, FUA, DISCARD = 1, 2, 4
TORN = 0.1
"""Share of the writes that survive in part only."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One request: `offset` and `length` in bytes on the disk; its bytes go from `data` to `end` in the log."""

    offset: int
    length: int
    flags: int
    data: int
    end: int


@dataclass(frozen=True, slots=True)
class WriteLog:
    """A whole log. Entries in the order in which the disk completed them; `sector_bytes`: what is never torn."""

    entries: Sequence[Entry]
    sector_bytes: int

    @classmethod
    def read(cls, file: Path) -> WriteLog:
        """Raises ValueError: not such a log. What stands behind the last flush is read too."""
        with file.open("rb") as log:
            magic, version, _, sector_bytes = SUPER.unpack(log.read(SUPER.size))
            if magic != MAGIC or version != 1:
                raise ValueError(f"{file}: no write log")
            size = os.fstat(log.fileno()).st_size
            return cls(list(_entries(log.fileno(), size, sector_bytes)), sector_bytes)


def _entries(log: int, size: int, sector_bytes: int) -> Iterator[Entry]:
    at = sector_bytes
    while at + sector_bytes <= size:
        sector, sectors, flags, _ = ENTRY.unpack(os.pread(log, ENTRY.size, at))
        data = at + sector_bytes
        at = data + (0 if flags & DISCARD else sectors * sector_bytes)
        yield Entry(sector * sector_bytes, sectors * sector_bytes, flags, data, at)


class Timing:
    """When entries were in the log, from samples of its size, which were taken later than that, never earlier."""

    def __init__(self, samples: Sequence[tuple[float, int]]):
        """`samples`: (wall time, size of the log), both growing."""
        self._times = [time_s for time_s, _ in samples]
        self._sizes = [size for _, size in samples]

    def until(self, log: WriteLog, at_s: float) -> int:
        """How many entries were in the log for sure at `at_s`."""
        sample = bisect_right(self._times, at_s) - 1
        if sample < 0:
            return 0
        return bisect_right(log.entries, self._sizes[sample], key=lambda entry: entry.end)

    def when(self, entry: Entry) -> float:
        """The latest that the entry can have been written."""
        return self._times[min(bisect_left(self._sizes, entry.end), len(self._times) - 1)]


class Disk:
    """An image that takes over entries of a log, in order."""

    def __init__(self, image: Path, log_file: Path, log: WriteLog):
        self._image = os.open(image, os.O_RDWR)
        self._log_file = os.open(log_file, os.O_RDONLY)
        self._log = log
        self.applied = 0

    def close(self) -> None:
        os.close(self._image)
        os.close(self._log_file)

    def advance(self, count: int) -> None:
        """Take over all entries before number `count`."""
        for entry in self._log.entries[self.applied : count]:
            self.put(entry)
        self.applied = max(self.applied, count)

    def put(self, entry: Entry, sectors: Sequence[int] | None = None) -> None:
        """Write one entry, or only these of its sectors. Discarded blocks keep what they had: a disk may do so."""
        if entry.flags & DISCARD or not entry.length:
            return
        content = os.pread(self._log_file, entry.length, entry.data)
        if sectors is None:
            os.pwrite(self._image, content, entry.offset)
            return
        size = self._log.sector_bytes
        for sector in sectors:
            os.pwrite(self._image, content[sector * size : (sector + 1) * size], entry.offset + sector * size)


def durable(log: WriteLog, count: int) -> int:
    """Of the first `count` entries, how many stand before the end of the last completed flush."""
    return next((k + 1 for k in reversed(range(count)) if log.entries[k].flags & FLUSH), 0)


def cut(disk: Disk, log: WriteLog, first: int, stop: int, rng: random.Random) -> int:
    """Let each entry from `first` to before `stop` survive wholly, in part or not; how many did wholly.

    That later ones survive without earlier ones is what any order of writing amounts to; of two that wrote to one
    place the later one wins if both survive.
    """
    survival = rng.choice((0.0, 0.1, 0.5, 0.9, 1.0))
    survived = 0
    for entry in log.entries[first:stop]:
        if entry.flags & FUA or rng.random() < survival:
            disk.put(entry)
            survived += 1
        elif rng.random() < TORN:
            sectors = range(entry.length // log.sector_bytes)
            disk.put(entry, rng.sample(sectors, rng.randint(0, len(sectors))))
    return survived
