"""Frames of the LCUS-type USB relay boards (pure).

The maker's protocol description (LC Technology, "LCUS-1 USB relay module", lctech-inc.com; repeated by
every reseller, for example optimusdigital.ro 12595 and jarwyg/USB_RELAY on GitHub) is four lines long:
9600 bit/s, 8N1, and a command of four bytes

    A0  channel  operation  check        channel from 01; operation 00 = off, 01 = on

The check byte is not defined there; all published examples (A0 01 01 A2, A0 01 00 A1 up to A0 08 01 A9)
agree with the sum of the other three modulo 256. Boards with 1, 2, 4 and 8 channels exist. Outputs latch
as long as the board has power, and a command is not acknowledged. Boards with several channels answer a single
FF with text, one "CH1: ON" or "CH1:OFF" for each channel (LCUS-4 page of chinalctech.com; programs on GitHub for
LCUS-2 and LCUS-4 differ in blanks and line ends); the LCUS-1 does not answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

START = 0xA0
FRAME_BYTES = 4
MAX_CHANNEL = 8
QUERY = b"\xff"
"""Asks for the states of all outputs; no command can begin with it."""
_STATE = re.compile(rb"CH([1-8])\s{0,3}:\s{0,3}(ON|OFF)", re.IGNORECASE)
_KEPT_BYTES = 16


@dataclass(frozen=True, slots=True)
class Command:
    """Switch output `channel` (1 to 8)."""

    channel: int
    on: bool


def encode(command: Command) -> bytes:
    """The frame of a command. Raises ValueError if the channel is not 1 to 8."""
    if not 1 <= command.channel <= MAX_CHANNEL:
        raise ValueError(f"LCUS relay channel {command.channel}: must be 1 to {MAX_CHANNEL}")
    body = bytes((START, command.channel, int(command.on)))
    return body + bytes((sum(body) & 0xFF,))


class Decoder:
    """Finds commands in a byte stream that may start anywhere and hold garbage anywhere.

    After a false start it looks again from the next byte, so that garbage never swallows a whole frame
    that follows it. Keeps at most three bytes between calls.
    """

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> list[Command]:
        """The commands completed by `data`, in order."""
        buffer = self._pending
        buffer += data
        commands: list[Command] = []
        position = 0
        while (position := buffer.find(START, position)) >= 0 and position + FRAME_BYTES <= len(buffer):
            _, channel, operation, check = buffer[position : position + FRAME_BYTES]
            is_frame = (
                1 <= channel <= MAX_CHANNEL
                and operation <= 1
                and check == (START + channel + operation) & 0xFF
            )
            if is_frame:
                commands.append(Command(channel, bool(operation)))
            position += FRAME_BYTES if is_frame else 1
        del buffer[: position if position >= 0 else len(buffer)]
        return commands


class AnswerDecoder:
    """Finds the answers to QUERY in a byte stream that may hold garbage anywhere; keeps 16 bytes at most."""

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, data: bytes) -> list[Command]:
        """The states completed by `data`, as the commands that would lead to them, in order."""
        stream = self._pending + data
        states, end = [], 0
        for match in _STATE.finditer(stream):
            states.append(Command(int(match[1]), match[2].upper() == b"ON"))
            end = match.end()
        self._pending = stream[end:][-_KEPT_BYTES:]
        return states
