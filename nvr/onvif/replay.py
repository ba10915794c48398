"""What was signed once is taken once: a bounded memory of nonces. Pure."""

from __future__ import annotations

import heapq

WINDOW_S = 300.0
"""How far the time of a signature may be from our clock, before or after."""


class ReplayGuard:
    """The nonces of one account, which lie in its own hands: only right signatures come here.

    At most `max_kept`. When they are more, the oldest is forgotten and nothing as old as it is taken any more: an
    account that signs faster than that has its late requests refused, and none is ever taken twice.
    """

    def __init__(self, max_kept: int = 1024):
        self._max_kept = max_kept
        self._seen: set[tuple[float, bytes]] = set()
        self._by_age: list[tuple[float, bytes]] = []
        self._taken_after_s = float("-inf")

    def __len__(self) -> int:
        return len(self._seen)

    def first(self, nonce: bytes, signed_s: float, now_s: float) -> bool:
        """Whether this signature of time `signed_s`, which lies within the window around `now_s` (both wall time),
        comes for the first time."""
        while self._by_age and self._by_age[0][0] < now_s - WINDOW_S:
            self._forget()
        if self._taken_after_s > now_s + WINDOW_S:  # the clock was set back
            self._taken_after_s = float("-inf")
        entry = (signed_s, nonce)
        if signed_s <= self._taken_after_s or entry in self._seen:
            return False
        self._seen.add(entry)
        heapq.heappush(self._by_age, entry)
        if len(self._seen) > self._max_kept:
            self._taken_after_s = max(self._taken_after_s, self._forget())
        return True

    def _forget(self) -> float:
        entry = heapq.heappop(self._by_age)
        self._seen.discard(entry)
        return entry[0]
