"""Which cameras are analysed picture by picture, and which by their keyframes alone. Pure.

Decoding and examining every picture of 58 cameras is more than a small board can do. What it can do is found out from
how busy the analysis process says it is; the rest of the cameras are looked at once a keyframe, and one in which
something moves there is followed picture by picture from then on.
"""

from __future__ import annotations

MOVED_S = 10.0
"""So long after it moved a camera goes before quiet ones."""
ADAPT_EVERY_S = 3.0
"""Longer than most GOPs: what was decided before has shown its effect."""
BUSY, IDLE = 0.9, 0.7
ENOUGH = 0.5
"""Busy, but at least this share of the pictures that were due is examined: the rates of all may sink so far."""
FIRST, LEAST = 2, 1
"""To begin with, and at least. A decoder of a 1080p stream takes 17 MB, and room is found within seconds where there is
any; where less than half of the pictures of two cameras can be examined, one that is followed is worth more."""


class Attention:
    """The cameras by index. `acting`, those whose sightings have consequences now, may be set at any time."""

    def __init__(self, cameras: int):
        self.acting: frozenset[int] = frozenset()
        self._cameras = range(cameras)
        self._room = FIRST
        self._moved_s: dict[int, float] = {}
        self._reports: list[tuple[float, float]] = []
        self._adapted_s: float | None = None

    def moved(self, camera: int, now_s: float) -> None:
        """Something moved in its picture."""
        self._moved_s[camera] = now_s

    def report(self, busy: float, examined: float, now_s: float) -> None:
        """Since its last report the analysis process was `busy` for this share of the time, and `examined` this share
        of the pictures of whole cameras that were due."""
        self._adapted_s = now_s if self._adapted_s is None else self._adapted_s
        self._reports.append((busy, examined))
        if now_s - self._adapted_s < ADAPT_EVERY_S:
            return
        mean_busy, mean_examined = (
            sum(values) / len(self._reports) for values in zip(*self._reports, strict=True)
        )
        self._reports, self._adapted_s = [], now_s
        if mean_busy > BUSY and mean_examined < ENOUGH:
            self._room = max(self._room - max(self._room // 4, 1), LEAST)
        elif mean_busy < IDLE:
            self._room = min(self._room + max(self._room // 2, 1), len(self._cameras))

    def whole(self, now_s: float) -> frozenset[int]:
        """The cameras of which every picture is wanted: acting ones and moving ones first."""
        if self._room >= len(self._cameras):
            return frozenset(self._cameras)
        return frozenset(sorted(self._cameras, key=lambda camera: self._rank(camera, now_s))[: self._room])

    def _rank(self, camera: int, now_s: float) -> tuple[bool, bool]:
        moved_s = self._moved_s.get(camera)
        return camera not in self.acting, moved_s is None or now_s - moved_s > MOVED_S
