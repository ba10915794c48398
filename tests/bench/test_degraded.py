from __future__ import annotations

import av
import numpy as np
import pytest

from bench.degraded import cut, shortened
from bench.degraded_pictures import KINDS, worsened
from bench.naive import Naive
from nvr.detect.model.objects import Detections
from nvr.evaluate.clip import encoded
from nvr.evaluate.truth import ClipTruth, Span


def picture(level: int, width: int = 64, height: int = 48) -> av.VideoFrame:
    planes = np.full((height * 3 // 2, width), level, np.uint8)
    planes[10:30, 20:30] = 255 - level
    return av.VideoFrame.from_ndarray(planes, "yuv420p")


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_makes_the_same_pictures(kind: str) -> None:
    frames = [(picture(100), 0.0), (picture(101), 0.1)]
    first, again, other = (
        [frame.to_ndarray() for frame, _ in worsened(frames, kind, seed)] for seed in (1, 1, 2)
    )
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    is_random = kind in ("dark", "infrared", "rain")
    assert is_random == any((a != b).any() for a, b in zip(first, other, strict=True))
    assert first[0].shape == picture(100).to_ndarray().shape


def test_of_each_span_the_beginning_is_played_and_what_was_before() -> None:
    truth = ClipTruth("a", "a.mp4", "day", (Span(20.0, 60.0),), (Span(0.0, 5.0),))
    short = shortened(truth)
    assert short.person == (Span(20.0, 32.0),)
    frames = [(picture(50), float(t_s)) for t_s in range(60)]
    played = [t_s + 1.0 for _, t_s in cut(iter(frames), (*short.person, *short.empty), 1.0)]
    assert played == [1, 2, 3, 4, 5, *range(17, 33)]


class _SeesPersonsAt:
    """A detector that sees a person in pictures of certain brightness."""

    def detect(self, rgb: np.ndarray) -> Detections:
        is_seen = rgb.mean() > 150
        boxes = np.array([[0.0, 0.0, 1.0, 1.0]] * int(is_seen), np.float32).reshape(-1, 4)
        return Detections(boxes, np.full(len(boxes), 0.6, np.float32), ("person",) * len(boxes))


def test_the_naive_test_wants_two_pictures_within_a_second(tmp_path) -> None:
    bright = {2.0, 5.0, 5.5}
    frames = [(picture(220 if t_s in bright else 60), t_s) for t_s in np.arange(0.0, 8.0, 0.25).tolist()]
    naive = Naive(_SeesPersonsAt())
    for unit in encoded(frames, tmp_path / "made.mp4", 4.0, 2.0, None):
        naive.take(unit)
    assert [one.t_s for one in naive.seen] == [5.5]
