"""What the recorder counts, and the fault that says that it loses footage."""

from __future__ import annotations

from nvr.events import Fault, StreamKey
from nvr.faults import FaultBoard
from nvr.record.writer import Report


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


class OverflowWatch:
    """Raises the fault "record_overflow" when fragments are dropped, and clears it `quiet_s` after the last."""

    def __init__(self, faults: FaultBoard, quiet_s: float):
        self._faults, self._quiet_s = faults, quiet_s
        self._dropped = 0
        self._last_s: float | None = None

    def look(self, dropped: int, now_s: float) -> None:
        """`dropped`: how many so far."""
        if dropped > self._dropped:
            self._dropped, self._last_s = dropped, now_s
            detail = "the recording disk does not keep up or fails; parts of the footage are missing"
            self._faults.raise_fault(Fault("disk", "record_overflow", detail))
        elif self._last_s is not None and now_s - self._last_s > self._quiet_s:
            self._last_s = None
            self._faults.clear("disk", "record_overflow")
