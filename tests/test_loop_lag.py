"""The health number of the event loop."""

import asyncio

from nvr.clock import FakeClock
from nvr.loop_lag import EVERY_S, KEEP, Lag, LoopLag


async def test_no_sample_yet():
    assert LoopLag(FakeClock()).view() == Lag(0.0, 0.0, 0.0)


async def test_it_tells_how_late_it_was_woken(monkeypatch):
    clock = FakeClock()
    lateness_s = iter([0.001] * (KEEP + 180) + [0.2] * 19 + [0.5])

    async def sleep(seconds: float) -> None:
        assert seconds == EVERY_S
        try:
            clock.advance(seconds + next(lateness_s))
        except StopIteration:
            raise asyncio.CancelledError from None

    monkeypatch.setattr(asyncio, "sleep", sleep)
    lag, healthy = LoopLag(clock), []
    try:
        await lag.run(lambda: healthy.append(True))
    except asyncio.CancelledError:
        assert healthy == [True]
    assert lag.view() == Lag(1.0, 200.0, 500.0)
