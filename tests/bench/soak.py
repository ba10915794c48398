"""`make soak`: the farm with sub streams and a seeded schedule of faults; is memory flat, and all footage there?

See README.md in this folder. `SOAK_MINUTES` (30), `SOAK_SEED` (1), `BENCH_CAMERAS` (58).
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.farm_video import FPS, LOOP, SIZES, Track, encoded
from bench.processes import Usage, usage
from bench.readback import read_stream
from bench.rig import FarmProcess, Offered, footage_of, service_pids, until_all_live, write_config
from peers.appliance import Api, Appliance

MINUTES = float(os.environ.get("SOAK_MINUTES", "30"))
SEED = int(os.environ.get("SOAK_SEED", "1"))
CAMERAS = int(os.environ.get("BENCH_CAMERAS", "58"))
FAULT_EVERY_S = 6.0
SAMPLE_EVERY_S = 10.0
WARM_UP_S = min(300.0, 60 * MINUTES / 4)
"""Memory counts from here on."""
QUIET_END_S = 20.0
"""No fault shortly before the end, so that everything is up again."""
UNDER_WAY = FPS
"""Pictures offered in the last second before a connection ended may still have been on their way."""
GB_PER_MINUTE = 1.05
"""What the farm's 58 cameras write; the ring is given three minutes' worth, so that it turns over all the time."""


@dataclass(slots=True)
class Samples:
    """One row every ten seconds: (seconds since the start, usage by process, loop lag)."""

    rows: list[tuple[float, dict[str, Usage], dict[str, float]]] = field(default_factory=list)

    def slope_mb_per_hour(self) -> float:
        """Of the memory of all processes together, after the warm-up (the median of the slopes between any two
        samples, which a process started anew does not bend)."""
        points = [
            (t, sum(u.pss_mb for u in by.values()))
            for t, by, _ in self.rows
            if t >= WARM_UP_S and len(by) == 3
        ]
        slopes = [(b - a) / (t - s) for i, (s, a) in enumerate(points) for t, b in points[i + 1 :]]
        return 3600 * statistics.median(slopes) if slopes else 0.0

    def range_of(self, what: str) -> list[float]:
        """Least and most of a figure of the service after the warm-up."""
        values = [
            getattr(by["service"], what) for t, by, _ in self.rows if t >= WARM_UP_S and "service" in by
        ]
        return [min(values, default=0), max(values, default=0)]


async def main() -> None:
    """Print what happens, the JSON line last."""
    for kind in SIZES:
        await asyncio.to_thread(encoded, kind)
    with tempfile.TemporaryDirectory(dir=os.environ.get("SOAK_DIR")) as folder:
        site = Appliance(Path(folder))
        farm = await FarmProcess.start(CAMERAS, subs=True)
        samples, faults = Samples(), dict[str, int]()
        try:
            await site.start_relay()
            ring_gb = 3 * GB_PER_MINUTE * CAMERAS / 58
            write_config(site, farm.urls, keep=f"max_gb = {ring_gb:.2f}\n")
            await site.start_service()
            async with site.api(claim=True) as api:
                await until_all_live(api)
                say("everything plays")
                async with asyncio.TaskGroup() as tasks:
                    sampling = tasks.create_task(sample(site, api, samples))
                    viewing = tasks.create_task(view(api))
                    await cause_faults(site, farm, faults)
                    await asyncio.sleep(QUIET_END_S)
                    sampling.cancel()
                    viewing.cancel()
                status = await api.get("/api/status")
            await site.stop()
        finally:
            await site.stop()
            offered = await farm.end()
        verdict = await asyncio.to_thread(verify, site.folder, farm, offered)
    result = {
        "minutes": MINUTES,
        "seed": SEED,
        "cameras": CAMERAS,
        **verdict,
        "memory_mb_per_hour": round(samples.slope_mb_per_hour(), 1),
        "service_pss_mb": samples.range_of("pss_mb"),
        "service_files": samples.range_of("files"),
        "service_threads": samples.range_of("threads"),
        "loop_lag_p99_ms_median": round(statistics.median(lag["p99"] for _, _, lag in samples.rows), 1),
        "injected": faults,
        "faults_at_end": [(fault["place"], fault["code"]) for fault in status["faults"]],
    }
    print(json.dumps(result), flush=True)


async def cause_faults(site: Appliance, farm: FarmProcess, done: dict[str, int]) -> None:
    """One after the other for as long as the soak lasts; which, where and for how long is the seed's."""
    chance = random.Random(SEED)
    ends_s = time.monotonic() + 60 * MINUTES - QUIET_END_S
    while time.monotonic() < ends_s:
        fault = chance.choices(
            ("reset", "stall", "short stall", "restart", "settings", "analysis killed", "guard killed"),
            (4, 2, 2, 2, 2, 1, 1),
        )[0]
        camera = f"cam{chance.randrange(CAMERAS) + 1}"
        done[fault] = done.get(fault, 0) + 1
        if fault.endswith(" killed"):
            pid = service_pids(site).get(fault.removesuffix(" killed"))
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
        elif fault == "short stall":
            farm.tell(do="stall", camera=camera, seconds=chance.uniform(1, 3))
        else:
            farm.tell(do=fault, camera=camera, seconds=chance.uniform(7, 12))
        await asyncio.sleep(FAULT_EVERY_S * chance.uniform(0.5, 1.5))


async def sample(site: Appliance, api: Api, samples: Samples) -> None:
    began_s = time.monotonic()
    while True:
        await asyncio.sleep(SAMPLE_EVERY_S)
        by = {name: used for name, pid in service_pids(site).items() if (used := usage_or_none(pid))}
        lag = (await api.get("/api/status"))["loop_lag_ms"]
        row = (time.monotonic() - began_s, by, lag)
        samples.rows.append(row)
        memory = ", ".join(f"{name} {used.pss_mb:.0f}" for name, used in by.items())
        service = by["service"]
        say(
            f"{row[0]:6.0f} s  MB: {memory}  files {service.files} threads {service.threads}  lag p99 {lag['p99']} ms"
        )


def usage_or_none(pid: int) -> Usage | None:
    """None: it has just ended."""
    try:
        return usage(pid)
    except OSError:
        return None


async def view(api: Api) -> None:
    """People who look: the timeline of everything, a still, a download, again and again."""
    chance = random.Random(SEED)
    while True:
        await asyncio.sleep(3)
        camera = f"cam{chance.randrange(CAMERAS) + 1}"
        now_s = (await api.get("/api/status"))["now_s"]
        found = await api.footage(camera, "main", now_s - 40, now_s - 10)
        for part in found["parts"][:1]:
            await api.download(part["url"])


def verify(folder: Path, farm: FarmProcess, offered: Offered) -> dict[str, Any]:
    """Every picture that was offered since the oldest that the ring still has must stand in a file, once."""
    tracks = {kind: Track(kind) for kind in SIZES}
    missing = duplicated = unknown = expected = 0
    for path in ("/".join(url.split("/")[-2:]) for url in farm.urls):
        kind = path.partition("/")[2]
        kinds = ("main", "alt") if kind == "main" else (kind,)
        recorded = read_stream(footage_of(folder, path), [tracks[kind] for kind in kinds])
        ranges = sorted((first, last, why) for p, first, last, why in offered.offered if p == path)
        numbers = counted_back(recorded.positions, ranges)
        duplicated += len(numbers) - len(set(numbers))
        unknown += recorded.unknown
        have, oldest = set(numbers), min(numbers, default=0)
        for first, last, why in ranges:
            certain = last if why == "stall" else last - UNDER_WAY
            wanted = range(max(first, oldest), certain + 1)
            expected += len(wanted)
            missing += sum(1 for number in wanted if number not in have)
    return {
        "missing_frames": missing,
        "duplicated_frames": duplicated,
        "unknown_frames": unknown,
        "expected_frames": expected,
        "refused": offered.dropped,
    }


def counted_back(positions: list[int], ranges: list[tuple[int, int, str]]) -> list[int]:
    """The pictures' numbers, found from their positions in the loop: the last one recorded belongs to the end of what
    was offered, and each one before it to the nearest number in front with its position that was offered at all."""
    numbers: list[int] = []
    after = ranges[-1][1] + 1 if ranges else 0
    spans = list(reversed(ranges))
    for position in reversed(positions):
        number = after - ((after - position - 1) % LOOP + 1)
        while not any(first <= number <= last for first, last, _ in spans) and number > 0:
            number -= LOOP
        numbers.append(number)
        after = number
    return numbers[::-1]


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
