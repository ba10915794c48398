"""Viewers by WebSocket that count fragments and drop them: `python -m bench.fragment_viewers URL N`.

The session cookie's value is the first line on standard input. Then as `bench.live_viewers`: prints `{"ready": …}`, the
next line begins the count, the one after it ends it, and prints `{"seconds", "bytes", "fragments", "missed"}` of all;
`missed`: how often a fragment did not begin where the one before ended.
"""

from __future__ import annotations

import asyncio
import json
import struct
import sys
import time

import aiohttp

TIME_AT, DURATION_AT = 60, 88
"""In a fragment of one picture (`nvr/record/mp4/live.py`)."""


class Viewer:
    def __init__(self) -> None:
        self.bytes = self.fragments = self.missed = 0
        self._end_90k: int | None = None

    def count(self, data: bytes) -> None:
        self.bytes += len(data)
        if data[4:8] != b"moof":
            return
        self.fragments += 1
        (start_90k,) = struct.unpack_from(">Q", data, TIME_AT)
        (duration_90k,) = struct.unpack_from(">I", data, DURATION_AT)
        self.missed += self._end_90k is not None and start_90k != self._end_90k
        # The first has many pictures; what follows it is not checked.
        self._end_90k = start_90k + duration_90k if self.fragments > 1 else None


async def main(url: str, count: int) -> None:
    token = sys.stdin.readline().strip()
    viewers = [Viewer() for _ in range(count)]
    origin = "https://" + url.partition("//")[2].partition("/")[0]
    headers = {"Cookie": f"__Host-nvr={token}", "Origin": origin}
    async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(ssl=False)) as session:
        ready = [asyncio.Event() for _ in viewers]

        async def watch(viewer: Viewer, begun: asyncio.Event) -> None:
            async with session.ws_connect(url, max_msg_size=0) as socket:
                async for message in socket:
                    begun.set()
                    if message.type is aiohttp.WSMsgType.BINARY:
                        viewer.count(message.data)

        async with asyncio.TaskGroup() as tasks:
            watching = [tasks.create_task(watch(*one)) for one in zip(viewers, ready, strict=True)]
            for begun in ready:
                await begun.wait()
            await ask({"ready": "fragments"})
            before, began_s = totals(viewers), time.monotonic()
            await asyncio.to_thread(sys.stdin.readline)
            after, seconds = totals(viewers), time.monotonic() - began_s
            for task in watching:
                task.cancel()
    names = ("bytes", "fragments", "missed")
    counted = {name: b - a for name, a, b in zip(names, before, after, strict=True)}
    print(json.dumps({"seconds": seconds, **counted}), flush=True)


def totals(viewers: list[Viewer]) -> tuple[int, int, int]:
    return (
        sum(v.bytes for v in viewers),
        sum(v.fragments for v in viewers),
        sum(v.missed for v in viewers),
    )


async def ask(message: dict[str, str]) -> None:
    print(json.dumps(message), flush=True)
    await asyncio.to_thread(sys.stdin.readline)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
