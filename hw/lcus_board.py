"""The `hw.relay.Board` of an LCUS-type board: it latches, and acknowledges nothing (pure)."""

from __future__ import annotations

from typing import Final

from hw import lcus
from hw.relay import BoardError, Differs

REASSERT_S: Final = 2.5
QUERY_S: Final = 1.0
MAX_WRONG: Final = 3


class LcusBoard:
    """One output of an LCUS board.

    - A state is written again every 2.5 s: a frame lost on the line, or a board that restarted, would otherwise stay
      wrong for ever.
    - After the first OFF the board is asked once for its state. One that answers is asked every second from then on,
      and told again when its output is not as wanted. One that does not is left alone: its state cannot be read back.
      One that answered before and then does not, three times, counts as unknown.
    """

    fail_safe: Final = False
    input_levels: Final = None
    input_sampled_s: Final = float("-inf")

    def __init__(self, port: str, channel: int) -> None:
        """`port`: its name in errors. Raises ValueError if the channel is not 1 to 8."""
        self._port, self._channel = port, channel
        self._frames = {on: lcus.encode(lcus.Command(channel, on)) for on in (False, True)}
        self.opened()

    def opened(self) -> None:
        self.output: bool | None = None
        self.failure: BoardError | None = None
        self._told: bool | None = None  # what the board was told last; None: nothing yet
        self._again_at_s = float("-inf")
        self._query_at_s: float | None = None
        self._was_asked = False
        self._answer_counts = (
            False  # the answer to a question from before a change tells of the time before it
        )
        self._wrong = self._unanswered = 0
        self._answers = lcus.AnswerDecoder()

    @property
    def up(self) -> bool:
        """A port that opens and then takes nothing must not count as up."""
        return self._told is not None and self.failure is None

    def feed(self, data: bytes, now_s: float) -> None:
        for state in self._answers.feed(data):
            if state.channel == self._channel and self._answer_counts:
                self._read_back(state.on, now_s)

    def _read_back(self, on: bool, now_s: float) -> None:
        self.output, self._unanswered = on, 0
        self._query_at_s = now_s + QUERY_S
        if on == self._told:
            self._wrong, self.failure = 0, None
            return
        self._wrong += 1
        self._again_at_s = now_s  # tell it again
        if self._wrong >= MAX_WRONG:
            self.failure = Differs(self._port, f"output {self._channel} reads {'on' if on else 'off'}")

    def next_write(self, on_until_s: float | None, now_s: float) -> bytes | None:
        wanted = on_until_s is not None and now_s < on_until_s and self._told is not None
        if self._told != wanted or now_s >= self._again_at_s:
            self._told, self._answer_counts = wanted, False
            self._again_at_s = now_s + REASSERT_S
            if self.output is not None or not self._was_asked:
                self._query_at_s = now_s + QUERY_S / 4
            return self._frames[wanted]
        if self._query_at_s is not None and now_s >= self._query_at_s:
            self._was_asked = self._answer_counts = True
            self._unanswered += 1
            if self._unanswered > MAX_WRONG:
                self.output = self.failure = None
            self._query_at_s = None if self.output is None else now_s + QUERY_S
            return lcus.QUERY
        return None

    def deadline_s(self) -> float:
        return self._again_at_s if self._query_at_s is None else min(self._again_at_s, self._query_at_s)

    def off_again(self) -> None:
        self._told = None

    @property
    def is_off(self) -> bool:
        return self._told is False

    def sample_inputs_by(self, at_s: float) -> None:
        """It has no inputs."""
