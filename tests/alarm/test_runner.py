"""The alarm at work: a real guard process and a simulated board on a pty, a real state.db."""

import asyncio
import contextlib
import os
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hw.sim import SimulatedBoard
from nvr.alarm.incidents import IncidentStore
from nvr.alarm.journal import Journal
from nvr.alarm.plan import Plan
from nvr.alarm.runner import AlarmRunner
from nvr.alarm.siren import SirenLine, SirenUnavailable
from nvr.alarm.states import State
from nvr.clock import FakeClock, SystemClock
from nvr.config import Camera, Config, Schedule, Siren, Storage
from nvr.errors import StorageError
from nvr.events import Actor, BetterPicture, Box, Examined, Explanation, Mode, Response, Rule, Sighting
from nvr.faults import FaultBoard
from nvr.state import STATE_SCHEMA
from nvr.store import Database
from nvr.supervise import Backoff, Supervisor

OFFICER = Actor("Minh", "192.168.1.20")
ON, OFF = bytes.fromhex("a00101a2"), bytes.fromhex("a00100a1")
HANOI = ZoneInfo("Asia/Ho_Chi_Minh")


class Disk:
    """Keeps pictures, or refuses them."""

    def __init__(self) -> None:
        self.saved: dict[str, bytes] = {}
        self.full = False

    async def save_picture(self, picture_id: str, camera: str, jpeg: bytes, wall_s: float) -> None:
        if self.full:
            raise StorageError("recordings: disk full")
        self.saved[picture_id] = jpeg


class Speaker:
    """A loudspeaker that notes what it is told."""

    def __init__(self) -> None:
        self.ready = True
        self.duration_s = 10.0
        self.told: list[str] = []

    def play(self) -> None:
        self.told.append("play")

    def stop(self) -> None:
        self.told.append("stop")


class Site:
    """One alarm with everything real around it but the cameras."""

    def __init__(self, config: Config, db: Database, clock, siren=None) -> None:
        self.config, self.db, self.clock = config, db, clock
        self.faults = FaultBoard(clock)
        self.disk = Disk()
        self.incidents: list = []
        self.changed = asyncio.Event()
        self.siren = siren or (
            SirenLine(config.siren, config.storage.state / "guard.sock", faults=self.faults)
            if config.siren
            else None
        )
        self.journal = Journal(
            db, clock=clock, faults=self.faults, pictures=self.disk, on_incident=self._incident
        )
        self.speaker = Speaker() if config.alarm.instead == "warn" else None
        self.plan = Plan(config)
        self.runner = AlarmRunner(
            config,
            self.journal,
            self.siren,
            clock=clock,
            faults=self.faults,
            on_change=self.changed.set,
            plan=self.plan,
            speaker=self.speaker,
        )

    def _incident(self, incident) -> None:
        self.incidents.append(incident)
        self.changed.set()

    async def until(self, condition) -> None:
        async with asyncio.timeout(15):
            while not condition():
                self.changed.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await self.changed.wait()

    def see(self, response=Response.SIREN, camera="gate", **more) -> None:
        box = Box(0.1, 0.1, 0.2, 0.5)
        now = self.clock.monotonic()
        sighting = Sighting(camera, "yard", response, "person", 0.9, box, 1, now, b"jpeg")
        self.runner.sighting(replace(sighting, **more))


def make_config(
    tmp_path: Path,
    *,
    port: Path | None,
    schedule: Schedule | None = None,
    alarm: dict | None = None,
    camera: tuple = (),
    **siren,
) -> Config:
    return Config(
        storage=Storage(recordings=tmp_path / "recordings", state=tmp_path / "state"),
        siren=Siren(port=port, **{"timer_relay": True} | siren) if port else None,
        schedule=schedule,
        alarm={"exit_seconds": 0} | (alarm or {}),
        camera=camera,
    )


@asynccontextmanager
async def running(config: Config, clock=None, siren=None) -> AsyncIterator[Site]:
    """`siren`: in place of the real line to a guard; then time passes only where the test says so."""
    clock = clock or SystemClock()
    db = await Database.open(config.storage.state / "state.db", STATE_SCHEMA)
    site = Site(config, db, clock, siren)
    await site.runner.restore()
    supervisor = Supervisor(SystemClock(), site.faults)
    quick = Backoff(first_s=0.05, max_s=0.2)
    try:
        async with asyncio.TaskGroup() as group:
            jobs = [group.create_task(supervisor.keep_running("state", site.journal.run, quick))]
            if siren is None:
                jobs.append(group.create_task(supervisor.keep_running("alarm", site.runner.run, quick)))
            if site.siren and siren is None:
                jobs.append(group.create_task(supervisor.keep_running("guard", site.siren.run_guard, quick)))
                jobs.append(group.create_task(supervisor.keep_running("lease", site.siren.run_lease, quick)))
                await site.until(lambda: site.siren.status is not None)
            yield site
            await site.journal.settle(10)
            for job in jobs:
                job.cancel()
    finally:
        await site.journal.flush()
        await db.close()


async def ticks(site: Site) -> None:
    """The runner looks at the schedule at least once more."""
    looked, look = [], site.runner.tick
    site.runner.tick = lambda: looked.append(True) or look()
    await site.until(lambda: len(looked) >= 2)
    site.runner.tick = look


@pytest.fixture
def board(tmp_path):
    with SimulatedBoard(tmp_path / "tty") as board:
        yield board


async def audit_actions(site: Site) -> list[tuple[str, str]]:
    rows = await site.db.read(lambda c: c.execute("SELECT actor, action FROM audit ORDER BY id").fetchall())
    return [tuple(row) for row in rows]


async def test_armed_sighting_sounds_and_disarm_silences(tmp_path, board):
    async with running(make_config(tmp_path, port=board.link)) as site:
        await site.until(lambda: site.siren.ready)
        site.see()
        await site.until(lambda: site.incidents)
        assert site.incidents[-1].response is Response.RECORD
        assert ON not in board.frames

        site.runner.arm(OFFICER)
        site.see()
        assert site.runner.view().state is State.SOUNDING
        await site.until(lambda: ON in board.frames)
        await site.until(lambda: site.runner.view().siren_on)
        await site.until(lambda: site.incidents[-1].response is Response.SIREN)
        # Another incident than the recorded one: it rings with its own time and picture.
        assert (site.incidents[-1].id, site.incidents[-1].sightings) == (2, 1)
        assert site.runner.view().ringing == (2,)

        site.runner.disarm(OFFICER)
        await site.until(lambda: board.frames[-1] == OFF)
        await site.until(lambda: not site.runner.view().siren_on)
    assert not board.state[1]
    assert site.disk.saved == {"1": b"jpeg", "2": b"jpeg"}


async def test_a_zone_outside_its_hours_records_and_its_camera_is_not_acting(tmp_path):
    gate = {"id": "gate", "name": "Gate", "main": "rtsp://192.0.2.1/1"}
    gate["zone"] = [{"name": "yard", "hours": ["22:00-05:00"]}]
    before = datetime(2026, 11, 24, 21, 59, 50, tzinfo=HANOI).timestamp()
    clock = FakeClock(wall=before)
    config = make_config(tmp_path, port=None).model_copy(update={"camera": (Camera.model_validate(gate),)})
    async with running(config, clock) as site:
        assert site.runner.acting == frozenset()
        site.runner.arm(OFFICER)
        site.see(Response.CALL)
        await site.until(lambda: site.incidents)
        assert (site.incidents[-1].response, site.runner.acting) == (Response.RECORD, frozenset())
        await ticks(site)
        site.changed.clear()
        clock.advance(10)
        async with asyncio.timeout(15):
            await site.changed.wait()  # analysis is told by the clock alone
        assert site.runner.acting == {"gate"}
        site.see(Response.CALL)
        await site.until(lambda: site.runner.view().ringing)
        assert site.incidents[-1].response is Response.CALL


async def test_an_incident_says_how_it_came_about(tmp_path):
    async with running(make_config(tmp_path, port=None)) as site:
        site.see(Response.CALL, rule=Rule.CROSS_LEFT)
        await site.until(lambda: site.incidents)
        assert (await IncidentStore(site.db).page(None))[0].rule is Rule.CROSS_LEFT


async def test_every_change_is_audited_with_its_actor(tmp_path, board):
    async with running(make_config(tmp_path, port=board.link)) as site:
        await site.until(lambda: site.siren.ready)
        site.runner.arm(OFFICER)
        site.see()
        site.runner.siren_off(OFFICER)
        site.runner.siren_on(OFFICER)
        site.runner.disarm(OFFICER)
        await site.until(lambda: site.incidents)
    db = await Database.open(site.config.storage.state / "state.db", STATE_SCHEMA)
    site.db = db
    assert await audit_actions(site) == [
        ("Minh", "arm"),
        ("gate/yard", "siren-auto"),
        ("Minh", "siren-off"),
        ("Minh", "siren-on"),
        ("Minh", "disarm"),
    ]
    await db.close()


async def test_the_siren_ends_by_itself_and_cools_down(tmp_path, board):
    config = make_config(tmp_path, port=board.link, max_seconds=1, cooldown_seconds=600)
    async with running(config) as site:
        await site.until(lambda: site.siren.ready)
        site.runner.arm(OFFICER)
        site.see()
        await site.until(lambda: board.state[1])
        await site.until(lambda: site.runner.view().state is State.SILENCED)
        await site.until(lambda: not board.state[1])
        site.see(camera="yard")
        await site.until(lambda: site.incidents[-1].camera == "yard")
        assert site.incidents[-1].response is Response.CALL
        assert site.runner.view().cooldown_until_s > site.clock.wall() + 500


async def test_restart_restores_armed_but_never_sounding(tmp_path, board):
    config = make_config(tmp_path, port=board.link)
    async with running(config) as site:
        await site.until(lambda: site.siren.ready)
        site.runner.arm(OFFICER, Mode.NIGHT)
        site.see()
        await site.until(lambda: board.state[1])
    assert not board.state[1]
    async with running(config) as site:
        view = site.runner.view()
        assert view.state is State.CALLING
        assert (view.armed.actor, view.armed.mode) == ("Minh", Mode.NIGHT)
        await site.until(lambda: len(site.runner.view().ringing) == 2)
        intruder, restart = site.runner.view().ringing  # nobody has acknowledged yet
        assert (await site.runner.acknowledge(intruder, OFFICER)).acknowledged_by == "Minh"
        assert (await site.runner.acknowledge(restart, OFFICER)).kind == "restarted"
        view = site.runner.view()
        assert (view.ringing, view.state) == ((), State.ARMED)
        assert await site.runner.acknowledge(4711, OFFICER) is None


async def test_killed_guard_comes_back_and_first_switches_off(tmp_path, board):
    async with running(make_config(tmp_path, port=board.link)) as site:
        await site.until(lambda: site.siren.ready)
        site.runner.siren_on(OFFICER)
        await site.until(lambda: board.state[1])
        before = len(board.frames)
        os.kill(guard_pid(site), signal.SIGKILL)
        await site.until(lambda: len(board.frames) > before)
        assert board.frames[before] == OFF
        await site.until(lambda: board.state[1])  # still wanted: the new guard is asked for it
        await site.until(lambda: not site.faults.current)
        site.runner.siren_off(OFFICER)
        await site.until(lambda: not board.state[1])


async def test_a_guard_that_hangs_is_killed_and_the_next_switches_off(tmp_path, board):
    async with running(make_config(tmp_path, port=board.link)) as site:
        await site.until(lambda: site.siren.ready)
        site.runner.siren_on(OFFICER)
        await site.until(lambda: board.state[1])
        os.kill(guard_pid(site), signal.SIGSTOP)
        site.runner.siren_off(OFFICER)
        await site.until(lambda: not board.state[1])
        # Whatever the outage showed on the page is mended with it.
        await site.until(lambda: site.siren.ready and not site.faults.current)


async def test_stopping_ends_a_guard_that_hangs_and_the_siren(tmp_path, board):
    async with asyncio.timeout(30), running(make_config(tmp_path, port=board.link)) as site:
        await site.until(lambda: site.siren.ready)
        site.runner.siren_on(OFFICER)
        await site.until(lambda: board.state[1])
        os.kill(guard_pid(site), signal.SIGSTOP)
    assert board.wait_for(lambda b: not b.state[1], 10)  # its thread may still be reading


def guard_pid(site: Site) -> int:
    """The guard process on this site's socket."""
    socket = str(site.config.storage.state / "guard.sock")
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with contextlib.suppress(OSError):
                if socket in (process / "cmdline").read_text().split("\0"):
                    return int(process.name)
    raise LookupError("no guard runs")


async def test_without_relay_a_siren_zone_calls_and_a_person_is_told(tmp_path):
    async with running(make_config(tmp_path, port=tmp_path / "missing")) as site:
        await site.until(lambda: site.faults.at("siren") is not None)
        assert str(tmp_path / "missing") in site.faults.at("siren").detail
        site.runner.arm(OFFICER)
        site.see()
        await site.until(lambda: site.incidents)
        assert site.incidents[-1].response is Response.CALL
        with pytest.raises(SirenUnavailable, match="does not answer"):
            site.runner.siren_on(OFFICER)
        with SimulatedBoard(tmp_path / "missing") as board:
            await site.until(lambda: site.siren.ready)
            assert site.faults.at("siren") is None
            site.runner.siren_on(OFFICER)
            await site.until(lambda: board.state[1])


async def test_no_siren_configured(tmp_path):
    async with running(make_config(tmp_path, port=None)) as site:
        with pytest.raises(SirenUnavailable, match="no siren"):
            site.runner.siren_on(OFFICER)
        site.runner.siren_off(OFFICER)
        site.runner.arm(OFFICER)
        site.see(Response.CALL)
        await site.until(lambda: site.runner.view().ringing)


async def test_full_recording_disk_keeps_the_incident(tmp_path):
    async with running(make_config(tmp_path, port=None)) as site:
        site.disk.full = True
        site.see()
        await site.until(lambda: site.incidents)
        assert not site.incidents[-1].has_picture
        assert site.faults.at("pictures").detail == "recordings: disk full"


WHOLE = Box(0, 0, 1, 1)
LOOKS = (Examined(0.8, 0.6, 1.5, 1.5, True, WHOLE), Examined(0, None, 6.9, 5.4, False, WHOLE))
EXPLANATION = Explanation(certain_at=6.9, after_s=0.8, pictures=1, examined=LOOKS, counted=(0,))


async def test_objects_come_with_their_pictures_and_their_reasons(tmp_path):
    async with running(make_config(tmp_path, port=None)) as site:
        site.see(track=7, best=b"small", frames=b"strip", explanation=EXPLANATION)
        site.see(track=8, best=b"other", kind="dog")
        site.see(track=7, best=b"in another zone", frames=b"strip", zone="gate")
        await site.journal.settle(10)
        incident = site.incidents[-1]
        assert (incident.sightings, incident.best_object) == (3, 1)
        before = incident.best_revision
        site.journal.better_picture(BetterPicture("gate", 7, b"larger"))
        site.journal.better_picture(BetterPicture("gate", 8, b"other, larger"))
        site.journal.better_picture(BetterPicture("gate", 9, b"of nobody"))
        await site.journal.settle(10)
        site.journal.better_picture(BetterPicture("yard", 7, b"elsewhere"))
        await site.journal.settle(10)
        assert site.incidents[-1].best_revision == before + 1
        store = IncidentStore(site.db)
        first, second = await store.objects(incident.id)
    assert (first.number, first.kind, first.zone, first.pictures, first.has_frames) == (
        1,
        "person",
        "yard",
        3,
        True,
    )
    assert (second.number, second.kind, second.pictures, second.has_frames) == (2, "dog", 2, False)
    assert first.explanation["counted"] == [0]
    assert first.explanation["examined"][1] == {
        "before_s": 0,
        "score": None,
        "evidence": 6.9,
        "step": 5.4,
        "moving": False,
        "box": [0, 0, 1, 1],
    }
    assert second.explanation is None
    assert site.disk.saved == {
        "1": b"jpeg",
        "1-1": b"larger",
        "1-1-frames": b"strip",
        "1-2": b"other, larger",
    }


async def test_of_better_pictures_only_the_newest_waits(tmp_path):
    async with running(make_config(tmp_path, port=None)) as site:
        saving, go_on, saved = asyncio.Event(), asyncio.Event(), []

        async def slow(picture_id: str, camera: str, jpeg: bytes, _wall_s: float) -> None:
            saving.set()
            await go_on.wait()
            saved.append(jpeg)

        site.disk.save_picture = slow
        site.see(track=7, best=b"first")
        await saving.wait()
        for number in range(1000):
            site.journal.better_picture(BetterPicture("gate", 7, b"%d" % number))
        assert site.faults.at("state") is None
        go_on.set()
        await site.journal.settle(10)
    assert saved == [b"jpeg", b"first", b"999"]


async def test_a_better_picture_rings_nobody(tmp_path):
    async with running(make_config(tmp_path, port=None)) as site:
        site.runner.arm(OFFICER)
        site.see(Response.CALL, track=7, best=b"first")
        await site.until(lambda: site.runner.view().ringing)
        await site.journal.settle(10)
        (number,) = site.runner.view().ringing
        await site.runner.acknowledge(number, OFFICER)
        site.journal.better_picture(BetterPicture("gate", 7, b"better"))
        await site.journal.settle(10)
        assert site.disk.saved["1-1"] == b"better"
        assert site.runner.view().ringing == ()
        assert site.incidents[-1].acknowledged_by == "Minh"


async def test_a_record_at_fault_holds_up_none_behind_it(tmp_path):
    async with running(make_config(tmp_path, port=None)) as site:

        async def broken(*_: object) -> None:
            site.disk.save_picture = keep
            raise ValueError("defect")

        keep, site.disk.save_picture = site.disk.save_picture, broken
        site.see(Response.CALL)
        site.see(Response.CALL, camera="yard")
        await site.until(lambda: any(i.camera == "yard" and i.has_picture for i in site.incidents))


async def test_what_is_tried_again_opens_no_second_incident(tmp_path):
    async with running(make_config(tmp_path, port=None)) as site:
        refusals = iter([sqlite3.OperationalError("database or disk is full")])

        async def full_once(incident_id: int):
            for refusal in refusals:
                raise refusal
            return await mark(incident_id)

        mark, site.journal._incidents.mark_picture = site.journal._incidents.mark_picture, full_once
        site.see(Response.CALL)
        await site.until(lambda: site.incidents)
        await site.journal.settle(10)
        assert [i.id for i in await IncidentStore(site.db).page(None)] == [1]


async def test_settle_waits_for_what_is_being_written(tmp_path):
    async with running(make_config(tmp_path, port=None)) as site:
        saving, go_on = asyncio.Event(), asyncio.Event()

        async def slow(picture_id: str, camera: str, jpeg: bytes, _wall_s: float) -> None:
            saving.set()
            await go_on.wait()
            site.disk.saved[picture_id] = jpeg

        site.disk.save_picture = slow
        site.see(Response.CALL)
        await saving.wait()
        assert [i.has_picture for i in site.incidents] == [False]  # it rings without waiting for its picture
        await site.journal.settle(0.01)  # not in time: it gives up
        assert len(site.incidents) == 1
        asyncio.get_running_loop().call_later(0.05, go_on.set)
        await site.journal.settle(10)
        assert site.incidents[-1].has_picture


async def test_schedule_arms_and_a_hand_overrides_until_the_next_change(tmp_path):
    clock = FakeClock(wall=datetime(2026, 11, 24, 21, 59, 50, tzinfo=HANOI).timestamp())
    config = make_config(tmp_path, port=None, schedule=Schedule(arm=time(22), disarm=time(5)))
    async with running(config, clock) as site:
        view = site.runner.view()
        assert not view.armed.armed
        assert view.next_change.armed
        clock.advance(15)
        await site.until(lambda: site.runner.view().armed.armed)
        assert site.runner.view().armed.actor == "schedule"
        site.runner.disarm(OFFICER)
        clock.advance(3600)
        site.runner.arm(OFFICER)
        site.runner.disarm(OFFICER)
        assert site.runner.view().armed.why == "manual"
        clock.advance(23 * 3600)
        await site.until(lambda: site.runner.view().armed.armed)


async def test_schedule_acts_on_what_a_power_cut_made_it_miss(tmp_path):
    evening = datetime(2026, 11, 24, 20, 0, tzinfo=HANOI).timestamp()
    config = make_config(tmp_path, port=None, schedule=Schedule(arm=time(22), disarm=time(5)))
    async with running(config, FakeClock(wall=evening)) as site:
        site.runner.arm(OFFICER)
        site.runner.disarm(OFFICER)
    async with running(config, FakeClock(wall=evening + 4 * 3600)) as site:
        assert site.runner.view().armed.armed


async def test_a_clock_behind_the_last_known_time_keeps_the_last_state(tmp_path):
    night = datetime(2026, 11, 24, 23, 0, tzinfo=HANOI).timestamp()
    config = make_config(tmp_path, port=None, schedule=Schedule(arm=time(22), disarm=time(5)))
    async with running(config, FakeClock(wall=night)) as site:
        assert site.runner.view().armed.armed
        site.runner.disarm(OFFICER)
        site.runner.arm(OFFICER)
    clock = FakeClock(wall=night - 30 * 365 * 86400)
    async with running(config, clock) as site:
        assert site.runner.view().armed.since_s == clock.wall()
        clock.jump_wall(30 * 365 * 86400 + 60)
        await ticks(site)
        assert site.runner.view().armed.armed


async def test_without_a_trusted_clock_the_schedule_waits_and_then_does_what_it_missed(tmp_path):
    """Booted at 12:00 by the clock, in truth at 23:00: disarmed before the power cut, so it must arm."""
    noon = datetime(2026, 11, 24, 12, 0, tzinfo=HANOI).timestamp()
    config = make_config(tmp_path, port=None, schedule=Schedule(arm=time(22), disarm=time(5)))
    async with running(config, FakeClock(wall=noon)) as site:
        assert not site.runner.view().armed.armed
    clock = FakeClock(wall=noon - 3600, source="none")
    async with running(config, clock) as site:
        clock.advance(13 * 3600)  # past 22:00 by a clock that nobody trusts
        await ticks(site)
        assert not site.runner.view().armed.armed
        clock.jump_wall(-3600)
        clock.become("ntp")
        await site.until(lambda: site.runner.view().armed.armed)
        assert site.runner.view().armed.actor == "schedule"


@pytest.mark.parametrize("off_s", [-11 * 3600, 30 * 365 * 86400])
async def test_what_a_person_chose_without_a_clock_stands_once_it_is_known_when(tmp_path, off_s):
    """In truth it is 23:00, the schedule armed at 22:00, and somebody disarms."""
    night = datetime(2026, 11, 24, 23, 0, tzinfo=HANOI).timestamp()
    config = make_config(tmp_path, port=None, schedule=Schedule(arm=time(22), disarm=time(5)))
    async with running(config, FakeClock(wall=night)):
        pass
    clock = FakeClock(wall=night + off_s, source="none")
    async with running(config, clock) as site:
        assert site.runner.view().armed.armed
        clock.advance(60)
        site.runner.disarm(OFFICER)
        clock.advance(60)
        clock.jump_wall(-off_s)
        clock.become("ntp")
        await ticks(site)
        armed = site.runner.view().armed
        assert (armed.armed, armed.since_s) == (False, night + 60)
        clock.advance(23 * 3600)
        await site.until(lambda: site.runner.view().armed.armed)


async def test_incident_pages(tmp_path):
    async with running(make_config(tmp_path, port=None), FakeClock()) as site:
        for number in range(7):
            site.see(camera="gate" if number % 2 else "yard")
            site.clock.advance(100)
        await site.until(lambda: len({i.id for i in site.incidents}) == 7)
        store = IncidentStore(site.db)
        newest = await store.page(None, limit=3)
        assert [i.id for i in newest] == [7, 6, 5]
        assert [i.id for i in await store.page(None, before=5, limit=50)] == [4, 3, 2, 1]
        assert [i.id for i in await store.page(frozenset({"gate"}), limit=50)] == [6, 4, 2]
        assert await store.page(frozenset({"gate"}), camera="yard") == []
        assert [i.id for i in await store.page(None, camera="yard", limit=2)] == [7, 5]
