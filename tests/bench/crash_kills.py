"""`kill -9` of `nvr serve` at seeded moments: while it starts and recovers, before its first commit, later."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.crash_site import stream_names
from bench.footage_check import FootageCheck, Row, read_rows
from nvr.record.layout import segment_start_90k
from nvr.record.model import TICKS
from peers.appliance import Appliance

STARTING_SHARE = 0.2
STARTING_S = 2.0
"""Kills while the service starts come within this; whatever the cameras sent meanwhile would be no longer."""
RECORDING_S = 5.0
POLL_S = 0.05
Kind = Callable[[Path, float], set[str]]
PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Kill:
    """`spawned_s`, `killed_s`: wall times of one life. `committed`: rows that were not checked before, as they were
    committed just before its end."""

    spawned_s: float
    killed_s: float
    kind: str
    committed: list[Row]


@dataclass
class Kills:
    """What was found: a loss for every kill, the greatest of its streams, by kind."""

    losses_s: dict[str, list[float]] = field(default_factory=dict)
    check: FootageCheck = field(default_factory=FootageCheck)


async def kill_and_check(site: Appliance, kills: int, rng: random.Random, found: Kills) -> None:
    """Run an appliance until it was killed `kills` times, and check all it ever committed."""
    root = site.folder / "recordings"
    waiting: list[Kill] = []
    checked = 0
    for _ in range(kills):
        service = await site.spawn_service()
        spawned_s, kind = time.time(), None
        if rng.random() < STARTING_SHARE:
            await asyncio.sleep(rng.uniform(0, STARTING_S))
        else:
            kind = rng.choice((_in_files, _in_index))
            await _all_streams(site, root, kind, spawned_s)
            await asyncio.sleep(rng.uniform(0, RECORDING_S))
            if kind is _in_index:
                # A new row of every stream means that the last life's footage is mended.
                checked = await asyncio.to_thread(_settle, root, site, waiting, checked, found)
        committed = read_rows(root, checked)
        service.process.kill()
        waiting.append(Kill(spawned_s, time.time(), KINDS[kind], committed))
        await service.stop(signal.SIGKILL)
    service = await site.spawn_service()
    await _all_streams(site, root, _in_index, time.time())
    await asyncio.to_thread(_settle, root, site, waiting, checked, found)
    await service.stop()
    found.check.bad_rows += await _fsck(site)


async def _fsck(site: Appliance) -> list[str]:
    """What the product's own check of all files and all rows finds at the end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "nvr", "fsck", "--config", str(site.folder / "nvr.toml"), "--full", "--json"),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    return [f"{problem['path']}: {problem['what']}" for problem in json.loads(out)["problems"]]


def _settle(root: Path, site: Appliance, waiting: list[Kill], checked: int, found: Kills) -> int:
    """Judge the kills that wait; the highest number that need not be looked at again."""
    if not waiting:
        return checked
    rows = [row for row in read_rows(root, checked) if row.start_s < waiting[-1].killed_s]
    found.check.check(root, rows)
    now = {row.number: row for row in rows}
    for kill in waiting:
        for before in kill.committed:
            after = now.get(before.number)
            if after is None or after.fragments[: len(before.fragments)] != before.fragments:
                found.check.bad_rows.append(f"{before.path}: committed, and gone after a kill")
        ends_s = dict.fromkeys(stream_names(site.streams), kill.spawned_s)
        for row in rows:
            if row.start_s < kill.killed_s:
                ends_s[row.stream] = max(ends_s[row.stream], row.end_s)
        loss_s = max(0.0, *(kill.killed_s - end_s for end_s in ends_s.values()))
        found.losses_s.setdefault(kill.kind, []).append(loss_s)
    waiting.clear()
    return max((row.number for row in rows), default=checked)


async def _all_streams(site: Appliance, root: Path, kind: Kind, since_s: float) -> None:
    """Wait until all streams have footage that begins after `since_s`, by `kind`; what a start takes in is older."""
    async with asyncio.timeout(PATIENCE_S):
        while not stream_names(site.streams) <= kind(root, since_s):
            await asyncio.sleep(POLL_S)


def _in_files(root: Path, since_s: float) -> set[str]:
    return {
        f"{file.parts[-4]}/{file.parts[-3]}"
        for file in root.glob("footage/*/*/*/*.mp4")
        if segment_start_90k(file.parent.name, file.name) > since_s * TICKS
    }


def _in_index(root: Path, since_s: float) -> set[str]:
    return {row.stream for row in read_rows(root) if row.start_s > since_s}


KINDS = {None: "while it starts", _in_files: "after its first files", _in_index: "after its first commit"}
