"""NAL units of H.264 and H.265: splitting, joining, and reading their headers bit by bit. Pure.

Sources, the same in ITU-T H.264 and H.265: 7.2 (RBSP), 7.4.1 (emulation prevention), 9.1/9.2 (Exp-Golomb codes), annex
B byte stream; ISO/IEC 14496-15, 5.3 for the length-prefixed form.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

START_CODE = b"\x00\x00\x00\x01"
MAX_PARAMETER_SET_BYTES = 4096
_START = re.compile(rb"\x00\x00\x01")


def split_annex_b(stream: bytes) -> list[bytes]:
    """The NAL units of an annex B byte stream, without start codes and trailing zero bytes."""
    codes = list(_START.finditer(stream))
    ends = [*(code.start() for code in codes[1:]), len(stream)][: len(codes)]
    nals = (stream[code.end() : end].rstrip(b"\x00") for code, end in zip(codes, ends, strict=True))
    return [nal for nal in nals if nal]


def join_length_prefixed(nals: Iterable[bytes | bytearray]) -> bytes:
    """NAL units, each behind its length in 4 big-endian bytes."""
    parts: list[bytes | bytearray] = []
    for nal in nals:
        parts.append(len(nal).to_bytes(4, "big"))
        parts.append(nal)
    return b"".join(parts)


def split_length_prefixed(data: bytes) -> Iterator[memoryview]:
    """The NAL units of `AccessUnit.data`, without copying. Raises ValueError where a length runs past the end."""
    view, at = memoryview(data), 0
    while at < len(view):
        start = at + 4
        at = start + int.from_bytes(view[at:start], "big")
        if at > len(view):
            raise ValueError(f"NAL unit at byte {start} runs past the end of its access unit")
        yield view[start:at]


def to_annex_b(data: bytes, parameter_sets: Iterable[bytes] = ()) -> bytes:
    """`AccessUnit.data` as a byte stream, as decoders and WebRTC packetizers take it, behind `parameter_sets` (every
    keyframe needs them)."""
    parts: list[bytes | memoryview] = []
    for nal in parameter_sets:
        parts += (START_CODE, nal)
    for unit in split_length_prefixed(data):
        parts += (START_CODE, unit)
    return b"".join(parts)


def unescaped(nal: bytes) -> bytes:
    """A NAL unit without its emulation prevention bytes."""
    return nal.replace(b"\x00\x00\x03", b"\x00\x00")


class Bits:
    """Reads an RBSP bit by bit, with Exp-Golomb codes. Its methods raise ValueError where the bytes end too early."""

    def __init__(self, rbsp: bytes):
        self._value = int.from_bytes(rbsp, "big")
        self._left = 8 * len(rbsp)

    def u(self, count: int) -> int:
        """The next `count` bits, unsigned."""
        if count > self._left:
            raise ValueError("sequence parameter set ends too early")
        self._left -= count
        return (self._value >> self._left) & ((1 << count) - 1)

    def ue(self) -> int:
        """An unsigned Exp-Golomb code."""
        zeros = 0
        while self.u(1) == 0:
            zeros += 1
            if zeros > 32:
                raise ValueError("sequence parameter set has an absurd number")
        return (1 << zeros) - 1 + self.u(zeros)

    def se(self) -> int:
        """A signed Exp-Golomb code."""
        code = self.ue()
        return (code + 1) // 2 if code & 1 else -(code // 2)


def exp_golomb_id(rbsp: bytes) -> int:
    """The small Exp-Golomb code that `rbsp` starts with, as parameter sets start with their id; -1: it is larger than
    any id may be."""
    bits = format(int.from_bytes(rbsp[:3].ljust(3, b"\x00"), "big"), "024b")
    zeros = len(bits) - len(bits.lstrip("0"))
    return -1 if zeros > 8 else int(bits[zeros : 2 * zeros + 1], 2) - 1
