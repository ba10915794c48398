"""How often a tile of a camera's whole picture is looked at where nothing moves. Pure.

That finds who stood still from the start. Whoever comes later moves, so tiles may become few.
"""

from __future__ import annotations

SCAN_EVERY_S, SCAN_SETTLED_EVERY_S, SCAN_SELDOM_EVERY_S = 0.5, 1.0, 30.0
"""Time between two tiles: of a view that is new; of one that is known; of a camera that is looked at by keyframes."""
SETTLED_S = 20.0
"""A view is known when its tiles were looked at for so long: some ten times each."""


class Scanning:
    """One camera. Its view is new at first, when much of it changed at once, and when the camera begins to act."""

    def __init__(self) -> None:
        self._new_s: float | None = None
        self._acted = False

    def every_s(self, t_s: float, *, acting: bool, seldom: bool) -> float:
        """Time between two tiles for the picture at `t_s`; `seldom`: only keyframes are looked at."""
        if self._new_s is None or (acting and not self._acted):
            self._new_s = t_s
        self._acted = acting
        if seldom:
            return SCAN_SELDOM_EVERY_S
        return SCAN_EVERY_S if t_s - self._new_s < SETTLED_S else SCAN_SETTLED_EVERY_S

    def new_view(self, t_s: float) -> None:
        """Much of the picture changed at `t_s`."""
        self._new_s = t_s
