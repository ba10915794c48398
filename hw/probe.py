"""Finding out what a serial port has behind it, and what its relay does: for the installer, not for the guard."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from hw import lcus, modbus
from hw.port import BAUD, SerialPort
from hw.relay import BadReply, BoardError, Differs, NoAnswer, OtherBoard, Refused

ANSWER_S: Final = 0.1
LCUS_ANSWER_S: Final = 0.3
STEADY_ANSWER_S: Final = 0.5
"""Where one board is tried out there is no such hurry as in a search; a busy computer must not make it look dumb."""
TRIES: Final = 3
FLASH_UNITS: Final = 5
CLOSED_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Found:
    """A board that answered. `address`: of a Modbus board. `outputs`: how many an LCUS board told of. `inputs`:
    whether a Modbus board reads inputs."""

    protocol: Literal["lcus", "modbus"]
    baud: int
    address: int | None = None
    outputs: int | None = None
    inputs: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a relay did in `try_out`. `ends_by_itself`: it times itself out; `renews`: doing it again prolongs that;
    `reads_back`: it tells its real output."""

    ends_by_itself: bool
    renews: bool = False
    reads_back: bool = False


def ask(serial: SerialPort, request: modbus.Request, wait_s: float = ANSWER_S) -> modbus.Reply:
    """One transaction. Raises BoardError (never Refused: that is a reply), LinkError."""
    decoder = modbus.ReplyDecoder(request)
    serial.read()  # what came before is no answer
    serial.write(request.encode())
    limit_s = time.monotonic() + wait_s
    while (left_s := limit_s - time.monotonic()) > 0:
        reply = decoder.feed(serial.read_within(left_s))
        if reply is not None:
            return reply
    if decoder.other is not None:
        raise OtherBoard(
            serial.port, f"a board at address {decoder.other} answers in place of {request.address}"
        )
    if decoder.heard:
        raise BadReply(serial.port, "what comes is no reply")
    raise NoAnswer(serial.port, f"no board answers at address {request.address}")


def probe(port: str, bauds: Iterable[int], addresses: Iterable[int]) -> Iterator[Found]:
    """The boards that answer, as they are found. Only reads: nothing is switched. Raises PortError, LinkError."""
    asked = list(addresses)
    for baud in bauds:
        serial = SerialPort(port, baud)
        try:
            if baud == BAUD and (channels := _lcus_channels(serial)):
                yield Found("lcus", baud, outputs=channels)
            for address in asked:
                if _answers(serial, modbus.read_bits(address, "coils", 0, 8)):
                    inputs = _answers(serial, modbus.read_bits(address, "inputs", 0, 8), refused=False)
                    yield Found("modbus", baud, address, inputs=inputs)
        finally:
            serial.close()


def _answers(serial: SerialPort, request: modbus.Request, *, refused: bool = True) -> bool:
    """Whether the board answers; `refused`: a refusal counts too."""
    time.sleep(modbus.silence_s(BAUD))
    try:
        reply = ask(serial, request)
    except BoardError:
        return False
    return refused or not reply.exception


def _lcus_channels(serial: SerialPort) -> int:
    serial.write(lcus.QUERY)
    return max((state.channel for state in _lcus_states(serial)), default=0)


def _lcus_states(serial: SerialPort) -> list[lcus.Command]:
    decoder, states = lcus.AnswerDecoder(), []
    limit_s = time.monotonic() + LCUS_ANSWER_S
    while (left_s := limit_s - time.monotonic()) > 0:
        states += decoder.feed(serial.read_within(left_s))
    return states


def try_lcus(port: str, channel: int) -> Verdict:
    """Close the relay for half a second. Raises RelayError; the relay is told OFF whatever happens."""
    on, off = (lcus.encode(lcus.Command(channel, state)) for state in (True, False))
    serial = SerialPort(port)
    try:
        serial.write(on)
        try:
            time.sleep(CLOSED_S)
            serial.read()
            serial.write(lcus.QUERY)
            told = [state.on for state in _lcus_states(serial) if state.channel == channel]
        finally:
            serial.write(off)
    finally:
        serial.close()
    if told and not told[-1]:
        raise Differs(port, f"output {channel} reads off after it was switched on")
    return Verdict(ends_by_itself=False, reads_back=bool(told))


def try_modbus(port: str, address: int, channel: int, baud: int = BAUD) -> Verdict:
    """Close the relay for 0.8 s by the timed flash-on, or for 0.5 s if the board has none.

    Raises RelayError; the relay is told OFF whatever happens.
    """
    serial = SerialPort(port, baud)
    try:
        try:
            _steady(serial, modbus.switch(address, channel, False))
            verdict = _flash(serial, address, channel)
            if verdict and not (verdict.renews and verdict.ends_by_itself):
                # Read too late, by a busy computer, a good board looks like a bad one. A bad one stays so.
                verdict = _flash(serial, address, channel)
            return verdict or _latch(serial, address, channel)
        finally:
            _steady(serial, modbus.switch(address, channel, False))
    finally:
        serial.close()


def _flash(serial: SerialPort, address: int, channel: int) -> Verdict | None:
    """None if the board has no timed flash-on."""
    flash = modbus.flash_on(address, channel, FLASH_UNITS)
    if _steady(serial, flash).exception:
        return None
    time.sleep(0.3)
    if not _is_on(serial, address, channel):
        # As in `try_modbus`: once more, and read at once.
        _steady(serial, flash)
        if not _is_on(serial, address, channel):
            raise Differs(serial.port, f"output {channel} reads off after it was switched on")
    _steady(serial, flash)
    time.sleep(0.35)
    renews = _is_on(serial, address, channel)
    time.sleep(0.5)
    return Verdict(ends_by_itself=not _is_on(serial, address, channel), renews=renews, reads_back=True)


def _latch(serial: SerialPort, address: int, channel: int) -> Verdict:
    reply = _steady(serial, modbus.switch(address, channel, True))
    if reply.exception:
        why = modbus.EXCEPTIONS.get(reply.exception, "for a reason of its own")
        raise Refused(serial.port, f"the board refuses switching output {channel} ({why})")
    if not _is_on(serial, address, channel):
        raise Differs(serial.port, f"output {channel} reads off after it was switched on")
    time.sleep(CLOSED_S)
    return Verdict(ends_by_itself=False, reads_back=True)


def _is_on(serial: SerialPort, address: int, channel: int) -> bool:
    reply = _steady(serial, modbus.read_bits(address, "coils", channel - 1, 1))
    if reply.exception:
        reply = _steady(serial, modbus.read_bits(address, "coils", 0, -(-channel // 8) * 8))
        return bool(reply.bits >> (channel - 1) & 1)
    return bool(reply.bits & 1)


def _steady(serial: SerialPort, request: modbus.Request) -> modbus.Reply:
    """`ask`, tried three times."""
    for _ in range(TRIES - 1):
        time.sleep(modbus.silence_s(BAUD))
        try:
            return ask(serial, request, STEADY_ANSWER_S)
        except BoardError:
            continue
    return ask(serial, request, STEADY_ANSWER_S)
