"""Times of a file's pictures as an arrival clock that never goes back. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

BACK_S = 1.0
"""A step back by up to this much is disorder; by more it is a jump of the file's clock."""
FORWARD_S = 3600.0
"""So is a longer step forward."""
PAUSE_S = 5.0
"""Of a longer step between two pictures only this much counts as footage."""

T = TypeVar("T")


class Pace:
    """Makes arrival times of timestamps. `footage_s`: how much footage they spanned so far."""

    def __init__(self, frame_s: float):
        """`frame_s`: from one picture to the next, where the file does not say."""
        self._frame_s = frame_s
        self._offset_s = 0.0
        self._last_s: float | None = None
        self.footage_s = 0.0

    @property
    def end_s(self) -> float:
        """When the last picture ends."""
        return 0.0 if self._last_s is None else self._last_s + self._frame_s

    def at(self, t_s: float | None) -> float:
        """The arrival of the next picture with timestamp `t_s`: the same as long as timestamps are sound; None, or
        after a jump: a picture's time after the one before, and the clock goes on from there."""
        last_s = self._last_s
        if last_s is None:
            now_s = 0.0 if t_s is None else t_s
        elif t_s is None:
            now_s = last_s + self._frame_s
        else:
            now_s = t_s + self._offset_s
            if not -BACK_S <= now_s - last_s <= FORWARD_S:
                self._offset_s += last_s + self._frame_s - now_s
                now_s = last_s + self._frame_s
            now_s = max(now_s, last_s)
        self.footage_s += self._frame_s if last_s is None else min(now_s - last_s, PAUSE_S)
        self._last_s = now_s
        return now_s


def at_rate(pictures: Iterable[tuple[T, float]], fps: float) -> Iterator[tuple[T, float]]:
    """`pictures` with their times as a camera with `fps` shows them: of each moment the latest picture, some twice or
    not at all. A pause longer than PAUSE_S stays one."""
    held: tuple[T, float] | None = None
    next_s = 0.0
    for picture, t_s in pictures:
        if held is None:
            next_s = t_s
        else:
            if t_s - held[1] > PAUSE_S:
                yield held[0], next_s
                next_s = t_s
            while next_s < t_s - 1e-6:
                yield held[0], next_s
                next_s += 1 / fps
        held = picture, t_s
    if held is not None and next_s <= held[1] + 1e-6:
        yield held[0], next_s
