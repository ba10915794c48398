"""Which cameras are analysed picture by picture, and which by their keyframes alone. Pure.

Acting cameras are followed as long as the machine can, whatever the budget says. Of the others those are followed in
which something moves, or whose keyframes come too seldom to be looked at alone, as many as the budget allows. What
there is room for is found out from what the analysis process reports. The rest is looked at by keyframes, which costs
next to nothing.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Literal, NamedTuple

Mode = Literal["acting", "moving", "seldom_keyframes", "keyframes", "too_costly", "quarantined"]
"""Why a camera is followed; "keyframes": it is not; "too_costly": neither, because the others suffered from it;
"quarantined": it is not analysed for now (see quarantine.py)."""
FOLLOWED = frozenset[Mode]({"acting", "moving", "seldom_keyframes"})

AGAIN_S = 5.0
"""What moves in two looks no further apart is followed; a vehicle that passes is gone by the second keyframe, and the
model has looked for others in the first."""
MOVED_S, UNDECIDED_S = 5.0, 10.0
"""So long after something moved, or was not decided, a camera is followed."""
ADAPT_EVERY_S = 3.0
"""Longer than most GOPs: what was decided before has shown its effect."""
BUSY, IDLE = 0.9, 0.7
ENOUGH, ENOUGH_ACTING = 0.5, 0.9
"""At least this share of the pictures that were due is examined: the rates of all may sink so far. Acting cameras give
others up earlier than each other."""
COSTLY = 0.35
"""Share of the process's CPU time that decoding one camera takes, from which on it is not followed for COSTLY_S if
others are not examined often enough. It may be made to be hard to decode."""
COSTLY_S = 60.0
FIRST, FIRST_ACTING = 2, 8
"""To begin with: a decoder of a 1080p stream takes 17 MB, and room is found within seconds where there is any."""


class Report(NamedTuple):
    """Of the time since the last report. `busy`: share of it in which the analysis process worked; `load`: that, or its
    share of the CPU budget, whichever is more; `acting`, `others`: share of the due pictures of followed cameras that
    were examined; `costs`: share of the process's CPU time that decoding each followed camera took."""

    busy: float
    load: float
    acting: float
    others: float
    costs: Mapping[int, float] = {}


class Attention:
    """The cameras by index. May be set at any time: `acting`, those whose sightings have consequences now; `seldom`,
    those whose keyframes come too seldom."""

    def __init__(self, cameras: int):
        self.acting: frozenset[int] = frozenset()
        self.seldom: frozenset[int] = frozenset()
        self._cameras = cameras
        self._room, self._acting_room = FIRST, FIRST_ACTING
        self._moved_s: dict[int, float] = {}
        self._until_s: dict[int, float] = {}
        self._costly_s: dict[int, float] = {}
        self._reports: list[Report] = []
        self._adapted_s: float | None = None

    def moved(self, camera: int, now_s: float) -> None:
        """Something moved in its picture."""
        if now_s - self._moved_s.get(camera, -math.inf) <= AGAIN_S:
            self._follow(camera, now_s + MOVED_S)
        self._moved_s[camera] = now_s

    def undecided(self, camera: int, now_s: float) -> None:
        """Its picture shows what may be somebody."""
        self._follow(camera, now_s + UNDECIDED_S)

    def report(self, report: Report, now_s: float) -> None:
        """Take what the analysis process says into account."""
        self._adapted_s = now_s if self._adapted_s is None else self._adapted_s
        self._reports.append(report)
        if now_s - self._adapted_s < ADAPT_EVERY_S:
            return
        busy, load, acting, others = (
            sum(values) / len(values)
            for values in zip(*((r.busy, r.load, r.acting, r.others) for r in self._reports), strict=True)
        )
        self._reports, self._adapted_s = [], now_s
        if load > BUSY and (others < ENOUGH or acting < ENOUGH_ACTING):
            costly = _costliest(report.costs)
            if costly is not None:
                self._costly_s[costly] = now_s
                return
            if busy > BUSY and acting < ENOUGH and self._room <= self._least:
                self._acting_room = _less(min(self._acting_room, len(self.acting)), 1)
            self._room = _less(self._room, self._least)
        if busy < IDLE:
            self._acting_room = _more(self._acting_room, self._cameras)
        if load < IDLE:
            self._room = _more(self._room, self._cameras)

    def modes(self, cameras: Collection[int], now_s: float) -> dict[int, Mode]:
        """How each of `cameras` is looked at."""
        modes: dict[int, Mode] = dict.fromkeys(cameras, "keyframes")
        costly = {c for c in cameras if now_s - self._costly_s.get(c, -math.inf) <= COSTLY_S}
        modes.update(dict.fromkeys(costly, "too_costly"))
        cameras = set(cameras) - costly
        moving = [c for c in sorted(cameras) if now_s <= self._until_s.get(c, -math.inf)]
        moved = {c for c in cameras if now_s - self._moved_s.get(c, -math.inf) <= MOVED_S}.union(moving)
        acting = sorted(self.acting & cameras, key=lambda camera: camera not in moved)
        modes.update(dict.fromkeys(acting[: self._acting_room], "acting"))
        others = dict.fromkeys(moving) | dict.fromkeys(sorted(self.seldom & cameras))
        for camera in [camera for camera in others if camera not in self.acting][: self._room]:
            modes[camera] = "moving" if camera in moving else "seldom_keyframes"
        return modes

    def _follow(self, camera: int, until_s: float) -> None:
        self._until_s[camera] = max(self._until_s.get(camera, until_s), until_s)

    @property
    def _least(self) -> int:
        """Where nothing acts and not even one camera can be followed in time, one that is followed late is worth more
        than keyframes."""
        return 0 if self.acting else 1


def _costliest(costs: Mapping[int, float]) -> int | None:
    """The camera that takes the most, if it is too much for others."""
    camera = max(costs, key=lambda c: costs[c], default=None)
    return camera if camera is not None and len(costs) > 1 and costs[camera] >= COSTLY else None


def _less(room: int, least: int) -> int:
    return max(room - max(room // 4, 1), least)


def _more(room: int, most: int) -> int:
    return min(room + max(room // 2, 1), most)
