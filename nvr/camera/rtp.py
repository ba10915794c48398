"""RTP packet headers and RTCP reports. Pure. Source: RFC 3550, 5.1, 5.3.1, 6.4, 6.5."""

from __future__ import annotations

import struct
from typing import NamedTuple

from nvr.camera.rtsp import Buffer
from nvr.errors import ProtocolViolation

FIXED = struct.Struct(">BBHII")
"""Flags, marker and payload type, sequence, timestamp, SSRC."""
PLAIN = 0x80
"""Flags of a header without anything optional, as nearly all are."""
_NTP_EPOCH_S = 2_208_988_800  # 1900-01-01 to 1970-01-01
HEADER_BYTES = FIXED.size
RTP_CLOCK_HZ = 90_000
_SENDER_REPORT, _RECEIVER_REPORT, _DESCRIPTION = 200, 201, 202


class RtpHeader(NamedTuple):
    """The header of one packet; its payload is `buffer[payload_start:payload_end]`."""

    marker: bool
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload_start: int
    payload_end: int


def parse_header(buffer: Buffer, start: int, end: int) -> RtpHeader:
    """Header of the packet `buffer[start:end]`; contributing sources, extension and padding are skipped.

    Raises ProtocolViolation: too short, not version 2, or an extension or padding longer than the packet.
    """
    if end - start < HEADER_BYTES:
        raise ProtocolViolation(f"RTP packet of {end - start} bytes is shorter than its header")
    flags, kind, sequence, timestamp, ssrc = FIXED.unpack_from(buffer, start)
    if flags & 0xC0 != 0x80:
        raise ProtocolViolation(f"RTP packet of version {flags >> 6} instead of 2")
    payload, payload_end = start + HEADER_BYTES, end
    if flags & 0x3F:
        payload += 4 * (flags & 0x0F)
        if flags & 0x10 and payload + 4 <= end:
            payload += 4 + 4 * int.from_bytes(buffer[payload + 2 : payload + 4], "big")
        elif flags & 0x10:
            raise ProtocolViolation(f"RTP packet {sequence}: header extension runs past the end")
        if flags & 0x20:
            payload_end -= buffer[end - 1]
        if payload > payload_end or (flags & 0x20 and payload_end == end):
            raise ProtocolViolation(f"RTP packet {sequence}: extension or padding runs past the end")
    return RtpHeader(kind > 0x7F, kind & 0x7F, sequence, timestamp, ssrc, payload, payload_end)


def peek(packet: bytes) -> tuple[int, int, int] | None:
    """(sequence, timestamp, SSRC) of a datagram, None if it is no RTP packet."""
    if len(packet) < HEADER_BYTES or packet[0] & 0xC0 != 0x80:
        return None
    _, _, sequence, timestamp, ssrc = FIXED.unpack_from(packet)
    return sequence, timestamp, ssrc


def pack_header(*, marker: bool, payload_type: int, sequence: int, timestamp: int, ssrc: int) -> bytes:
    """A header without contributing sources, extension and padding."""
    return FIXED.pack(0x80, marker << 7 | payload_type, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)


def sender_report(
    *, ssrc: int, wall_s: float, timestamp: int, packets: int, payload_bytes: int, cname: str
) -> bytes:
    """A compound RTCP packet, sender report and CNAME: `timestamp` (RTP) was sampled at `wall_s` (since 1970)."""
    ntp = round((wall_s + _NTP_EPOCH_S) * (1 << 32)) & (1 << 64) - 1
    report = struct.pack(
        ">BBHIQIII",
        0x80,
        _SENDER_REPORT,
        6,
        ssrc,
        ntp,
        timestamp & 0xFFFFFFFF,
        packets & 0xFFFFFFFF,
        payload_bytes & 0xFFFFFFFF,
    )
    return report + _description(ssrc, cname)


class ReportBlock(NamedTuple):
    """What one receiver says of `source`: `fraction_lost` in 1/256 since its last report, `lost` packets in all,
    `highest_sequence` with the count of wraps above 16 bits, `jitter` in RTP time, the middle 32 bits of the NTP
    time of the `last_report` from the sender (0: none) and the `delay` since that arrived, in 1/65536 s."""

    source: int
    fraction_lost: int
    lost: int
    highest_sequence: int
    jitter: int
    last_report: int
    delay: int


def receiver_report(*, ssrc: int, block: ReportBlock | None, cname: str) -> bytes:
    """A compound RTCP packet, receiver report and CNAME."""
    body = struct.pack(">I", ssrc)
    if block is not None:
        lost = block.fraction_lost << 24 | block.lost & 0xFF_FFFF
        rest = (block.highest_sequence, block.jitter, block.last_report, block.delay)
        body += struct.pack(">6I", block.source, lost, *(value & 0xFFFF_FFFF for value in rest))
    head = struct.pack(">BBH", 0x80 | (block is not None), _RECEIVER_REPORT, len(body) // 4)
    return head + body + _description(ssrc, cname)


def parse_sender_report(packet: bytes) -> tuple[int, int] | None:
    """(SSRC, middle 32 bits of the NTP time) of a compound packet that starts with a sender report, else None."""
    if len(packet) < 28 or packet[0] & 0xC0 != 0x80 or packet[1] != _SENDER_REPORT:
        return None
    ssrc, ntp = struct.unpack_from(">IQ", packet, 4)
    return ssrc, ntp >> 16 & 0xFFFF_FFFF


class SenderTime(NamedTuple):
    """The RTP `timestamp` of `ssrc` that belongs to `ntp_s`, seconds by the sender's clock."""

    ssrc: int
    ntp_s: float
    timestamp: int


def parse_sender_time(packet: bytes) -> SenderTime | None:
    """From a compound packet that starts with a sender report, else None; None too where the sender has no clock."""
    if len(packet) < 28 or packet[0] & 0xC0 != 0x80 or packet[1] != _SENDER_REPORT:
        return None
    ssrc, ntp, timestamp = struct.unpack_from(">IQI", packet, 4)
    return SenderTime(ssrc, ntp / (1 << 32), timestamp) if ntp else None


def _description(ssrc: int, cname: str) -> bytes:
    """A source description with the CNAME."""
    name = cname.encode()[:255]
    item = struct.pack(">IBB", ssrc, 1, len(name)) + name
    item += bytes(4 - len(item) % 4)  # at least one zero byte ends the list of items
    return struct.pack(">BBH", 0x81, _DESCRIPTION, len(item) // 4) + item
