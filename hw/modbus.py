"""Frames of Modbus RTU, as far as relay boards use it (pure).

Sources: "MODBUS over Serial Line, Specification and Implementation Guide V1.02" (modbus.org), 2.5.1 and 6.2.2 for
framing, silence and CRC; "MODBUS Application Protocol Specification V1.1b3", chapters 6.1, 6.2, 6.5, 6.11 and 7 for
the functions and exceptions; Waveshare wiki "Modbus RTU Relay", development protocol, for the timed flash-on:

    address  function  data                  CRC (low byte first)
    01       05        00 00  FF 00          8C 3A     coil 0 (relay 1) on; 00 00 instead of FF 00: off
    01       05        02 00  00 07          8D B0     relay 1 on for 7 x 100 ms, then off by itself
    01       01        00 00  00 08          3D CC     read coils 0 to 7
    01       02        00 00  00 08          79 CC     read inputs 0 to 7
    01       0F        00 00  00 01 01 00    2E 97     write one coil by "write multiple coils"

A frame ends with 3.5 characters of silence. User space cannot time that on a USB adapter, which delivers bytes in
batches of 1 to 16 ms; but a master knows what it asked for, so that a reply's length and check are known. It is found
by these instead, which also holds with garbage before and after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Literal

MAX_ADDRESS: Final = 247
MAX_CHANNEL: Final = 32
MAX_INPUT: Final = 32
MAX_FLASH_UNITS: Final = 0x7FFF
FLASH_UNIT_S: Final = 0.1
FLASH_ON_BASE: Final = 0x0200
COIL_ON: Final = 0xFF00
COIL_OFF: Final = 0x0000
EXCEPTION_BIT: Final = 0x80
EXCEPTION_BYTES: Final = 5
MAX_FRAME_BYTES: Final = 256

EXCEPTIONS: Final = {
    1: "it does not know this function",
    2: "it has no such output or input",
    3: "it does not take this value",
    4: "it failed while doing it",
    5: "it needs more time",
    6: "it is busy",
}


class Function(IntEnum):
    """The four functions used."""

    READ_COILS = 0x01
    READ_INPUTS = 0x02
    WRITE_COIL = 0x05
    WRITE_COILS = 0x0F


def crc16(data: bytes) -> int:
    """CRC-16 of the serial line specification: polynomial A001 (reflected 8005), start FFFF."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return crc


def frame(address: int, body: bytes) -> bytes:
    """`address`, `body` and their CRC, low byte first."""
    whole = bytes((address,)) + body
    return whole + crc16(whole).to_bytes(2, "little")


def is_frame(data: bytes | bytearray) -> bool:
    """Whether the last two bytes are the CRC of the others."""
    return len(data) >= 4 and crc16(bytes(data[:-2])) == int.from_bytes(data[-2:], "little")


def silence_s(baud: int) -> float:
    """3.5 characters of 11 bits; above 19200 bit/s a fixed 1.75 ms (serial line specification, 2.5.1.1)."""
    return 3.5 * 11 / baud if baud <= 19200 else 0.00175


def wire_s(byte_count: int, baud: int) -> float:
    """Time of that many characters on the line, 11 bits each at most."""
    return byte_count * 11 / baud


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of the board with `address`. `first`: coil or input, counted from 0 as on the wire.

    `number`: how many are read or written; for WRITE_COIL the value instead. `on`: the state WRITE_COILS writes to
    all of them.
    """

    address: int
    function: Function
    first: int
    number: int
    on: bool = False

    def encode(self) -> bytes:
        """The frame on the wire."""
        body = bytes((self.function,)) + self.first.to_bytes(2, "big") + self.number.to_bytes(2, "big")
        if self.function is Function.WRITE_COILS:
            size = (self.number + 7) // 8
            bits = (1 << self.number) - 1 if self.on else 0
            body += bytes((size,)) + bits.to_bytes(size, "little")
        return frame(self.address, body)

    @property
    def reply_bytes(self) -> int:
        """Length of the reply if the board does not refuse."""
        return 8 if self.is_write else 5 + (self.number + 7) // 8

    @property
    def is_write(self) -> bool:
        return self.function in (Function.WRITE_COIL, Function.WRITE_COILS)


def switch(address: int, channel: int, on: bool, *, multiple: bool = False) -> Request:
    """Switch output `channel` (from 1) until further notice; `multiple`: by function 0F instead of 05."""
    _check(address, channel)
    if multiple:
        return Request(address, Function.WRITE_COILS, channel - 1, 1, on)
    return Request(address, Function.WRITE_COIL, channel - 1, COIL_ON if on else COIL_OFF)


def flash_on(address: int, channel: int, units: int) -> Request:
    """Output `channel` on for `units` of 0.1 s, after which the board itself switches it off."""
    _check(address, channel)
    if not 1 <= units <= MAX_FLASH_UNITS:
        raise ValueError(f"flash of {units} x 0.1 s: must be 1 to {MAX_FLASH_UNITS}")
    return Request(address, Function.WRITE_COIL, FLASH_ON_BASE + channel - 1, units)


def read_bits(address: int, kind: Literal["coils", "inputs"], first: int, number: int) -> Request:
    """Read `number` outputs or inputs from the one on the wire called `first` (from 0)."""
    _check(address, 1)
    if not (0 <= first <= 0xFFFF and 1 <= number <= 2000):
        raise ValueError(f"{number} {kind} from {first}: at least 1, at most 2000")
    return Request(address, Function.READ_COILS if kind == "coils" else Function.READ_INPUTS, first, number)


def _check(address: int, channel: int) -> None:
    if not 1 <= address <= MAX_ADDRESS:
        raise ValueError(f"Modbus address {address}: must be 1 to {MAX_ADDRESS}")
    if not 1 <= channel <= MAX_CHANNEL:
        raise ValueError(f"Modbus relay channel {channel}: must be 1 to {MAX_CHANNEL}")


@dataclass(frozen=True, slots=True)
class Reply:
    """The board's answer: `exception` is its code where it refuses, else 0. `bits`: what was read, bit 0 first."""

    exception: int = 0
    bits: int = 0


class ReplyDecoder:
    """Finds the reply to one request in a byte stream that may hold garbage anywhere.

    `other` is the address of a board that answered in its place. Keeps at most MAX_FRAME_BYTES.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self._pending = bytearray()
        self.garbage = 0
        self.other: int | None = None

    def feed(self, data: bytes) -> Reply | None:
        """The reply, once it is complete; what follows it is dropped."""
        buffer = self._pending
        buffer += data
        position = 0
        reply: Reply | None = None
        while reply is None and len(buffer) - position >= EXCEPTION_BYTES:
            length = self._frame_at(position)
            if length is None:
                break  # more bytes are needed to tell
            if length == 0:
                position += 1
                self.garbage += 1
                continue
            found = bytes(buffer[position : position + length])
            position += length
            if found[0] == self._request.address:
                reply = self._decode(found)
            else:
                self.other = found[0]
        del buffer[:position]
        del buffer[:-MAX_FRAME_BYTES]
        return reply

    @property
    def heard(self) -> bool:
        """Whether anything came that was no reply."""
        return bool(self.garbage or self._pending)

    def _frame_at(self, position: int) -> int | None:
        """Length of the frame that starts there; 0 if none can, None if that is not known yet."""
        buffer, request = self._pending, self._request
        address, function = buffer[position], buffer[position + 1]
        if not 1 <= address <= MAX_ADDRESS:
            return 0
        if function == request.function | EXCEPTION_BIT:
            return EXCEPTION_BYTES if is_frame(buffer[position : position + EXCEPTION_BYTES]) else 0
        if function != request.function or not self._could_answer(position):
            return 0
        whole = buffer[position : position + request.reply_bytes]
        if len(whole) < request.reply_bytes:
            # A real reply further on must not wait for bytes that never come.
            return None if not self._exception_after(position) else 0
        return request.reply_bytes if is_frame(whole) else 0

    def _could_answer(self, position: int) -> bool:
        """Whether the bytes after the function are those of an answer to this request."""
        buffer, request = self._pending, self._request
        if request.is_write:
            expected = request.first.to_bytes(2, "big") + request.number.to_bytes(2, "big")
            start = position + 2
            return expected.startswith(bytes(buffer[start : start + 4]))
        return buffer[position + 2] == (request.number + 7) // 8

    def _exception_after(self, position: int) -> bool:
        """Whether an exception reply of our board lies behind a start that only looked like a reply."""
        head = bytes((self._request.address, self._request.function | EXCEPTION_BIT))
        at = self._pending.find(head, position + 1)
        return at >= 0 and is_frame(self._pending[at : at + EXCEPTION_BYTES])

    def _decode(self, found: bytes) -> Reply:
        if found[1] & EXCEPTION_BIT:
            return Reply(exception=found[2])
        if self._request.is_write:
            return Reply()
        return Reply(bits=int.from_bytes(found[3:-2], "little") & (1 << self._request.number) - 1)


class RequestDecoder:
    """The board's side: finds requests of the four functions, to whatever address, in a stream with garbage."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> list[Request]:
        """The requests completed by `data`, in order."""
        buffer = self._pending
        buffer += data
        requests: list[Request] = []
        position = 0
        while len(buffer) - position >= 8:
            length = self._length_at(position)
            whole = buffer[position : position + length]
            if length and len(whole) < length:
                break
            if length and is_frame(whole):
                requests.append(_decode_request(bytes(whole)))
                position += length
            else:
                position += 1
        del buffer[:position]
        return requests

    def _length_at(self, position: int) -> int:
        function = self._pending[position + 1]
        if function in (Function.READ_COILS, Function.READ_INPUTS, Function.WRITE_COIL):
            return 8
        if function == Function.WRITE_COILS:
            number = int.from_bytes(self._pending[position + 4 : position + 6], "big")
            size = self._pending[position + 6]
            return 9 + size if 1 <= number <= MAX_CHANNEL and size == (number + 7) // 8 else 0
        return 0


def _decode_request(whole: bytes) -> Request:
    function = Function(whole[1])
    first, number = int.from_bytes(whole[2:4], "big"), int.from_bytes(whole[4:6], "big")
    on = function is Function.WRITE_COILS and bool(whole[7] & 1)
    return Request(whole[0], function, first, number, on)
