"""`python -m bench.live_loss`: how long the picture stands still in Chromium on a bad way.

1080p at 2 Mbit/s through a relay in front of the live port that loses video at random (seeded) and delays everything by
20 ms each way. Prints a JSON line for each kind of loss, with the longest times between two pictures on the screen
(`requestVideoFrameCallback`, which tells of the newest where two came between two turns of the page: so `shown_per_s`
may be less than `decoded_per_s`, without anything standing still). `BENCH_SECONDS` (60) makes it shorter.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "webrtc"))

from live_browser import DEFAULT, SHOWN, STATS, WATCH, chromium, served, wait_for_decoded
from live_peers import LoopCamera, Relay, encode, is_video

from webrtc.session import LiveServer

SECONDS = float(os.environ.get("BENCH_SECONDS", "60"))
DELAY_S = 0.02
SEED = 6


def at_random(share: float) -> Callable[[bytes], bool]:
    chance = random.Random(SEED)
    return lambda datagram: is_video(datagram) and chance.random() < share


def in_bursts(share: float, length: float) -> Callable[[bytes], bool]:
    """Gilbert's model: all is lost in a burst, which lasts `length` packets on average."""
    chance, bad = random.Random(SEED), False

    def loses(datagram: bytes) -> bool:
        nonlocal bad
        if not is_video(datagram):
            return False
        bad = chance.random() >= 1 / length if bad else chance.random() < share / (1 - share) / length
        return bad

    return loses


async def measured(loses: Callable[[bytes], bool]) -> dict[str, Any]:
    server, network = LiveServer(max_sessions=1), Relay(loses, delay_s=DELAY_S)
    camera = LoopCamera(encode("high", 1920, 1080, gops=8, noise=True))
    running = asyncio.create_task(server.run())
    await asyncio.sleep(0)
    try:
        async with chromium() as page, served(page, server, camera, network):
            await page.evaluate(WATCH, DEFAULT)
            await wait_for_decoded(page, 10)
            await page.evaluate(SHOWN)
            before = await page.evaluate(STATS)
            await asyncio.sleep(SECONDS)
            gaps = sorted(await page.evaluate("gaps"), reverse=True)
            stats = await page.evaluate(STATS)
            (session,) = server.sessions()
            ours = server.statistics(session.session_id, owner=None)
            assert ours is not None
    finally:
        running.cancel()
        network.close()
    return {
        "lost": network.lost,
        "sent": ours.packets_sent,
        "retransmitted": ours.packets_retransmitted,
        "round_trip_ms": round(1000 * (ours.round_trip_s or 0)),
        "longest_ms": round(gaps[0]),
        "longest_5_ms": [round(gap) for gap in gaps[:5]],
        "shown_per_s": round(len(gaps) / SECONDS, 1),
        "decoded_per_s": round((stats["decoded"] - before["decoded"]) / SECONDS, 1),
        "picture_loss_indications": stats["gaveUp"],
    }


async def main() -> None:
    for name, loses in {
        "none": at_random(0.0),
        "random_3_percent": at_random(0.03),
        "bursts_5_percent": in_bursts(0.05, 8),
    }.items():
        print(json.dumps({"loss": name, **await measured(loses)}), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
