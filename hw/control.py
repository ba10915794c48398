"""The guard's whole judgement without its sockets and ports: lease, board and inputs together (pure)."""

from __future__ import annotations

from hw.inputs import Inputs
from hw.lease import LeaseMachine
from hw.relay import Board


class Control:
    """What is to be written to the board, now. The port is opened and closed by whoever calls."""

    def __init__(self, machine: LeaseMachine, board: Board, inputs: Inputs) -> None:
        self.machine = machine
        self.board = board
        self.inputs = inputs
        self._ended = False

    def opened(self) -> None:
        """The port was opened, or was lost: nothing is known of the board and its inputs."""
        self.board.opened()
        self.inputs.lost()

    def feed(self, data: bytes, now_s: float) -> None:
        """Bytes from the board."""
        self.board.feed(data, now_s)
        levels = self.board.input_levels
        if levels is None:
            return
        self.inputs.sample(levels, self.board.input_sampled_s)
        self.board.sample_inputs_by(self.inputs.deadline_s())
        self._obey_switch(now_s)

    def next_write(self, now_s: float) -> bytes | None:
        """Let time pass; what to write. Call it again after each write until it returns None."""
        self.machine.tick(now_s)
        frame = self.board.next_write(self._on_until_s(), now_s)
        if self.board.input_levels is None:
            self.inputs.lost()
        return frame

    def end(self) -> None:
        """From now on only OFF, and that once more before all else."""
        self._ended = True
        self.board.off_again()

    def deadline_s(self) -> float:
        """When `next_write` is due at the latest."""
        lease_s = self.machine.deadline_s()
        return min(self.board.deadline_s(), float("inf") if lease_s is None else lease_s)

    def _obey_switch(self, now_s: float) -> None:
        """The silence switch works here alone, without the service. While it is unknown a lease goes on, but the
        board is not told to sound."""
        silenced = self.inputs.silenced
        if silenced is not None:
            self.machine.switch_silence(silenced, now_s)

    def _on_until_s(self) -> float | None:
        return None if self._ended or self.inputs.silenced is not False else self.machine.deadline_s()
