"""Real AAC and G.711 for the tests of `nvr/record/`, and what PyAV finds of it in a file."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import chain

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from record_streams import GATE

from nvr.media.access_unit import AccessUnit, MediaItem
from nvr.media.audio import AudioCodec, AudioConfig, AudioUnit, aac_config, g711_config

CODEC_NAMES = {"aac": "aac", "alaw": "pcm_alaw", "ulaw": "pcm_mulaw"}
G711_SAMPLES = 320


def beeps(seconds: float, rate_hz: int, *, every_s: float = 1.0) -> np.ndarray:
    """A tone of 0.1 s at each multiple of `every_s`, else silence; 16-bit samples."""
    at_s = np.arange(int(seconds * rate_hz)) / rate_hz
    return (np.sin(at_s * 2000 * np.pi) * (at_s % every_s < 0.1) * 20_000).astype(np.int16)


@cache
def sound(codec: AudioCodec, seconds: float, *, rate_hz: int = 16_000) -> tuple[AudioUnit, ...]:
    """`beeps` as units from pts 0 on; each is received at the end of its last sample."""
    rate_hz = rate_hz if codec == "aac" else 8000
    samples = beeps(seconds, rate_hz)
    encoder = AudioCodecContext.create(CODEC_NAMES[codec], "w")
    encoder.sample_rate, encoder.layout = rate_hz, "mono"
    encoder.format = "fltp" if codec == "aac" else "s16"
    encoder.time_base = Fraction(1, rate_hz)
    encoder.open()
    size = encoder.frame_size or G711_SAMPLES
    packets = []
    for start in range(0, len(samples) - size + 1, size):
        part = samples[start : start + size].reshape(1, -1)
        if codec == "aac":
            frame = av.AudioFrame.from_ndarray(
                (part / 32768).astype(np.float32), format="fltp", layout="mono"
            )
        else:
            frame = av.AudioFrame.from_ndarray(part, format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate_hz, start, Fraction(1, rate_hz)
        packets += encoder.encode(frame)
    config: AudioConfig
    if codec == "aac":
        assert encoder.extradata is not None
        config = aac_config(bytes(encoder.extradata), rate_hz)
    else:
        config = g711_config(codec)
    units = []
    for packet in packets:
        assert packet.pts is not None
        start = packet.pts * 90_000 // rate_hz
        length = size * 90_000 // rate_hz
        if start >= 0:
            units.append(AudioUnit(GATE, config, bytes(packet), start, length, (start + length) / 90_000))
    return tuple(units)


def together(
    video: Iterable[MediaItem], audio: Iterable[AudioUnit], *, late_s: float = 0.0
) -> list[MediaItem | AudioUnit]:
    """Both in the order of arrival, the audio `late_s` later than it says."""

    def arrival(item: MediaItem | AudioUnit) -> float:
        if isinstance(item, AudioUnit):
            return item.received_mono_s + late_s
        return item.received_mono_s if isinstance(item, AccessUnit) else item.at_mono_s

    return sorted(chain(video, audio), key=arrival)


@dataclass(frozen=True)
class Sound:
    """An audio sample as a player sees it."""

    data: bytes
    pts_90k: int


def sounds(content: bytes) -> list[Sound]:
    """What PyAV finds in the audio track of an MP4; pts count from the start of the movie."""
    with av.open(io.BytesIO(content), "r") as container:
        stream = container.streams.audio[0]
        assert stream.time_base == Fraction(1, 90_000)
        return [
            Sound(bytes(packet), packet.pts)
            for packet in container.demux(stream)
            if packet.size and packet.pts is not None
        ]


def beep_times(content: bytes) -> list[float]:
    """When the tones begin in the decoded audio of an MP4, in s."""
    found: list[float] = []
    silent_s = 1.0
    with av.open(io.BytesIO(content), "r") as container:
        for frame in container.decode(audio=0):
            assert frame.pts is not None and frame.time_base is not None
            begin_s = float(frame.pts * frame.time_base)
            wave = np.abs(frame.to_ndarray()[0].astype(np.float64))
            wave = wave / 32768 if frame.format.name == "s16" else wave
            for index in range(0, len(wave), 40):
                step_s = 40 / frame.sample_rate
                if wave[index : index + 40].max() > 0.1:
                    if silent_s > 0.3:
                        found.append(begin_s + index / frame.sample_rate)
                    silent_s = 0.0
                else:
                    silent_s += step_s
    return found
