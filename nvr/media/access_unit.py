"""One encoded picture, and what stands between two of them when something is missing. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nvr.events import StreamKey

Codec = Literal["h264"]


@dataclass(frozen=True, slots=True)
class CodecConfig:
    """What a decoder needs before the first picture. Compared by value: a change starts a new segment.

    `sps`, `pps`: NAL units without start code or length (ISO/IEC 14496-10, 7.3.2.1 and 7.3.2.2).
    `width`, `height`: displayed pixels after cropping. `reorders`: whether the SPS allows B-frame reordering.
    """

    codec: Codec
    sps: bytes
    pps: bytes
    width: int
    height: int
    reorders: bool

    @property
    def rfc6381(self) -> str:
        """Codec string for browsers, e.g. "avc1.640028" (RFC 6381, 3.3)."""
        return f"avc1.{self.sps[1:4].hex()}"


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
