"""`make bench-siren`: how long the siren's path takes while 58 cameras are recorded and analysed.

See README.md in this folder. `BENCH_CAMERAS` (58), `BENCH_SAMPLES` (30), `BENCH_BOARD` (lcus, or modbus).
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import signal
import statistics
import struct
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from bench.farm_video import SIZES, encoded
from bench.rig import FarmProcess, service_pids, until_all_live, write_config
from footage import bikes_mp4
from nvr.cli.footage import EMPTY_SHOT, PERSON_SHOT
from peers.appliance import Api, Appliance, now, until

CAMERAS = int(os.environ.get("BENCH_CAMERAS", "58"))
SAMPLES = int(os.environ.get("BENCH_SAMPLES", "30"))
BOARD = os.environ.get("BENCH_BOARD", "lcus")
SETTLE_S = 15.0
SIGHTED_S = 120.0
OFF_S = 10.0
SHOTS = f"{EMPTY_SHOT}*8,{PERSON_SHOT}*5"
"""Somebody comes after 16 s (sooner it would be the same as before, see e2e.py) and stays for 6 s, is told at once and
again after 5 s (nvr/detect/steps/rules.py)."""
KEEP = "max_gb = 3\n"
SIREN = {
    "lcus": "timer_relay = true\n",
    "modbus": 'board = "modbus"\ninputs = {silence = 1, panic = 2}\n',
}
UNTIL_DISARMED = "max_seconds = 60\ncooldown_seconds = 0\n"
PERSON = "cam1"
"""The camera that shows somebody, in place of the farm's own; it stands first in nvr.toml."""
_HEADER = struct.Struct(">IB")
FOUND_TYPE = 68
"""nvr/detect/messages/protocol.py: a sighting."""
_SENT = re.compile(r'([\d.]+) sendto\(\d+, "((?:\\x[0-9a-f]{2})+)"(?:\.\.\.)?, (\d+),')


async def main() -> None:
    """Print figures as they come, the JSON line last."""
    for kind in SIZES:
        await asyncio.to_thread(encoded, kind)
    with tempfile.TemporaryDirectory() as folder:
        site = Appliance(Path(folder))
        farm = await FarmProcess.start(CAMERAS, subs=True)
        try:
            await site.start_relay("--board", BOARD)
            await site.start_cameras(bikes_mp4(), "--shots", SHOTS)
            others = [url for url in farm.urls if f"/{PERSON}/" not in url]
            urls = [*site.streams, *others]
            siren = SIREN[BOARD] + UNTIL_DISARMED
            write_config(site, urls, response="record", responses={PERSON: "siren"}, siren=siren, keep=KEEP)
            await site.start_service()
            async with site.api(claim=True) as api:
                await until_all_live(api)
                await asyncio.sleep(SETTLE_S)
                trace = site.folder / "trace"
                async with traced(service_pids(site)["analysis"], trace):
                    on, off_ms = await sound_and_silence(site, api)
                status = await api.get("/api/status")
            await site.stop()
        finally:
            await site.stop()
            await farm.end()
        sightings = list(sightings_in(trace.read_text().splitlines()))
    assert sightings, "strace saw no sighting: has the protocol changed?"
    on_ms = [1000 * (at_s - max(s for s in sightings if s <= at_s)) for at_s in on]
    say(f"sighting to bytes (ms): {[round(value, 1) for value in on_ms]}")
    say(f"disarm to off (ms): {[round(value, 1) for value in off_ms]}")
    say(f"loop lag (ms): {status['loop_lag_ms']}")
    say(f"faults: {[(f['place'], f['code']) for f in status['faults']]}")
    result = {"sighting_to_bytes_ms": figures(on_ms), "disarm_to_off_ms": figures(off_ms)}
    print(json.dumps(result), flush=True)


async def sound_and_silence(site: Appliance, api: Api) -> tuple[list[float], list[float]]:
    """Arm, let a sighting sound the siren, disarm, again and again at random moments: wall times in s of ON at the
    board, milliseconds from disarm to OFF there."""
    chance = random.Random(5)
    on, off_ms = [], []
    pids = service_pids(site)
    while len(on) < SAMPLES:
        armed_s = now()
        await api.post("/api/alarm/arm")
        frame = await until(lambda: site.relay_on_since(armed_s), SIGHTED_S, "a sighting sounds")  # noqa: B023
        on.append(frame["t_wall"])
        await asyncio.sleep(chance.uniform(0.2, 1.2))
        # This also opens the connection anew that may have been closed meanwhile.
        assert (await api.get("/api/alarm"))["siren"]["wanted"]
        disarmed_s = now()
        await api.post("/api/alarm/disarm")
        frame = await until(lambda: off_since(site, disarmed_s), OFF_S, "disarming silences")  # noqa: B023
        off_ms.append(1000 * (frame["t_mono"] - disarmed_s))
        say(f"  {len(on)}: OFF after {off_ms[-1]:.1f} ms")
        await asyncio.sleep(chance.uniform(0.0, 1.0))
    assert service_pids(site) == pids, "a process was started again meanwhile"
    return on, off_ms


def off_since(site: Appliance, t_mono: float) -> dict[str, object] | None:
    """The first OFF frame after `t_mono`."""
    frames = (f for f in site.relay_frames() if f["t_mono"] >= t_mono)
    return next((f for f in frames if f["frame"] and not f["on"]), None)


@asynccontextmanager
async def traced(pid: int, file: Path) -> AsyncIterator[None]:
    """Within it strace writes what the process sends, with wall times, to `file`."""
    command = ("strace", "-p", str(pid), "-e", "trace=sendto", "-e", "signal=none", "-ttt", "-xx", "-s", "40")
    tracer = await asyncio.create_subprocess_exec(*command, "-o", str(file), stdin=DEVNULL, stderr=PIPE)
    try:
        assert tracer.stderr
        attached = await tracer.stderr.readline()
        assert b"attached" in attached, f"strace: {attached.decode()}"
        yield
    finally:
        if tracer.returncode is None:
            tracer.send_signal(signal.SIGINT)
        await tracer.communicate()


def sightings_in(lines: Iterable[str]) -> Iterable[float]:
    """Wall times in s at which the analysis process sent a sighting of the camera that shows somebody."""
    for line in lines:
        if found := _SENT.match(line):
            data = bytes.fromhex(found[2].replace("\\x", ""))
            length, kind = _HEADER.unpack_from(data) if len(data) >= _HEADER.size else (0, 0)
            # The rest of a message that was sent in pieces may begin like anything.
            whole = length + _HEADER.size == int(found[3])
            if whole and kind == FOUND_TYPE and b'"camera":0,' in data:
                yield float(found[1])


def figures(values_ms: list[float]) -> dict[str, float]:
    p95 = statistics.quantiles(values_ms, n=20, method="inclusive")[-1]
    return {
        "median": round(statistics.median(values_ms), 1),
        "p95": round(p95, 1),
        "max": round(max(values_ms), 1),
        "samples": len(values_ms),
    }


def say(text: str) -> None:
    """Progress, on the standard error."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
