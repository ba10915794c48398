"""Guard, lease, line and board together, for any sequence of events and faults, in simulated time."""

from __future__ import annotations

from typing import ClassVar

from bench_top import BenchTop
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from hw.board_model import BoardModel, LcusModel, LineFaults, ModbusModel
from hw.lcus_board import LcusBoard
from hw.lease import MAX_LEASE_S
from hw.modbus_board import ModbusBoard, Settings
from hw.relay import Board

CONVERGES_S = 3.0
SWITCH_S = 1.0
OFF_S = 0.3
SERVICE, OTHER = 1, 2


class Siren(RuleBasedStateMachine):
    """Against a ledger that knows only which lease was granted last, and whether it was given up."""

    timed = True
    wiring: ClassVar = {"silence": 1, "panic": 2}
    off_frames = tuple(map(bytes.fromhex, ("010500000000cdca", "010f0000000101002e97", "a00100a1")))

    def make_board(self) -> Board:
        return ModbusBoard("sim", Settings(timed=self.timed, inputs=max(self.wiring.values(), default=0)))

    def make_model(self) -> BoardModel:
        return ModbusModel(timed=self.timed)

    def __init__(self) -> None:
        super().__init__()
        self.granted_until_s = float("-inf")  # the longest lease that was granted
        self.wanted_until_s = float("-inf")  # the lease that counts now
        self.was_on = False
        self.healthy_since_s = 1000.0
        self.switched_since_s: float | None = None
        self.bench = BenchTop(self.make_board, self.make_model(), self.wiring)
        self.first_seen = 0
        self.bench.watch = self.watch
        self.check_first()

    # What always holds

    def watch(self) -> None:
        """Called at every moment at which the output may have changed."""
        bench, now_s = self.bench, self.bench.now_s
        if bench.on and not self.was_on:
            assert bench.control is not None and bench.control.machine.on, "switched on without a live lease"
            assert bench.control.inputs.silenced is False
        if bench.on and self.timed:
            assert now_s < self.granted_until_s, "a timing board sounds beyond the lease"
        self.was_on = bench.on
        healthy = bench.control is not None and bench.plugged and bench.model.faults == LineFaults()
        quiet_s = max(self.wanted_until_s, self.healthy_since_s) + OFF_S
        assert not (bench.on and healthy and now_s >= quiet_s), "on without a lease"
        switched_s = self.switched_since_s
        if healthy and switched_s is not None and now_s >= max(switched_s, self.healthy_since_s) + SWITCH_S:
            assert not bench.on, "on a second after the silence switch"

    def check_first(self) -> None:
        """Whatever a guard says first is OFF."""
        first = [frame for _, frame in self.bench.seen[self.first_seen :]][:1]
        assert all(frame.on is not True and frame.frame in self.off_frames for frame in first)

    def check_opened(self) -> None:
        """Also with a lease that lives, a new connection begins with OFF."""
        self.first_seen = len(self.bench.seen)
        self.bench.wait(1.1)
        self.check_first()

    # What happens

    @rule(client=st.sampled_from([SERVICE, OTHER]), eighths=st.integers(1, 50))
    def hold(self, client: int, eighths: int) -> None:
        if self.bench.control is None:
            return
        until_s = self.bench.now_s + min(eighths / 8, MAX_LEASE_S)
        if self.bench.control.machine.hold(client, eighths / 8, self.bench.now_s) is None:
            self.granted_until_s = max(until_s, self.granted_until_s) if self.bench.on else until_s
            self.wanted_until_s = until_s
            self.bench.run()

    @rule(client=st.sampled_from([SERVICE, OTHER]), lost=st.booleans())
    def let_go(self, client: int, lost: bool) -> None:
        """Released, or the service was killed."""
        if self.bench.control is not None:
            machine = self.bench.control.machine
            (machine.connection_lost if lost else machine.release)(client, self.bench.now_s)
            if not machine.on:
                self.wanted_until_s = min(self.wanted_until_s, self.bench.now_s)
            self.bench.run()

    @rule(eighths=st.integers(1, 60))
    def wait(self, eighths: int) -> None:
        self.bench.wait(eighths / 8)

    @rule(eighths=st.integers(1, 60))
    def guard_is_stopped(self, eighths: int) -> None:
        """SIGSTOP, SIGCONT."""
        self.healthy_since_s = float("inf")
        self.bench.wait(eighths / 8, guard_stopped=True)
        self.healthy_since_s = self.bench.now_s
        self.bench.run()

    @rule(
        lease_eighths=st.integers(3, 40),
        what=st.sampled_from(["service", "guard", "stop", "both", "plug", "deaf", "nothing"]),
    )
    def something_dies_while_it_sounds(self, lease_eighths: int, what: str) -> None:
        self.all_is_well_again(False)
        self.hold(SERVICE, lease_eighths)
        self.bench.wait(0.25)
        if what in ("service", "both"):
            self.let_go(SERVICE, True)
        if what in ("guard", "both"):
            self.bench.kill_guard()
        elif what == "stop":
            self.guard_is_stopped(48)
        elif what == "plug":
            self.plug()
        elif what == "deaf":
            self.line_fails(LineFaults(deaf=True))
        self.bench.wait(5)

    @rule()
    def guard_is_killed(self) -> None:
        self.bench.kill_guard()

    @precondition(lambda self: self.bench.control is None)
    @rule()
    def guard_is_restarted(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.first_seen = len(self.bench.seen)
        self.healthy_since_s = self.bench.now_s
        self.bench.start_guard()
        self.check_first()

    @rule()
    def plug(self) -> None:
        if self.bench.plugged:
            self.bench.unplug()
        else:
            self.bench.replug()
            self.healthy_since_s = self.bench.now_s + 1.0
            if self.bench.control is not None:
                self.hold(SERVICE, 40)
                self.check_opened()

    @rule(
        faults=st.builds(
            LineFaults,
            deaf=st.booleans(),
            silent=st.booleans(),
            wrong_speed=st.booleans(),
            before=st.sampled_from([b"", b"\x00", b"\x01\x05\x00"]),
            after=st.sampled_from([b"", b"\xff\xff"]),
            wrong_check=st.booleans(),
            answer_as=st.sampled_from([None, 9]),
            refuse=st.sampled_from([0, 4, 6]),  # 1 to 3 say that the board lacks it: test_modbus_board.py
            echo=st.booleans(),
        )
    )
    def line_fails(self, faults: LineFaults) -> None:
        self.bench.model.faults = faults

    @rule()
    def line_heals(self) -> None:
        self.bench.model.faults = LineFaults()
        self.healthy_since_s = self.bench.now_s + CONVERGES_S - OFF_S

    @rule(on=st.booleans())
    def silence_switch(self, on: bool) -> None:
        if self.wiring and isinstance(self.bench.model, ModbusModel):
            (self.bench.model.closed.add if on else self.bench.model.closed.discard)(1)
            self.switched_since_s = self.bench.now_s if on else None

    @rule(sound=st.booleans())
    def all_is_well_again(self, sound: bool) -> None:
        """Desired and real state converge after any fault, with and without a siren that is wanted."""
        self.line_heals()
        if self.bench.control is None:
            self.restart()
        if not self.bench.plugged:
            self.plug()
        self.bench.wait(CONVERGES_S)
        assert self.bench.control is not None
        control = self.bench.control
        for client in (SERVICE, OTHER, SERVICE):
            self.let_go(client, False)
        if sound:
            self.hold(SERVICE, 40)
        self.bench.run()
        self.bench.wait(0.5)
        control = self.bench.control
        assert control.board.up, control.board.failure
        assert self.bench.on == (control.machine.on and control.inputs.silenced is False)
        if sound and self.switched_since_s is None:
            assert self.bench.on
        if control.board.output is not None:
            assert control.board.output == self.bench.on

    def teardown(self) -> None:
        self.all_is_well_again(True)
        self.all_is_well_again(False)


class TimingBoard(Siren):
    pass


class LatchingModbusBoard(Siren):
    timed = False
    wiring: ClassVar = {}


class OldModbusBoard(Siren):
    """It knows function 0F only, and refuses to be asked for more than it has."""

    timed = False

    def make_model(self) -> BoardModel:
        return ModbusModel(timed=False, only_0f=True, strict=True, channels=2, inputs=2)


class LatchingLcusBoard(Siren):
    timed = False
    wiring: ClassVar = {}

    def make_board(self) -> Board:
        return LcusBoard("sim", 1)

    def make_model(self) -> BoardModel:
        return LcusModel()


class TalkingLcusBoard(LatchingLcusBoard):
    def make_model(self) -> BoardModel:
        return LcusModel(2, answers_query=True)


# Making a failing example smaller would take longer than a test may: the steps are few enough to be read.
often = settings(
    max_examples=40,
    stateful_step_count=20,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
TestTimingBoard = TimingBoard.TestCase
TestLatchingModbusBoard = LatchingModbusBoard.TestCase
TestOldModbusBoard = OldModbusBoard.TestCase
TestLatchingLcusBoard = LatchingLcusBoard.TestCase
TestTalkingLcusBoard = TalkingLcusBoard.TestCase
for case in (
    TestTimingBoard,
    TestLatchingModbusBoard,
    TestOldModbusBoard,
    TestLatchingLcusBoard,
    TestTalkingLcusBoard,
):
    case.settings = often
del case  # or it would be collected once more
