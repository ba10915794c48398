"""What should act and cannot, and of which of it staff are told: once, not at each flicker. Pure."""

from __future__ import annotations

from collections.abc import Set
from typing import Final

GRACE_S: Final = 10.0
"""A camera that reconnects or a guard that is started anew is missing for less."""
TOLD_AGAIN_S: Final = 600.0
"""Only what was there again for so long is told anew when it goes."""


class Outages:
    """`standing`: what is missing for GRACE_S or longer. Times are monotonic seconds."""

    def __init__(self) -> None:
        self.standing: frozenset[str] = frozenset()
        self._since: dict[str, float] = {}
        self._told: dict[str, float] = {}

    def update(self, missing: Set[str], now_s: float) -> frozenset[str]:
        """Take in what is missing now; what staff must be told of."""
        self._told |= dict.fromkeys(self.standing & missing, now_s)
        self._since = {thing: self._since.get(thing, now_s) for thing in missing}
        self.standing = frozenset(t for t, since_s in self._since.items() if now_s >= since_s + GRACE_S)
        recent = {t: last_s for t, last_s in self._told.items() if now_s < last_s + TOLD_AGAIN_S}
        news = self.standing - recent.keys()
        self._told = recent | dict.fromkeys(self.standing, now_s)
        return news
