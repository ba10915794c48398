"""`nvr check`: what is wrong with this appliance's configuration, in words, before it is needed at night."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from hw.port import device_of
from hw.relay import PortError
from nvr import log
from nvr.alarm import speaker
from nvr.alarm.siren import SirenUnavailable
from nvr.camera.source import play
from nvr.cli.schedule import described, plan_in_force
from nvr.clock import Clock, SystemClock
from nvr.config import Camera, Config, Siren, Speaker, load
from nvr.detect.model.objects import ObjectDetector
from nvr.detect.steps.calibration import demands_of
from nvr.errors import CameraError, ConfigError, NvrError, StorageError
from nvr.events import StreamKey
from nvr.media.access_unit import AccessUnit, MediaItem
from nvr.record.disk.identity import DiskIdentity, InUse
from nvr.record.disk.outlook import Share, capacity_bytes, outlook
from nvr.record.disk.stock import read_stocks_beside
from nvr.record.disks.disk import Limits
from nvr.record.disks.spread import spread
from nvr.record.errors import storage_error
from nvr.record.filesystem import free_bytes, total_bytes
from nvr.record.keep.retention import DAY_90K
from nvr.record.model import TICKS
from nvr.timekeeping import recall

CAMERA_S = 15.0
LEAST_FREE_GB = 0.1
"""With less, nothing can be written."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: `place` is a key of the file or a camera."""

    place: str
    ok: bool
    detail: str
    remedy: str = ""
    exit_code: int = 0


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "check", help="say what is wrong with the configuration", description=__doc__
    )
    parser.add_argument("--config", type=Path, default=Path("/etc/nvr/nvr.toml"), metavar="FILE")
    parser.add_argument("--cameras", action="store_true", help="also play every stream for a moment")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Exit code 0 if all is well, else that of the first finding that is not."""
    log.configure(level="error")  # the findings say it all
    try:
        config = load(arguments.config)
    except ConfigError as error:
        findings = [
            Finding(wrong.key or wrong.file, False, wrong.problem, wrong.remedy, wrong.exit_code)
            for wrong in (error, *error.others)
        ]
    else:
        findings = [Finding(str(arguments.config), True, "the file is understood"), *_appliance(config)]
        if arguments.cameras:
            findings += asyncio.run(_cameras(config))
    if arguments.json:
        print(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False, indent=2))
    else:
        print(arguments.config)
        for finding in findings:
            print(f"{'ok   ' if finding.ok else 'WRONG'} {finding.place}: {finding.detail}")
            if finding.remedy:
                print(f"      {finding.remedy}")
    return next((finding.exit_code for finding in findings if not finding.ok and finding.exit_code), 0)


def _appliance(config: Config) -> Iterator[Finding]:
    in_use = InUse()
    for root in config.storage.recordings:
        yield _finding(_place(config, root), partial(_recordings, root, config.storage.state, in_use))
    yield from _kept(config)
    yield _finding("storage state", lambda: _directory("storage state", config.storage.state))
    clock = SystemClock()
    recall(clock, config.storage.state)
    yield _clock(clock)
    yield from _schedule(config, clock.wall())
    if config.analysis.enabled:
        yield _finding("analysis", lambda: _demands(config))
        yield _finding("analysis model", lambda: _model(config.analysis.model))
    if config.siren is not None:
        port = config.siren.port
        yield _finding("siren port", lambda: _serial_port(port))
        yield _fail_safe(config.siren)
    if config.speaker is not None:
        settings = config.speaker
        yield _finding("speaker", lambda: _speaker(settings))
    if not config.camera:
        yield Finding(
            "camera", False, "no camera is configured", "Add a [[camera]] section", ConfigError.exit_code
        )


def _finding(place: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(place, True, look())
    except NvrError as error:
        return Finding(place, False, error.message, error.remedy, error.exit_code)


def _place(config: Config, root: Path) -> str:
    several = len(config.storage.recordings) > 1
    return f'storage recordings "{root}"' if several else "storage recordings"


def _recordings(recordings: Path, state: Path, in_use: InUse) -> str:
    """Raises StorageError."""
    identity = DiskIdentity(recordings, state, in_use)
    identity.expect()
    identity.use()
    usable = _directory("storage recordings", recordings)
    if _device(recordings) == _device(state):
        usable += "; it is on the system's disk, an appliance needs another one: is it mounted?"
    return usable


def _clock(clock: Clock) -> Finding:
    """Not being trusted makes no exit code: it is nothing that the configuration could mend."""
    state = clock.state()
    now = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(clock.wall()))
    known = {
        "none": "and nobody knows whether that is right",
        "rtc": "by a clock that runs without power",
        "person": "confirmed by an administrator",
        "ntp": "by NTP",
    }[state.source]
    error = "" if state.error_s is None else f", right to {state.error_s:.1f} s"
    remedy = "Connect it to the internet, or confirm the time as an administrator (POST /api/clock)"
    return Finding(
        "clock", state.is_trusted, f"{now} UTC, {known}{error}", "" if state.is_trusted else remedy
    )


def _schedule(config: Config, now_wall_s: float) -> Iterator[Finding]:
    try:
        plan = plan_in_force(config)
    except NvrError as error:
        yield Finding("schedule", False, error.message, error.remedy, error.exit_code)
        return
    yield Finding("schedule", True, described(plan, config.site.zone, now_wall_s))
    if plan.schedule is not None and plan.schedule.has_idle_holidays:
        # No exit code: it may be meant so.
        detail = 'on its holidays nothing changes: no entry is for the day "holiday"'
        yield Finding("schedule holidays", False, detail, "Add an entry for that day, or remove the dates")


def _kept(config: Config) -> Iterator[Finding]:
    """How many days are kept and possible, where anything is recorded."""
    roots, limits = config.storage.recordings, Limits.configured(config)
    shares: dict[int, Share] = {}
    sizes: list[int | None] = [None] * len(roots)
    for number, root in enumerate(roots):
        try:
            stocks = read_stocks_beside(root, limits.keep.cameras)
            if not stocks:
                continue
            used = sum(stock.bytes for stock in stocks.values())
            shares[number] = Share(stocks, capacity_bytes(limits.budget, used, free_bytes(root)))
            sizes[number] = min(total_bytes(root), limits.max_bytes or total_bytes(root))
        except (OSError, sqlite3.Error) as error:
            problem = storage_error(root, error)
            yield Finding(_place(config, root), False, problem.message, problem.remedy, problem.exit_code)
    if not shares:
        return
    homes = spread(list(limits.keep.cameras), sizes, shares.keys())
    now_90k = int(time.time() * TICKS)
    found = outlook(shares, homes, limits.keep, now_90k)
    kept = max((camera.days_kept for camera in found.cameras.values()), default=0.0)
    yield Finding("storage recordings", True, _days(kept, found.days_possible))
    for number, share in shares.items() if len(roots) > 1 else ():
        starts = [stock.oldest_90k for stock in share.stocks.values() if stock.oldest_90k is not None]
        kept = (now_90k - min(starts, default=now_90k)) / DAY_90K
        yield Finding(_place(config, roots[number]), True, _days(kept, found.disks[number]))
    for camera, numbers in found.cameras.items():
        days = _days(numbers.days_kept, numbers.days_possible)
        yield Finding(f'camera "{camera}" footage', True, f"{numbers.bytes / 1e9:.1f} GB, {days}")


def _days(kept: float, possible: float | None) -> str:
    if possible is None:
        return f"{kept:.1f} days are kept now"
    return f"{kept:.1f} days are kept now; at the present rate the disk holds {possible:.1f}"


def _device(path: Path) -> int:
    """The device of a path, or of its nearest folder that exists."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return path.stat().st_dev


def _directory(key: str, path: Path) -> str:
    """Raises StorageError: neither writable nor possible to make."""
    existing = path
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir():
        raise StorageError(f"{existing} is no directory", remedy=f"Change the key {key}")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise StorageError(f"{existing} is not writable", remedy=f"Change its owner, or the key {key}")
    free_gb = shutil.disk_usage(existing).free / 1e9
    if free_gb < LEAST_FREE_GB:
        raise StorageError(
            f"{existing} has only {free_gb:.2f} GB free", remedy=f"Free some, or change the key {key}"
        )
    return f"{path} is usable, {free_gb:.1f} GB free"


def _demands(config: Config) -> str:
    """Raises ConfigError: false sirens so seldom are not to be had so fast."""
    demands = demands_of(config)
    wanted = config.analysis
    promise = f"{demands.fps:g} frames a second, to notice somebody clearly in view within {wanted.notice_within_s:g} s"
    if config.siren_cameras == 0:
        return promise
    return f"{promise}; one false siren in {wanted.false_siren_nights:g} nights at most, with clutter as measured"


def _model(model: Path | None) -> str:
    """Raises ModelError."""
    ObjectDetector(model)
    return f"{model or 'the shipped model'} is usable"


def _fail_safe(siren: Siren) -> Finding:
    """Not being fail-safe makes no exit code: the file can be right, and the wiring still dangerous."""
    if siren.is_fail_safe:
        why = "the board ends it" if siren.ends_by_itself else "a timer relay is in series"
        return Finding("siren", True, f"it ends by itself if everything else fails: {why} (as configured)")
    detail = "its relay latches: after a crash of the whole computer nothing would switch the siren off"
    remedy = "Put a timer relay in series with the siren and say so: timer_relay = true"
    return Finding("siren", False, detail, remedy)


def _serial_port(name: str) -> str:
    """Raises SirenUnavailable: missing, ambiguous, no device, or not permitted."""
    try:
        port = Path(device_of(name))
    except PortError as error:
        raise SirenUnavailable(str(error)) from None
    if not port.exists():
        remedy = "Plug the relay board in; `nvr hw list` shows what is there"
        raise SirenUnavailable(f"{port} does not exist", remedy=remedy)
    if not port.is_char_device():
        raise SirenUnavailable(f"{port} is no serial device", remedy="Change the key siren port")
    if not os.access(port, os.R_OK | os.W_OK):
        raise SirenUnavailable(
            f"{port} may not be opened by this user", remedy="Add the user to the group dialout"
        )
    return f"{port} is there"


def _speaker(settings: Speaker) -> str:
    """Raises SpeakerError: no aplay, no such output, or a message that cannot be played."""
    warning = speaker.load(settings.message)
    asyncio.run(speaker.play(settings.device, warning.silence(speaker.PROBE_S)))
    what = f"{settings.message}, {warning.duration_s:.0f} s" if settings.message else "a chime"
    return f'audio output "{settings.device}" takes sound; {settings.repeat} times {what}'


async def _cameras(config: Config) -> list[Finding]:
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_stream(camera, key)) for camera in config.camera for key in camera.streams
        ]
    return [task.result() for task in tasks]


async def _stream(camera: Camera, key: StreamKey) -> Finding:
    """Play until the first picture."""
    place = f'camera "{camera.id}" {key.role}'
    first: list[AccessUnit] = []

    def publish(item: MediaItem) -> None:
        if isinstance(item, AccessUnit) and not first:
            first.append(item)
            limit.reschedule(0)  # seen enough: end the playing at once

    try:
        async with asyncio.timeout(CAMERA_S) as limit:
            await play(camera, key.role, SystemClock(), publish, lambda: None)
    except NvrError as error:
        return Finding(place, False, error.message, error.remedy, error.exit_code)
    except TimeoutError:
        if not first:
            detail = f"no picture within {CAMERA_S:.0f} s"
            return Finding(place, False, detail, "Check the camera", CameraError.exit_code)
    config = first[0].config
    return Finding(place, True, f"plays {config.codec}, {config.width}x{config.height}")
