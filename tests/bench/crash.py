"""`make crash-test`: what `kill -9` and power cuts cost, and whether all that is left plays. See README.md.

The last line is one JSON object; exit code 1 if it misses what is asked of it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.crash_cuts import Cut, choose, record, replay
from bench.crash_kills import Kills, kill_and_check
from bench.crash_site import CAMERA_OPTIONS, make_site
from footage import bikes_mp4
from peers.appliance import Appliance

CAMERAS = 2
APPLIANCES = 4
REPLAYS = 2
MAX_KILL_LOSS_S, MAX_CUT_LOSS_S = 2.5, 3.5
RUNS = 200


async def main(options: argparse.Namespace) -> int:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="nvr-crash-") as name:
        folder = Path(name)
        cameras = Appliance(folder)
        try:
            video = bikes_mp4()
            await cameras.start_cameras(video, *CAMERA_OPTIONS, "--gop", "50", count=CAMERAS)
            cuts = await cut_power(folder, cameras.streams, options)
            kills = await kill(folder, cameras.streams, options)
        finally:
            await cameras.stop()
    honest = [found for found in cuts if found.honest]
    losses = [loss_s for found in kills.losses_s.values() for loss_s in found]
    result = {
        "kill9": {"runs": len(losses), "loss_s_max": round(max(losses, default=0.0), 2)},
        "power_cut": {
            "runs": len(honest),
            "loss_s_max": round(max((c.loss_s for c in honest), default=0.0), 2),
        },
        "bad_rows": len(kills.check.bad_rows) + sum(len(c.bad_rows) + bool(c.problem) for c in honest),
        "unplayable": len(kills.check.unplayable) + sum(len(c.unplayable) for c in honest),
        "control_failed": int(not passed([found for found in cuts if not found.honest])),
    }
    say(f"took {time.monotonic() - began:.0f} s")
    print(json.dumps(result), flush=True)
    return 0 if is_met(result) else 1


async def cut_power(folder: Path, streams: list[str], options: argparse.Namespace) -> list[Cut]:
    """Record once, then cut the power at many moments of it."""
    site = make_site(folder / "power", streams)
    try:
        recorded = await record(site, site.folder, options.record_s)
    finally:
        await site.stop()
    say(f"power: recorded {options.record_s:g} s, log of {recorded.samples[-1][1] / 1e6:.0f} MB")
    rng = random.Random(options.seed)
    moments = choose(recorded, options.cuts, rng, honest=True)
    moments += choose(recorded, options.controls, rng, honest=False)
    rng.shuffle(moments)
    shares = [moments[n::REPLAYS] for n in range(REPLAYS)]
    # In memory where there is some: 200 boots wear out no disk.
    with tempfile.TemporaryDirectory(prefix="nvr-crash-", dir=memory()) as images:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(replay(recorded, Path(images) / str(n), share, options.seed + n))
                for n, share in enumerate(shares)
            ]
        cuts = [found for task in tasks for found in task.result()]
    for kind, found in (
        ("power cuts", [c for c in cuts if c.honest]),
        ("control", [c for c in cuts if not c.honest]),
    ):
        losses = [c.loss_s for c in found]
        risky = sum(c.dropped > 0 for c in found)
        if losses:
            say(f"{kind}: {len(found)}, in {risky} of them writes were lost")
            say(f"  loss median {statistics.median(losses):.2f} s, most {max(losses):.2f} s")
        for problem in [p for c in found for p in (c.problem, *c.bad_rows, *c.unplayable) if p][:5]:
            say(f"  {problem}")
    return cuts


async def kill(folder: Path, streams: list[str], options: argparse.Namespace) -> Kills:
    """Kill several appliances again and again, at the same time."""
    found = Kills()
    sites = [make_site(folder / f"site{n}", streams) for n in range(APPLIANCES)]
    counts = [len(range(n, options.kills, APPLIANCES)) for n in range(APPLIANCES)]
    try:
        async with asyncio.TaskGroup() as group:
            for n, (site, count) in enumerate(zip(sites, counts, strict=True)):
                group.create_task(kill_and_check(site, count, random.Random(options.seed * 1000 + n), found))
    finally:
        for site in sites:
            await site.stop()
    for kind, losses in found.losses_s.items():
        say(
            f"kills {kind}: {len(losses)}, loss median {statistics.median(losses):.2f} s, most {max(losses):.2f} s"
        )
    for problem in (found.check.bad_rows + found.check.unplayable)[:10]:
        say(f"  {problem}")
    return found


def passed(cuts: Sequence[Cut]) -> bool:
    """Whether these cuts are as harmless as a power cut must be."""
    return all(
        c.loss_s <= MAX_CUT_LOSS_S and not c.bad_rows and not c.unplayable and not c.problem for c in cuts
    )


def is_met(result: dict[str, Any]) -> bool:
    kills, cuts = result["kill9"], result["power_cut"]
    return (
        min(kills["runs"], cuts["runs"]) >= RUNS
        and kills["loss_s_max"] <= MAX_KILL_LOSS_S
        and cuts["loss_s_max"] <= MAX_CUT_LOSS_S
        and result["bad_rows"] == result["unplayable"] == 0
        and result["control_failed"] == 1
    )


def memory() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def say(text: str) -> None:
    """Progress, on the standard error."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=RUNS)
    parser.add_argument("--cuts", type=int, default=RUNS)
    parser.add_argument("--controls", type=int, default=20)
    parser.add_argument("--record-s", type=float, default=75.0)
    sys.exit(asyncio.run(main(parser.parse_args())))
