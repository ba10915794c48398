"""`make bench-live`: what it costs to show one camera to 32 viewers, against Janus and stock aiortc.

See README.md in this folder. `BENCH_SECONDS` (40: the video is a loop of 20) and `BENCH_VIEWERS` (32) make it shorter.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bench import live_janus
from bench.farm_video import encoded
from bench.processes import cpu_s, pss_mb
from bench.rig import FarmProcess, service_pids, until_all_live, write_config
from peers.appliance import Api, Appliance

SECONDS = float(os.environ.get("BENCH_SECONDS", "40"))
VIEWERS = int(os.environ.get("BENCH_VIEWERS", "32"))
SETTLE_S = 5.0
GONE_S = 40.0
"""A viewer that vanished is noticed by its missing consent."""
LINE_BYTES_MAX = 1 << 20

Message = dict[str, str]
Reply = Callable[[Message], Awaitable[Message]]
"""Takes a viewer's message (see `bench.live_viewers`) to a server; returns what that says."""


async def main() -> None:
    """Print figures as they come, the JSON line last."""
    for kind in ("main", "sub"):
        await asyncio.to_thread(encoded, kind)  # before anything is measured
    ours = await measured_service()
    stock = await measured_stock()
    say(f"stock aiortc: {stock}")
    janus = await measured_janus()
    say(f"Janus: {janus}")
    result = {
        "viewers": VIEWERS,
        "seconds": SECONDS,
        "cpu_ratio_janus": ratio(ours, janus),
        "cpu_ratio_aiortc": ratio(ours, stock),
        **ours,
        "janus": janus,
        "aiortc": stock,
    }
    print(json.dumps(result), flush=True)


def ratio(ours: dict[str, Any], peer: dict[str, Any]) -> float:
    """Of CPU for each megabit that arrived: who falls behind does not look cheap."""
    return round(float(ours["cpu_ms_per_mbit"]) / float(peer["cpu_ms_per_mbit"]), 3)


async def measured_service() -> dict[str, Any]:
    """`nvr serve` recording and analysing one camera, main and sub, and showing its main stream."""
    with tempfile.TemporaryDirectory() as folder:
        site = Appliance(Path(folder))
        farm = await FarmProcess.start(1, subs=True)
        try:
            await site.start_relay()
            write_config(site, farm.urls, web=f"max_viewers = {max(2 * VIEWERS, 64)}\n")
            await site.start_service()
            async with site.api(claim=True) as api:
                await until_all_live(api)
                await asyncio.sleep(3 * SETTLE_S)
                pid = service_pids(site)["service"]
                figures = await measured(pid, VIEWERS, lambda message: whep(api, message))
                say(f"service: {figures}")
                twice = await measured(pid, 2 * VIEWERS, lambda message: whep(api, message))
                say(f"service, twice as many: {twice}")
                lag = (await api.get("/api/status"))["loop_lag_ms"]
        finally:
            await site.stop()
            await farm.end()
    return {
        **figures,
        f"viewers_{2 * VIEWERS}_lost_packets": twice["lost_packets"],
        f"viewers_{2 * VIEWERS}_cpu_ms_per_mbit": twice["cpu_ms_per_mbit"],
        "loop_lag_p99_ms": lag["p99"],
    }


async def whep(api: Api, message: Message) -> Message:
    headers = {"Content-Type": "application/sdp", "X-CSRF-Token": api.csrf or ""}
    url = "/api/cameras/cam1/live/main"
    async with api.session.post(url, data=message["offer"], headers=headers) as response:
        text = await response.text()
        assert response.status == 201, f"{response.status} {text}"
        return {"answer": text}


async def measured_stock() -> dict[str, Any]:
    command = (sys.executable, "-m", "bench.live_stock")
    server = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, limit=LINE_BYTES_MAX)

    async def reply(message: Message) -> Message:
        await tell(server, message)
        return await heard(server)

    try:
        await asyncio.sleep(SETTLE_S)
        return await measured(server.pid, VIEWERS, reply)
    finally:
        server.kill()
        await server.wait()


async def measured_janus() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        async with live_janus.running(Path(folder)) as janus:
            await asyncio.sleep(SETTLE_S)
            return await measured(janus.pid, VIEWERS, janus.reply, answering=True)


async def measured(pid: int, count: int, reply: Reply, *, answering: bool = False) -> dict[str, Any]:
    """The server's CPU with `count` viewers less what it takes without any."""
    # What the first viewer of all costs (libraries that are loaded for it) is no viewer's.
    async with watching(1, reply, answering=answering):
        await asyncio.sleep(SETTLE_S)
    await asyncio.sleep(GONE_S)
    idle, pss_before = await cpu_share(pid), pss_mb(pid)
    async with watching(count, reply, answering=answering) as (viewers, encryption):
        await asyncio.sleep(SETTLE_S)
        await tell(viewers, {})
        busy, pss_busy = await cpu_share(pid), pss_mb(pid)
        await tell(viewers, {})
        counted = await heard(viewers)
    await asyncio.sleep(GONE_S)
    mbit = counted["bytes"] * 8 / counted["seconds"] / 1e6
    return {
        "cpu_ms_per_viewer_s": round(1000 * (busy - idle) / count, 3),
        "cpu_ms_per_mbit": round(1000 * (busy - idle) / mbit, 3),
        "cpu_percent_idle": round(100 * idle, 2),
        "lost_packets": counted["lost"],
        "packets": counted["packets"],
        "mbit_per_viewer": round(mbit / count, 2),
        "memory_per_viewer_kb": round(1000 * (pss_busy - pss_before) / count),
        "encryption": encryption,
    }


@asynccontextmanager
async def watching(count: int, reply: Reply, *, answering: bool) -> AsyncIterator[tuple[Process, str]]:
    """`count` connected viewers, a process of their own, and how their video is encrypted."""
    command = (
        sys.executable,
        "-m",
        "bench.live_viewers",
        str(count),
        *(["--answering"] if answering else []),
    )
    viewers = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, limit=LINE_BYTES_MAX)
    try:
        while "ready" not in (message := await heard(viewers)):
            await tell(viewers, await reply(message))
        yield viewers, message["ready"]
    finally:
        if viewers.returncode is None:
            viewers.kill()
        await viewers.wait()


async def cpu_share(pid: int) -> float:
    """CPU seconds of the process for each second of the next `SECONDS`."""
    began_s, start = time.monotonic(), cpu_s(pid)
    await asyncio.sleep(SECONDS)
    return (cpu_s(pid) - start) / (time.monotonic() - began_s)


async def tell(process: Process, message: Message) -> None:
    assert process.stdin
    process.stdin.write(json.dumps(message).encode() + b"\n")
    await process.stdin.drain()


async def heard(process: Process) -> dict[str, Any]:
    assert process.stdout
    answer: dict[str, Any] = json.loads(await process.stdout.readline())
    return answer


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
