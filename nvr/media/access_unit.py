"""One encoded picture, and what stands between two of them when something is missing. Pure."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal

from nvr.events import StreamKey
from nvr.media.nal import unescaped

Codec = Literal["h264", "h265"]


@dataclass(frozen=True, slots=True)
class CodecConfig:
    """What a decoder needs before the first picture. Compared by value: a change starts a new segment.

    `sps`, `pps`, with H.265 also `vps`: NAL units without start code or length (ISO/IEC 14496-10, 7.3.2; ISO/IEC
    23008-2, 7.3.2). `width`, `height`: displayed pixels after cropping. `reorders`: whether the SPS allows B-frame
    reordering.
    """

    codec: Codec
    sps: bytes
    pps: bytes
    width: int
    height: int
    reorders: bool
    vps: bytes = b""

    @property
    def parameter_sets(self) -> tuple[bytes, ...]:
        """All of them, in the order in which decoders want them."""
        return (self.vps, self.sps, self.pps) if self.codec == "h265" else (self.sps, self.pps)

    @property
    def rfc6381(self) -> str:
        """Codec string for browsers, e.g. "avc1.640028" (RFC 6381, 3.3), "hvc1.1.6.L93.B0" (ISO/IEC 14496-15, E.3)."""
        if self.codec == "h264":
            return f"avc1.{self.sps[1:4].hex()}"
        # profile_tier_level() follows the NAL unit's header (2 bytes) and a byte of the SPS.
        profile, compatibility, constraints, level = struct.unpack(">B4s6sB", unescaped(self.sps)[3:15])
        flags = int.from_bytes(compatibility, "big")
        reversed_flags = int(format(flags, "032b")[::-1], 2)
        parts = [
            f"{('', 'A', 'B', 'C')[profile >> 6]}{profile & 0x1F}",
            f"{reversed_flags:x}",
            f"{'H' if profile & 0x20 else 'L'}{level}",
            *(f"{byte:X}" for byte in constraints.rstrip(b"\x00")),
        ]
        return ".".join(["hvc1", *parts])


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One encoded picture; made once by the camera's task and shared by reference, so nobody may change it.

    `data`: its NAL units, each behind a 4-byte big-endian length (ISO/IEC 14496-15, 5.3); parameter sets and
    access unit delimiters left out, SEI kept.
    `pts_90k`: presentation time in 1/90000 s, unwrapped from RTP, counted from the stream's first picture; in a
    stream with B-frames not monotonic, because units come in decode order. RTP carries no decode time, so none
    stands here: the recorder derives it within each fragment.
    `received_mono_s`: `Clock.monotonic()` when the last byte arrived.
    """

    stream: StreamKey
    config: CodecConfig
    data: bytes
    pts_90k: int
    is_key: bool
    received_mono_s: float


@dataclass(frozen=True, slots=True)
class Discontinuity:
    """Pictures are missing, or time jumped, between the unit before and the unit after.

    `cause`: "loss" (RTP packets lost), "reconnect" (connection or camera lost), "timestamp" (media clock jumped),
    "overflow" (our own queue was full).
    """

    stream: StreamKey
    cause: Literal["loss", "reconnect", "timestamp", "overflow"]
    at_mono_s: float


MediaItem = AccessUnit | Discontinuity
