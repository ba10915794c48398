"""Whose video the analysis process is at work on, in a few bytes of memory that it shares with the service.

When the process dies amid its work, or does not come back from it, they tell the service whose video that was. They are
written before each step, which costs less than a microsecond; a message over the socket would have to be read as well.
The service reads them through the descriptor: memory that another process might shrink is not mapped.
"""

from __future__ import annotations

import mmap
import os
import struct
from typing import NamedTuple

_NOTE = struct.Struct("<II")
_NOBODY, _STILL = 0, 0x8000_0000
_COUNT = 1 << 32
STILLS = 0x8000_0000
"""Numbers of wanted pictures are told apart below this."""


class Work(NamedTuple):
    """`step` changes with every step. `camera`: its index; `still`: the number of a wanted picture; None: not that."""

    step: int
    camera: int | None
    still: int | None


class Note:
    """Tells nobody."""

    def camera(self, index: int) -> None:
        """Work on this camera's video begins."""

    def still(self, number: int) -> None:
        """Work on this wanted picture begins."""

    def done(self) -> None:
        """It has ended, and well."""


class NoteWriter(Note):
    """The end of the analysis process."""

    def __init__(self, descriptor: int):
        self._memory = mmap.mmap(descriptor, _NOTE.size)
        self._step = 0

    def camera(self, index: int) -> None:
        self._write(index + 1)

    def still(self, number: int) -> None:
        self._write(_STILL | number % STILLS)

    def done(self) -> None:
        self._write(_NOBODY)

    def _write(self, who: int) -> None:
        self._step = (self._step + 1) % _COUNT
        _NOTE.pack_into(self._memory, 0, self._step, who)


class NoteReader:
    """The service's end; it makes the memory."""

    def __init__(self) -> None:
        self.descriptor = os.memfd_create("nvr-analysis-note")
        os.ftruncate(self.descriptor, _NOTE.size)

    def read(self) -> Work | None:
        """What it is at work on; None: on nobody's video. What is read while it is written may be of two steps."""
        data = os.pread(self.descriptor, _NOTE.size, 0)
        if len(data) < _NOTE.size:
            return None
        step, who = _NOTE.unpack(data)
        if who == _NOBODY:
            return None
        if who & _STILL:
            return Work(step, None, who % STILLS)
        return Work(step, who - 1, None)

    def close(self) -> None:
        """Only once."""
        os.close(self.descriptor)
