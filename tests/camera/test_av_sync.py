"""Audio on the time line of the pictures: by sender reports, else by arrival."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from nvr.camera.av_sync import AudioPlacement

RATE = 8000
PACKET = 160


class Camera:
    """Both tracks of a camera whose clocks start anywhere, through a network that delays."""

    def __init__(self, *, seed: int = 1, jitter_s: float = 0.0, video_lag_s: float = 0.0, drift: float = 0.0):
        self.placement = AudioPlacement(RATE)
        self._random = random.Random(seed)
        self._jitter_s, self._video_lag_s, self._drift = jitter_s, video_lag_s, drift
        self.start = self._random.randrange(1 << 32)

    def run(self, seconds: float, *, begin_s: float = 0.0, reports: bool = False) -> list[float]:
        """How far each packet is placed from its true place, in s."""
        off = []
        for number in range(int(begin_s * 50), int((begin_s + seconds) * 50)):
            at_s = number / 50
            samples = round(at_s * RATE * (1 + self._drift))
            arrival_s = 1000 + at_s + PACKET / RATE + self._random.random() * self._jitter_s
            if number % 2 == 0:
                lag_s = self._video_lag_s + self._random.random() * self._jitter_s
                self.placement.note_picture(round(at_s * 90_000), 1000 + at_s + lag_s)
            if reports and number % 50 == 10:
                self.placement.report_video(5e9 + at_s, round(at_s * 90_000), arrival_s)
                self.placement.report_audio(5e9 + at_s, self.timestamp(samples), arrival_s)
            pts = self.placement.place(self.timestamp(samples), PACKET, arrival_s)
            assert pts is not None
            off.append(pts / 90_000 - at_s)
        return off

    def timestamp(self, samples: int) -> int:
        return self.start + samples & 0xFFFF_FFFF


def test_nothing_before_the_first_picture() -> None:
    assert AudioPlacement(RATE).place(0, 160, 1.0) is None


@pytest.mark.parametrize("seed", range(5))
def test_arrival_alone_keeps_audio_near(seed: int) -> None:
    off = Camera(seed=seed, jitter_s=0.08).run(30)
    assert max(map(abs, off[50:])) < 0.05


@pytest.mark.parametrize("seed", range(5))
def test_reports_beat_arrival(seed: int) -> None:
    camera = Camera(seed=seed, jitter_s=0.05, video_lag_s=0.4)
    off = camera.run(30, reports=True)
    assert abs(off[0]) > 0.2  # before the first report nobody can know that the encoder takes its time
    assert max(map(abs, off[60:])) < 0.005


def test_drift_is_followed_without_steps() -> None:
    off = Camera(drift=2e-4).run(600, reports=True)
    assert max(map(abs, off[100:])) < 0.02
    assert max(abs(b - a) for a, b in pairwise(off[100:])) < 0.001


def test_nonsense_reports_are_ignored() -> None:
    camera = Camera()
    camera.placement.note_picture(0, 1000.0)
    camera.placement.place(camera.start, PACKET, 1000.02)
    camera.placement.report_video(1.0, 0, 1000.0)
    camera.placement.report_audio(4e9, camera.start, 1000.0)
    assert max(map(abs, camera.run(10))) < 0.03


def test_a_clock_that_jumps_starts_anew() -> None:
    camera = Camera()
    camera.run(10)
    camera.start += 500_000
    assert max(map(abs, camera.run(10, begin_s=10))) < 0.03


def test_late_audio_after_a_freeze_keeps_its_time() -> None:
    placement = AudioPlacement(RATE)
    placement.note_picture(0, 100.0)
    assert placement.place(0, PACKET, 100.02) == 0
    for number in range(1, 400):  # eight seconds at once
        placement.note_picture(number * 1800, 108.0)
        assert placement.place(number * PACKET, PACKET, 108.02) == pytest.approx(number * 1800, abs=900)
