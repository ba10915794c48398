"""What a loudspeaker plays: the chime, and WAV files good and bad."""

import io
import wave

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nvr.alarm.sound import MAX_BYTES, MAX_S, RATES_HZ, Sound, chime, from_wav


def wav(samples: bytes, *, rate_hz: int = 8000, channels: int = 1, width: int = 2) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(width)
        writer.setframerate(rate_hz)
        writer.writeframes(samples)
    return file.getvalue()


def test_the_chime_is_loud_and_neither_clipped_nor_cut_off() -> None:
    sound = chime()
    samples = np.frombuffer(sound.samples, "<i2").astype(int)
    assert 1 < sound.duration_s < 5
    assert 10_000 < np.abs(samples).max() < 32_767
    assert abs(samples[0]) < 100
    assert abs(samples[-1]) < 100
    assert np.abs(np.diff(samples)).max() < 12_000, "no click where the tones meet"
    assert from_wav(sound.to_wav()) == sound


def test_silence_has_the_same_format() -> None:
    silence = Sound(44_100, 2, b"\1" * 400).silence(0.1)
    assert (silence.rate_hz, silence.channels, silence.duration_s) == (44_100, 2, 0.1)
    assert not any(silence.samples)


@given(
    samples=st.binary(min_size=4, max_size=400),
    rate_hz=st.integers(RATES_HZ[0], RATES_HZ[-1]),
    channels=st.integers(1, 2),
)
def test_what_was_recorded_is_what_is_played(samples: bytes, rate_hz: int, channels: int) -> None:
    whole = samples[: len(samples) // (2 * channels) * 2 * channels]
    sound = from_wav(wav(whole, rate_hz=rate_hz, channels=channels))
    assert sound == Sound(rate_hz, channels, whole)
    assert from_wav(sound.to_wav()) == sound


def test_the_longest_message_fits_in_the_largest_file() -> None:
    longest = wav(bytes(int(MAX_S) * 48_000 * 4), rate_hz=48_000, channels=2)
    assert len(longest) < MAX_BYTES
    assert from_wav(longest).duration_s == MAX_S


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no uncompressed WAV file"),
        (b"ID3\x04 an MP3", "no uncompressed WAV file"),
        (b"RIFF\x24\x00\x00\x00WAVE", "no uncompressed WAV file"),
        (wav(bytes(100))[:30], "no uncompressed WAV file"),
        (wav(bytes(100)).replace(b"fmt \x10\0\0\0\x01", b"fmt \x10\0\0\0\x07"), "no uncompressed WAV file"),
        (wav(bytes(100), width=1), "8 bits a sample instead of 16"),
        (wav(bytes(120), width=3), "24 bits a sample instead of 16"),
        (wav(bytes(120), channels=6), "6 channels instead of one or two"),
        (wav(bytes(100), rate_hz=4000), "4000 samples a second instead of 8000 to 48000"),
        (wav(bytes(100), rate_hz=96_000), "96000 samples a second"),
        (wav(b""), "no sound in it"),
        (wav(bytes(2 * 8000 * 61)), "61 s long instead of 60 s at most"),
    ],
)
def test_each_mistake_is_named(data: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        from_wav(data)


GOOD = wav(bytes(range(200)))


@example(start=b"", at=0, changed=b"")
@given(start=st.sampled_from([b"", GOOD]), at=st.integers(0, 60), changed=st.binary(max_size=60))
def test_fuzz(start: bytes, at: int, changed: bytes) -> None:
    """Any file is a sound that can be played, or one clear error."""
    data = start[:at] + changed + start[at + len(changed) :]
    try:
        sound = from_wav(data)
    except ValueError as error:
        assert len(str(error)) > 10
    else:
        assert 0 < sound.duration_s <= MAX_S
        assert from_wav(sound.to_wav()) == sound
