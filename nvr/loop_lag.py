"""How late the event loop is: what every camera, the siren's decision and the page wait for."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from nvr.clock import Clock

EVERY_S = 0.05
KEEP = 1200
"""One minute."""


@dataclass(frozen=True, slots=True)
class Lag:
    """Of the last minute, in milliseconds; zeros before the first sample."""

    p50_ms: float
    p99_ms: float
    max_ms: float


class LoopLag:
    """Asks to be woken every 50 ms and notes how much later it happens."""

    def __init__(self, clock: Clock):
        self._clock = clock
        self._late_s: deque[float] = deque(maxlen=KEEP)

    async def run(self, healthy: Callable[[], None]) -> None:
        """Until cancelled."""
        healthy()
        while True:
            asked_s = self._clock.monotonic()
            await asyncio.sleep(EVERY_S)
            self._late_s.append(max(self._clock.monotonic() - asked_s - EVERY_S, 0.0))

    def view(self) -> Lag:
        ordered = sorted(self._late_s) or [0.0]
        middle, high = ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100]
        return Lag(*(round(1000 * late_s, 2) for late_s in (middle, high, ordered[-1])))
