"""Lease, board and line in simulated time: `Control` and a board model with a wire between them, no I/O."""

from __future__ import annotations

from collections.abc import Callable

from hw.board_model import BoardModel, Received
from hw.control import Control
from hw.inputs import Inputs
from hw.lease import LeaseMachine
from hw.relay import Board

REPLY_S = 0.02
REOPEN_S = 1.0
STEP_S = 0.0005


class BenchTop:
    """A guard (which may be dead, or stopped) and a board (which may be unplugged). `seen` has every frame the board
    understood with its time; `watch` is called whenever an output may have changed."""

    def __init__(
        self,
        make_board: Callable[[], Board],
        model: BoardModel,
        wiring: dict[str, int],
        *,
        max_on_s: float = 3600.0,
        cooldown_s: float = 0.0,
    ) -> None:
        self.now_s = 1000.0
        self.model = model
        self.seen: list[tuple[float, Received]] = []
        self.watch: Callable[[], None] = lambda: None
        self.plugged = True
        self._make_board, self._wiring = make_board, wiring
        self._max_on_s, self._cooldown_s = max_on_s, cooldown_s
        self._on_the_way: list[tuple[float, bytes]] = []
        self._open_at_s = self.now_s
        self.control: Control | None = None
        self.start_guard()

    @property
    def on(self) -> bool:
        """The real output."""
        return self.model.outputs[1]

    def start_guard(self) -> None:
        machine = LeaseMachine(max_on_s=self._max_on_s, cooldown_s=self._cooldown_s)
        self.control = Control(machine, self._make_board(), Inputs(self._wiring))
        self._opened = False
        self._open_at_s = self.now_s
        self._on_the_way.clear()
        self.run()

    def kill_guard(self) -> None:
        self.control = None

    def unplug(self) -> None:
        self.plugged = False
        self.model.power_up()
        self._on_the_way.clear()
        if self.control is not None:
            self.control.opened()
        self._opened = False
        self.watch()

    def replug(self) -> None:
        self.plugged = True
        self._open_at_s = self.now_s + REOPEN_S

    def run(self) -> None:
        """One turn of the guard's loop."""
        if self.control is None:
            return
        self.control.machine.tick(self.now_s)
        if not self.plugged:
            return
        if not self._opened and self.now_s >= self._open_at_s:
            self._opened = True
            self.control.opened()
        while self._opened and (frame := self.control.next_write(self.now_s)) is not None:
            frames, reply = self.model.feed(frame, self.now_s)
            self.seen += [(self.now_s, received) for received in frames]
            if reply:
                self._on_the_way.append((self.now_s + REPLY_S, reply))
            self.watch()

    def wait(self, seconds: float, *, guard_stopped: bool = False) -> None:
        """Let time pass, in steps from event to event."""
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            self.now_s = min(end_s, max(self.now_s + STEP_S, self._next_event_s(guard_stopped)))
            self.model.tick(self.now_s)
            self.watch()
            if guard_stopped:
                continue
            due = [data for at_s, data in self._on_the_way if at_s <= self.now_s]
            self._on_the_way = [entry for entry in self._on_the_way if entry[0] > self.now_s]
            if self.control is not None and self._opened:
                for data in due:
                    self.control.feed(data, self.now_s)
            self.run()

    def _next_event_s(self, guard_stopped: bool) -> float:
        events = [self.model.deadline_s()]
        if self.control is not None and not guard_stopped:
            lease_s = self.control.machine.deadline_s()
            events += [] if lease_s is None else [lease_s]
            if self.plugged:
                events += [self.control.deadline_s() if self._opened else self._open_at_s]
            events += [at_s for at_s, _ in self._on_the_way]
        return min(events)
