"""Which tracks of the analysis process were sighted, under numbers that the service never uses twice. Pure.

A worker counts its tracks from 1, and the next worker again; what it says about a track later must be about one that it
has sighted.
"""

from __future__ import annotations

from collections import OrderedDict

MOST = 64
"""Sighted tracks that are remembered of a camera: the worker follows fewer (witness.MAX_OBJECTS)."""
BETTER_EVERY_S = 0.5
"""Pictures that come faster than this are dropped: a worker that floods does not reach the disk."""


class Sighted:
    """The sighted tracks of all cameras."""

    def __init__(self) -> None:
        self._next = 1
        self._cameras: dict[int, OrderedDict[int, int]] = {}
        self._told_s: dict[int, float] = {}

    def forget(self, camera: int) -> None:
        """A new worker has the camera: what the last one called its tracks means nothing."""
        for number in self._cameras.pop(camera, {}).values():
            self._told_s.pop(number, None)

    def number(self, camera: int, track: int) -> int:
        """The service's number of a track that is sighted now."""
        tracks = self._cameras.setdefault(camera, OrderedDict())
        if track not in tracks:
            tracks[track] = self._next
            self._next += 1
        tracks.move_to_end(track)
        while len(tracks) > MOST:
            _, gone = tracks.popitem(last=False)
            self._told_s.pop(gone, None)
        return tracks[track]

    def known(self, camera: int, track: int) -> int | None:
        """The number of a track that was sighted before, if it was."""
        tracks = self._cameras.get(camera)
        return None if tracks is None else tracks.get(track)

    def takes_better(self, number: int, now_s: float) -> bool:
        """Whether another picture of that track is taken now."""
        if now_s - self._told_s.get(number, float("-inf")) < BETTER_EVERY_S:
            return False
        self._told_s[number] = now_s
        return True
