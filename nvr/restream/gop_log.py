"""The packets of a stream since its last keyframe, and how far each receiver has got in them. Pure.

Receivers have no queues of their own: one that is slow stands further back in the common log, and where the next
keyframe begins another log, it goes on from there.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MAX_BYTES = 8 << 20
MAX_PIECES = 8000


@dataclass(slots=True, eq=False)
class Piece:
    """Packets that belong together: of a picture, a sound, or a report on `track`."""

    track: str
    packets: list[bytes]
    is_report: bool = False
    _framed: dict[int, bytes] = field(default_factory=dict)

    def on_channel(self, channel: int) -> bytes:
        """The packets as interleaved frames (RFC 2326, 10.12), made once for all receivers on that channel."""
        known = self._framed.get(channel)
        if known is None:
            parts: list[bytes] = []
            for packet in self.packets:
                parts += (b"$", bytes((channel,)), len(packet).to_bytes(2, "big"), packet)
            known = self._framed[channel] = b"".join(parts)
        return known


class GopLog:
    """`is_whole`: it begins with a keyframe, so that a receiver may enter at its start."""

    def __init__(self, *, is_whole: bool):
        self.is_whole = is_whole
        self.pieces: list[Piece] = []
        self._bytes = 0

    def add(self, piece: Piece) -> None:
        self.pieces.append(piece)
        self._bytes += sum(map(len, piece.packets))

    @property
    def is_full(self) -> bool:
        """Whether another must be begun, with or without a keyframe."""
        return self._bytes > MAX_BYTES or len(self.pieces) > MAX_PIECES


class Cursor:
    """One receiver's place. `dropped`: pieces that it did not get because it was too slow."""

    def __init__(self, log: GopLog):
        self.dropped = 0
        self._log, self._at = log, 0
        self._waits = not log.is_whole

    def peek(self) -> Piece | None:
        """What comes next; None: nothing yet."""
        if self._waits or self._at >= len(self._log.pieces):
            return None
        return self._log.pieces[self._at]

    def step(self) -> None:
        """What `peek` gave is dealt with."""
        self._at += 1

    @property
    def waits_for_key(self) -> bool:
        return self._waits

    def turn(self, log: GopLog) -> None:
        """The stream goes on in another log."""
        behind = len(self._log.pieces) - self._at
        if not self._waits:
            self.dropped += behind
        self._waits = not log.is_whole and (self._waits or behind > 0)
        self._log, self._at = log, 0
