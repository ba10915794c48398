"""Encoded audio of a stream, beside its pictures, and what an AudioSpecificConfig says. Pure.

Source: ISO/IEC 14496-3:2019, 1.6.2.1 AudioSpecificConfig, 4.4.1 GASpecificConfig.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from nvr.events import StreamKey

AudioCodec = Literal["aac", "alaw", "ulaw"]
G711_HZ = 8000
MAX_SPECIFIC_BYTES = 64
MAX_RATE_HZ = 96_000
MAX_CHANNELS = 8
AAC_LC, SBR, PS = 2, 5, 29
_RATES_HZ = (
    96_000,
    88_200,
    64_000,
    48_000,
    44_100,
    32_000,
    24_000,
    22_050,
    16_000,
    12_000,
    11_025,
    8000,
    7350,
)


@dataclass(frozen=True, slots=True)
class AudioConfig:
    """What a decoder needs before the first unit. Compared by value: a change starts a new segment.

    `rate_hz`, `channels`: as the track says. `specific`: the AudioSpecificConfig, empty for G.711. `frame_samples`:
    samples at `rate_hz` in each AAC frame, 0 for G.711, whose units have as many samples as they have bytes a channel.
    """

    codec: AudioCodec
    rate_hz: int
    channels: int
    specific: bytes = b""
    frame_samples: int = 0

    @property
    def rfc6381(self) -> str:
        """Codec string for browsers, "mp4a.40.2" (RFC 6381, 3.3); G.711 has none, so its sample entry's name."""
        if self.codec != "aac":
            return self.codec
        return f"mp4a.40.{self.specific[0] >> 3}"

    def samples_of(self, data: bytes) -> int:
        """How many samples a channel `data` holds."""
        return self.frame_samples or len(data) // self.channels


@dataclass(frozen=True, slots=True)
class AudioUnit:
    """One AAC frame, or the G.711 samples of one packet; made once by the camera's task, shared by reference.

    `pts_90k`: when its first sample is heard, on the time line of its stream's pictures (`AccessUnit.pts_90k`).
    `duration_90k`: as its number of samples says. `received_mono_s`: as in `AccessUnit`.
    """

    stream: StreamKey
    config: AudioConfig
    data: bytes = field(repr=False)
    pts_90k: int
    duration_90k: int
    received_mono_s: float


def g711_config(codec: Literal["alaw", "ulaw"], channels: int = 1) -> AudioConfig:
    """Raises ValueError: not 1 or 2 channels."""
    if channels not in (1, 2):
        raise ValueError(f"G.711 with {channels} channels")
    return AudioConfig(codec, G711_HZ, channels)


def aac_config(specific: bytes, clock_hz: int) -> AudioConfig:
    """From an AudioSpecificConfig. `clock_hz`: of the RTP timestamps, which count the samples that are heard: with SBR
    twice as many as are coded.

    Raises ValueError: truncated or longer than 64 bytes, not AAC-LC or HE-AAC, or a rate, number of channels or frame
    length that nobody sends.
    """
    if len(specific) > MAX_SPECIFIC_BYTES:
        raise ValueError(f"AudioSpecificConfig of {len(specific)} bytes")
    bits = _Bits(specific)
    kind = _object_type(bits)
    rate_hz = _rate_hz(bits)
    channels = bits.take(4)
    if kind in (SBR, PS):
        _rate_hz(bits)
        kind = _object_type(bits)
    if kind != AAC_LC:
        raise ValueError(f"audio object type {kind}")
    coded_samples = 960 if bits.take(1) else 1024
    channels = 8 if channels == 7 else channels  # 7 means 7.1 (table 1.19)
    if not 8000 <= rate_hz <= MAX_RATE_HZ or not 1 <= channels <= MAX_CHANNELS:
        raise ValueError(f"{rate_hz} Hz and {channels} channels")
    if clock_hz not in (rate_hz, 2 * rate_hz):
        raise ValueError(f"{rate_hz} Hz with timestamps of {clock_hz} Hz")
    return AudioConfig("aac", clock_hz, channels, specific, coded_samples * clock_hz // rate_hz)


def aac_lc_specific(rate_hz: int, channels: int) -> bytes:
    """The AudioSpecificConfig of AAC-LC with frames of 1024 samples. Raises ValueError: no standard rate, or more than
    6 channels."""
    if rate_hz not in _RATES_HZ or not 1 <= channels <= 6:
        raise ValueError(f"{rate_hz} Hz and {channels} channels")
    return (AAC_LC << 11 | _RATES_HZ.index(rate_hz) << 7 | channels << 3).to_bytes(2, "big")


class _Bits:
    def __init__(self, data: bytes):
        self._value, self._left = int.from_bytes(data, "big"), 8 * len(data)

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise ValueError("AudioSpecificConfig is truncated")
        return self._value >> self._left & (1 << count) - 1


def _object_type(bits: _Bits) -> int:
    kind = bits.take(5)
    return 32 + bits.take(6) if kind == 31 else kind


def _rate_hz(bits: _Bits) -> int:
    index = bits.take(4)
    if index == 15:
        return bits.take(24)
    if index >= len(_RATES_HZ):
        raise ValueError(f"sampling frequency index {index}")
    return _RATES_HZ[index]
