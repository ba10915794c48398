"""What the alarm does in each of its states: a real state.db, and a clock that moves when told; where the siren itself
matters, a real guard process and a simulated board."""

import json
from contextlib import asynccontextmanager

import pytest

from alarm.test_runner import OFFICER, Site, audit_actions, make_config, running
from hw.sim import SimulatedBoard
from nvr.alarm.incidents import IncidentStore
from nvr.alarm.outages import GRACE_S
from nvr.alarm.siren import SirenUnavailable
from nvr.alarm.states import State
from nvr.clock import FakeClock
from nvr.config import Config
from nvr.events import Actor, Fault, Mode, Response

SECOND = Actor("Lan", "192.168.1.21")
RECORD, CALL, WARN, SIREN = Response.RECORD, Response.CALL, Response.WARN, Response.SIREN


def camera(*zones: dict, name: str = "gate") -> dict:
    zones = tuple({"name": "yard", "response": "siren", "decided_by": "A"} | zone for zone in zones)
    return {"id": name, "name": name, "main": f"rtsp://192.0.2.1/{name}", "zone": zones}


def config(tmp_path, *zones: dict, port=None, more: tuple = (), alarm: dict | None = None, **siren) -> Config:
    """One camera `gate` with these zones, and `more` cameras."""
    made = make_config(tmp_path, port=port or tmp_path / "no-relay", alarm=alarm, **siren)
    return Config.model_validate(made.model_dump() | {"camera": (camera(*zones), *more)})


def state(site: Site) -> State:
    return site.runner.view().state


async def last(site: Site):
    """The newest incident, when all that was sighted is stored."""
    await site.journal.settle(30)
    return site.incidents[-1]


@pytest.fixture
def board(tmp_path):
    with SimulatedBoard(tmp_path / "tty") as board:
        yield board


@asynccontextmanager
async def simulated(config: Config):
    """Nothing runs but what the test does: a siren that is ready, and time by `site.pass_time`."""
    clock = FakeClock()
    async with running(config, clock, siren=ReadySiren()) as site:
        yield site


class ReadySiren:
    """Stands for the guard where a test is about the alarm's decisions: what it is told to do shows in `wanted`."""

    status = None

    def __init__(self) -> None:
        self.ready, self.silenced, self.wanted = True, False, False

    def listen(self, **_listeners) -> None:
        """Nothing is ever told."""

    def want(self, on: bool) -> None:
        self.wanted = on


def pass_time(site: Site, seconds: float) -> None:
    site.clock.advance(seconds)
    site.runner.tick()


async def test_who_stands_in_the_zone_at_arming_sounds_nothing_until_the_exit_delay_is_over(tmp_path):
    async with simulated(config(tmp_path, {}, alarm={"exit_seconds": 30})) as site:
        site.runner.arm(OFFICER, Mode.NIGHT)
        view = site.runner.view()
        assert (view.state, view.armed.mode, view.deadline_s) == (
            State.ARMING,
            Mode.NIGHT,
            site.clock.wall() + 30,
        )
        for _ in range(5):
            pass_time(site, 5)
            site.see()
        assert (await last(site)).response is RECORD
        assert not site.siren.wanted
        pass_time(site, 5)
        assert state(site) is State.ARMED
        site.see()
        assert site.siren.wanted
        assert (await last(site)).response is SIREN
        assert site.runner.view().about.incident == site.incidents[-1].id


async def test_an_entry_rings_at_once_and_sounds_unless_it_is_disarmed(tmp_path):
    async with simulated(config(tmp_path, {"entry_seconds": 20})) as site:
        for is_disarmed in (True, False):
            site.runner.arm(OFFICER)
            site.see()
            assert (state(site), site.siren.wanted) == (State.PENDING, False)
            assert (await last(site)).response is CALL
            assert site.runner.view().ringing
            pass_time(site, 19)
            if is_disarmed:
                site.runner.disarm(OFFICER)
            pass_time(site, 1)
            assert site.siren.wanted is not is_disarmed
            site.runner.tick()
        assert (await last(site)).response is SIREN
        site.runner.disarm(OFFICER)
        await site.journal.settle(30)
        assert ("gate/yard", "siren-auto") in await audit_actions(site)


async def test_an_entry_rings_although_staff_took_on_a_call_there(tmp_path):
    road = {"name": "road", "response": "call"}
    async with simulated(config(tmp_path, {"entry_seconds": 20}, road)) as site:
        site.runner.arm(OFFICER)
        site.see(CALL, zone="road")
        call = await last(site)
        await site.runner.acknowledge(call.id, OFFICER)
        site.see()
        entry = await last(site)
        assert site.runner.view().ringing == (entry.id,)
        assert entry.id != call.id
        pass_time(site, 5)
        site.see()  # and only once
        assert (await last(site)).id == entry.id


async def test_an_entry_lapses_to_what_the_site_chose_where_the_siren_is_lost_meanwhile(tmp_path):
    async with simulated(config(tmp_path, {"entry_seconds": 20}, alarm={"instead": "warn"})) as site:
        site.runner.arm(OFFICER)
        site.see()
        site.siren.ready = False
        pass_time(site, 20)
        assert (state(site), site.siren.wanted, site.speaker.told) == (State.WARNING, False, ["play"])


async def test_modes_decide_what_acts(tmp_path):
    hall = {"name": "hall", "modes": ["home"]}
    async with simulated(config(tmp_path, {}, hall)) as site:
        site.runner.arm(OFFICER, Mode.HOME)
        site.see()
        assert (await last(site)).response is RECORD
        site.see(zone="hall")
        assert site.siren.wanted
        site.runner.disarm(OFFICER)
        site.runner.arm(OFFICER, Mode.AWAY)
        site.see(zone="hall")
        assert not site.siren.wanted
        site.see()
        assert site.siren.wanted


async def test_a_siren_that_wants_two_looks_calls_after_the_first(tmp_path):
    async with simulated(config(tmp_path, {"confirm": {"sightings": 2}})) as site:
        site.see()
        pass_time(site, 5)
        site.runner.arm(OFFICER)
        site.see()
        site.see(track=2)  # somebody beside, at the same moment
        assert (await last(site)).response is CALL
        assert state(site) is State.CALLING
        pass_time(site, 5)
        site.see()
        assert site.siren.wanted


async def test_a_siren_that_wants_two_cameras(tmp_path):
    zone = {"confirm": {"cameras": 2}}
    road = camera({"name": "road", "response": "call"}, name="road")
    async with simulated(config(tmp_path, zone, more=(road,))) as site:
        site.runner.arm(OFFICER)
        for _ in range(3):
            pass_time(site, 5)
            site.see()
        assert not site.siren.wanted
        site.see(CALL, camera="road", zone="road")
        site.see()
        assert site.siren.wanted


async def test_calling_ends_with_the_acknowledgement_and_says_what_it_is_about(tmp_path):
    async with simulated(config(tmp_path, {"response": "call"})) as site:
        site.runner.arm(OFFICER)
        site.see(CALL)
        incident = await last(site)
        view = site.runner.view()
        assert (view.state, view.about.incident, view.about.zone) == (State.CALLING, incident.id, "yard")
        await site.runner.acknowledge(incident.id, SECOND)
        assert state(site) is State.ARMED
        await site.journal.settle(30)
        rows = await audit_actions(site)
        assert {("gate/yard", "call"), ("Lan", "acknowledge"), ("Lan", "call-over")} <= set(rows)
        pass_time(site, 5)
        site.see(CALL)  # part of what somebody took on
        await site.journal.settle(30)
        assert state(site) is State.ARMED


async def test_ringing_that_nobody_answers_ends_the_call(tmp_path):
    async with simulated(config(tmp_path, {"response": "call"})) as site:
        site.runner.arm(OFFICER)
        site.see(CALL)
        await last(site)
        pass_time(site, 16 * 60)
        assert state(site) is State.ARMED


async def test_a_warning_speaks_rings_and_gives_way_to_the_siren(tmp_path):
    fence = {"name": "fence", "response": "warn"}
    async with simulated(config(tmp_path, fence, {}, alarm={"instead": "warn"})) as site:
        site.runner.arm(OFFICER)
        site.see(WARN, zone="fence")
        assert (state(site), site.speaker.told) == (State.WARNING, ["play"])
        assert (await last(site)).response is WARN
        pass_time(site, 10)
        assert (state(site), site.speaker.told) == (State.CALLING, ["play", "stop"])
        site.see(WARN, zone="fence")  # not again at once
        assert site.speaker.told == ["play", "stop"]
        pass_time(site, 50)
        site.see(WARN, zone="fence")
        site.see()
        assert (state(site), site.speaker.told) == (State.SOUNDING, ["play", "stop"] * 2)


async def test_without_loudspeaker_a_warning_is_a_call(tmp_path):
    async with simulated(config(tmp_path, {"response": "warn"})) as site:
        site.runner.arm(OFFICER)
        site.see(WARN)
        assert (await last(site)).response is CALL


async def test_all_clear_silences_and_acknowledges_everything_and_stays_armed(tmp_path):
    async with simulated(config(tmp_path, {}, {"name": "road", "response": "call"})) as site:
        site.runner.arm(OFFICER)
        site.see()
        await last(site)
        site.see(CALL, camera="other", zone="road")  # on its way to the disk
        site.runner.all_clear(SECOND)
        view = site.runner.view()
        assert (view.state, view.armed.armed, view.ringing) == (State.SILENCED, True, ())
        assert not site.siren.wanted
        await site.journal.settle(30)
        incidents = await IncidentStore(site.db).page(None)
        assert {incident.acknowledged_by for incident in incidents} == {"Lan"}
        assert (site.runner.view().ringing, len(incidents)) == ((), 2)
        pass_time(site, 60)
        assert state(site) is State.ARMED
        site.runner.all_clear(SECOND)
        await site.journal.settle(30)
        assert (await audit_actions(site)).count(("Lan", "all-clear")) == 2


async def test_what_should_act_and_fails_is_told_once_and_the_state_returns(tmp_path):
    async with simulated(config(tmp_path, {})) as site:
        site.runner.arm(OFFICER)
        site.siren.ready = False
        site.faults.raise_fault(Fault("camera:gate/main", "camera_stalled", "nothing arrives"))
        for _ in range(3):
            pass_time(site, GRACE_S)
        await site.journal.settle(30)
        assert site.runner.view().missing == {"siren", "camera:gate"}
        assert [i.kind for i in site.incidents] == ["camera_down", "siren_down"]
        assert [i.camera for i in site.incidents] == ["gate", "*"]
        assert state(site) is State.CALLING
        site.runner.all_clear(OFFICER)
        assert state(site) is State.FAULT
        site.see()
        assert (await last(site)).response is CALL
        site.runner.all_clear(OFFICER)
        site.siren.ready = True
        site.faults.clear("camera:gate/main")
        pass_time(site, 1)
        assert (state(site), site.runner.view().missing) == (State.ARMED, set())
        site.siren.ready = False
        pass_time(site, 1)
        pass_time(site, GRACE_S)
        assert state(site) is State.FAULT
        await site.journal.settle(30)
        assert len([i for i in site.incidents if i.kind == "siren_down"]) == 2  # opened, acknowledged
        site.runner.disarm(OFFICER)
        pass_time(site, GRACE_S)
        assert site.runner.view().missing == set()


@pytest.mark.parametrize(
    ("code", "is_missing"), [("analysis", True), ("model", True), ("analysis_overload", False)]
)
async def test_detection_that_stopped_is_an_outage_and_slow_detection_none(tmp_path, code, is_missing):
    async with simulated(config(tmp_path, {})) as site:
        site.runner.arm(OFFICER)
        site.faults.raise_fault(Fault("analysis", code, "it has stopped"))
        pass_time(site, 1)
        pass_time(site, GRACE_S)
        assert site.runner.view().missing == ({"analysis"} if is_missing else set())


async def test_an_outage_warns_where_the_site_chose_so(tmp_path):
    async with simulated(config(tmp_path, {}, alarm={"instead": "warn"})) as site:
        site.runner.arm(OFFICER)
        site.siren.ready = False
        pass_time(site, 1)
        pass_time(site, GRACE_S)
        assert site.speaker.told == ["play"]
        assert (await last(site)).response is WARN


async def test_a_quiet_test_shows_everything_and_is_heard_by_nobody(tmp_path):
    zones = {}, {"name": "fence", "response": "warn"}
    async with simulated(config(tmp_path, *zones, alarm={"instead": "warn", "exit_seconds": 5})) as site:
        assert site.runner.quiet_test(OFFICER, 10)
        assert not site.runner.quiet_test(SECOND, 10)
        site.runner.arm(OFFICER)
        pass_time(site, 5)
        site.see(WARN, zone="fence")
        assert (state(site), site.speaker.told) == (State.WARNING, [])
        site.see()
        view = site.runner.view()
        assert (view.state, view.would_sound, view.siren_wanted) == (State.SOUNDING, True, False)
        assert view.quiet_test.actor == "Minh"
        assert not site.siren.wanted
        assert (await last(site)).test
        assert site.runner.view().rehearsed == set(site.runner.view().ringing)
        site.runner.siren_on(SECOND)
        assert site.siren.wanted, "a person means it"
        site.runner.siren_off(SECOND)
        pass_time(site, 600)
        view = site.runner.view()
        assert (view.state, view.quiet_test, view.ringing) == (State.ARMING, None, ())
        pass_time(site, 60)
        site.see()
        assert site.siren.wanted
        assert not (await last(site)).test


async def test_a_quiet_test_ends_by_hand_by_disarming_and_with_a_restart(tmp_path):
    made = config(tmp_path, {})
    async with simulated(made) as site:
        site.runner.quiet_test(OFFICER, 60)
        site.runner.end_quiet_test(SECOND)
        assert site.runner.view().quiet_test is None
        site.runner.quiet_test(OFFICER, 60)
        site.runner.arm(OFFICER)
        site.runner.disarm(OFFICER)
        assert site.runner.view().quiet_test is None
        site.runner.arm(OFFICER)
        site.runner.quiet_test(OFFICER, 60)
        await site.journal.settle(30)
        quiet = [row for row in await audit_actions(site) if "quiet" in row[1]]
        assert [row[1] for row in quiet] == ["quiet-test", "quiet-test-over", "quiet-test", "quiet-test"]
    async with simulated(made) as site:
        assert site.runner.view().quiet_test is None
        assert site.runner.view().armed.armed


async def test_a_restart_while_armed_is_told_and_keeps_the_mode(tmp_path):
    made = config(tmp_path, {"entry_seconds": 60})
    async with simulated(made) as site:
        site.runner.arm(OFFICER, Mode.NIGHT)
        site.see()
        assert state(site) is State.PENDING
    async with simulated(made) as site:
        await site.journal.settle(30)
        view = site.runner.view()
        assert (view.state, view.armed.mode, site.siren.wanted) == (State.CALLING, Mode.NIGHT, False)
        assert [i.kind for i in site.journal.ringing.incidents] == ["person", "restarted"]
        pass_time(site, 60)
        assert not site.siren.wanted
        site.runner.disarm(OFFICER)
    async with simulated(made) as site:
        await site.journal.settle(30)
        assert "restarted" not in {i.kind for i in site.incidents}


async def test_the_panic_button_rings_even_where_the_siren_cannot_sound(tmp_path):
    async with simulated(config(tmp_path, {})) as site:
        site.siren.ready = False
        site.runner.input_changed("panic", True)
        assert (await last(site)).kind == "panic"
        assert site.runner.view().ringing


async def test_the_audit_trail_says_how_it_is_armed(tmp_path):
    async with simulated(config(tmp_path, {})) as site:
        site.runner.arm(OFFICER, Mode.HOME)
        site.runner.arm(SECOND, Mode.AWAY)
        await site.journal.settle(30)
        rows = await site.db.read(
            lambda c: c.execute("SELECT actor, address, subject, detail FROM audit").fetchall()
        )
        assert [(row["actor"], row["address"], json.loads(row["detail"])["mode"]) for row in rows] == [
            ("Minh", "192.168.1.20", "home"),
            ("Lan", "192.168.1.21", "away"),
        ]


async def test_a_siren_test_is_heard_for_a_moment_and_opens_no_incident(tmp_path, board):
    async with running(config(tmp_path, {}, port=board.link)) as site:
        await site.until(lambda: site.siren.ready)
        assert site.runner.test_siren(OFFICER, 1)
        view = site.runner.view()
        assert (view.state, view.siren_test, view.siren_wanted) == (State.SOUNDING, True, True)
        assert not site.runner.test_siren(OFFICER, 1)
        await site.until(lambda: board.state[1])
        await site.until(lambda: state(site) is State.DISARMED)
        await site.until(lambda: not board.state[1])
        assert site.incidents == []
        await site.journal.settle(30)
        assert await audit_actions(site) == [("Minh", "siren-test"), ("siren test", "siren-ended")]


async def test_a_siren_test_needs_a_siren(tmp_path):
    async with running(make_config(tmp_path, port=None)) as site:
        with pytest.raises(SirenUnavailable, match="no siren"):
            site.runner.test_siren(OFFICER, 3)
