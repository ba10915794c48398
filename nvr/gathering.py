"""An event loop that takes what arrives within a few milliseconds in one turn."""

from __future__ import annotations

import asyncio
import select
import selectors
import time

GATHER_S = 0.005
"""What is ready waits at most this long, and only where the turn before was as close."""

Ready = list[tuple[selectors.SelectorKey, int]]


class GatheringSelector(selectors.DefaultSelector):
    """Asks the kernel at most every 5 ms, unless there is something to do at once.

    58 cameras wake a loop 1500 times a second, for one picture each time, and waking costs a quarter of the work. A
    loop with little traffic wakes as ever.
    """

    def __init__(self) -> None:
        super().__init__()
        self._asked_s = 0.0

    def select(self, timeout: float | None = None) -> Ready:
        early_s = self._asked_s + GATHER_S - time.monotonic()
        if early_s > 0 and (timeout is None or timeout > 0):
            # For a span: `time.sleep` sleeps until a moment, which libfaketime (tests/e2e/test_clock.py) refuses.
            select.select((), (), (), early_s if timeout is None else min(early_s, timeout))
            timeout = None if timeout is None else max(timeout - early_s, 0.0)
        ready = super().select(timeout)
        self._asked_s = time.monotonic()
        return ready


def new_loop() -> asyncio.AbstractEventLoop:
    """For `asyncio.Runner`."""
    return asyncio.SelectorEventLoop(GatheringSelector())
