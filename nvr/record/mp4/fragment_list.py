"""The fragments of one segment as a few bytes in the index. Pure.

Behind the byte MARK each fragment is one to three unsigned LEB128 numbers: its bytes, shifted left by 3, with bit 2 for
"starts with a keyframe", bit 1 for "there is a hole in media time before" and bit 0 for "lasts not as long as the one
before"; the difference of its duration to that one, zigzag, if there is one; the hole, if there is one. A second of
video mostly takes 3 bytes. Lists without MARK are of the first version, without bit 0 and with a difference everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable

from nvr.record.model import TICKS, FragmentEntry

MARK = 1
"""In the first version this would be a fragment of no bytes."""


def pack(fragments: Iterable[FragmentEntry]) -> bytes:
    """Fragments in media order, none overlapping the one before."""
    out = bytearray((MARK,))
    end_90k, last_90k = 0, TICKS
    for media_90k, duration_90k, length, is_key in fragments:
        hole_90k = media_90k - end_90k
        change = duration_90k - last_90k
        _put(out, length << 3 | is_key << 2 | (hole_90k > 0) << 1 | (change != 0))
        if change:
            _put(out, change << 1 if change > 0 else (-change << 1) - 1)
        if hole_90k > 0:
            _put(out, hole_90k)
        end_90k, last_90k = media_90k + duration_90k, duration_90k
    return bytes(out)


def unpack(packed: bytes) -> tuple[FragmentEntry, ...]:
    """What `pack` was given, in this version or the first. Raises ValueError: not made by `pack`."""
    fragments = []
    is_marked = packed[:1] == bytes((MARK,))
    at, end_90k, duration_90k = int(is_marked), 0, TICKS
    while at < len(packed):
        head, at = _take(packed, at)
        if not is_marked:
            head = head << 1 | 1
        if head & 1:
            change, at = _take(packed, at)
            duration_90k += -(change + 1 >> 1) if change & 1 else change >> 1
        hole_90k = 0
        if head & 2:
            hole_90k, at = _take(packed, at)
        media_90k = end_90k + hole_90k
        fragments.append(FragmentEntry(media_90k, duration_90k, head >> 3, bool(head & 4)))
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
