"""The fragments of one segment as a few bytes in the index. Pure.

Each fragment is two or three unsigned LEB128 numbers: its bytes, shifted left by 2, with bit 1 for "starts with a
keyframe" and bit 0 for "there is a hole in media time before"; the difference of its duration to the one before,
zigzag; the hole, if there is one. A second of video takes 4 bytes.
"""

from __future__ import annotations

from collections.abc import Iterable

from nvr.record.model import TICKS, FragmentEntry


def pack(fragments: Iterable[FragmentEntry]) -> bytes:
    """Fragments in media order, none overlapping the one before."""
    out = bytearray()
    end_90k, last_90k = 0, TICKS
    for media_90k, duration_90k, length, is_key in fragments:
        hole_90k = media_90k - end_90k
        _put(out, length << 2 | is_key << 1 | (hole_90k > 0))
        change = duration_90k - last_90k
        _put(out, change << 1 if change >= 0 else (-change << 1) - 1)
        if hole_90k > 0:
            _put(out, hole_90k)
        end_90k, last_90k = media_90k + duration_90k, duration_90k
    return bytes(out)


def unpack(packed: bytes) -> tuple[FragmentEntry, ...]:
    """What `pack` was given. Raises ValueError: not made by `pack`."""
    fragments = []
    at = end_90k = 0
    duration_90k = TICKS
    while at < len(packed):
        head, at = _take(packed, at)
        change, at = _take(packed, at)
        hole_90k = 0
        if head & 1:
            hole_90k, at = _take(packed, at)
        duration_90k += -(change + 1 >> 1) if change & 1 else change >> 1
        media_90k = end_90k + hole_90k
        fragments.append(FragmentEntry(media_90k, duration_90k, head >> 2, bool(head & 2)))
        end_90k = media_90k + duration_90k
    return tuple(fragments)


def _put(out: bytearray, number: int) -> None:
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)


def _take(packed: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        if at >= len(packed) or shift > 63:
            raise ValueError("list of fragments is damaged")
        byte = packed[at]
        at += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number, at
