"""Which footage goes when room is needed. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nvr.record.model import Candidate

MARGIN_SHARE = 50
MAX_MARGIN_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Budget:
    """At most `max_bytes` (None: no limit) are used and at least `keep_free_bytes` stay free on the disk."""

    max_bytes: int | None
    keep_free_bytes: int

    def excess(self, used_bytes: int, free_bytes: int, incoming_bytes: int) -> int:
        """How many bytes must be deleted before `incoming_bytes` are written; 0 if there is room.

        When something must go, a little more goes (a fiftieth, at most 256 MB), so that it is not for every write.
        """
        over = 0
        if self.max_bytes is not None and used_bytes + incoming_bytes > self.max_bytes:
            over = used_bytes + incoming_bytes - self.max_bytes + _margin(self.max_bytes)
        if free_bytes - incoming_bytes < self.keep_free_bytes:
            short = self.keep_free_bytes - (free_bytes - incoming_bytes) + _margin(self.keep_free_bytes)
            over = max(over, short)
        return over


def _margin(limit_bytes: int) -> int:
    return min(limit_bytes // MARGIN_SHARE, MAX_MARGIN_BYTES)


def choose(closed: Iterable[Candidate], excess_bytes: int) -> list[Candidate]:
    """The first of `closed`, which are closed segments, oldest first, that together have `excess_bytes`; all of
    them if they have not."""
    chosen: list[Candidate] = []
    for candidate in closed:
        if excess_bytes <= 0:
            break
        chosen.append(candidate)
        excess_bytes -= candidate.bytes
    return chosen
