from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nvr.detect.steps.sprt import Verdict
from nvr.detect.steps.track import (
    GROUP,
    START_SCORE,
    Detection,
    Track,
    Tracker,
    area,
    merge_duplicates,
    overlap,
)
from nvr.events import Box

WHOLE = Box(0, 0, 1, 1)
FPS = 6.0
kinds = st.sampled_from(sorted(GROUP))


@st.composite
def detections(draw: st.DrawFn) -> Detection:
    x, y = draw(st.floats(-0.1, 1)), draw(st.floats(-0.1, 1))
    width, height = draw(st.floats(0, 0.5)), draw(st.floats(0, 0.9))
    return Detection(
        Box(x, y, x + width, y + height), draw(st.floats(0.2, 1)), draw(kinds), draw(st.booleans())
    )


frames = st.lists(
    st.tuples(st.lists(detections(), max_size=6), st.lists(st.just(WHOLE), max_size=1), st.floats(0, 3)),
    max_size=12,
)


@given(frames)
def test_identity(seen: list[tuple[list[Detection], list[Box], float]]) -> None:
    tracker = Tracker()
    t_s, groups, ended, highest = 0.0, dict[int, str](), set[int](), 0
    for found, examined, elapsed_s in seen:
        t_s += elapsed_s
        before = {track.number for track in tracker.tracks}
        observations = tracker.update(found, examined, t_s)
        numbers = [observation.track.number for observation in observations]
        assert len(numbers) == len(set(numbers))
        taken = [id(o.detection) for o in observations if o.detection is not None]
        assert len(taken) == len(set(taken))
        for one in found:
            assert id(one) in taken or one.score < START_SCORE or any(is_part(one, t) for t in tracker.tracks)
        now = {track.number for track in tracker.tracks}
        assert not now & ended
        ended |= before - now
        for track in tracker.tracks:
            assert groups.setdefault(track.number, track.group) == track.group == GROUP[track.kind]
            if track.number not in before:
                assert track.number > highest
        highest = max(now | {highest})
        for observation in observations:
            if observation.detection is not None:
                track, detection = observation.track, observation.detection
                assert track.box == detection.box or area(detection.box) < area(track.box)
            else:
                assert examined


def is_part(detection: Detection, track: Track) -> bool:
    smaller = min(area(detection.box), area(track.box))
    return GROUP[detection.kind] == track.group and overlap(detection.box, track.box) >= 0.75 * smaller


def person(x: float, y: float = 0.3, score: float = 0.7) -> Detection:
    return Detection(Box(x, y, x + 0.05, y + 0.25), score, "person")


def test_two_people_who_pass_keep_their_numbers() -> None:
    tracker = Tracker()
    for index in range(24):
        step = 0.03 * index
        tracker.update([person(0.1 + step), person(0.8 - step, y=0.36)], [WHOLE], index / FPS)
    assert len(tracker.tracks) == 2
    by_number = sorted(tracker.tracks, key=lambda track: track.number)
    assert by_number[0].box.x0 > by_number[1].box.x0
    assert by_number[0].speed_x > 0.1 > -0.1 > by_number[1].speed_x


def test_a_part_of_somebody_is_nobody_else() -> None:
    tracker = Tracker()
    whole = Detection(Box(0.5, 0.0, 0.8, 1.0), 0.8, "person")
    head = Detection(Box(0.6, 0.0, 0.7, 0.2), 0.6, "person")
    for index, found in enumerate([[whole], [whole, head], [head], [whole], [head, whole]]):
        tracker.update(found, [WHOLE], index / FPS)
        assert [track.number for track in tracker.tracks] == [1]


def test_a_second_track_that_comes_to_lie_on_a_confirmed_one_ends() -> None:
    """It began beside it and would else take its detections, and be told as somebody else."""
    tracker = Tracker()
    here, beside = Box(0.4, 0.2, 0.5, 0.8), Box(0.47, 0.2, 0.57, 0.8)
    tracker.update([Detection(here, 0.9, "person")], [], 0.0)
    (first,) = tracker.tracks
    first.test.verdict = Verdict.OBJECT
    tracker.update([Detection(here, 0.9, "person"), Detection(beside, 0.6, "person")], [], 0.2)
    tracker.update([Detection(beside, 0.6, "bicycle")], [], 0.3)
    assert len(tracker.tracks) == 3
    observed = tracker.update([Detection(Box(0.41, 0.2, 0.51, 0.8), 0.9, "person")], [], 0.4)
    assert [one.track.number for one in observed] == [first.number]
    tracker.tracks[1].box = Box(0.42, 0.2, 0.52, 0.8)
    assert tracker.update([], [WHOLE], 0.6)[0].track is first
    assert [track.group for track in tracker.tracks] == ["person", "cycle"]


def test_a_part_at_the_edge_of_a_square_does_not_shrink_its_track() -> None:
    tracker = Tracker()
    whole = Box(0.5, 0.0, 0.8, 1.0)
    tracker.update([Detection(whole, 0.8, "person")], [WHOLE], 0.0)
    tracker.update([Detection(Box(0.5, 0.0, 0.7, 0.5), 0.6, "person", cut=True)], [], 0.5)
    (track,) = tracker.tracks
    assert (track.box, track.seen_s) == (whole, 0.0)


def test_a_track_survives_a_gap_and_ends_after_it() -> None:
    tracker = Tracker()
    for index in range(6):
        tracker.update([person(0.1 + 0.02 * index)], [WHOLE], index / FPS)
    tracker.update([], [], 1.2)
    tracker.update([person(0.26)], [WHOLE], 1.5)
    assert [track.number for track in tracker.tracks] == [1]
    tracker.update([], [], 4.0)
    assert tracker.tracks == []


def test_not_looked_at_is_not_missed() -> None:
    tracker = Tracker()
    tracker.update([person(0.7)], [WHOLE], 0.0)
    assert tracker.update([], [Box(0, 0, 0.5, 1)], 0.2) == []
    (missed,) = tracker.update([], [Box(0.5, 0, 1, 1)], 0.4)
    assert missed.detection is None


def test_clutter_is_forgotten() -> None:
    tracker = Tracker()
    tracker.update([person(0.7)], [WHOLE], 0.0)
    tracker.tracks[0].test.verdict = Verdict.CLUTTER
    tracker.update([person(0.7)], [WHOLE], 0.2)
    assert [track.number for track in tracker.tracks] == [2]


def test_a_bus_that_looks_like_a_truck_for_a_moment() -> None:
    tracker = Tracker()
    box = Box(0.2, 0.2, 0.6, 0.5)
    for index, kind in enumerate(["bus", "bus", "truck", "bus"]):
        tracker.update([Detection(box, 0.6, kind)], [WHOLE], index / FPS)
    assert [(track.number, track.kind) for track in tracker.tracks] == [(1, "bus")]


@given(st.lists(detections(), max_size=12))
def test_duplicates(found: list[Detection]) -> None:
    kept = merge_duplicates(found)
    assert all(one in found for one in kept)
    assert kept == sorted(kept, key=lambda d: d.score, reverse=True)
    assert bool(kept) == bool(found)
    for index, one in enumerate(kept):
        for other in kept[:index]:
            if GROUP[one.kind] == GROUP[other.kind] and area(one.box) + area(other.box) > 0:
                assert overlap(one.box, other.box) <= 0.75 * min(area(one.box), area(other.box)) + 1e-9
