"""Which camera's frame is examined next. Pure.

Every access unit of a followed camera is decoded, but only frames that are due by `fps` are candidates, and of each
camera only the newest: so nothing queues. When the model cannot keep up, or the budget is used up, rates fall evenly,
acting cameras last.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from nvr.detect.worker.budget import Budget

MAX_AGE_S = 0.5
"""Older frames are skipped, so that the answer is about now."""
BLIND_S = 1.0
"""A camera not examined for this long has even an old frame examined: late is better than never."""
STARVED_S = 2.0
"""A camera not examined for this long goes before acting ones,"""
STARVED_SELDOM_S = 6.0
"""or for this long where only keyframes come. Where the budget refuses it (see budget.py), its reserve is soon enough
again: with `n` such cameras, at the latest after what it costs to examine each of them, over the reserve's share."""


class Schedule:
    """The candidates of `cameras` cameras, by index. `acting` and `seldom`, those of which keyframes alone come, may be
    set at any time. `skipped[camera]` counts the frames that were due but never examined."""

    def __init__(self, cameras: int, fps: float, budget: Budget | None = None):
        self._period_s = 1.0 / fps
        self._budget = budget or Budget()
        self._next_s = [-math.inf] * cameras
        self._examined_s = [-math.inf] * cameras
        self._waiting: dict[int, float] = {}
        self.acting: frozenset[int] = frozenset()
        self.seldom: frozenset[int] = frozenset()
        self.skipped = [0] * cameras

    def offer(self, camera: int, received_s: float) -> bool:
        """Whether the frame that arrived at `received_s` is due; then it is the camera's candidate, in place of
        an older one."""
        if self._next_s[camera] == -math.inf or self._next_s[camera] > received_s + self._period_s:
            self._next_s[camera] = received_s  # its first frame, or its time went back
        if received_s < self._next_s[camera]:
            return False
        # Counting on from when it should have been keeps the mean rate at frame rates that do not divide; after
        # a pause nothing is made up for.
        self._next_s[camera] = max(self._next_s[camera], received_s - self._period_s) + self._period_s
        self.skipped[camera] += camera in self._waiting
        self._waiting[camera] = received_s
        return True

    def choose(self, now_s: float) -> int | None:
        """Take the camera whose candidate is to be examined now; None if there is none, or the budget refuses it."""
        for camera in self._too_old(now_s):
            del self._waiting[camera]
            self.skipped[camera] += 1
        allowed = self._allowed(now_s)
        if not allowed:
            return None
        camera = min(allowed, key=lambda c: (self._rank(c, now_s), self._examined_s[c]))
        del self._waiting[camera]
        self._examined_s[camera] = now_s
        return camera

    def charge(self, camera: int, cost_s: float, now_s: float) -> None:
        """Decoding or examining for `camera` took `cost_s` of CPU time."""
        self._budget.charge(cost_s, now_s, acting=camera in self.acting)

    def wait_s(self, now_s: float) -> float:
        """How long from now on there is nothing to examine; infinite while no camera has a candidate."""
        if self._waiting.keys() & self.acting:
            return 0.0
        return self._budget.wait_s(now_s) if self._waiting else math.inf

    @property
    def waiting(self) -> frozenset[int]:
        """The cameras that have a candidate."""
        return frozenset(self._waiting)

    def _allowed(self, now_s: float) -> Iterable[int]:
        """Those with a candidate which the budget does not refuse."""
        if self._waiting and self._budget.wait_s(now_s) > 0:
            return self._waiting.keys() & self.acting
        return self._waiting.keys()

    def _too_old(self, now_s: float) -> Iterable[int]:
        return [
            camera
            for camera, received_s in self._waiting.items()
            if now_s - received_s > MAX_AGE_S and now_s - self._examined_s[camera] < BLIND_S
        ]

    def _rank(self, camera: int, now_s: float) -> int:
        if now_s - self._examined_s[camera] > (STARVED_SELDOM_S if camera in self.seldom else STARVED_S):
            return 0
        return 1 if camera in self.acting else 2
