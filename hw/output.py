"""Keeps the real output equal to the wanted one, over a link that comes and goes (pure)."""

from __future__ import annotations

from typing import Final

REASSERT_S: Final = 10.0


class Output:
    """Says what to write to an open board next.

    - The first write is OFF, whatever is wanted: the state of the board is unknown, and a stale "on" must
      not survive. Then the wanted state follows.
    - A state is written again after 10 s. LCUS boards latch and acknowledge nothing, so a frame lost on the
      line or a board that restarted would otherwise stay wrong for ever.
    """

    def __init__(self) -> None:
        self._written: bool | None = None
        self._written_at_s = float("-inf")

    def reset(self) -> None:
        """The link is new: nothing is known of the board."""
        self._written = None
        self._written_at_s = float("-inf")

    def next_write(self, wanted: bool, now_s: float) -> bool | None:
        """The state to write now, or None. Ask again after `wrote`."""
        if self._written is None:
            return False
        if self._written != wanted or now_s >= self.deadline_s():
            return wanted
        return None

    def wrote(self, on: bool, now_s: float) -> None:
        """The board was told `on`."""
        self._written = on
        self._written_at_s = now_s

    def deadline_s(self) -> float:
        """When `next_write` will repeat the state."""
        return self._written_at_s + REASSERT_S
