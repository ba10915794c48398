"""A bicycle or motorcycle that moves on is ridden: who asks for persons is told of its rider. Pure.

A small rider in the distance, or behind a headlamp at night, is to the model often a cycle alone. One that is parked
says nothing of anybody, however sure the model is of it: its box trembles, and shrinks to a part of it and grows again,
but never leaves the place where it began. Not told from a rider is a track that slips along a row of parked ones while
somebody walks past; so a rider alone never sounds a siren (`analysis.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from nvr.detect.steps.track import overlap
from nvr.events import Box

CYCLES = frozenset({"bicycle", "motorcycle"})


def watched(kinds: frozenset[str]) -> frozenset[str]:
    """What must be followed so that all of `kinds` are found."""
    return kinds | CYCLES if "person" in kinds else kinds


class Riders:
    """Of one camera, by the number of the track."""

    def __init__(self) -> None:
        self._began: dict[int, Box] = {}
        self._ridden: set[int] = set()

    def is_rider(self, track: int, kind: str, box: Box, *, moving: bool, persons: Iterable[Box] = ()) -> bool:
        """Whether the track, which is in `box` now, is a cycle that somebody rides; once that was seen it stays so. Not
        where one of the `persons` that are known already is upon it: that is the rider, and told anyway."""
        if kind not in CYCLES:
            return False
        began = self._began.setdefault(track, box)
        if moving and overlap(began, box) == 0:
            self._ridden.add(track)
        return track in self._ridden and not any(overlap(box, person) > 0 for person in persons)

    def keep_only(self, tracks: Collection[int]) -> None:
        """Forget all others."""
        for number in self._began.keys() - set(tracks):
            del self._began[number]
            self._ridden.discard(number)
