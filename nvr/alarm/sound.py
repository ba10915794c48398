"""What a loudspeaker plays: the built-in chime, or a recorded message out of a WAV file. Pure."""

from __future__ import annotations

import io
import wave
from dataclasses import dataclass, field

import numpy as np

MAX_S = 60.0
RATES_HZ = range(8_000, 48_001)
SAMPLE_BYTES = 2
MAX_BYTES = int(MAX_S) * RATES_HZ[-1] * 2 * SAMPLE_BYTES + (1 << 20)
"""Of a WAV file; what is beside its sound (a picture, a comment) takes part of the last MB."""
_CHIME_HZ = 16_000
_TONES = ((659.26, 0.7), (523.25, 1.3))
"""Hz and seconds of E5 and C5."""
_PARTIALS = ((1, 0.6), (2, 0.25), (3, 0.15))


@dataclass(frozen=True, slots=True)
class Sound:
    """Uncompressed sound: `samples` are signed 16-bit little-endian numbers, `channels` of them a moment."""

    rate_hz: int
    channels: int
    samples: bytes = field(repr=False)

    @property
    def duration_s(self) -> float:
        return len(self.samples) / (SAMPLE_BYTES * self.channels * self.rate_hz)

    def silence(self, seconds: float) -> Sound:
        """Silence in the same format."""
        moments = round(seconds * self.rate_hz)
        return Sound(self.rate_hz, self.channels, bytes(moments * self.channels * SAMPLE_BYTES))

    def to_wav(self) -> bytes:
        """As a WAV file that has nothing but the sound."""
        file = io.BytesIO()
        with wave.open(file, "wb") as writer:
            writer.setnchannels(self.channels)
            writer.setsampwidth(SAMPLE_BYTES)
            writer.setframerate(self.rate_hz)
            writer.writeframes(self.samples)
        return file.getvalue()


def chime() -> Sound:
    """Two tones of a bell, falling, 2 s long."""
    tones = [_bell(hz, seconds) for hz, seconds in _TONES]
    samples = np.concatenate(tones) * 0.9 * np.iinfo(np.int16).max
    return Sound(_CHIME_HZ, 1, samples.astype("<i2").tobytes())


def from_wav(data: bytes) -> Sound:
    """The sound of a WAV file. Raises ValueError, saying what is wrong with it: no WAV file, compressed, not 16 bits a
    sample, more than two channels, a rate outside of RATES_HZ, empty, or longer than MAX_S."""
    try:
        with wave.open(io.BytesIO(data), "rb") as reader:
            rate_hz, channels, width = reader.getframerate(), reader.getnchannels(), reader.getsampwidth()
            frames = reader.readframes(reader.getnframes())
    except (wave.Error, EOFError, RuntimeError) as error:  # RuntimeError: lengths that contradict each other
        raise ValueError(f"it is no uncompressed WAV file ({error or 'cut short'})") from None
    if width != SAMPLE_BYTES:
        raise ValueError(f"it has {8 * width} bits a sample instead of 16")
    if channels > 2:
        raise ValueError(f"it has {channels} channels instead of one or two")
    if rate_hz not in RATES_HZ:
        raise ValueError(f"it has {rate_hz} samples a second instead of {RATES_HZ[0]} to {RATES_HZ[-1]}")
    whole = len(frames) // (SAMPLE_BYTES * channels) * (SAMPLE_BYTES * channels)
    sound = Sound(rate_hz, channels, frames[:whole])
    if not whole:
        raise ValueError("there is no sound in it")
    if sound.duration_s > MAX_S:
        raise ValueError(f"it is {sound.duration_s:.0f} s long instead of {MAX_S:.0f} s at most")
    return sound


def _bell(hz: float, seconds: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """A tone that begins at once and dies away, within -1 and 1."""
    t_s = np.arange(round(seconds * _CHIME_HZ)) / _CHIME_HZ
    tone = sum(share * np.sin(2 * np.pi * hz * partial * t_s) for partial, share in _PARTIALS)
    rise, fall = np.minimum(t_s / 0.005, 1.0), np.minimum((seconds - t_s) / 0.05, 1.0)
    bell: np.ndarray[tuple[int], np.dtype[np.float64]] = tone * np.exp(-3.0 * t_s) * rise * fall
    return bell
