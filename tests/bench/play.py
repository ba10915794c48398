"""`make bench-play`: what finding and playing footage costs on 30 days of 58 cameras. See README.md.

CPU of the service process (user and system, all threads) from before a request until its answer is read: medians. The
last line is one JSON object; exit code 1 if it misses what is asked of it.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench.play_data import CAMERA, CAMERAS, DAY_S, DAYS, REAL_MINUTES, Recordings, camera_ids, recordings
from footage import CACHE, bikes_mp4
from peers.appliance import Api, Appliance

SETTLE_S = 30.0
"""After a start the index is told what was seen during the last day, which takes ten seconds or so."""
REPEATS = 31
FEW = 5
ROUNDS_OFF_S = 0.02
"""After an answer: for what the service does behind it."""
SIMULATED = 2
MAX_MS, MAX_MB = 50, 1.0
HOUR_S = 3600


async def main() -> int:
    began = time.monotonic()
    data = await recordings(CACHE / "play", int(time.time()) // DAY_S * DAY_S - DAYS * DAY_S)
    say(f"{DAYS} days of {CAMERAS} cameras are there after {time.monotonic() - began:.0f} s")
    with tempfile.TemporaryDirectory(prefix="nvr-play-") as folder:
        site = Appliance(Path(folder))
        try:
            await site.start_cameras(bikes_mp4(), count=SIMULATED)
            (site.folder / "state").mkdir()
            shutil.copy(data.state / "state.db", site.folder / "state")
            configure(site, data)
            await site.start_service()
            async with site.api(claim=True) as api:
                result = await measure(site, api, data)
        finally:
            await site.stop()
    size = (data.root / "index.db").stat().st_size / 1e6 / CAMERAS / DAYS
    say(
        f"index as a recorder makes it grow: {data.grown_bytes / 1e6:.3f} MB a camera and day; of 30 days: {size:.3f}"
    )
    result["index_mb_per_camera_day"] = round(max(size, data.grown_bytes / 1e6), 3)
    print(json.dumps(result), flush=True)
    is_met = result.pop("index_mb_per_camera_day") <= MAX_MB and max(result.values()) <= MAX_MS
    return 0 if is_met else 1


def configure(site: Appliance, data: Recordings) -> None:
    """All cameras, two of which can be reached, on the recordings that were made."""
    text = (
        f'[site]\nname = "Thôn Thử"\n[storage]\nrecordings = "{data.root}"\nstate = "state"\nkeep_free_gb = 0.1\n'
        f'[web]\nhost = "127.0.0.1"\nhttps_port = {site.https_port}\nhttp_port = {site.http_port}\nlive_port = 0\n'
    )
    mains = [url for url in site.streams if url.endswith("/main")]
    for number, name in enumerate(camera_ids()):
        left = CAMERAS - number
        main = mains[-left] if left <= len(mains) else f"rtsp://127.0.0.1:9/{name}/main"
        text += f'[[camera]]\nid = "{name}"\nname = "Mắt {name}"\nmain = "{main}"\n'
        text += f'sub = "{main.removesuffix("main")}sub"\n'
    (site.folder / "nvr.toml").write_text(text, "utf-8")


async def measure(site: Appliance, api: Api, data: Recordings) -> dict[str, float]:
    assert site.service
    meter = Meter(site.service.process.pid)
    day_s, month_s = data.begin_s + 10 * DAY_S, data.begin_s
    hour_s = data.begin_s + (REAL_MINUTES * 60 - HOUR_S) // 2
    one, every = f"&cameras={CAMERA}", ""
    span = f"start_s={hour_s}&end_s={hour_s + HOUR_S}"
    hour = f"/api/cameras/{CAMERA}/footage/main"

    def timeline(start_s: int, days: int, cameras: str) -> Callable[[], Awaitable[object]]:
        return lambda: api.get(f"/api/timeline?start_s={start_s}&end_s={start_s + days * DAY_S}{cameras}")

    async def first_byte() -> None:
        headers = {"Range": "bytes=0-"}
        async with api.session.get(f"{hour}/part.mp4?{span}", headers=headers) as answer:
            assert answer.status == 206, answer.status
            assert await answer.content.readany()
            meter.stop()
            answer.close()

    (part,) = (await api.get(f"{hour}?{span}"))["parts"]
    assert part["duration_s"] > HOUR_S - 2, part
    await asyncio.sleep(SETTLE_S)
    idle_ms = await meter.idle()
    say(f"the service at rest: {idle_ms:.1f} ms of CPU a second")
    result = {
        "timeline_day_ms": await meter.median("timeline, a day", timeline(day_s, 1, one)),
        "timeline_month_ms": await meter.median("timeline, 30 days", timeline(month_s, DAYS, one)),
        "mp4_hour_build_ms": await meter.median("an hour as MP4", lambda: api.get(f"{hour}?{span}")),
        "first_byte_ms": await meter.median("first byte of it", first_byte),
    }
    await meter.median("timeline, a day, all cameras", timeline(day_s, 1, every), FEW)
    await meter.median("timeline, 30 days, all cameras", timeline(month_s, DAYS, every), FEW)
    return result


class Meter:
    """CPU time of a process."""

    def __init__(self, pid: int):
        self._tasks = Path(f"/proc/{pid}/task")
        self._before_ns = self._after_ns = 0

    def _used_ns(self) -> int:
        """Of all its threads, to the nanosecond (proc/pid/task/*/schedstat)."""
        return sum(int(file.read_text().split()[0]) for file in self._tasks.glob("*/schedstat"))

    def stop(self) -> None:
        """What comes later does not belong to the measurement."""
        self._after_ns = self._after_ns or self._used_ns()

    async def median(
        self, what: str, request: Callable[[], Awaitable[object]], repeats: int = REPEATS
    ) -> float:
        """Median of the CPU milliseconds of `request`; one more goes first and is not counted."""
        await request()
        cpu_ms, wall_ms = [], []
        for _ in range(repeats):
            await asyncio.sleep(ROUNDS_OFF_S)
            self._before_ns, self._after_ns, began = self._used_ns(), 0, time.perf_counter()
            await request()
            wall_ms.append(1000 * (time.perf_counter() - began))
            await asyncio.sleep(0 if self._after_ns else ROUNDS_OFF_S)
            self.stop()
            cpu_ms.append((self._after_ns - self._before_ns) / 1e6)
        median = statistics.median(cpu_ms)
        say(
            f"{what}: {median:.1f} ms of CPU (most {max(cpu_ms):.1f}), {statistics.median(wall_ms):.1f} ms in all"
        )
        return round(median, 1)

    async def idle(self) -> float:
        """CPU milliseconds a second without any request."""
        before_ns = self._used_ns()
        await asyncio.sleep(3)
        return (self._used_ns() - before_ns) / 3e6


def say(text: str) -> None:
    """Progress, on the standard error."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
