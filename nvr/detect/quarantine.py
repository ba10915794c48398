"""Cameras whose stream ended an analysis process: paused, tried again apart from the others, and let back. Pure.

A camera that is blamed is out for FIRST_S, doubling with each further time, at most LONGEST_S. Then it is on trial,
in a process of its own, where it can harm suspects alone; after TRIAL_S there without harm it comes back to the
others.
"""

from __future__ import annotations

from dataclasses import dataclass

FIRST_S, LONGEST_S = 2.0, 600.0
TRIAL_S = 60.0
FORGET_S = 3600.0
"""After so long without harm the pause begins at FIRST_S again."""


@dataclass(frozen=True, slots=True)
class _Record:
    times: int
    blamed_s: float
    pause_s: float


class Quarantine:
    """Cameras by index."""

    def __init__(self) -> None:
        self._records: dict[int, _Record] = {}

    def blame(self, camera: int, now_s: float) -> float:
        """Its stream ended a process; returns for how long it is out."""
        known = self._records.get(camera)
        times = known.times + 1 if known and now_s - known.blamed_s < FORGET_S else 1
        pause_s = min(FIRST_S * 2.0 ** min(times - 1, 20), LONGEST_S)
        self._records[camera] = _Record(times, now_s, pause_s)
        return pause_s

    def out(self, now_s: float) -> frozenset[int]:
        """The cameras that are not analysed at `now_s`."""
        return self._between(now_s, 0.0, 0.0)

    def on_trial(self, now_s: float) -> frozenset[int]:
        """The cameras that are analysed apart from the others at `now_s`."""
        return self._between(now_s, 0.0, TRIAL_S) - self.out(now_s)

    def _between(self, now_s: float, start_s: float, end_s: float) -> frozenset[int]:
        return frozenset(
            camera
            for camera, record in self._records.items()
            if start_s <= now_s - record.blamed_s < record.pause_s + end_s
        )
