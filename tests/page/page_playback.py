"""Somebody at the playback page: going there, and fingers on its timeline."""

from __future__ import annotations

import time

from page_browser import Visit
from page_data import GAP_EVERY_S, GAP_S
from page_standin import StandIn

BAR = "document.querySelector('nvr-timeline-bar')"


def moment() -> int:
    """Recently, where the stand-in has no gap, soon after a whole 10 minutes: its footage is half a minute long."""
    return int((time.time() - 12000) // GAP_EVERY_S * GAP_EVERY_S + GAP_S + 610)


async def play_back(
    me: Visit, appliance: StandIn, cameras: str, more: str = "", role: str = "operator"
) -> int:
    at_s = moment()
    await me.start(f"/#/playback?cameras={cameras}&at={at_s}&span=600{more}", role=role)
    for n in range(cameras.count(",") + 1):
        await me.until(f"document.querySelectorAll('nvr-reel')[{n}]?.shownS != null")
    return at_s


async def fingers(me: Visit, steps: list[list[tuple[float, float]]]) -> None:
    """Fingers down, moved, and lifted."""
    session = await me.context.new_cdp_session(me.page)
    for n, step in enumerate(steps):
        points = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(step)]
        await session.send(
            "Input.dispatchTouchEvent", {"type": "touchMove" if n else "touchStart", "touchPoints": points}
        )
    await session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    await session.detach()
