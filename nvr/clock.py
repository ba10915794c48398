"""The appliance's clock as an argument, so that tests and evaluation can simulate it."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Two readings of time. `wall` may jump (NTP, an administrator's phone); `monotonic` never does."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary point, never going back."""
        ...

    def wall(self) -> float:
        """Seconds since 1970-01-01 UTC by the appliance's clock."""
        ...


class SystemClock:
    """The machine's clocks."""

    def monotonic(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()


class FakeClock:
    """A clock that moves only when told to (tests, evaluation over files)."""

    def __init__(self, wall: float = 1_800_000_000.0, monotonic: float = 1_000.0):
        self._wall, self._monotonic = wall, monotonic

    def monotonic(self) -> float:
        return self._monotonic

    def wall(self) -> float:
        return self._wall

    def advance(self, seconds: float) -> None:
        """Both clocks move on by `seconds`."""
        self._wall += seconds
        self._monotonic += seconds

    def jump_wall(self, seconds: float) -> None:
        """Only the wall clock jumps, as when NTP first answers."""
        self._wall += seconds
