"""`make bench-flood`: a flood of bad STUN, DTLS and RTCP against `nvr serve` that records, analyses and shows a camera.

See README.md in this folder. `BENCH_SECONDS` (20) is how long it lasts.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import tempfile
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

from aiortc import RTCConfiguration, RTCPeerConnection

from bench.farm_video import Track, encoded
from bench.live import Message, heard, say, tell, watching, whep
from bench.processes import cpu_s, pss_mb
from bench.readback import read_stream
from bench.rig import FarmProcess, footage_of, service_pids, until_all_live, write_config
from peers.appliance import Api, Appliance

SECONDS = float(os.environ.get("BENCH_SECONDS", "20"))
SETTLE_S = 10.0
CANDIDATE = re.compile(r"^a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host", re.MULTILINE | re.IGNORECASE)


async def main() -> None:
    """Print figures as they come, the JSON line last."""
    for kind in ("main", "sub"):
        await asyncio.to_thread(encoded, kind)
    with tempfile.TemporaryDirectory() as folder:
        site = Appliance(Path(folder))
        farm = await FarmProcess.start(1, subs=True)
        try:
            await site.start_relay()
            write_config(site, farm.urls)
            await site.start_service()
            async with site.api(claim=True) as api:
                await until_all_live(api)
                figures = await measured(api, service_pids(site)["service"])
        finally:
            await site.stop()
            await farm.end()
        figures["lost_frames"] = sum(
            found.missing + found.duplicated + found.unknown
            for kind in ("main", "sub")
            for found in [read_stream(footage_of(Path(folder), f"cam1/{kind}"), [Track(kind)])]
        )
    print(json.dumps(figures), flush=True)


async def measured(api: Api, pid: int) -> dict[str, Any]:
    """One viewer watches all the time; the flood comes in the middle."""
    async with watching(1, lambda message: whep(api, message), answering=False) as (viewers, _):
        target = await hostile_session(api)
        await asyncio.sleep(SETTLE_S)
        before, cpu_before_s = pss_mb(pid), cpu_s(pid)
        await tell(viewers, {})
        command = (sys.executable, "-m", "bench.flood_source", str(SECONDS), *target)
        source = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
        peak = before
        while source.returncode is None:
            peak = max(peak, pss_mb(pid))
            await asyncio.sleep(0.5)
        cpu_flood_s = cpu_s(pid) - cpu_before_s
        flood = await heard(source)
        await tell(viewers, {})
        counted = await heard(viewers)
        lag = (await api.get("/api/status"))["loop_lag_ms"]
        await asyncio.sleep(SETTLE_S)
        after = pss_mb(pid)
    say(f"flood: {flood}; viewer: {counted}")
    return {
        "datagrams": flood["sent"],
        "datagrams_per_s": round(flood["sent"] / flood["seconds"]),
        "pss_before_mb": round(before, 1),
        "pss_peak_mb": round(peak, 1),
        "pss_after_mb": round(after, 1),
        "cpu_percent_flooded": round(100 * cpu_flood_s / flood["seconds"], 1),
        "viewer_packets": counted["packets"],
        "viewer_lost_packets": counted["lost"],
        "loop_lag_ms": lag,
    }


async def hostile_session(api: Api) -> list[str]:
    """A session of its own for the flood, which never connects: address, port, and the ICE credentials."""
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    peer.addTransceiver("video", direction="recvonly")
    await peer.setLocalDescription(await peer.createOffer())
    offer: Message = {"offer": peer.localDescription.sdp}
    answer = (await whep(api, offer))["answer"]
    await peer.close()
    host, port = next(found for found in CANDIDATE.findall(answer) if ":" not in found[0])
    return [
        host,
        port,
        value(answer, "ice-ufrag"),
        value(answer, "ice-pwd"),
        value(offer["offer"], "ice-ufrag"),
    ]


def value(sdp: str, name: str) -> str:
    found = re.search(rf"^a={name}:(\S+)", sdp, re.MULTILINE)
    assert found
    return found[1]


if __name__ == "__main__":
    asyncio.run(main())
