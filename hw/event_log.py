"""One JSON line per event, written so that it can never hold up the guard."""

from __future__ import annotations

import json
import os
import select
import time
from collections.abc import Callable

MAX_LINE_BYTES = 4096  # PIPE_BUF: a pipe that polls writable takes this much without blocking


class EventLog:
    """Writes to a file descriptor, normally standard error.

    The reader may be stopped (the service under SIGSTOP, a terminal under Ctrl-S) while the siren must go
    off. So a line is dropped if the descriptor does not take it at once; the next line carries the count.
    """

    def __init__(self, fd: int, wall_clock: Callable[[], float] = time.time) -> None:
        self._fd = fd
        self._poll = select.poll()
        self._poll.register(fd, select.POLLOUT)
        self._wall_clock = wall_clock
        self._dropped = 0

    def event(self, name: str, **fields: str | int | float | bool | None) -> None:
        """Write {"t_wall": ..., "event": name, **fields}."""
        record: dict[str, object] = {"t_wall": round(self._wall_clock(), 3), "event": name, **fields}
        if self._dropped:
            record["lines_dropped"] = self._dropped
        line = json.dumps(record).encode() + b"\n"
        if len(line) > MAX_LINE_BYTES or not self._takes_a_line():
            self._dropped += 1
            return
        try:
            os.write(self._fd, line)
        except OSError:
            self._dropped += 1  # nobody reads any more
        else:
            self._dropped = 0

    def _takes_a_line(self) -> bool:
        try:
            return any(flags & select.POLLOUT for _, flags in self._poll.poll(0))
        except OSError:
            return False
