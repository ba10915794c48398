"""`make bench-live`: what it costs to show one camera to 32 viewers, against stock aiortc.

See README.md in this folder. `BENCH_SECONDS` (30) and `BENCH_VIEWERS` (32) make it shorter while developing.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bench.farm_video import encoded
from bench.processes import cpu_s, pss_mb
from bench.rig import FarmProcess, service_pids, until_all_live, write_config
from peers.appliance import Api, Appliance

SECONDS = float(os.environ.get("BENCH_SECONDS", "30"))
VIEWERS = int(os.environ.get("BENCH_VIEWERS", "32"))
SETTLE_S = 5.0
LINE_BYTES_MAX = 1 << 20

Answer = Callable[[str], Awaitable[str]]
"""Takes an offer to a server; returns its answer."""


async def main() -> None:
    """Print figures as they come, the JSON line last."""
    for kind in ("main", "sub"):
        await asyncio.to_thread(encoded, kind)  # before anything is measured
    ours = await measured_service()
    stock = await measured_stock()
    say(f"stock aiortc: {stock}")
    result = {
        "viewers": VIEWERS,
        "seconds": SECONDS,
        "cpu_ratio_aiortc": round(ours["cpu_ms_per_viewer_s"] / stock["cpu_ms_per_viewer_s"], 3),
        **ours,
        "aiortc": stock,
    }
    print(json.dumps(result), flush=True)


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
                figures = await measured(pid, VIEWERS, lambda offer: whep(api, offer))
                say(f"service: {figures}")
                twice = await measured(pid, 2 * VIEWERS, lambda offer: whep(api, offer))
                say(f"service, twice as many: {twice}")
                lag = (await api.get("/api/status"))["loop_lag_ms"]
        finally:
            await site.stop()
            await farm.end()
    return {
        **figures,
        f"viewers_{2 * VIEWERS}_lost_packets": twice["lost_packets"],
        f"viewers_{2 * VIEWERS}_cpu_ms_per_viewer_s": twice["cpu_ms_per_viewer_s"],
        "loop_lag_p99_ms": lag["p99"],
    }


async def whep(api: Api, offer: str) -> str:
    headers = {"Content-Type": "application/sdp", "X-CSRF-Token": api.csrf or ""}
    url = "/api/cameras/cam1/live/main"
    async with api.session.post(url, data=offer, headers=headers) as response:
        text = await response.text()
        assert response.status == 201, f"{response.status} {text}"
        return text


async def measured_stock() -> dict[str, Any]:
    command = (sys.executable, "-m", "bench.live_stock")
    server = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, limit=LINE_BYTES_MAX)

    async def answer(offer: str) -> str:
        await tell(server, {"offer": offer})
        return str((await heard(server))["answer"])

    try:
        await asyncio.sleep(SETTLE_S)
        return await measured(server.pid, VIEWERS, answer)
    finally:
        server.kill()
        await server.wait()


async def measured(pid: int, count: int, answer: Answer) -> dict[str, Any]:
    """The server's CPU with `count` viewers less what it takes without any, before and after."""
    idle_before = await cpu_share(pid)
    pss_before = pss_mb(pid)
    viewers = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.live_viewers", str(count)),
        stdin=PIPE,
        stdout=PIPE,
        limit=LINE_BYTES_MAX,
    )
    try:
        while "ready" not in (message := await heard(viewers)):
            await tell(viewers, {"answer": await answer(message["offer"])})
        await asyncio.sleep(SETTLE_S)
        await tell(viewers, {})
        busy = await cpu_share(pid)
        pss_busy = pss_mb(pid)
        await tell(viewers, {})
        counted = await heard(viewers)
    finally:
        if viewers.returncode is None:
            viewers.kill()
        await viewers.wait()
    # A viewer that vanished is noticed by its missing consent.
    await asyncio.sleep(40)
    idle = (idle_before + await cpu_share(pid)) / 2
    return {
        "cpu_ms_per_viewer_s": round(1000 * (busy - idle) / count, 3),
        "cpu_percent_idle": round(100 * idle, 2),
        "lost_packets": counted["lost"],
        "packets": counted["packets"],
        "mbit_per_viewer": round(counted["bytes"] * 8 / counted["seconds"] / count / 1e6, 2),
        "memory_per_viewer_kb": round(1000 * (pss_busy - pss_before) / count),
        "encryption": message["ready"],
    }


async def cpu_share(pid: int) -> float:
    """CPU seconds of the process for each second of the next `SECONDS`."""
    began_s, start = time.monotonic(), cpu_s(pid)
    await asyncio.sleep(SECONDS)
    return (cpu_s(pid) - start) / (time.monotonic() - began_s)


async def tell(process: Process, message: dict[str, str]) -> None:
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
