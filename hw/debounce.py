"""Steady states of a contact that bounces, from samples of it (pure)."""

from __future__ import annotations

from typing import Final

DEBOUNCE_S: Final = 0.06


class Debounce:
    """A new state is reported once every sample for `debounce_s` showed it.

    Sampled every `p` s and at `deadline_s`, a contact that changes and then stays is reported `p + debounce_s` later
    at most; one that was seen for less than `debounce_s` is never reported.
    """

    def __init__(self, debounce_s: float = DEBOUNCE_S) -> None:
        self.state: bool | None = None
        self._debounce_s = debounce_s
        self._candidate: bool | None = None
        self._since_s = 0.0

    def sample(self, closed: bool, now_s: float) -> bool:
        """The contact as read at `now_s`. True if `state` changed by it."""
        if closed == self.state:
            self._candidate = None
            return False
        if closed != self._candidate:
            self._candidate, self._since_s = closed, now_s
        if now_s < self._since_s + self._debounce_s:
            return False
        self.state, self._candidate = closed, None
        return True

    def lost(self) -> None:
        """It cannot be read any more: unknown until it was steady again."""
        self.state = self._candidate = None

    def deadline_s(self) -> float:
        """When the next sample is due to report what is being waited for."""
        return float("inf") if self._candidate is None else self._since_s + self._debounce_s
