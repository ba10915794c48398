"""H.264 profiles and levels as SDP names them (RFC 6184, 8.1): which offered entry is nearest a stream. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto


class Profile(Enum):
    CONSTRAINED_BASELINE = auto()
    BASELINE = auto()
    MAIN = auto()
    CONSTRAINED_HIGH = auto()
    HIGH = auto()
    HIGH_444 = auto()


_CB, _B, _M, _CH, _H, _444 = Profile

# For a stream of the key's profile the entries to prefer, best first: its own, those whose decoders decode it as
# well, and last those that promise less than the stream needs, where playing is luck.
# Baseline stands beside Constrained Baseline because cameras that say Baseline do not use what sets it apart.
_NEAREST: dict[Profile, tuple[Profile, ...]] = {
    _CB: (_CB, _B, _M, _CH, _H, _444),
    _B: (_B, _CB, _M, _CH, _H, _444),
    _M: (_M, _H, _444, _CH, _CB, _B),
    _CH: (_CH, _H, _444, _M, _CB, _B),
    _H: (_H, _444, _CH, _M, _CB, _B),
    _444: (_444, _H, _CH, _M, _CB, _B),
}


@dataclass(frozen=True, slots=True)
class ProfileLevel:
    """A profile and `level_idc` (ten times the level: 31 is level 3.1)."""

    profile: Profile
    level_idc: int

    @classmethod
    def from_bytes(cls, profile_idc: int, constraints: int, level_idc: int) -> ProfileLevel | None:
        """From the three bytes that begin an SPS and make up `profile-level-id`; None for an unknown profile.

        The constraint flags count as in table 5 of RFC 6184; flags without a meaning for the profile are ignored.
        """
        match profile_idc:
            case 0x42:
                profile = _CB if constraints & 0x40 else _B
            case 0x4D:
                profile = _CB if constraints & 0x80 else _M
            case 0x58 if constraints & 0x80:
                profile = _CB if constraints & 0x40 else _B
            case 0x64:
                profile = _CH if constraints & 0x0C == 0x0C else _H
            case 0xF4 | 0x7A | 0x6E:
                profile = _444
            case _:
                return None
        return cls(profile, level_idc)

    @classmethod
    def from_sps(cls, sps: bytes) -> ProfileLevel | None:
        """From an SPS NAL unit without start code; None if it is too short or of an unknown profile."""
        return cls.from_bytes(*sps[1:4]) if len(sps) >= 4 else None

    @classmethod
    def from_hex(cls, profile_level_id: str) -> ProfileLevel | None:
        """From the six hexadecimal digits of `profile-level-id`; None if they are no such thing."""
        if not re.fullmatch("[0-9A-Fa-f]{6}", profile_level_id):
            return None
        return cls.from_bytes(*bytes.fromhex(profile_level_id))


def nearest(stream: ProfileLevel, offered: Sequence[ProfileLevel]) -> int | None:
    """The index in `offered` of the entry to answer for `stream`; None if `offered` is empty.

    The profile decides, then the level: the lowest that covers the stream, else the highest; then the order of
    the offer. Browsers offer level 3.1 whatever they decode, so a level too low rules nothing out.
    """
    order = _NEAREST[stream.profile]

    def distance(index: int) -> tuple[int, bool, int, int]:
        entry = offered[index]
        above = entry.level_idc - stream.level_idc
        return order.index(entry.profile), above < 0, abs(above), index

    return min(range(len(offered)), key=distance, default=None)
