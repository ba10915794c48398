"""Whether acting cameras are examined often enough, told neither too early nor too often. Pure."""

from __future__ import annotations

from collections.abc import Mapping

NEEDED_FPS = 5.0
"""What a camera that may call or sound is examined with, at least; or with what is configured, where that is less."""
TOLERANCE = 0.9
AFTER_S, OVER_S = 5.0, 10.0
"""Too slow for so long before it is told; in time for so long before it is over."""


class Overload:
    """Acting cameras by name. `slow`: those that are told, with the frames a second that they last had."""

    def __init__(self, fps: float):
        self.needed_fps = min(NEEDED_FPS, fps)
        self.slow: dict[str, float] = {}
        self._in_time_s: dict[str, float] = {}
        self._late_s: dict[str, float] = {}

    def report(self, rates: Mapping[str, tuple[float, float]], now_s: float) -> None:
        """`rates`: of each acting camera the frames a second that were examined, and that arrived."""
        self.slow = dict(self.slow)
        for camera in self._in_time_s.keys() - rates.keys():
            for known in (self._in_time_s, self._late_s, self.slow):
                known.pop(camera, None)
        for camera, (fps, arrived_fps) in rates.items():
            if fps < TOLERANCE * min(self.needed_fps, arrived_fps):
                self._late_s[camera] = now_s
                if now_s - self._in_time_s.setdefault(camera, now_s) >= AFTER_S:
                    self.slow[camera] = fps
            elif now_s - self._late_s.get(camera, now_s - OVER_S) >= OVER_S or camera not in self.slow:
                self._in_time_s[camera] = now_s
                self.slow.pop(camera, None)
            else:
                self.slow[camera] = fps
