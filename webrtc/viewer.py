"""One viewer's place in the stream of a source."""

from __future__ import annotations

import asyncio
from collections import deque
from enum import Enum, auto

from webrtc.bucket import Bucket
from webrtc.mux import Path
from webrtc.peer import Peer
from webrtc.rtp import Picture
from webrtc.srtp import Srtp

RETRANSMISSIONS_PER_S = 600
STARTS_PER_S = 0.5


class Place(Enum):
    WAITING = auto()
    """For the next keyframe."""
    STARTING = auto()
    """Behind the others: takes the cached GOP, faster than real time."""
    LIVE = auto()


class Viewer:
    """Numbers and counters of one viewer.

    A viewer's sequence numbers are the source's plus `offset`, modulo 2^16, so that they have no gap where pictures
    were left out. `run_packets` counts what was sent under the present offset and with the source's own times: these
    alone can be sent again from the source's ring.
    """

    def __init__(self, peer: Peer, *, payload_type: int, rtx_payload_type: int | None):
        self.peer = peer
        self.payload_type, self.rtx_payload_type = payload_type, rtx_payload_type
        self.place = Place.WAITING
        self.wants_start = asyncio.Event()
        self.wants_start.set()
        self.backlog: deque[Picture] = deque()
        """What a starting viewer is still to be sent; bounded by the cached GOP and the time it takes."""
        self.offset = 0
        self.next_seq: int | None = None
        self.run_packets = 0
        self.rtx_seq = 0
        self.last_time_90k = 0
        self.packets = self.octets = 0
        self.frames_sent = self.bytes_sent = 0
        self.retransmissions = Bucket(per_second=RETRANSMISSIONS_PER_S, burst=RETRANSMISSIONS_PER_S)
        self.starts = Bucket(per_second=STARTS_PER_S, burst=2)

    @property
    def path(self) -> Path | None:
        return self.peer.path

    @property
    def srtp(self) -> Srtp | None:
        return self.peer.srtp

    @property
    def has_started(self) -> bool:
        return self.next_seq is not None

    @property
    def lag_90k(self) -> int:
        """How far a starting viewer is behind."""
        return self.backlog[-1].time_90k - self.backlog[0].time_90k if self.backlog else 0

    def join(self, picture: Picture) -> None:
        """`picture`, a keyframe, is the next that is sent."""
        if self.next_seq is None:
            # In the lower half: a receiver that loses the packets around the first wrap of the numbers would
            # otherwise count their turns differently than we (RFC 3711, 3.3.1). One bit, so that viewers share offsets.
            self.next_seq = picture.first_seq & 0x7FFF
        self.offset = (self.next_seq - picture.first_seq) & 0xFFFF
        self.run_packets = 0
        self.wants_start.clear()

    def count(self, picture: Picture, time_90k: int, *, is_original: bool) -> None:
        """`picture` was sent, at its own time (`is_original`) or at another."""
        count = len(picture.packets)
        self.next_seq = (picture.first_seq + count + self.offset) & 0xFFFF
        self.run_packets = self.run_packets + count if is_original else 0
        self.last_time_90k = time_90k
        self.packets += count
        self.octets += picture.payload_bytes
        self.frames_sent += 1
        self.bytes_sent += picture.encoded_bytes
