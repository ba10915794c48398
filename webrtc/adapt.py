"""When a viewer is better served by another stream of the same scene. Pure: time is an argument."""

from __future__ import annotations

from collections import deque
from enum import Enum, auto
from typing import NamedTuple

WINDOW_S = 4.0
REPORTS_MIN = 3
"""What a decision rests on: reports of the last `WINDOW_S`, at least so many. Browsers send one a second."""
LOST_DOWN, LOST_UP = 0.10, 0.02
"""More loss than retransmissions mend well; so little that there is room (the bounds of libwebrtc's sender)."""
QUEUED_DOWN_S = 0.5
"""Round trips longer than the shortest by so much: a queue on the way that only grows."""
PATIENCE_S, PATIENCE_MAX_S = 10.0, 320.0
"""Clean for so long before a higher stream is tried; doubled each time that it did not last."""
LASTED_S = 30.0


class Step(Enum):
    DOWN = auto()
    UP = auto()


class _Report(NamedTuple):
    at_s: float
    lost: float
    round_trip_s: float | None


class Adapt:
    """One viewer's policy. Between the two bounds of loss nothing happens.

    Whoever is told to step says by `moved` that the stream has changed; until then the same may be said again.
    """

    def __init__(self, now_s: float):
        self._reports: deque[_Report] = deque()
        self._shortest_s: float | None = None
        self._patience_s = PATIENCE_S
        self._clean_since_s = now_s
        self._went_up_at_s: float | None = None

    def report(self, *, lost: float, round_trip_s: float | None, now_s: float) -> Step | None:
        """Take a receiver's report: the share `lost` (0 to 1) since the one before. Returns which way to go, if any."""
        self._reports.append(_Report(now_s, lost, round_trip_s))
        while self._reports[0].at_s < now_s - WINDOW_S:
            self._reports.popleft()
        if round_trip_s is not None:
            self._shortest_s = min(round_trip_s, self._shortest_s or round_trip_s)
        mean = sum(report.lost for report in self._reports) / len(self._reports)
        is_queued = self._is_queued()
        if mean > LOST_UP or is_queued:
            self._clean_since_s = now_s
        if len(self._reports) < REPORTS_MIN:
            return None
        if mean >= LOST_DOWN or is_queued:
            return Step.DOWN
        return Step.UP if now_s - self._clean_since_s >= self._patience_s else None

    def moved(self, step: Step | None, now_s: float) -> None:
        """The stream has changed, as was said or by choice (None): what was reported of the one before is forgotten."""
        if step is Step.DOWN and self._went_up_at_s is not None:
            lasted = now_s - self._went_up_at_s >= LASTED_S
            self._patience_s = PATIENCE_S if lasted else min(2 * self._patience_s, PATIENCE_MAX_S)
        self._went_up_at_s = now_s if step is Step.UP else None
        self._reports.clear()
        self._clean_since_s = now_s

    def _is_queued(self) -> bool:
        trips = [report.round_trip_s for report in self._reports if report.round_trip_s is not None]
        return (
            len(trips) >= REPORTS_MIN
            and self._shortest_s is not None
            and min(trips) > self._shortest_s + QUEUED_DOWN_S
        )
