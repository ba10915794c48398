"""A token bucket: how much of something is allowed in a time. Pure: time is an argument."""

from __future__ import annotations


class Bucket:
    """Allows `burst` at once and `per_second` for ever."""

    def __init__(self, *, per_second: float, burst: float):
        self._per_second, self._burst = per_second, burst
        self._tokens = burst
        self._at_s = 0.0

    def take(self, now_s: float) -> bool:
        """Whether one more is allowed at `now_s` of a monotonic clock; if so it counts."""
        self._tokens = min(self._burst, self._tokens + max(0.0, now_s - self._at_s) * self._per_second)
        self._at_s = now_s
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True
