"""`make bench-record`: what recording 58 cameras costs, against 58 × ffmpeg on the same cameras.

See README.md in this folder. `BENCH_SECONDS` (60) and `BENCH_CAMERAS` (58) make it shorter while developing.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.farm_video import FPS, SIZES, Track, encoded
from bench.processes import total_cpu_s, total_pss_mb, usage
from bench.readback import Recorded, read_stream
from bench.rig import FarmProcess, footage_of, service_pids, until_all_live, write_config
from peers.appliance import Appliance

SECONDS = float(os.environ.get("BENCH_SECONDS", "60"))
CAMERAS = int(os.environ.get("BENCH_CAMERAS", "58"))
SETTLE_S = 15.0
"""From the moment everything runs until the measured time begins: start-up is over on both sides."""
STATUS_EVERY_S = 5.0


async def main() -> None:
    """Print figures as they come, the JSON line last."""
    for kind in SIZES:
        await asyncio.to_thread(encoded, kind)  # before anything is measured
    only_mains = await measured_service(subs=False)
    say(f"service, mains: {only_mains}")
    peer = await measured_ffmpeg()
    say(f"ffmpeg, mains: {peer}")
    with_subs = await measured_service(subs=True)
    say(f"service, mains and subs: {with_subs}")
    result = {
        "cameras": CAMERAS,
        "seconds": SECONDS,
        **compared(only_mains, peer),
        "with_subs": compared(with_subs, peer),
        "ffmpeg": peer,
    }
    print(json.dumps(result), flush=True)


def compared(ours: dict[str, Any], peer: dict[str, Any]) -> dict[str, Any]:
    """Ours with its ratios to the peer, which records the main streams alone, first."""
    return {
        "cpu_ratio_ffmpeg": round(ours["cpu_percent"]["service"] / peer["cpu_percent"], 3),
        "memory_ratio_ffmpeg": round(ours["pss_mb"]["all"] / peer["pss_mb"], 3),
        **ours,
    }


async def measured_service(*, subs: bool) -> dict[str, Any]:
    """`nvr serve` on the whole farm, with analysis and guard; not armed, so that every camera is gated."""
    with tempfile.TemporaryDirectory() as folder:
        site = Appliance(Path(folder))
        farm = await FarmProcess.start(CAMERAS, subs=subs)
        try:
            await site.start_relay()
            write_config(site, farm.urls)
            await site.start_service()
            async with site.api(claim=True) as api:
                await until_all_live(api)
                await asyncio.sleep(SETTLE_S)
                figures = await measure_service(site, api)
            await site.stop()
        finally:
            await site.stop()
            offered = await farm.end()
        recorded = await asyncio.to_thread(read_all, site.folder, (url_path(url) for url in farm.urls))
    return {
        **figures,
        "lost_frames": sum(r.missing + r.duplicated + r.unknown for r in recorded.values()),
        "frames": sum(r.pictures for r in recorded.values()),
        "frames_offered": sum(last - first + 1 for _, first, last, _ in offered.offered),
        "refused": offered.dropped,
    }


async def measure_service(site: Appliance, api: Any) -> dict[str, Any]:
    pids = service_pids(site)
    at_start = {name: usage(pid) for name, pid in pids.items()}
    began_s = time.monotonic()
    looks: dict[str, list[float]] = defaultdict(list)
    while (left_s := began_s + SECONDS - time.monotonic()) > 0:
        await asyncio.sleep(min(left_s, STATUS_EVERY_S))
        cameras = (await api.get("/api/status"))["analysis"]["cameras"]
        for name, told in cameras.items():
            looks[name].append(told["fps"])
    elapsed_s = time.monotonic() - began_s
    rates = [statistics.mean(one) for one in looks.values()] or [0.0]
    at_end = {name: usage(pid) for name, pid in pids.items()}
    status = await api.get("/api/status")
    say(f"faults: {[(f['place'], f['code']) for f in status['faults']]}")
    assert service_pids(site) == pids, "a process was started again meanwhile"
    cpu = {name: round(100 * (at_end[name].cpu_s - at_start[name].cpu_s) / elapsed_s, 1) for name in pids}
    pss = {name: round(at_end[name].pss_mb, 1) for name in pids}
    lag = status["loop_lag_ms"]
    return {
        "loop_lag_p99_ms": lag["p99"],
        "loop_lag_max_ms": lag["max"],
        "cpu_percent": cpu,
        "start_cpu_s": {name: round(at_start[name].cpu_s, 1) for name in pids},
        "pss_mb": {"all": round(sum(pss.values()), 1), **pss},
        "threads": at_end["service"].threads,
        "analysis_looks_per_s": {
            "mean": round(statistics.mean(rates), 2),
            "least_camera": round(min(rates), 2),
        },
    }


async def measured_ffmpeg() -> dict[str, Any]:
    """One ffmpeg a camera, as people record with it, for the same time after the same settling."""
    with tempfile.TemporaryDirectory() as folder:
        farm = await FarmProcess.start(CAMERAS, subs=False)
        recorders = [await start_ffmpeg(url, Path(folder)) for url in farm.urls]
        pids = [process.pid for process in recorders]
        try:
            async with asyncio.timeout(180):
                while sum(1 for file in Path(folder).glob("*/*.mp4") if file.stat().st_size) < CAMERAS:
                    await asyncio.sleep(0.5)
            await asyncio.sleep(SETTLE_S)
            began_s, start_cpu_s = time.monotonic(), total_cpu_s(pids)
            await asyncio.sleep(SECONDS)
            elapsed_s, cpu_s = time.monotonic() - began_s, total_cpu_s(pids) - start_cpu_s
            pss = total_pss_mb(pids)
        finally:
            for process in recorders:
                if process.stdin:
                    process.stdin.write(b"q")
            await asyncio.gather(*(process.wait() for process in recorders))
            await farm.end()
        tracks = [Track("main")]
        recorded = [
            read_stream(sorted(folder.glob("*.mp4")), tracks) for folder in sorted(Path(folder).iterdir())
        ]
    return {
        "cpu_percent": round(100 * cpu_s / elapsed_s, 1),
        "start_cpu_s": round(start_cpu_s, 1),
        "pss_mb": round(pss, 1),
        "lost_frames": sum(r.missing + r.duplicated + r.unknown for r in recorded),
        "frames": sum(r.pictures for r in recorded),
    }


async def start_ffmpeg(url: str, folder: Path) -> asyncio.subprocess.Process:
    target = folder / url.split("/")[-2]
    target.mkdir()
    return await asyncio.create_subprocess_exec(
        *("ffmpeg", "-v", "error", "-rtsp_transport", "tcp", "-i", url, "-c", "copy", "-f", "segment"),
        *("-segment_time", "60", "-reset_timestamps", "1", str(target / "%03d.mp4")),
        stdin=PIPE,
        stdout=DEVNULL,
        stderr=DEVNULL,
    )


def read_all(folder: Path, paths: Iterable[str]) -> dict[str, Recorded]:
    tracks = {kind: Track(kind) for kind in SIZES}
    return {path: read_stream(footage_of(folder, path), [tracks[path.partition("/")[2]]]) for path in paths}


def url_path(url: str) -> str:
    """ "cam1/main" """
    return "/".join(url.split("/")[-2:])


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    assert FPS * SECONDS >= 1
    asyncio.run(main())
