"""Power cuts by replay of a write log: record once on a logged disk, then look at what any moment leaves behind.

A cut at a moment leaves everything up to the last completed flush before it, and of the later writes a random part.
The image is checked and mounted as at a real boot, the recorder opens it, and every row must play.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from subprocess import CalledProcessError
from typing import NamedTuple

from bench.crash_site import stream_names
from bench.footage_check import FootageCheck, read_rows
from bench.logged_disk import LoggedDisk, run
from bench.write_log import Disk, Timing, WriteLog, cut, durable
from nvr import log as nvr_log
from nvr.clock import SystemClock
from nvr.errors import NvrError
from nvr.faults import FaultBoard
from nvr.record.disk.recorder import Recorder
from peers.appliance import Appliance, until

DISK_MB = 384
SETTLE_S = 5.0
IGNORED_S = 30.0
"""So long the control's disk may keep in its cache what it was told to flush."""
UNMOUNTABLE = 4
"""e2fsck: errors are left that a person must look at."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A log, when its entries came, and from when until when all `streams` were being recorded."""

    base: str
    log: str
    samples: list[tuple[float, int]]
    streams: list[str]
    begin_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Cut:
    """What one cut left. `loss_s`: of the stream that lost most. `problem`: the disk or the recordings did not open.
    `at_risk`: writes that were not flushed, of which `dropped` did not survive whole."""

    at_s: float
    honest: bool
    loss_s: float
    bad_rows: list[str]
    unplayable: list[str]
    problem: str
    at_risk: int
    dropped: int


async def record(site: Appliance, folder: Path, seconds: float) -> Recorded:
    """Let an appliance record to a logged disk for `seconds`."""
    disk, root = LoggedDisk(folder), site.folder / "recordings"
    root.mkdir()
    streams = stream_names(site.streams)
    with disk.mounted(root, DISK_MB):
        service = await site.spawn_service()
        await until(
            lambda: {row.stream for row in read_rows(root)} >= streams, 60, "all streams are committed"
        )
        await asyncio.sleep(SETTLE_S)
        begin_s = time.time()
        await asyncio.sleep(seconds)
        end_s = time.time()
        await service.stop()
    await asyncio.to_thread(_verify, disk, folder / "replayed.img")
    return Recorded(str(disk.base), str(disk.log), disk.samples, sorted(streams), begin_s, end_s)


def _verify(disk: LoggedDisk, image: Path) -> None:
    """The whole log makes the disk as it is. Raises CalledProcessError: something was not logged as it was done."""
    log = WriteLog.read(disk.log)
    run("cp", "--sparse=always", disk.base, image)
    replayed = Disk(image, disk.log, log)
    replayed.advance(len(log.entries))
    replayed.close()
    run("cmp", image, disk.image)
    image.unlink()


class Moment(NamedTuple):
    """The power goes at `at_s` (wall time), when `written` entries are in the log. `honest`: the disk flushes."""

    written: int
    at_s: float
    honest: bool


def choose(recorded: Recorded, count: int, rng: random.Random, *, honest: bool) -> list[Moment]:
    """Half of the moments at any time, half at any write, which is mostly amid a commit."""
    log, timing = WriteLog.read(Path(recorded.log)), Timing(recorded.samples)
    first, last = timing.until(log, recorded.begin_s), timing.until(log, recorded.end_s)
    moments = []
    for number in range(count):
        if number % 2:
            written = rng.randrange(first, last)
            moments.append(Moment(written, timing.when(log.entries[written]), honest))
        else:
            at_s = rng.uniform(recorded.begin_s, recorded.end_s)
            moments.append(Moment(timing.until(log, at_s), at_s, honest))
    return moments


async def replay(recorded: Recorded, folder: Path, moments: Sequence[Moment], seed: int) -> list[Cut]:
    """Check cuts at `moments`, in a process of its own."""
    folder.mkdir()
    (folder / "task.json").write_text(json.dumps([asdict(recorded), list(moments), seed]))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.crash_cuts", str(folder), stdout=asyncio.subprocess.PIPE
    )
    try:
        out, _ = await process.communicate()
    except asyncio.CancelledError:
        process.send_signal(signal.SIGINT)  # it unmounts what it has mounted
        await process.wait()
        raise
    if process.returncode:
        raise RuntimeError("replay of power cuts failed")
    return [Cut(**json.loads(line)) for line in out.splitlines()]


def _replay(folder: Path) -> None:
    task, moments, seed = json.loads((folder / "task.json").read_text())
    recorded = Recorded(**task)
    log_file = Path(recorded.log)
    log, timing, rng = WriteLog.read(log_file), Timing(recorded.samples), random.Random(seed)
    check = FootageCheck()
    images = {honest: folder / f"safe-{honest}.img" for honest in (True, False)}
    disks = {}
    for honest, image in images.items():
        shutil.copy(recorded.base, image)
        disks[honest] = Disk(image, log_file, log)
    for written, at_s, honest in sorted(moments):
        safe = durable(log, written) if honest else timing.until(log, at_s - IGNORED_S)
        disks[honest].advance(safe)
        image = folder / "cut.img"
        run("cp", "--sparse=always", images[honest], image)
        disk = Disk(image, log_file, log)
        survived = cut(disk, log, safe, written, rng)
        disk.close()
        check.bad_rows, check.unplayable = [], []
        loss_s, problem = at_s - recorded.begin_s, ""
        try:
            with _booted(image, folder / "disk") as root:
                asyncio.run(_open(root))
                loss_s = _check(root, check, recorded.streams, at_s, loss_s)
        except (CalledProcessError, NvrError, OSError, sqlite3.Error) as error:
            problem = str(error)
        risk = written - safe
        found = Cut(at_s, honest, loss_s, check.bad_rows, check.unplayable, problem, risk, risk - survived)
        print(json.dumps(asdict(found)), flush=True)


@contextmanager
def _booted(image: Path, where: Path) -> Iterator[Path]:
    """The disk checked and mounted as at a boot. Raises CalledProcessError."""
    try:
        run("e2fsck", "-p", image)
    except CalledProcessError as error:
        if error.returncode >= UNMOUNTABLE:
            raise
    where.mkdir(exist_ok=True)
    run("mount", "-o", "loop", image, where)
    try:
        yield where
    finally:
        run("umount", where)


async def _open(root: Path) -> None:
    """Take in what is there, as the service does at its start."""
    clock = SystemClock()
    recorder = await Recorder.open(
        root, clock=clock, faults=FaultBoard(clock), max_bytes=None, keep_free_bytes=0
    )
    await recorder.close()


def _check(root: Path, check: FootageCheck, streams: Sequence[str], at_s: float, most_s: float) -> float:
    """Check all rows; the loss of the stream that lost most."""
    rows = read_rows(root)
    check.check(root, rows)
    check.bad_rows += [f"{path.name}: the index did not survive" for path in root.glob("index.db.corrupt-*")]
    ends_s = {row.stream: row.end_s for row in sorted(rows, key=lambda row: row.end_s)}
    return max(at_s - ends_s[stream] if stream in ends_s else most_s for stream in streams)


if __name__ == "__main__":
    nvr_log.configure(level="error")
    _replay(Path(sys.argv[1]))
