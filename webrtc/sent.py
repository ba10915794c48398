"""What a viewer was sent last, so that it can be sent again just as it was. Pure."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from webrtc.entries import VideoEntry
from webrtc.rtp import Part


class SentPart(NamedTuple):
    """A part as one viewer got it: numbered from `first_seq` on, at `time_90k`, under `entry`."""

    first_seq: int
    part: Part
    time_90k: int
    entry: VideoEntry


class Sent:
    """The last parts sent to one viewer, of whatever stream; at most `PACKETS` packets and one part more.

    Only references to what all viewers share. libsrtp encrypts a number again only within 1024 of the highest
    (test_contract.py); older ones are gone there too.
    """

    PACKETS = 960

    def __init__(self) -> None:
        self._parts: deque[SentPart] = deque()
        self._packets = 0

    def add(self, sent: SentPart) -> None:
        """`sent` follows the parts before it without a gap in the numbers."""
        self._parts.append(sent)
        self._packets += len(sent.part.packets)
        while self._packets - len(self._parts[0].part.packets) >= self.PACKETS:
            self._packets -= len(self._parts.popleft().part.packets)

    def find(self, seq: int) -> tuple[bytes, SentPart] | None:
        """The plain packet that was sent as `seq`; None if it is gone or never was."""
        for sent in reversed(self._parts):
            index = (seq - sent.first_seq) & 0xFFFF
            if index < len(sent.part.packets):
                return sent.part.packets[index], sent
        return None
