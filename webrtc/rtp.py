"""RTP of H.264 (RFC 3550, RFC 6184 mode 1, RFC 4588): one packetization for all viewers of a source. Pure.

Packets are made with payload type 0 and the source's own sequence numbers; `readdress` makes them a viewer's.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from webrtc.frames import EncodedFrame

HEADER_BYTES = 12
PACKET_BYTES_MAX = 1200
"""An RTP packet before encryption. With the tag, RTX's two bytes, UDP and IPv6 it stays below 1280, which every IPv6
path carries, a WireGuard tunnel too."""
JUMP_90K = 10 * 90_000
"""A keyframe further than this from the frame before it, or earlier, begins a new origin of `pts_90k`."""

_HEADER = struct.Struct("!BBHII")
_PAYLOAD_BYTES_MAX = PACKET_BYTES_MAX - HEADER_BYTES
_MARKER = 0x80
_STAP_A, _FU_A = 24, 28
_LEFT_OUT = frozenset((9, 12))
"""Access unit delimiters and filler say nothing to a decoder behind RTP."""


def nal_units(annex_b: bytes) -> Iterator[bytes]:
    """The NAL units of an Annex B access unit without start codes and trailing zeros; empty ones are left out."""
    start = annex_b.find(b"\x00\x00\x01")
    while start >= 0:
        start += 3
        end = annex_b.find(b"\x00\x00\x01", start)
        # A NAL unit never ends in zero (7.4.1 of H.264): zeros belong to the next start code or are trailing.
        nal = annex_b[start : end if end >= 0 else len(annex_b)].rstrip(b"\x00")
        if nal:
            yield nal
        start = end


def payloads(annex_b: bytes) -> list[bytes]:
    """The RTP payloads of an access unit, in order; empty if there is no NAL unit in it.

    Small NAL units that follow each other share a STAP-A, as parameter sets do; large ones are cut into FU-As that
    are all as long as a payload may be but for the last, so that the kernel can segment them.
    """
    out: list[bytes] = []
    small: list[bytes] = []
    small_bytes = 1

    def flush() -> None:
        nonlocal small_bytes
        if len(small) == 1:
            out.append(small[0])
        elif small:
            indicator = max(nal[0] & 0x60 for nal in small) | _STAP_A
            out.append(bytes([indicator]) + b"".join(len(nal).to_bytes(2, "big") + nal for nal in small))
        small.clear()
        small_bytes = 1

    for nal in nal_units(annex_b):
        if nal[0] & 0x1F in _LEFT_OUT:
            continue
        if small_bytes + 2 + len(nal) > _PAYLOAD_BYTES_MAX:
            flush()
        if len(nal) > _PAYLOAD_BYTES_MAX:
            out += _fragments(nal)
        else:
            small.append(nal)
            small_bytes += 2 + len(nal)
    flush()
    return out


def _fragments(nal: bytes) -> Iterator[bytes]:
    indicator, kind = nal[0] & 0xE0 | _FU_A, nal[0] & 0x1F
    step = _PAYLOAD_BYTES_MAX - 2
    for at in range(1, len(nal), step):
        flags = (0x80 if at == 1 else 0) | (0x40 if at + step >= len(nal) else 0)
        yield bytes((indicator, flags | kind)) + nal[at : at + step]


@dataclass(frozen=True, slots=True)
class Picture:
    """One access unit as RTP packets with payload type 0, made once and shared by all viewers.

    `packets[i]` has sequence number `first_seq + i` modulo 2^16. `payload_bytes` counts what a sender report counts,
    `encoded_bytes` is the access unit's size.
    """

    packets: tuple[bytes, ...]
    first_seq: int
    time_90k: int
    is_key: bool
    payload_bytes: int
    encoded_bytes: int


def packetize(frame: EncodedFrame, *, first_seq: int, time_90k: int, ssrc: int) -> Picture:
    """`frame` at RTP time `time_90k` (any integer; taken modulo 2^32), the marker on its last packet."""
    parts = payloads(frame.data)
    last = len(parts) - 1
    packets = tuple(
        _HEADER.pack(0x80, _MARKER if i == last else 0, (first_seq + i) & 0xFFFF, time_90k & 0xFFFFFFFF, ssrc)
        + part
        for i, part in enumerate(parts)
    )
    return Picture(packets, first_seq, time_90k, frame.is_key, sum(map(len, parts)), len(frame.data))


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


class PacketRing:
    """The last `SIZE` packets of a source in plain text, by their sequence number, for retransmission."""

    SIZE = 1024

    def __init__(self) -> None:
        self._packets: list[tuple[int, bytes]] = [(-1, b"")] * self.SIZE

    def add(self, picture: Picture) -> None:
        for i, packet in enumerate(picture.packets):
            seq = (picture.first_seq + i) & 0xFFFF
            self._packets[seq % self.SIZE] = (seq, packet)

    def get(self, seq: int) -> bytes | None:
        """The packet that last had the number `seq`; None if it is gone."""
        known, packet = self._packets[seq % self.SIZE]
        return packet if known == seq else None


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
