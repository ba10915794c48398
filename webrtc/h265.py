"""H.265 profiles and levels as SDP names them (RFC 7798, 7.1): which offered entry takes a stream. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MAIN, MAIN_10 = 1, 2
_DECODERS = {MAIN: (MAIN, MAIN_10), MAIN_10: (MAIN_10,)}
"""Profiles whose decoders decode the key's streams, best first (ITU-T H.265, A.3)."""


@dataclass(frozen=True, slots=True)
class H265Level:
    """`profile_idc` of the general profile, `tier` 0 main or 1 high, `level_idc` (thirty times the level)."""

    profile_idc: int
    tier: int
    level_idc: int

    @classmethod
    def from_sps(cls, sps: bytes) -> H265Level | None:
        """From an SPS NAL unit without start code (7.3.2.2.1); None if it is too short."""
        # profile_tier_level() follows the NAL unit's header (2 bytes) and a byte of the SPS.
        plain = sps.replace(b"\x00\x00\x03", b"\x00\x00")
        return cls(plain[3] & 0x1F, plain[3] >> 5 & 1, plain[14]) if len(plain) > 14 else None

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, str]) -> H265Level | None:
        """From the parameters of an `a=fmtp` line, with RFC 7798's values for those that are not there.

        None for what we do not send: other profile spaces, several streams (MRST, MRMT), or no number in its place.
        """
        if parameters.get("profile-space", "0") != "0" or parameters.get("tx-mode", "SRST") != "SRST":
            return None
        texts = [
            parameters.get(name, default)
            for name, default in (("profile-id", "1"), ("tier-flag", "0"), ("level-id", "93"))
        ]
        if not all(text.isascii() and text.isdigit() and len(text) <= 3 for text in texts):
            return None
        return cls(*map(int, texts))

    @property
    def fmtp(self) -> str:
        """To answer an entry with."""
        return f"level-id={self.level_idc};profile-id={self.profile_idc};tier-flag={self.tier};tx-mode=SRST"


def nearest(stream: H265Level, offered: Sequence[H265Level]) -> int | None:
    """The index in `offered` of the entry to send `stream` under; None if none decodes its profile.

    The profile decides, then the tier, then the level: the lowest that covers the stream, else the highest.
    """
    order = _DECODERS.get(stream.profile_idc, ())
    usable = [index for index, entry in enumerate(offered) if entry.profile_idc in order]

    def distance(index: int) -> tuple[int, bool, bool, int, int]:
        entry = offered[index]
        above = entry.level_idc - stream.level_idc
        return order.index(entry.profile_idc), entry.tier != stream.tier, above < 0, abs(above), index

    return min(usable, key=distance, default=None)
