"""What the recorder counts, and the faults that say that it loses footage, or deletes it too early."""

from __future__ import annotations

from nvr.events import Fault, StreamKey
from nvr.faults import FaultBoard
from nvr.record.disk.writer import Fill, Report
from nvr.record.errors import PLACE
from nvr.record.model import TICKS, Statistics, Usage


class Counters:
    """Sums of what was committed."""

    def __init__(self) -> None:
        self.frames: dict[StreamKey, int] = {}
        self.fragments = self.commits = 0
        self.last_commit_s = 0.0

    def add(self, report: Report) -> None:
        """Count one commit."""
        for key, count in report.frames.items():
            self.frames[key] = self.frames.get(key, 0) + count
        self.fragments += report.fragments
        self.commits += 1
        self.last_commit_s = report.commit_s

    def usage(self, fill: Fill, now_s: float, dropped: int) -> Usage:
        """How full the directory is, in words for people."""
        oldest_s = None if fill.oldest_90k is None else fill.oldest_90k / TICKS
        days = 0.0 if oldest_s is None else max(now_s - oldest_s, 0.0) / 86_400
        return Usage(fill.used_bytes, fill.free_bytes, oldest_s, days, dropped)

    def statistics(self, dropped: int, queued_bytes: int) -> Statistics:
        """All of them, with what the queue counts."""
        return Statistics(
            frames=dict(self.frames),
            fragments=self.fragments,
            dropped_fragments=dropped,
            commits=self.commits,
            last_commit_s=self.last_commit_s,
            queued_bytes=queued_bytes,
        )


class OverflowWatch:
    """Raises the fault "record_overflow" when fragments are dropped, and clears it `quiet_s` after the last."""

    def __init__(self, faults: FaultBoard, quiet_s: float, place: str = PLACE):
        self._faults, self._quiet_s, self._place = faults, quiet_s, place
        self._dropped = 0
        self._last_s: float | None = None

    def look(self, dropped: int, now_s: float, *, is_known: bool) -> None:
        """`dropped`: how many so far; `is_known`: another fault says why."""
        if dropped > self._dropped and is_known:
            self._dropped = dropped
        elif dropped > self._dropped:
            self._dropped, self._last_s = dropped, now_s
            detail = "the recording disk does not keep up or fails; parts of the footage are missing"
            self._faults.raise_fault(Fault(self._place, "record_overflow", detail))
        elif self._last_s is not None and now_s - self._last_s > self._quiet_s:
            self._last_s = None
            self._faults.clear(self._place, "record_overflow")


class MinimumWatch:
    """Raises the fault "keep_minimum" while footage goes before its minimum of days; clears it `quiet_s` after."""

    def __init__(self, faults: FaultBoard, quiet_s: float, place: str = PLACE):
        self._faults, self._quiet_s, self._place = faults, quiet_s, place
        self._last_s: dict[str, float] = {}

    def look(self, broken: set[str], now_s: float) -> None:
        """`broken`: cameras of which such footage was deleted just now."""
        if not broken and not self._last_s:
            return
        self._last_s.update(dict.fromkeys(broken, now_s))
        self._last_s = {c: s for c, s in self._last_s.items() if now_s - s <= self._quiet_s}
        if not self._last_s:
            self._faults.clear(self._place, "keep_minimum")
            return
        cameras = ", ".join(sorted(self._last_s))
        detail = f"the disk is too small for the minimum of days of {cameras}; the oldest footage went all the same"
        self._faults.raise_fault(Fault(self._place, "keep_minimum", detail, {"cameras": cameras}))
