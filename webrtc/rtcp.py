"""RTCP that a sender of video sends and understands (RFC 3550, 6; RFC 4585, 6; RFC 5104, 4.3.1). Pure."""

from __future__ import annotations

import struct
from dataclasses import dataclass

PACKETS_MAX = 32
"""Packets looked at in one compound; browsers send two or three."""

ROUND_TRIP_MAX_S = 60

_SR, _RR, _SDES, _BYE, _RTPFB, _PSFB = 200, 201, 202, 203, 205, 206
_NACK, _PLI, _FIR = 1, 1, 4
_NTP_FROM_0 = 1 << 32


class RtcpError(ValueError):
    """The bytes are no RTCP compound; they are to be dropped."""


@dataclass(frozen=True, slots=True)
class Nack:
    """The receiver misses these sequence numbers of `ssrc`."""

    ssrc: int
    seqs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PictureLoss:
    """The receiver needs a keyframe of `ssrc` (PLI, or FIR)."""

    ssrc: int


@dataclass(frozen=True, slots=True)
class ReceptionReport:
    """What the receiver says of `ssrc`: `fraction_lost` of 256 since its last report, `lost` in all (signed),
    `jitter_90k` in RTP time. `last_report`: the middle 32 bits of the NTP time of the sender report that came last, 0
    if none has; `delay` since then, in 1/65536 s."""

    ssrc: int
    fraction_lost: int
    lost: int
    highest_seq: int
    jitter_90k: int
    last_report: int = 0
    delay: int = 0


Feedback = Nack | PictureLoss | ReceptionReport


def parse(compound: bytes) -> list[Feedback]:
    """What of a compound packet (or a reduced-size one, RFC 5506) concerns a sender, in order.

    Packets of other kinds (REMB, SDES, BYE, APP, XR) are passed over. Raises RtcpError if the packets do not fill
    the bytes exactly, and no other exception.
    """
    out: list[Feedback] = []
    at = 0
    for _ in range(PACKETS_MAX):
        if at == len(compound):
            return out
        if len(compound) - at < 4 or compound[at] >> 6 != 2:
            raise RtcpError("no RTCP header")
        count, kind = compound[at] & 0x1F, compound[at + 1]
        end = at + 4 + 4 * int.from_bytes(compound[at + 2 : at + 4], "big")
        if end > len(compound):
            raise RtcpError("an RTCP packet is cut off")
        body = compound[at + 4 : end]
        if kind in (_SR, _RR):
            out += _reports(body[24 if kind == _SR else 4 :], count)
        elif kind == _RTPFB and count == _NACK and len(body) >= 12:
            out.append(Nack(int.from_bytes(body[4:8], "big"), _lost_seqs(body[8:])))
        elif kind == _PSFB and count == _PLI and len(body) >= 8:
            out.append(PictureLoss(int.from_bytes(body[4:8], "big")))
        elif kind == _PSFB and count == _FIR:
            out += [PictureLoss(int.from_bytes(body[i : i + 4], "big")) for i in range(8, len(body) - 7, 8)]
        at = end
    raise RtcpError(f"more than {PACKETS_MAX} packets in an RTCP compound")


def _reports(blocks: bytes, count: int) -> list[Feedback]:
    out: list[Feedback] = []
    for at in range(0, min(count * 24, len(blocks) - 23), 24):
        ssrc, loss, highest_seq, jitter, last, delay = struct.unpack_from("!IIIIII", blocks, at)
        lost = (loss & 0xFFFFFF) - ((loss & 0x800000) << 1)
        out.append(ReceptionReport(ssrc, loss >> 24, lost, highest_seq, jitter, last, delay))
    return out


def _lost_seqs(entries: bytes) -> tuple[int, ...]:
    """The generic NACK's pairs of a number and a mask of the sixteen after it (RFC 4585, 6.2.1)."""
    seqs = []
    for at in range(0, len(entries) - 3, 4):
        first, mask = struct.unpack_from("!HH", entries, at)
        seqs.append(first)
        seqs += [(first + 1 + bit) & 0xFFFF for bit in range(16) if mask >> bit & 1]
    return tuple(seqs)


def sender_report(*, ssrc: int, cname: str, now_s: float, time_90k: int, packets: int, octets: int) -> bytes:
    """An SR with the SDES that RFC 3550, 6.1 demands beside it.

    `now_s` is any clock that runs steadily (RFC 3550, 6.4.1 allows elapsed time); `time_90k` the RTP time at it.
    """
    report = struct.pack(
        "!BBHIQIII",
        0x80,
        _SR,
        6,
        ssrc,
        round(now_s * _NTP_FROM_0) & 0xFFFFFFFFFFFFFFFF,
        time_90k & 0xFFFFFFFF,
        packets & 0xFFFFFFFF,
        octets & 0xFFFFFFFF,
    )
    name = cname.encode("ascii")
    item = struct.pack("!BB", 1, len(name)) + name
    chunk = ssrc.to_bytes(4, "big") + item + bytes(4 - len(item) % 4)
    return report + struct.pack("!BBH", 0x81, _SDES, len(chunk) // 4) + chunk


def round_trip_s(report: ReceptionReport, now_s: float) -> float | None:
    """How long a packet and its answer took (RFC 3550, 6.4.1), `now_s` by the clock of our sender reports.

    None if the receiver has had no report of ours, or says what cannot be.
    """
    if not report.last_report:
        return None
    round_trip = (round(now_s * (1 << 16)) - report.last_report - report.delay) & 0xFFFFFFFF
    return round_trip / (1 << 16) if round_trip < ROUND_TRIP_MAX_S << 16 else None


def bye(ssrc: int) -> bytes:
    """The stream ends (RFC 3550, 6.6)."""
    return struct.pack("!BBHI", 0x81, _BYE, 1, ssrc)
