"""`make bench-fragments`: what a viewer by WebSocket costs the service, against one by WebRTC in the same run.

One camera of 1080p at 2 Mbit/s, recorded and analysed by `nvr serve`, and `BENCH_VIEWERS` (10) viewers of its main
stream each way, processes of their own, for `BENCH_SECONDS` (40).
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bench.farm_video import encoded
from bench.live import GONE_S, LINE_BYTES_MAX, SECONDS, SETTLE_S, cpu_share, heard, say, tell, watching, whep
from bench.processes import pss_mb
from bench.rig import FarmProcess, service_pids, until_all_live, write_config
from peers.appliance import Api, Appliance

VIEWERS = int(os.environ.get("BENCH_VIEWERS", "10"))
PATH = "/api/cameras/cam1/fragments/main"


async def main() -> None:
    """Print figures as they come, the JSON line last."""
    for kind in ("main", "sub"):
        await asyncio.to_thread(encoded, kind)  # before anything is measured
    with tempfile.TemporaryDirectory() as folder:
        site = Appliance(Path(folder))
        farm = await FarmProcess.start(1, subs=True)
        try:
            await site.start_relay()
            write_config(site, farm.urls, web=f"max_viewers = {2 * VIEWERS}\n")
            await site.start_service()
            async with site.api(claim=True) as api:
                await until_all_live(api)
                result = await measured(site, api)
        finally:
            await site.stop()
            await farm.end()
    print(json.dumps(result), flush=True)


async def measured(site: Appliance, api: Api) -> dict[str, Any]:
    pid = service_pids(site)["service"]
    # What the first viewer of all costs (libraries that are loaded for it) is no viewer's.
    async with watching(1, lambda message: whep(api, message), answering=False):
        await asyncio.sleep(SETTLE_S)
    await asyncio.sleep(GONE_S)
    idle, pss_before = await cpu_share(pid), pss_mb(pid)
    async with by_websocket(site, api, VIEWERS) as viewers:
        fragments = await of_viewers(pid, viewers, idle, pss_before)
    say(f"fragments: {fragments}")
    await asyncio.sleep(SETTLE_S)
    async with watching(VIEWERS, lambda message: whep(api, message), answering=False) as (
        viewers,
        encryption,
    ):
        webrtc = await of_viewers(pid, viewers, idle, pss_before)
    say(f"WebRTC, {encryption}: {webrtc}")
    return {
        "viewers": VIEWERS,
        "seconds": SECONDS,
        "cpu_ratio_webrtc": round(fragments["cpu_ms_per_viewer_s"] / webrtc["cpu_ms_per_viewer_s"], 2),
        "cpu_percent_idle": round(100 * idle, 2),
        "fragments": fragments,
        "webrtc": webrtc,
    }


async def of_viewers(pid: int, viewers: Process, idle: float, pss_before: float) -> dict[str, Any]:
    """The service's CPU and memory with them less what it takes without any."""
    await asyncio.sleep(SETTLE_S)
    await tell(viewers, {})
    busy, pss_busy = await cpu_share(pid), pss_mb(pid)
    await tell(viewers, {})
    counted = await heard(viewers)
    return {
        "cpu_ms_per_viewer_s": round(1000 * (busy - idle) / VIEWERS, 3),
        "mbit_per_viewer": round(counted["bytes"] * 8e-6 / counted["seconds"] / VIEWERS, 2),
        "missed": counted.get("missed", counted.get("lost")),
        "memory_per_viewer_kb": round(1000 * (pss_busy - pss_before) / VIEWERS),
    }


@asynccontextmanager
async def by_websocket(site: Appliance, api: Api, count: int) -> AsyncIterator[Process]:
    """`count` viewers that have begun, a process of their own."""
    token = next(cookie.value for cookie in api.session.cookie_jar if cookie.key == "__Host-nvr")
    url = f"wss://127.0.0.1:{site.https_port}{PATH}"
    command = (sys.executable, "-m", "bench.fragment_viewers", url, str(count))
    viewers = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, limit=LINE_BYTES_MAX)
    try:
        assert viewers.stdin
        viewers.stdin.write(f"{token}\n".encode())
        assert "ready" in await heard(viewers)
        yield viewers
    finally:
        if viewers.returncode is None:
            viewers.kill()
        await viewers.wait()


if __name__ == "__main__":
    asyncio.run(main())
