"""How relay boards behave, for simulation: LCUS and Modbus RTU, with the faults of a line (pure).

A board takes bytes and gives bytes; its outputs latch or end by themselves as those of real ones do. Both have the
same methods, `BoardModel`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from hw import lcus, modbus

NOISE: Final = b"\xfe\x00\xe6\x9f"
"""What a frame looks like at the wrong speed: framing errors, and bytes that mean nothing."""


@dataclass(slots=True)
class LineFaults:
    """What is wrong between host and board. All may be combined and changed at any time.

    `deaf`: what the host sends is lost; `silent`: what the board sends is lost; `wrong_speed`: both are noise.
    `before`, `after`: garbage around each reply. `wrong_check`: the reply's last byte is changed. `answer_as`: replies
    come from this address instead. `refuse`: exception code for whatever is asked. `echo`: the host's bytes come back.
    """

    deaf: bool = False
    silent: bool = False
    wrong_speed: bool = False
    before: bytes = b""
    after: bytes = b""
    wrong_check: bool = False
    answer_as: int | None = None
    refuse: int = 0
    echo: bool = False

    def to_board(self, data: bytes) -> bytes:
        """What arrives of the host's bytes."""
        return b"" if self.deaf else NOISE * bool(data) if self.wrong_speed else data

    def to_host(self, sent: bytes, reply: bytes) -> bytes:
        """What arrives of the reply to the host's `sent`."""
        if self.answer_as is not None and reply:
            reply = modbus.frame(self.answer_as, reply[1:-2])
        if self.wrong_check and reply:
            reply = reply[:-1] + bytes((reply[-1] ^ 0x55,))
        if reply:
            reply = self.before + reply + self.after
        if self.wrong_speed:
            reply = NOISE * bool(sent)
        return (sent if self.echo else b"") + (b"" if self.silent else reply)


@dataclass(frozen=True, slots=True)
class Received:
    """A frame the board understood. `channel`, `on`: what it switched, None if nothing (a question)."""

    frame: bytes
    channel: int | None = None
    on: bool | None = None


class BoardModel(Protocol):
    """A board's behaviour. Times: any one monotonic clock, in s."""

    faults: LineFaults

    @property
    def name(self) -> str:
        """Its kind, for people."""
        ...

    def power_up(self) -> None:
        """All outputs off, nothing remembered."""
        ...

    def feed(self, data: bytes, now_s: float) -> tuple[list[Received], bytes]:
        """The frames understood in what the host sent, and the bytes that reach the host in return."""
        ...

    def tick(self, now_s: float) -> None:
        """Let time pass."""
        ...

    def deadline_s(self) -> float:
        """When an output will end by itself; infinite if none will."""
        ...

    @property
    def outputs(self) -> dict[int, bool]:
        """Channel, from 1 -> closed."""
        ...


class LcusModel:
    """An LCUS board: latches, acknowledges nothing; `answers_query` as boards with several channels do."""

    name = "LCUS"

    def __init__(self, channels: int = lcus.MAX_CHANNEL, *, answers_query: bool = False) -> None:
        self.faults = LineFaults()
        self.outputs = dict.fromkeys(range(1, channels + 1), False)
        self._answers_query = answers_query
        self._decoder = lcus.Decoder()

    def power_up(self) -> None:
        self.outputs = dict.fromkeys(self.outputs, False)
        self._decoder = lcus.Decoder()

    def feed(self, data: bytes, now_s: float) -> tuple[list[Received], bytes]:
        arrived = self.faults.to_board(data)
        frames = []
        for command in self._decoder.feed(arrived):
            if command.channel in self.outputs:
                self.outputs[command.channel] = command.on
                frames.append(Received(lcus.encode(command), command.channel, command.on))
        reply = b""
        if self._answers_query and arrived.endswith(lcus.QUERY):
            lines = (f"CH{channel}: {'ON' if on else 'OFF'}\r\n" for channel, on in self.outputs.items())
            reply = "".join(lines).encode()
        return frames, self.faults.to_host(data, reply)

    def tick(self, now_s: float) -> None:
        """It has no clock: that is the trouble with it."""

    def deadline_s(self) -> float:
        return float("inf")


@dataclass(slots=True)
class ModbusModel:
    """A Modbus RTU relay board. `timed`: it has the timed flash-on. `strict`: it refuses to read more than it has.
    `only_0f`: it does not know function 05. `stuck`: outputs whose contact stays as it is. `closed`: inputs."""

    address: int = 1
    channels: int = 8
    inputs: int = 8
    timed: bool = True
    strict: bool = False
    only_0f: bool = False
    closed: set[int] = field(default_factory=set)
    stuck: bool = False
    faults: LineFaults = field(default_factory=LineFaults)
    outputs: dict[int, bool] = field(init=False)
    _ends_s: dict[int, float] = field(init=False, default_factory=dict)
    _decoder: modbus.RequestDecoder = field(init=False, default_factory=modbus.RequestDecoder)

    name = "Modbus RTU"

    def __post_init__(self) -> None:
        self.outputs = dict.fromkeys(range(1, self.channels + 1), False)

    def power_up(self) -> None:
        self.outputs = dict.fromkeys(self.outputs, False)
        self._ends_s.clear()
        self._decoder = modbus.RequestDecoder()

    def tick(self, now_s: float) -> None:
        for channel, end_s in list(self._ends_s.items()):
            if now_s >= end_s:
                del self._ends_s[channel]
                self.outputs[channel] = False

    def deadline_s(self) -> float:
        return min(self._ends_s.values(), default=float("inf"))

    def feed(self, data: bytes, now_s: float) -> tuple[list[Received], bytes]:
        self.tick(now_s)
        frames, reply = [], b""
        for request in self._decoder.feed(self.faults.to_board(data)):
            if request.address not in (0, self.address):
                continue
            received, body = self._serve(request, now_s)
            frames.append(received)
            if request.address:  # a broadcast is obeyed and not answered
                reply += modbus.frame(self.address, body)
        return frames, self.faults.to_host(data, reply)

    def _serve(self, request: modbus.Request, now_s: float) -> tuple[Received, bytes]:
        received = Received(request.encode())
        end_s: float | None = None
        if self.faults.refuse:
            return received, self._exception(request, self.faults.refuse)
        match request.function:
            case modbus.Function.READ_COILS | modbus.Function.READ_INPUTS:
                return received, self._read(request)
            case modbus.Function.WRITE_COIL if self.only_0f:
                return received, self._exception(request, 1)
            case modbus.Function.WRITE_COIL if self.timed and request.first >= modbus.FLASH_ON_BASE:
                channel, on, end_s = (
                    request.first - modbus.FLASH_ON_BASE + 1,
                    True,
                    now_s + request.number / 10,
                )
            case modbus.Function.WRITE_COIL:
                if request.number not in (modbus.COIL_ON, modbus.COIL_OFF):
                    return received, self._exception(request, 3 if request.first < self.channels else 2)
                channel, on = request.first + 1, request.number == modbus.COIL_ON
            case _:
                channel, on = request.first + 1, request.on
        number = request.number if request.function is modbus.Function.WRITE_COILS else 1
        if channel + number - 1 > self.channels:
            return received, self._exception(request, 2)
        for each in range(channel, channel + number):
            self._switch(each, on, end_s)
        return replace(received, channel=channel, on=on), request.encode()[1:6]

    def _switch(self, channel: int, on: bool, end_s: float | None) -> None:
        if not self.stuck:
            self.outputs[channel] = on
            self._ends_s.pop(channel, None)
            if end_s is not None:
                self._ends_s[channel] = end_s

    def _read(self, request: modbus.Request) -> bytes:
        coils = request.function is modbus.Function.READ_COILS
        has = self.channels if coils else self.inputs
        if not has or (self.strict and request.first + request.number > has):
            return self._exception(request, 2 if has else 1)
        closed = {channel for channel, on in self.outputs.items() if on} if coils else self.closed
        bits = sum(1 << n for n in range(request.number) if n + request.first + 1 in closed)
        size = (request.number + 7) // 8
        return bytes((request.function, size)) + bits.to_bytes(size, "little")

    def _exception(self, request: modbus.Request, code: int) -> bytes:
        return bytes((request.function | modbus.EXCEPTION_BIT, code))
