"""The `hw.relay.Board` of a Modbus RTU relay board (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hw import modbus
from hw.relay import BadReply, BoardError, Differs, NoAnswer, OtherBoard, Refused

TRANSACTION_S: Final = 0.05
"""From the request to the end of its reply. At 9600 bit/s the longest pair used (0F: 10 and 8 characters of 11 bits)
is 21 ms on the wire and the silence before it 4 ms; a USB adapter holds a reply back for 1 to 16 ms."""
LATE_S: Final = 0.05
"""Silence kept after a reply that did not come in time, so that it is not taken for the next one."""
FLASH_S: Final = 3.0
RENEW_S: Final = 1.0
READ_BACK_S: Final = 1.0
POLL_S: Final = 0.1
REASSERT_S: Final = 10.0
RETRY_S: Final = 0.5
MAX_FAILURES: Final = 3
BLOCK: Final = 8
_EPSILON_S: Final = 1e-6
_NEVER: Final = float("-inf")


@dataclass(frozen=True, slots=True)
class Settings:
    """One output of one board. `timed`: it has the timed flash-on, and ends by itself. `inputs`: how many are read."""

    address: int = 1
    baud: int = 9600
    channel: int = 1
    timed: bool = True
    inputs: int = 0


class ModbusBoard:
    """One transaction at a time: OFF before all else, then ON, then reading inputs (every 0.1 s), then the output.

    - On a timing board ON is a flash of 3 s at most, renewed every second, which never outlives the lease.
    - It is up once the OFF after `opened` is confirmed and read back: an adapter that echoes what it is sent would
      confirm every write.
    - Three transactions in a row without a good reply, or three reads in a row of an output that is not as told,
      make a failure. Then it is tried twice a second, and begins with OFF as after `opened`.
    """

    def __init__(self, port: str, settings: Settings) -> None:
        """`port`: its name in errors. Raises ValueError for an impossible address or channel."""
        modbus.switch(settings.address, settings.channel, False)
        self._port, self._settings = port, settings
        self.fail_safe = settings.timed
        self._multiple = False  # the board knows 0F only
        self._exact = False  # it refuses to read more than it has
        self.failure: BoardError | None = None
        self._lasting: object = None  # what has to be answered well before the failure ends; None: anything
        self.opened()

    def opened(self) -> None:
        self._pending: modbus.Request | None = None
        self._replies: modbus.ReplyDecoder | None = None
        self._expires_at_s = 0.0
        self._held_up = False  # something may be due that the line was not free for
        self._not_before_s = _NEVER
        self._failures = 0
        self._wrong = 0
        self.failure = self._lasting = None
        self._forget()

    def _forget(self) -> None:
        self._off_first = True
        self._known: bool | None = (
            None  # what the board confirmed; None: unknown, also while a write is unanswered
        )
        self._known_at_s = _NEVER
        self._flash_ends_s = _NEVER
        self._renew_at_s = float("inf")
        self._settled = False
        self._confirmed: bool | None = None
        self._input_at_s = self._output_at_s = _NEVER
        self.output: bool | None = None
        self.input_levels: int | None = None
        self.input_sampled_s = _NEVER

    @property
    def up(self) -> bool:
        return self._settled and self.failure is None

    # What is asked

    def next_write(self, on_until_s: float | None, now_s: float) -> bytes | None:
        self._expire(now_s)
        self._held_up = self._pending is not None or now_s < self._not_before_s
        if self._held_up:
            return None
        request = self._next(on_until_s, now_s)
        if request is None:
            return None
        if request.is_write:
            self._known = None  # if the reply is lost, nobody knows whether it was done
        self._pending, self._replies = request, modbus.ReplyDecoder(request)
        self._expires_at_s = now_s + TRANSACTION_S
        return request.encode()

    def _next(self, on_until_s: float | None, now_s: float) -> modbus.Request | None:
        left_s = 0.0 if on_until_s is None else on_until_s - now_s
        wanted = left_s >= modbus.FLASH_UNIT_S if self.fail_safe else left_s > 0
        self._renew_at_s = float("inf")
        if self._off_first or (not wanted and (self._known is not False or self._is_stale(now_s))):
            self._flash_ends_s = _NEVER
            return self._switch(False)
        if not self._settled:
            return self._read("coils")
        if wanted and self.fail_safe:
            if on_until_s is not None and on_until_s - self._flash_ends_s >= modbus.FLASH_UNIT_S:
                self._renew_at_s = self._flash_ends_s - FLASH_S + RENEW_S
                if now_s >= self._renew_at_s - _EPSILON_S:
                    return self._flash(left_s, now_s)
        elif wanted and (self._known is not True or self._is_stale(now_s)):
            return self._switch(True)
        if self._settings.inputs and now_s >= self._input_at_s:
            return self._read("inputs")
        return self._read("coils") if now_s >= self._output_at_s else None

    def _is_stale(self, now_s: float) -> bool:
        return now_s >= self._known_at_s + REASSERT_S

    def _switch(self, on: bool) -> modbus.Request:
        return modbus.switch(self._settings.address, self._settings.channel, on, multiple=self._multiple)

    def _flash(self, left_s: float, now_s: float) -> modbus.Request:
        units = int((min(left_s, FLASH_S) + _EPSILON_S) / modbus.FLASH_UNIT_S)
        # Counted from now: the board starts later, by what the frame takes, and the lease is cut short by no more.
        self._flash_ends_s = now_s + units * modbus.FLASH_UNIT_S
        return modbus.flash_on(self._settings.address, self._settings.channel, units)

    def _read(self, what: str) -> modbus.Request:
        last = self._settings.channel if what == "coils" else self._settings.inputs
        number = last if self._exact else -(-last // BLOCK) * BLOCK
        return modbus.read_bits(self._settings.address, "coils" if what == "coils" else "inputs", 0, number)

    # What comes back

    def feed(self, data: bytes, now_s: float) -> None:
        if self._pending is None or self._replies is None:
            return  # nothing is due: noise, or a reply that came too late
        reply = self._replies.feed(data)
        if reply is None:
            return
        request, self._pending, self._held_up = self._pending, None, True
        self._not_before_s = now_s + modbus.silence_s(self._settings.baud)
        if reply.exception:
            self._refused(request, reply.exception, now_s)
            return
        self._failures = 0
        if self._lasting is None or self._lasting == (request.function, _is_flash(request)):
            self.failure = self._lasting = None
        match request.function:
            case modbus.Function.READ_COILS:
                self._read_back(bool(reply.bits >> (self._settings.channel - 1) & 1), now_s)
            case modbus.Function.READ_INPUTS:
                self.input_levels, self.input_sampled_s = reply.bits, now_s
                self._input_at_s = now_s + POLL_S
            case _:
                self._wrote(request, now_s)

    def _wrote(self, request: modbus.Request, now_s: float) -> None:
        on = (
            request.on
            if request.function is modbus.Function.WRITE_COILS
            else request.number != modbus.COIL_OFF
        )
        self._off_first = False
        if on != self._confirmed:
            self._output_at_s = now_s  # read back at once
        self._known, self._known_at_s, self._confirmed = on, now_s, on

    def _read_back(self, on: bool, now_s: float) -> None:
        self.output = on
        self._output_at_s = now_s + READ_BACK_S
        expected = self._known
        if self.fail_safe and self._known and now_s >= self._flash_ends_s - modbus.FLASH_UNIT_S:
            expected = on  # it is ending just now, or has ended
        if on == expected:
            self._settled, self._wrong = True, 0
            if isinstance(self.failure, Differs):
                self.failure = self._lasting = None
            return
        self._known, self._flash_ends_s = None, _NEVER  # tell it again
        self._output_at_s = now_s
        self._wrong += 1
        if self._wrong >= MAX_FAILURES:
            state = "on" if on else "off"
            self._fail(
                Differs(self._port, f"output {self._settings.channel} reads {state} after it was told"),
                now_s,
                Differs,
            )

    def _refused(self, request: modbus.Request, code: int, now_s: float) -> None:
        if code == 1 and request.function is modbus.Function.WRITE_COIL and not _is_flash(request):
            self._multiple = True
            return
        if code in (2, 3) and not request.is_write and not self._exact:
            self._exact = True
            return
        what = {
            modbus.Function.READ_COILS: "reading outputs",
            modbus.Function.READ_INPUTS: "reading inputs",
        }.get(request.function, "switching")
        if _is_flash(request):
            what = "the timed flash-on"
            self._flash_ends_s = _NEVER
        why = modbus.EXCEPTIONS.get(code, "for a reason of its own")
        error = Refused(self._port, f"the board refuses {what} (exception {code}: {why})")
        self._missed(error, now_s, (request.function, _is_flash(request)) if code <= 3 else None)

    def _expire(self, now_s: float) -> None:
        if self._pending is None or self._replies is None or now_s < self._expires_at_s:
            return
        address, replies, self._pending = self._settings.address, self._replies, None
        self._not_before_s = now_s + LATE_S
        self._flash_ends_s = (
            _NEVER  # if it was one, it is sent again; if it was not, renewing early does no harm
        )
        error: BoardError = NoAnswer(self._port, f"no board answers at address {address}")
        if replies.other is not None:
            error = OtherBoard(
                self._port, f"a board at address {replies.other} answers in place of {address}"
            )
        elif replies.heard:
            error = BadReply(self._port, f"what comes at {self._settings.baud} bit/s is no reply")
        self._missed(error, now_s)

    def _missed(self, error: BoardError, now_s: float, lasting: object = None) -> None:
        self._failures += 1
        if self._failures >= MAX_FAILURES:
            self._fail(error, now_s, lasting)

    def _fail(self, error: BoardError, now_s: float, lasting: object = None) -> None:
        """`lasting`: what alone ends the failure. A board that has no flash-on answers all else well."""
        self.failure, self._lasting = error, lasting
        self._forget()
        self._not_before_s = now_s + RETRY_S

    # When

    def deadline_s(self) -> float:
        if self._pending is not None:
            return self._expires_at_s
        if self._held_up or self._off_first or not self._settled or self._known is None:
            return self._not_before_s
        due_s = min(self._output_at_s, self._renew_at_s)
        if not (self._known and self.fail_safe):
            due_s = min(due_s, self._known_at_s + REASSERT_S)
        if self._settings.inputs:
            due_s = min(due_s, self._input_at_s)
        return max(due_s, self._not_before_s)

    def off_again(self) -> None:
        self._off_first, self._known = True, None

    @property
    def is_off(self) -> bool:
        return self._known is False

    def sample_inputs_by(self, at_s: float) -> None:
        self._input_at_s = min(self._input_at_s, at_s)


def _is_flash(request: modbus.Request) -> bool:
    return request.function is modbus.Function.WRITE_COIL and request.first >= modbus.FLASH_ON_BASE
