"""How clips may be changed before they are looked at. Pure, but for naming the encoder's rates."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nvr.camera.av_encode import GOP_S, Rate
from nvr.errors import ConfigError

PLACE = "nvr evaluate"
FAITHFUL = Rate(crf=18)
"""Clips that must be encoded, and nothing else is asked for: next to nothing is lost."""
_RATE = re.compile(r"(?:crf=([0-9]{1,2}))|(?:(vbr|cbr)=([0-9]{1,5}(?:\.[0-9]{1,3})?)([kM]))", re.ASCII)
_SECONDS = re.compile(r"([0-9]{1,5}(?:\.[0-9]{1,3})?)(s|m|h)", re.ASCII)
_UNIT_S = {"s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Variation:
    """`rate`, `fps`, `gop_s`: encode anew so (None: leave that as it is). `lose_s`: so much of the stream is lost in
    the middle."""

    rate: Rate | None = None
    fps: float | None = None
    gop_s: float | None = None
    lose_s: float = 0.0

    @property
    def encodes(self) -> bool:
        return self.rate is not None or self.fps is not None or self.gop_s is not None

    @property
    def rate_or_faithful(self) -> Rate:
        return self.rate or FAITHFUL

    @property
    def gop_or_live_s(self) -> float:
        return self.gop_s or GOP_S


def parse_rate(text: str) -> Rate:
    """A rate from "crf=30", "vbr=1M" or "cbr=500k" (bits a second). Raises ConfigError naming --encode."""
    found = _RATE.fullmatch(text)
    bits_per_s = float(found[3]) * (1000 if found[4] == "k" else 1_000_000) if found and found[2] else 0.0
    if not found or (found[1] and int(found[1]) > 51) or (found[2] and not 10_000 <= bits_per_s <= 1e8):
        allowed = "crf=0 to crf=51, vbr=BITS or cbr=BITS a second, as in vbr=1M, cbr=500k"
        raise ConfigError(PLACE, "--encode", f'"{text[:40]}" is no rate', allowed)
    if found[1]:
        return Rate(crf=float(found[1]))
    return Rate(bits_per_s=round(bits_per_s), capped=found[2] == "cbr")


def parse_seconds(text: str, option: str, *, most_s: float) -> float:
    """Seconds from "2s", "90m", "1h". Raises ConfigError naming `option`."""
    found = _SECONDS.fullmatch(text)
    seconds = float(found[1]) * _UNIT_S[found[2]] if found else 0.0
    if not 0 < seconds <= most_s:
        allowed = f"a time up to {most_s:g} s, as in 2s, 30m, 1h"
        raise ConfigError(PLACE, option, f'"{text[:20]}" is no time', allowed)
    return seconds
