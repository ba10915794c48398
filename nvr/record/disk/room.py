"""Room on the disk: deletes what outlived its days, and the oldest footage where the budget needs it.

Belongs to the disk's thread. Order of a deletion: the rows become garbage, the files are unlinked, the garbage is
forgotten with the next commit.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

from nvr.events import StreamKey
from nvr.record.errors import is_full
from nvr.record.filesystem import delete, free_bytes
from nvr.record.index.index import Index
from nvr.record.keep.hold import Hold, held_spans
from nvr.record.keep.retention import MAX_MARGIN_BYTES, Budget, Closed, Doomed, Keep, Rules, choose, outlived
from nvr.record.keep.settled_clock import SettledClock
from nvr.record.layout import path_of
from nvr.record.model import TICKS

LOOK_S = 60.0
"""Between two looks for footage that outlived its maximum."""
OUTLIVED_AT_ONCE = 16
"""So that no commit waits long for deletions."""


class Room:
    """Deletes in one recordings directory.

    `may_delete` is off while the index is being rebuilt: the oldest footage may not be known yet. `known_until_90k`: as
    in `Rules`. `holds`: of the directory, also those that expired.
    `deleted`: paths of garbage whose files are gone. `broken`: cameras whose minimum of days had to be broken since
    the last `take_broken`.
    """

    def __init__(self, root: Path, budget: Budget, keep: Keep, clock: SettledClock):
        self._root, self._budget, self._keep, self._clock = root, budget, keep, clock
        self.may_delete = True
        self.known_until_90k: int | None = None
        self.holds: tuple[Hold, ...] = ()
        self.deleted: list[str] = []
        self._broken: set[str] = set()
        self._free_is_settled = True
        self._look_at_s = clock.monotonic_s
        self._look_at_camera_s: dict[str, float] = {}

    def look_soon(self) -> None:
        """What is known of the footage has changed: look with the next step for what outlived its days."""
        self._look_at_s = self._clock.monotonic_s

    def synced(self) -> None:
        """The file system has counted what was deleted."""
        self._free_is_settled = True

    def take_broken(self) -> set[str]:
        """Cameras whose minimum was broken since the last call."""
        broken, self._broken = self._broken, set()
        return broken

    def make(
        self, index: Index, used_bytes: int, incoming_bytes: int, growth: Iterable[tuple[StreamKey, int]] = ()
    ) -> bool:
        """Make room for `incoming_bytes`; whether anything was deleted. `growth`: bytes of footage that are not in the
        index yet. Raises OSError, sqlite3.Error."""
        is_settled = self._clock.is_settled
        if not self.may_delete:
            return False
        now_90k = self._clock.now_90k
        doomed: list[Doomed] = []
        if is_settled and self._keep.has_maximum and self._clock.monotonic_s >= self._look_at_s:
            rules = self._rules(now_90k, is_settled)
            doomed = outlived(_closed(index, rules), rules, now_90k, OUTLIVED_AT_ONCE)
            if len(doomed) < OUTLIVED_AT_ONCE:
                self._look_at_s = self._clock.monotonic_s + LOOK_S
            self._delete(index, doomed, now_90k)
        if self._keep.max_bytes:
            doomed += self._limit_cameras(index, growth, self._rules(now_90k, is_settled), now_90k)
        freed = sum(candidate.bytes for candidate, _ in doomed)
        free = free_bytes(self._root)
        # Some file systems count the room of deleted files only after a while, so that is looked at once a sync.
        counted_free = free if self._free_is_settled else free + self._budget.keep_free_bytes
        excess = self._budget.excess(used_bytes - freed, counted_free, incoming_bytes)
        if excess > 0:
            rules = self._rules(now_90k, is_settled)
            more = choose(_closed(index, rules), excess, rules, now_90k)
            self._delete(index, more, now_90k)
            doomed += more
        return bool(doomed)

    def _rules(self, now_90k: int, is_settled: bool) -> Rules:
        held = held_spans(self.holds, now_90k / TICKS if is_settled else None)
        return Rules(self._keep, held, self.known_until_90k)

    def _limit_cameras(
        self, index: Index, growth: Iterable[tuple[StreamKey, int]], rules: Rules, now_90k: int
    ) -> list[Doomed]:
        """Delete of each camera with a limit what is beyond it, a little in each step; as on a disk of that size."""
        doomed: list[Doomed] = []
        sizes = index.bytes_by_camera()
        for key, size in growth:
            sizes[key.camera] = sizes.get(key.camera, 0) + size
        for camera, limit in self._keep.max_bytes.items():
            excess = Budget(limit, 0).excess(sizes.get(camera, 0), 0, 0)
            if excess <= 0 or self._clock.monotonic_s < self._look_at_camera_s.get(camera, 0.0):
                continue
            found = choose(_closed(index, rules, camera), min(excess, MAX_MARGIN_BYTES), rules, now_90k)
            if not found:  # all is held
                self._look_at_camera_s[camera] = self._clock.monotonic_s + LOOK_S
            self._delete(index, found, now_90k)
            doomed += found
        return doomed

    def _delete(self, index: Index, doomed: Sequence[Doomed], now_90k: int) -> None:
        if not doomed:
            return
        try:
            index.discard(doomed, now_90k)
        except sqlite3.Error as error:
            if not is_full(error):
                raise
            # The index has no room to say what is deleted. The files go first; a row without its file is harmless,
            # is chosen again for the next deletion, and is looked for at start.
        self._free_is_settled = False
        for candidate, cause in doomed:
            path = path_of(candidate)
            delete(self._root, path)
            self.deleted.append(path)
            if cause == "space_min_days":
                self._broken.add(candidate.key.camera)


def _closed(index: Index, rules: Rules, camera: str = "") -> Closed:
    return lambda until: index.closed(until, rules.held, camera)
