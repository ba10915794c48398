"""Footage of what was seen outlives what lies around it: through the appliance as it is wired together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from record_streams import encode, take_units

from nvr.alarm.incidents import IncidentStore
from nvr.alarm.motion_log import MotionLog
from nvr.app import App
from nvr.clock import FakeClock
from nvr.config import Analysis, Camera, Config, Storage
from nvr.events import Box, Motion, Response, Sighting
from nvr.media.access_unit import Discontinuity
from nvr.record.model import TICKS, FootageClass, Mark
from nvr.restream.accounts import Platforms
from nvr.seen import Seen
from nvr.state import open_state
from nvr.tunnel.store import TunnelStore
from nvr.web.auth import Auth

NOON = 1_800_000_000 - 1_800_000_000 % 3600
DAY_S = 86_400


def sighting(captured_mono_s: float) -> Sighting:
    box = Box(0.1, 0.1, 0.2, 0.5)
    return Sighting("gate", "yard", Response.RECORD, "person", 0.9, box, 1, captured_mono_s, b"jpeg")


@asynccontextmanager
async def running(folder: Path, clock: FakeClock) -> AsyncIterator[App]:
    """With a disk; footage is kept for a day, of what moved for three, of persons for ten."""
    storage = Storage(
        recordings=folder / "recordings",
        state=folder / "state",
        keep_free_gb=0.1,
        max_days=1,
        motion_days_max=3,
        person_days_max=10,
    )
    camera = Camera(id="gate", name="Gate", main="rtsp://127.0.0.1:9/main", sub="rtsp://127.0.0.1:9/sub")
    config = Config(storage=storage, camera=(camera,), analysis=Analysis(enabled=False))
    state = await open_state(storage.state)
    auth = await Auth.open(state, clock, storage.state)
    platforms, tunnel = await Platforms.open(state, clock), await TunnelStore.open(state, clock)
    app = App(config, clock, state, auth, platforms, tunnel)
    recording = asyncio.Event()
    (_, job), *_ = app.disks.jobs()
    disk = asyncio.create_task(job(recording.set))
    try:
        async with asyncio.timeout(30):
            await recording.wait()
        yield app
    finally:
        disk.cancel()
        await asyncio.wait([disk])
        auth.close()
        await state.close()


async def record(app: App, clock: FakeClock) -> float:
    """Ten seconds of both streams; the answer is when they begin."""
    begin_s, begin_mono_s = clock.wall(), clock.monotonic()
    for key in app.config.streams:
        for unit in take_units(encode(), 10, key, start_mono_s=begin_mono_s):
            app.hub[key].publish(unit)
    clock.advance(10)
    for key in app.config.streams:
        app.hub[key].publish(Discontinuity(key, "reconnect", clock.monotonic()))
    clock.advance(290)
    return begin_s


async def until_starts(app: App, wanted: list[float]) -> None:
    async with asyncio.timeout(30):
        while True:
            spans = [await app.disks.coverage(key, 0, 1e11) for key in app.config.streams]
            if all([s.start_s for s in found] == pytest.approx(wanted, abs=2) for found in spans):
                return
            await asyncio.sleep(0.05)


async def test_footage_of_a_sighting_outlives_that_around_it(tmp_path: Path) -> None:
    clock = FakeClock(wall=NOON)
    async with running(tmp_path, clock) as app:
        before_s = await record(app, clock)
        seen_mono_s = clock.monotonic() + 5
        moved_s = await record(app, clock)
        app.seen.motion(Motion("gate", seen_mono_s, 0.1))
        app.sighting(sighting(clock.monotonic() + 5))  # told before its footage is there
        person_s = await record(app, clock)
        after_s = await record(app, clock)
        await until_starts(app, [before_s, moved_s, person_s, after_s])
        clock.advance(2 * DAY_S)
        await until_starts(app, [moved_s, person_s])
        clock.advance(2 * DAY_S)
        await until_starts(app, [person_s])
        clock.advance(7 * DAY_S)
        await until_starts(app, [])


async def test_history_is_what_was_told(tmp_path: Path) -> None:
    clock = FakeClock(wall=NOON)
    state = await open_state(tmp_path)
    told: list[Mark] = []
    incidents, motion = IncidentStore(state), MotionLog(state, clock)
    seen = Seen(motion, incidents, clock, told.append)
    seen.motion(Motion("gate", clock.monotonic(), 0.1))
    incident = await incidents.open(sighting(clock.monotonic()), Response.RECORD, NOON + 100.0)
    seen.incident(
        await incidents.extend(incident, sighting(clock.monotonic()), Response.RECORD, NOON + 400.0)
    )
    assert told == [
        Mark("gate", NOON * TICKS, (NOON + 60) * TICKS, FootageClass.MOTION),
        Mark("gate", (NOON + 90) * TICKS, (NOON + 420) * TICKS, FootageClass.PERSON),
    ]
    assert await seen.history("gate", NOON * TICKS, (NOON + 3600) * TICKS) == told
    assert await seen.history("gate", (NOON + 60) * TICKS, (NOON + 91) * TICKS) == told[1:]
    assert await seen.history("gate", (NOON + 419) * TICKS, (NOON + 500) * TICKS) == told[1:]
    assert await seen.history("gate", (NOON + 421) * TICKS, (NOON + 500) * TICKS) == []
    assert await seen.history("yard", 0, (NOON + 3600) * TICKS) == []
    await state.close()
