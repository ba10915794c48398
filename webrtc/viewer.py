"""One viewer's place in what it is shown: its numbers, what it reports, what it is sent again."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol

from webrtc import rtcp, rtp
from webrtc.bucket import Bucket
from webrtc.entries import VideoEntry, choose
from webrtc.frames import FrameSource
from webrtc.mux import Path
from webrtc.peer import Peer
from webrtc.rtp import Part
from webrtc.sent import Sent, SentPart
from webrtc.srtp import Srtp

RETRANSMISSIONS_PER_S = 600
STARTS_PER_S = 0.5


@dataclass(frozen=True, slots=True)
class Voice:
    """What all streams of this appliance are sent under. Each viewer has one connection and sees one of them."""

    ssrc: int = field(default_factory=lambda: secrets.randbelow(1 << 30) * 4)
    cname: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def rtx_ssrc(self) -> int:
        return self.ssrc + 1

    @property
    def audio_ssrc(self) -> int:
        return self.ssrc + 2


class Place(Enum):
    WAITING = auto()
    """For the next keyframe."""
    STARTING = auto()
    """Behind the others: takes what is in its backlog, at a pace of its own."""
    LIVE = auto()


class Stage(Protocol):
    """What shows a source to viewers; `ended`: why, once there is nothing more to show."""

    @property
    def source(self) -> FrameSource: ...

    @property
    def ended(self) -> str | None: ...

    async def start(self, viewer: Viewer) -> None: ...

    def leave(self, viewer: Viewer) -> None: ...


class Viewer:
    """Numbers and counters of one viewer.

    A viewer's sequence numbers are the source's plus `offset`, modulo 2^16, so that they have no gap where pictures
    were left out; its times are the source's plus `time_offset_90k`. `time_offset_90k` is None where the viewer has
    come from another source and has not been sent anything of this one. `entries` are those of the answer.
    """

    def __init__(self, peer: Peer, entries: Sequence[VideoEntry], voice: Voice):
        self.peer = peer
        self.entry = entries[0]
        self.fanout: Stage | None = None
        self.place = Place.WAITING
        self.wants_start = asyncio.Event()
        self.backlog: deque[Part] = deque()
        """What a starting viewer is still to be sent; bounded by the cached GOP and the time it takes."""
        self.unsure: Part | None = None
        """Of this, which is to be sent once more, an unknown number of packets has left under the next numbers."""
        self.offset = 0
        self.next_seq: int | None = None
        self.time_offset_90k: int | None = 0
        self.last_time_90k, self.last_at_s = 0, 0.0
        self.packets = self.octets = self.frames_sent = self.retransmitted = 0
        self.reported: rtcp.ReceptionReport | None = None
        self.round_trip_s: float | None = None
        self.on_report: Callable[[rtcp.ReceptionReport], None] | None = None
        self._entries, self._voice = entries, voice
        self._sent = Sent()
        self._rtx_seq = 0
        self._retransmissions = Bucket(per_second=RETRANSMISSIONS_PER_S, burst=RETRANSMISSIONS_PER_S)
        self._starts = Bucket(per_second=STARTS_PER_S, burst=2)

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

    def entry_for(self, source: FrameSource) -> VideoEntry | None:
        """What `source` would be sent under; None if the client cannot take it, or the source is not known yet."""
        codec, sps = source.codec, source.sps
        return None if codec is None or sps is None else choose(self._entries, codec, sps)

    def enter(self, fanout: Stage, entry: VideoEntry) -> None:
        """Be a viewer of `fanout` from now on, which is to begin with a keyframe."""
        self.fanout, self.entry = fanout, entry
        self.place = Place.WAITING
        self.backlog.clear()
        if self.has_started:
            self.time_offset_90k = None
        self.wants_start.set()

    def join(self, part: Part) -> None:
        """`part` is the next that is sent."""
        if self.unsure is not None and self.unsure is not part and self.next_seq is not None:
            # Another content under the same numbers would use a key stream twice.
            self.next_seq = (self.next_seq + len(self.unsure.packets)) & 0xFFFF
            self.unsure = None
        if self.next_seq is None:
            # In the lower half: a receiver that loses the packets around the first wrap of the numbers would
            # otherwise count their turns differently than we (RFC 3711, 3.3.1). One bit, so that viewers share offsets.
            self.next_seq = part.first_seq & 0x7FFF
        self.offset = (self.next_seq - part.first_seq) & 0xFFFF

    def count(self, sent: SentPart, now_s: float) -> None:
        """`sent` was sent."""
        part, self.unsure = sent.part, None
        self._sent.add(sent)
        self.next_seq = (sent.first_seq + len(part.packets)) & 0xFFFF
        self.last_time_90k, self.last_at_s = sent.time_90k, now_s
        self.packets += len(part.packets)
        self.octets += part.payload_bytes
        self.frames_sent += part.is_last

    def hear(self, feedback: rtcp.Feedback, now_s: float) -> None:
        """What the client says of its video; anything else is passed over."""
        if feedback.ssrc != self._voice.ssrc:
            return
        match feedback:
            case rtcp.Nack():
                self._send_again(feedback.seqs, now_s)
            case rtcp.PictureLoss():
                if self.place is Place.LIVE and self._starts.take(now_s):
                    self.wants_start.set()
            case rtcp.ReceptionReport():
                self.reported = feedback
                self.round_trip_s = rtcp.round_trip_s(feedback, now_s)
                if self.on_report is not None:
                    self.on_report(feedback)

    def _send_again(self, seqs: Sequence[int], now_s: float) -> None:
        for seq in seqs:
            if not self._retransmissions.take(now_s):
                return
            found = self._sent.find(seq)
            if found is None:
                continue
            packet, sent = found
            entry = sent.entry
            (again,) = rtp.readdress(
                [packet], payload_type=entry.payload_type, first_seq=seq, time_90k=sent.time_90k
            )
            if entry.rtx_payload_type is not None:
                again = rtp.retransmission(
                    again,
                    payload_type=entry.rtx_payload_type,
                    seq=self._rtx_seq,
                    ssrc=self._voice.rtx_ssrc,
                    original_seq=seq,
                )
                self._rtx_seq += 1
            self.retransmitted += 1
            self.peer.send_rtp(again)
