"""The alarm over guard and board: for any sequence of people, sightings, schedule, faults and clock jumps, in simulated
time, with a real journal in a real state.db."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from datetime import datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bench_top import BenchTop
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from hw.board_model import LineFaults, ModbusModel
from hw.modbus_board import ModbusBoard, Settings
from nvr.alarm.deeds import DEEDS, RESTARTED
from nvr.alarm.journal import Journal
from nvr.alarm.runner import AlarmRunner
from nvr.alarm.siren import GUARD_COOLDOWN_S, GUARD_SPARE_S, LEASE_S, RENEW_S, SirenUnavailable
from nvr.alarm.states import State
from nvr.clock import FakeClock
from nvr.config import Config
from nvr.events import Actor, Box, Fault, Mode, Sighting
from nvr.faults import FaultBoard
from nvr.state import STATE_SCHEMA
from nvr.store import Database

SERVICE = 1
STEP_S = 0.25
SILENT_S = 1.0
OFF_S = 0.25
WELL_S = 5.0
MAX_S, COOLDOWN_S, EXIT_S, ENTRY_S = 12.0, 6.0, 4.0, 3.0
OFFICER = Actor("Minh", "192.168.1.20")
EVENING = datetime(2026, 11, 24, 21, 59, 30, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh")).timestamp()
ZONES: dict[str, dict[str, Any]] = {
    "yard": {"response": "siren"},
    "door": {"response": "siren", "entry_seconds": ENTRY_S},
    "hall": {"response": "siren", "modes": ["home"]},
    "store": {"response": "siren", "confirm": {"sightings": 2}},
    "road": {"response": "call"},
    "fence": {"response": "warn"},
}


class Line:
    """The service's side of the siren (nvr/alarm/siren.py) in simulated time, over a guard that may be dead."""

    status = None

    def __init__(self, bench: BenchTop) -> None:
        self.bench, self.wanted, self._held, self._control = bench, False, True, bench.control
        self._renew_at_s = bench.now_s
        self._ended: Callable[[str], None] = lambda _why: None
        self._input: Callable[[str, bool], None] = lambda _name, _active: None

    def listen(
        self,
        *,
        on_change: Callable[[], None],
        on_ended: Callable[[str], None],
        on_input: Callable[[str, bool], None],
    ) -> None:
        self._ended = on_ended

    @property
    def silenced(self) -> bool:
        return self.bench.control is not None and bool(self.bench.control.inputs.silenced)

    @property
    def ready(self) -> bool:
        control = self.bench.control
        return control is not None and self.bench.plugged and control.board.up and not self.silenced

    def want(self, on: bool) -> None:
        if on != self.wanted:
            self.wanted = on
            self.tell()

    def tick(self) -> None:
        if self.bench.now_s >= self._renew_at_s or self._control is not self.bench.control:
            self.tell()

    def tell(self) -> None:
        """Hold or release, as the real one does each second and at each change."""
        control, self._renew_at_s = self.bench.control, self.bench.now_s + RENEW_S
        if control is None:
            return
        if control is not self._control:
            self._control, self._held = control, True  # release once
        if self.wanted:
            refused = control.machine.hold(SERVICE, LEASE_S, self.bench.now_s)
            self._held = True
            self.bench.run()
            if refused and self.wanted:
                self._ended(refused)
        elif self._held:
            control.machine.release(SERVICE, self.bench.now_s)
            self._held = False
            self.bench.run()


class Site(RuleBasedStateMachine):
    """Against what the issue of the siren demands."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.loop = asyncio.Runner()
        cameras = [{"id": "gate", "name": "Gate", "main": "rtsp://192.0.2.1/1", "zone": self.zones()}]
        self.config = Config.model_validate(
            {
                "storage": {"recordings": self._folder.name, "state": self._folder.name},
                "siren": {"port": "relay", "max_seconds": MAX_S, "cooldown_seconds": COOLDOWN_S},
                "alarm": {"exit_seconds": EXIT_S},
                "schedule": {"arm": time(22), "disarm": time(5)},
                "camera": cameras,
            }
        )
        self.clock = FakeClock(wall=EVENING)
        self.db = self.loop.run(Database.open(Path(self._folder.name) / "state.db", STATE_SCHEMA))
        self.db._writer.execute("PRAGMA synchronous=OFF")  # no power is cut here that the disk would feel
        self.bench = BenchTop(
            lambda: ModbusBoard("sim", Settings(timed=True, inputs=2)),
            ModbusModel(timed=True),
            {"silence": 1, "panic": 2},
            max_on_s=MAX_S + GUARD_SPARE_S,
            cooldown_s=GUARD_COOLDOWN_S,
        )
        self.on_since_s: float | None = None
        self.silent_from_s: float | None = None  # a person silenced it, or the switch
        self.healthy_since_s = self.bench.now_s
        self.switch_on = False
        self.licence = ""
        self.bench.watch = self.watch
        self.boot()
        self.wait(2)

    def zones(self) -> list[dict[str, Any]]:
        return [{"name": name, "decided_by": "A", **zone} for name, zone in ZONES.items()]

    def teardown(self) -> None:
        try:
            self.all_is_well_again()
        finally:
            self.loop.run(self.db.close())
            self.loop.close()
            self._folder.cleanup()

    # What always holds

    def watch(self) -> None:
        """Called at every moment at which the output may have changed."""
        now_s = self.bench.now_s
        if not self.bench.on:
            self.on_since_s = None
            return
        if self.on_since_s is None:
            self.on_since_s = now_s
            assert self.licence, "the siren is on without a cause"
        # The board ends by itself where the guard can say nothing more.
        assert now_s - self.on_since_s <= MAX_S + GUARD_SPARE_S + LEASE_S, "longer than the maximum"
        if self.is_healthy and self.silent_from_s is not None:
            late_s = now_s - max(self.silent_from_s, self.healthy_since_s)
            assert late_s <= SILENT_S, "on more than a second after it was silenced"

    @property
    def is_healthy(self) -> bool:
        return (
            self.bench.control is not None and self.bench.plugged and self.bench.model.faults == LineFaults()
        )

    @property
    def alarm(self) -> Any:
        return self.runner._alarm

    def act(self, deed: Callable[[], object], *, licence: str = "") -> None:
        """Do something to the alarm; it may start the siren only with a `licence`."""
        before = self.alarm
        self.licence = licence or (self.licence if before.siren or self.bench.on else "")
        if licence or not before.siren:
            self.silent_from_s = None if licence else self.silent_from_s
        try:
            deed()
        except SirenUnavailable:
            assert not self.line.ready
        if self.alarm.siren and not before.siren:
            assert licence, f"{before} became {self.alarm}"
            self.silent_from_s = None
        self.check_audit()

    def check_audit(self) -> None:
        """Each row begins where the one before ended, the last is the present state: none is missing, none too much."""
        self.loop.run(self.journal.flush())
        query = "SELECT action, subject, actor FROM audit WHERE id > ? ORDER BY id"
        rows = self.loop.run(self.db.read(lambda c: c.execute(query, (self.audited,)).fetchall()))
        state = self.began_as
        for action, subject, actor in rows:
            if action in DEEDS - {RESTARTED} and " to " in subject:
                before, after = subject.split(" to ")
                assert (before, bool(actor)) == (state, True)
                state = after
        assert state == self.alarm.state

    # Time

    def wait(self, seconds: float) -> None:
        end_s = self.bench.now_s + seconds
        while self.bench.now_s < end_s:
            self.clock.advance(STEP_S)
            self.bench.wait(STEP_S)
            self.line.tick()
            pending = self.alarm.state is State.PENDING
            self.act(self.runner.tick, licence="entry" if pending and not self.alarm.quiet else "")

    @rule(quarters=st.integers(1, 60))
    def time_passes(self, quarters: int) -> None:
        self.wait(quarters * STEP_S)

    @rule(seconds=st.sampled_from([-40_000.0, -90.0, 90.0, 40_000.0]))
    def the_clock_jumps(self, seconds: float) -> None:
        self.clock.jump_wall(seconds)

    @rule(source=st.sampled_from(["none", "ntp"]))
    def the_clock_is_trusted_or_not(self, source: Any) -> None:
        self.clock.become(source)

    # What is seen, what people do

    @rule(zone=st.sampled_from(sorted(ZONES)))
    def somebody_is_seen(self, zone: str) -> None:
        place = next(place for place in self.config.camera[0].zone if place.name == zone)
        box = Box(0.1, 0.1, 0.2, 0.5)
        now_s = self.clock.monotonic()
        sighting = Sighting("gate", zone, place.response, "person", 0.9, box, 1, now_s, b"jpeg")
        mode = self.runner.view().armed.mode
        acts = mode is not None and self.alarm.state is not State.ARMING and not self.alarm.quiet
        in_mode = mode in ZONES[zone].get("modes", ("night", "away"))
        may = acts and in_mode and ZONES[zone]["response"] == "siren" and zone != "door"
        self.act(lambda: self.runner.sighting(sighting), licence="sighting" if may else "")

    @rule(mode=st.sampled_from(Mode))
    def armed_by_hand(self, mode: Mode) -> None:
        self.act(lambda: self.runner.arm(OFFICER, mode))
        assert self.runner.view().armed.mode is mode

    @rule(how=st.sampled_from(["disarm", "siren_off", "all_clear"]))
    def silenced_by_hand(self, how: str) -> None:
        self.silent_from_s = self.bench.now_s
        self.licence = ""
        self.act(lambda: getattr(self.runner, how)(OFFICER))
        assert not self.alarm.siren
        assert not self.line.wanted
        if how == "disarm":
            assert self.runner.view().state is State.DISARMED
        if how == "all_clear":
            assert self.runner.view().ringing == ()

    @rule(button=st.booleans())
    def panic(self, button: bool) -> None:
        if button:
            self.act(lambda: self.runner.input_changed("panic", True), licence="panic button")
        else:
            self.act(lambda: self.runner.siren_on(OFFICER), licence="Minh")
        assert self.alarm.siren or not self.line.ready or self.runner.view().state is State.SILENCED

    @rule(seconds=st.integers(1, 5))
    def siren_is_tested(self, seconds: int) -> None:
        self.act(lambda: self.runner.test_siren(OFFICER, seconds), licence="test")

    @rule(
        mode=st.sampled_from(Mode),
        zone=st.sampled_from(["yard", "door", "hall", "store"]),
        is_quiet=st.booleans(),
        what=st.sampled_from(
            ["nothing", "power", "guard", "plug", "switch", "disarm", "clear", "panic", "jump"]
        ),
    )
    def somebody_comes_while_armed(self, mode: Mode, zone: str, is_quiet: bool, what: str) -> None:
        """What seldom comes together by itself: armed, all is well, somebody comes and stays, and then something."""
        self.clock.become("ntp")
        change = self.runner.view().next_change
        if change is not None and change.at_wall_s - self.clock.wall() < 60:
            self.clock.jump_wall(120)  # the schedule's turn comes first
        self.all_is_well_again()
        self.silenced_by_hand("disarm")
        if is_quiet:
            self.quiet_test(2, False)
        self.armed_by_hand(mode)
        self.wait(EXIT_S + STEP_S)
        self.somebody_is_seen(zone)
        self.wait(ENTRY_S + STEP_S)
        self.somebody_is_seen(zone)
        self.wait(STEP_S)
        in_mode = mode in ZONES[zone].get("modes", ("night", "away"))
        assert self.bench.on == (in_mode and not is_quiet)
        assert self.runner.view().would_sound == (in_mode and is_quiet)
        match what:
            case "power":
                self.power_cut(1)
            case "guard":
                self.guard_is_killed()
            case "plug":
                self.plug()
            case "switch":
                self.silence_switch(True)
            case "disarm":
                self.silenced_by_hand("disarm")
            case "clear":
                self.silenced_by_hand("all_clear")
            case "panic":
                self.panic(True)
            case "jump":
                self.the_clock_jumps(40_000.0)
        self.wait(SILENT_S + 4 * STEP_S)

    @rule(minutes=st.integers(1, 2), end=st.booleans())
    def quiet_test(self, minutes: int, end: bool) -> None:
        if end:
            self.act(lambda: self.runner.end_quiet_test(OFFICER))
        else:
            self.act(lambda: self.runner.quiet_test(OFFICER, minutes))

    @rule()
    def the_newest_call_is_acknowledged(self) -> None:
        if ringing := self.runner.view().ringing:
            self.act(lambda: self.loop.run(self.runner.acknowledge(ringing[-1], OFFICER)))

    # Faults

    @rule(down=st.booleans())
    def a_camera_goes_or_comes(self, down: bool) -> None:
        place = "camera:gate/main"
        if down:
            self.faults.raise_fault(Fault(place, "camera_stalled", "nothing arrives"))
        else:
            self.faults.clear(place)

    @rule(on=st.booleans())
    def silence_switch(self, on: bool) -> None:
        (self.bench.model.closed.add if on else self.bench.model.closed.discard)(1)
        self.switch_on = on
        if on:
            self.silent_from_s = self.bench.now_s

    @rule(faults=st.builds(LineFaults, deaf=st.booleans(), silent=st.booleans(), wrong_speed=st.booleans()))
    def line_fails(self, faults: LineFaults) -> None:
        self.bench.model.faults = faults
        self.healthy_since_s = self.bench.now_s + WELL_S

    @rule()
    def plug(self) -> None:
        if self.bench.plugged:
            self.bench.unplug()
        else:
            self.bench.replug()
            self.healthy_since_s = self.bench.now_s + WELL_S

    @rule()
    def guard_is_killed(self) -> None:
        self.bench.kill_guard()

    @precondition(lambda self: self.bench.control is None)
    @rule()
    def guard_is_restarted(self) -> None:
        self.bench.start_guard()
        self.healthy_since_s = self.bench.now_s + WELL_S

    @rule(away_s=st.sampled_from([1, 5, 30]))
    def power_cut(self, away_s: int) -> None:
        """The service and the guard die, and come again."""
        mode = self.runner.view().armed.mode
        self.loop.run(self.journal.flush())
        self.bench.kill_guard()
        self.clock.advance(away_s)
        self.bench.wait(away_s)
        self.bench.start_guard()
        self.healthy_since_s = self.bench.now_s + WELL_S
        self.licence, self.silent_from_s = "", None
        self.boot()
        assert not self.alarm.siren
        assert not self.alarm.quiet
        armed = self.runner.view().armed
        assert armed.mode is mode or armed.why == "schedule"
        self.check_audit()
        if mode is not None and armed.mode is not None:
            assert "restarted" in {i.kind for i in self.journal.ringing.incidents}

    def boot(self) -> None:
        self.faults = FaultBoard(self.clock)
        self.journal = Journal(
            self.db, clock=self.clock, faults=self.faults, pictures=self, on_incident=lambda _incident: None
        )
        self.line = Line(self.bench)
        self.runner = AlarmRunner(
            self.config,
            self.journal,
            self.line,  # type: ignore[arg-type]
            clock=self.clock,
            faults=self.faults,
            on_change=lambda: None,
        )
        last = self.loop.run(self.db.read(lambda c: c.execute("SELECT max(id) FROM audit").fetchone()[0]))
        self.audited, self.began_as = last or 0, State.DISARMED
        self.loop.run(self.runner.restore())
        self.loop.run(self.journal.flush())
        rows = self.loop.run(
            self.db.read(lambda c: c.execute("SELECT max(id), count(*) FROM audit").fetchone())
        )
        self.audited, self.began_as = rows[0] or 0, self.alarm.state

    async def save_picture(self, picture_id: str, camera: str, jpeg: bytes, wall_s: float) -> None:
        """`Journal` asks for a place for pictures; here they are no matter."""

    @rule()
    def all_is_well_again(self) -> None:
        """Desired and real state converge after any fault, and so do the faults."""
        self.bench.model.faults = LineFaults()
        if self.bench.control is None:
            self.bench.start_guard()
        if not self.bench.plugged:
            self.bench.replug()
        self.silence_switch(False)
        self.silent_from_s = None
        self.faults.clear("camera:gate/main")
        self.healthy_since_s = self.bench.now_s + WELL_S
        self.wait(WELL_S)
        self.clock.advance(OFF_S)
        self.bench.wait(OFF_S)  # what was decided in the last moment is on its way
        assert self.line.ready
        assert self.bench.on == self.alarm.siren, (self.bench.on, self.alarm)
        assert self.alarm.state is not State.FAULT
        assert self.runner.view().missing == frozenset()


TestSite = Site.TestCase
# Making a failing example smaller would take longer than a test may: the steps are few enough to be read.
TestSite.settings = settings(
    max_examples=25,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],  # it says how busy the machine is
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
