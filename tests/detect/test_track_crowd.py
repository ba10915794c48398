"""Who is who among many: invariants of the tracker in crowds, and two who pass each other."""

from __future__ import annotations

import math
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvr.detect.steps.track import MAX_DISTANCE, Detection, Track, Tracker, area, overlap
from nvr.events import Box

WHOLE = Box(0, 0, 1, 1)
FPS = 6.0

near = st.floats(0.3, 0.7)
people = st.builds(
    lambda x, y, height, score: Detection(Box(x, y, x + height / 2.5, y + height), score, "person"),
    near,
    near,
    st.floats(0.05, 0.3),
    st.floats(0.2, 1),
)
crowds = st.lists(
    st.tuples(st.lists(people, max_size=20), st.floats(0.01, 1.5), st.randoms(use_true_random=False)),
    min_size=1,
    max_size=8,
)
Crowd = list[tuple[list[Detection], float, "object"]]


def moved(track: Track) -> tuple[float, float]:
    return (track.box.x0 + track.box.x1) / 2, (track.box.y0 + track.box.y1) / 2


@given(crowds)
def test_in_a_crowd_each_has_one_number_and_no_number_comes_back(crowd: Crowd) -> None:
    tracker, t_s, ended, highest = Tracker(), 0.0, set[int](), 0
    for found, elapsed_s, _ in crowd:
        t_s += elapsed_s
        before = {track.number for track in tracker.tracks}
        observations = tracker.update(found, [WHOLE], t_s)
        numbers = [one.track.number for one in observations]
        assert len(numbers) == len(set(numbers))
        taken = [id(one.detection) for one in observations if one.detection is not None]
        assert len(taken) == len(set(taken))
        now = {track.number for track in tracker.tracks}
        assert len(now) == len(tracker.tracks)
        ended |= before - now
        assert not now & ended
        assert all(number > highest for number in now - before)
        highest = max(now | {highest})


@given(crowds)
def test_the_order_in_which_they_are_detected_does_not_matter(crowd: Crowd) -> None:
    one, other, t_s = Tracker(), Tracker(), 0.0
    for found, elapsed_s, chance in crowd:
        t_s += elapsed_s
        shuffled = list(found)
        chance.shuffle(shuffled)
        ours = one.update(found, [WHOLE], t_s)
        theirs = other.update(shuffled, [WHOLE], t_s)
        assert {(o.track.number, o.detection) for o in ours} == {
            (o.track.number, o.detection) for o in theirs
        }
        assert {(t.number, t.box) for t in one.tracks} == {(t.number, t.box) for t in other.tracks}


@given(crowds)
def test_nobody_jumps(crowd: Crowd) -> None:
    """A track goes to what overlaps with it, where it was or should be now, or is next to that."""
    tracker, t_s = Tracker(), 0.0
    for found, elapsed_s, _ in crowd:
        t_s += elapsed_s
        places = {track.number: (track.box, track.predicted(t_s)) for track in tracker.tracks}
        for seen in tracker.update(found, [WHOLE], t_s):
            if seen.detection is not None and seen.track.number in places:
                assert any(is_near(place, seen.detection.box) for place in places[seen.track.number])


def is_near(a: Box, b: Box) -> bool:
    size = (math.sqrt(area(a)) + math.sqrt(area(b))) / 2
    distance = math.hypot(a.x0 + a.x1 - b.x0 - b.x1, a.y0 + a.y1 - b.y0 - b.y1) / 2
    return overlap(a, b) > 0 or distance <= MAX_DISTANCE * size + 1e-9


@given(
    speed=st.floats(0.1, 0.3),
    other_speed=st.floats(0.1, 0.3),
    apart=st.floats(0, 0.08),
    height=st.floats(0.15, 0.35),
    scores=st.tuples(st.floats(0.3, 1), st.floats(0.3, 1)),
    jitter=st.lists(st.floats(-0.004, 0.004), min_size=4, max_size=4),
)
def test_two_who_pass_each_other_keep_their_numbers(
    speed: float,
    other_speed: float,
    apart: float,
    height: float,
    scores: tuple[float, float],
    jitter: list[float],
) -> None:
    """One walks to the right, one to the left, at different speeds and distances from the camera; both are seen all the
    time, and their boxes tremble."""
    tracker = Tracker()
    for index in count():
        t_s = index / FPS
        x, other_x = 0.1 + speed * t_s, 0.8 - other_speed * t_s
        if x > other_x + 0.25:
            break
        shake, other_shake = jitter[index % 4], jitter[(index + 1) % 4]
        found = [
            at(x + shake, 0.3, height, scores[0]),
            at(other_x + other_shake, 0.3 + apart, height, scores[1]),
        ]
        tracker.update(found, [WHOLE], t_s)
    right, left = sorted(tracker.tracks, key=lambda track: track.number)
    first, second = (right, left) if scores[0] >= scores[1] else (left, right)
    assert (first.speed_x > 0 > second.speed_x) == (first.box.x0 > second.box.x0)
    assert first.box.x0 == pytest.approx(x, abs=0.1)


def at(x: float, y: float, height: float, score: float) -> Detection:
    return Detection(Box(x, y, x + height / 3, y + height), score, "person")
