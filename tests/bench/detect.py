"""`make bench-detect`: what detection costs at a site of 50 idle and 8 acting cameras, and how soon it notices.

See README.md in this folder. `BENCH_SECONDS` (60) makes it shorter while developing; `BENCH_ONLY=service` leaves out
the peers.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.detect_peers import Measured, measured_decoding, measured_motion
from bench.farm import watched_numbers
from bench.farm_video import encoded
from bench.processes import usage
from bench.rig import FarmProcess, service_pids, until_all_live, write_config
from bench.sightings import STAYS_S, Matched, Stored, match, watch
from bench.street import SCENES
from peers.appliance import Api, Appliance

SECONDS = float(os.environ.get("BENCH_SECONDS", "60"))
ONLY = os.environ.get("BENCH_ONLY", "")
CAMERAS, ACTING = 58, 8
PEER_CAMERAS, PEER_WATCHED = 14, 2
"""Of the peers, which decode everything: as many as two cores keep up with, in nearly the same proportion."""
OVERLOAD_S = 30.0
SETTLE_S = 25.0
STATUS_EVERY_S = 2.0


@dataclass(slots=True)
class Told:
    """What the service said of a camera, a sample each STATUS_EVERY_S."""

    fps: list[float] = field(default_factory=list)
    modes: Counter[str] = field(default_factory=Counter)
    skipped: int = 0
    oldest_s: float = 0.0


@dataclass(slots=True)
class Service:
    """A run of the shipped service. `cpu_percent`, `pss_mb`: by process; `told`: by camera."""

    cameras: int
    cpu_percent: dict[str, float]
    pss_mb: dict[str, float]
    inference_ms: float
    told: dict[str, Told]
    sighted: Matched
    refused: int

    @property
    def all_percent(self) -> float:
        return sum(self.cpu_percent.values())


async def main() -> None:
    """Print figures as they come, the JSON line last."""
    for scene in SCENES:
        for kind in ("main", "sub"):
            await asyncio.to_thread(encoded, kind, scene)  # before anything is measured
    everybody = {f"cam{number + 1}" for number in range(CAMERAS)}
    acting = {f"cam{number + 1}" for number in watched_numbers(ACTING)}
    ours = await measured_service(CAMERAS, ACTING, acting, SECONDS)
    describe("50 idle, 8 acting", ours)
    result: dict[str, Any] = {
        "seconds": SECONDS,
        "cpu_percent": ours.cpu_percent,
        "acting_fps_least": round(min(statistics.mean(ours.told[name].fps) for name in acting), 2),
        "sighting_delay_ms": milliseconds(ours.sighted.delays_s),
        "entries_missed": ours.sighted.missed,
        "false_sightings": ours.sighted.false,
        "inference_ms": ours.inference_ms,
    }
    if ONLY != "service":
        recording = await measured_service(CAMERAS, ACTING, acting, SECONDS, analysis=False)
        say(f"the same, recorded alone: CPU {recording.cpu_percent} %")
        full = await measured_service(PEER_CAMERAS, PEER_WATCHED, everybody, SECONDS)
        describe(f"{PEER_CAMERAS} cameras, all acting: every picture decoded", full)
        motion = await measured_motion(PEER_CAMERAS, PEER_WATCHED, SECONDS)
        say(f"motion: {motion}")
        decoding = await measured_decoding(PEER_CAMERAS, PEER_WATCHED, SECONDS)
        say(f"ffmpeg, decoding and scaling alone: {decoding}")
        describe("overload, all of 58 acting", await measured_service(CAMERAS, ACTING, everybody, OVERLOAD_S))
        result = {**ratios(ours, recording, full, motion, decoding), **result}
    print(json.dumps(result), flush=True)


def ratios(
    ours: Service, recording: Service, full: Service, motion: Measured, decoding: Measured
) -> dict[str, float]:
    """Per camera. Full decoding: all processes on both sides, both record. The others: what detection adds to recording
    the same streams; `with_recording`: all that we do against their detection alone."""
    detection = (ours.all_percent - recording.all_percent) / ours.cameras
    everything = ours.all_percent / ours.cameras
    return {
        "cpu_ratio_full_decode": round(everything / (full.all_percent / full.cameras), 3),
        "cpu_ratio_motion": round(detection / motion.per_camera, 3),
        "cpu_ratio_motion_with_recording": round(everything / motion.per_camera, 3),
        "cpu_ratio_decoding_alone": round(detection / decoding.per_camera, 3),
    }


async def measured_service(
    cameras: int, watched: int, acting: set[str], seconds: float, *, analysis: bool = True
) -> Service:
    """`nvr serve`, armed: the zones of `acting` call, those of the other cameras only record."""
    names = [f"cam{number + 1}" for number in range(cameras)]
    responses = {name: "call" if name in acting else "record" for name in names}
    stored: list[Stored] = []
    with tempfile.TemporaryDirectory() as folder:
        site = Appliance(Path(folder))
        farm = await FarmProcess.start(cameras, subs=True, watched=watched)
        try:
            await site.start_relay()
            write_config(site, farm.urls, responses=responses, analysis=analysis)
            await site.start_service()
            async with site.api(claim=True) as api:
                await until_all_live(api, analysis=analysis)
                await api.post("/api/alarm/arm")
                await asyncio.sleep(SETTLE_S)
                async with asyncio.TaskGroup() as tasks:
                    watching = tasks.create_task(watch(site.folder / "state/state.db", stored))
                    began_s = time.monotonic()
                    figures = await measured(site, api, seconds)
                    ended_s = time.monotonic()
                    await asyncio.sleep(STAYS_S + 1)  # who came last is noticed, too
                    watching.cancel()
        finally:
            await site.stop()
            offered = await farm.end()
    entries = [
        (path.partition("/")[0], came_s)
        for path, came_s in offered.entries
        if path.endswith("/sub") and began_s <= came_s <= ended_s
    ]
    return Service(cameras=cameras, sighted=match(entries, stored), refused=offered.dropped, **figures)


async def measured(site: Appliance, api: Api, seconds: float) -> dict[str, Any]:
    """What `Service` has of the appliance that runs, during `seconds`."""
    pids = service_pids(site)
    before = {name: usage(pid).cpu_s for name, pid in pids.items()}
    began_s = time.monotonic()
    inference_ms: list[float] = []
    told: dict[str, Told] = defaultdict(Told)
    while (left_s := began_s + seconds - time.monotonic()) > 0:
        await asyncio.sleep(min(left_s, STATUS_EVERY_S))
        analysis = (await api.get("/api/status"))["analysis"]
        inference_ms.append(analysis["inference_ms"])
        for name, numbers in analysis["cameras"].items():
            camera = told[name]
            camera.fps.append(numbers["fps"])
            camera.modes[numbers["mode"]] += 1
            camera.skipped += numbers["skipped"]
            camera.oldest_s = max(camera.oldest_s, numbers["age_s"])
    elapsed_s = time.monotonic() - began_s
    after = {name: usage(pid) for name, pid in pids.items()}
    assert service_pids(site) == pids, "a process was started again meanwhile"
    faults = (await api.get("/api/status"))["faults"]
    say(f"faults: {[(fault['place'], fault['code']) for fault in faults]}")
    return {
        "cpu_percent": {n: round(100 * (after[n].cpu_s - before[n]) / elapsed_s, 1) for n in pids},
        "pss_mb": {n: round(after[n].pss_mb, 1) for n in pids},
        "inference_ms": round(statistics.mean(inference_ms), 1),
        "told": told,
    }


def describe(title: str, run: Service) -> None:
    """One line for the run, one for each way in which cameras were looked at."""
    say(f"{title}: CPU {run.cpu_percent} %, PSS {run.pss_mb} MB, a square {run.inference_ms} ms")
    say(
        f"  persons noticed after {milliseconds(run.sighted.delays_s)} ms, missed {run.sighted.missed},"
        f" sightings of nobody {run.sighted.false}; pictures the service did not take: {run.refused}"
    )
    by_mode: dict[str, list[Told]] = defaultdict(list)
    for camera in run.told.values():
        by_mode[camera.modes.most_common(1)[0][0]].append(camera)
    for mode, cameras in by_mode.items():
        rates = sorted(statistics.mean(camera.fps) for camera in cameras)
        say(
            f"  mostly {mode}: {len(cameras)} cameras, each examined {rates[0]:.2f} to {rates[-1]:.2f} times a second,"
            f" {statistics.mean(rates):.2f} on average; {sum(camera.skipped for camera in cameras)} skipped;"
            f" oldest picture {max(camera.oldest_s for camera in cameras):.2f} s"
        )
    modes = sum((camera.modes for camera in run.told.values()), Counter[str]())
    shares = {mode: round(count / modes.total(), 3) for mode, count in modes.items()}
    say(f"  share of the cameras' time: {shares}")


def milliseconds(delays_s: list[float]) -> dict[str, int]:
    """Median and 95th percentile; nothing of less than two."""
    if len(delays_s) < 2:
        return {}
    return {
        "median": round(1000 * statistics.median(delays_s)),
        "p95": round(1000 * statistics.quantiles(delays_s, n=20, method="inclusive")[-1]),
        "entries": len(delays_s),
    }


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
