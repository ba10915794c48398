"""RTP of video (RFC 3550, RFC 4588): one packetization for all viewers of a source. Pure.

Packets are made with payload type 0 and the source's own sequence numbers; `readdress` makes them a viewer's.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from webrtc import packing
from webrtc.frames import EncodedFrame

HEADER_BYTES = 12
PACKET_BYTES_MAX = 1200
"""An RTP packet before encryption. With the tag, RTX's two bytes, UDP and IPv6 it stays below 1280, which every IPv6
path carries, a WireGuard tunnel too."""
JUMP_90K = 10 * 90_000
"""A keyframe further than this from the frame before it, or earlier, begins a new origin of `pts_90k`."""

PART_PACKETS = 32
"""Sent at once: a keyframe in one burst overruns the queues on its way."""

_HEADER = struct.Struct("!BBHII")
_PAYLOAD_BYTES_MAX = PACKET_BYTES_MAX - HEADER_BYTES
_MARKER = 0x80


@dataclass(frozen=True, slots=True)
class Part:
    """Up to `PART_PACKETS` RTP packets of one access unit, with payload type 0, made once and shared by all viewers.

    `packets[i]` has sequence number `first_seq + i` modulo 2^16. `is_key` is true of a keyframe's first part alone:
    there a viewer may begin. `payload_bytes` counts what a sender report counts.
    """

    packets: tuple[bytes, ...]
    first_seq: int
    time_90k: int
    is_first: bool
    is_last: bool
    is_key: bool
    payload_bytes: int


def packetize(frame: EncodedFrame, *, first_seq: int, time_90k: int, ssrc: int) -> list[Part]:
    """`frame` at RTP time `time_90k` (any integer; taken modulo 2^32), the marker on its last packet.

    Empty if there is no NAL unit in it.
    """
    payloads = packing.payloads(frame.data, frame.codec, _PAYLOAD_BYTES_MAX)
    parts = []
    for at in range(0, len(payloads), PART_PACKETS):
        some = payloads[at : at + PART_PACKETS]
        is_last = at + PART_PACKETS >= len(payloads)
        first = (first_seq + at) & 0xFFFF
        packets = tuple(
            _HEADER.pack(
                0x80,
                _MARKER if is_last and i == len(some) - 1 else 0,
                (first + i) & 0xFFFF,
                time_90k & 0xFFFFFFFF,
                ssrc,
            )
            + payload
            for i, payload in enumerate(some)
        )
        size = sum(map(len, some))
        parts.append(Part(packets, first, time_90k, at == 0, is_last, frame.is_key and at == 0, size))
    return parts


def readdress(
    packets: Sequence[bytes], *, payload_type: int, first_seq: int, time_90k: int | None = None
) -> list[bytes]:
    """`packets` under a viewer's payload type, numbered from `first_seq` on, at another time if one is given."""
    time = None if time_90k is None else (time_90k & 0xFFFFFFFF).to_bytes(4, "big")
    return [
        bytes((0x80, packet[1] | payload_type))
        + ((first_seq + i) & 0xFFFF).to_bytes(2, "big")
        + (packet[4:] if time is None else time + packet[8:])
        for i, packet in enumerate(packets)
    ]


def retransmission(packet: bytes, *, payload_type: int, seq: int, ssrc: int, original_seq: int) -> bytes:
    """`packet` as RFC 4588 sends it again: in a stream of its own, the original number in front of the payload."""
    return (
        struct.pack("!BBH", 0x80, packet[1] & _MARKER | payload_type, seq & 0xFFFF)
        + packet[4:8]
        + struct.pack("!IH", ssrc, original_seq)
        + packet[HEADER_BYTES:]
    )


class RtpClock:
    """Turns `pts_90k` of any origin into increasing RTP time that begins at 0. Time is an argument.

    Within a run of frames the differences of `pts_90k` are kept exactly. At a keyframe that jumps (the camera came
    back with a new origin), time advances by what has passed since the last frame.
    """

    def __init__(self) -> None:
        self._offset_90k: int | None = None
        self._last_90k = 0
        self._last_at_s = 0.0

    def rtp_time_90k(self, frame: EncodedFrame, now_s: float) -> int:
        """The time of `frame`, handed over at `now_s` of a monotonic clock."""
        if self._offset_90k is None:
            self._offset_90k = -frame.pts_90k
        elif frame.is_key and not 0 < frame.pts_90k + self._offset_90k - self._last_90k <= JUMP_90K:
            elapsed_90k = max(1, round((now_s - self._last_at_s) * 90_000))
            self._offset_90k = self._last_90k + elapsed_90k - frame.pts_90k
        self._last_90k = frame.pts_90k + self._offset_90k
        self._last_at_s = now_s
        return self._last_90k
