from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nvr.detect.worker.schedule import MAX_AGE_S, Schedule


def due(schedule: Schedule, frames: int, fps: float) -> int:
    return sum(schedule.offer(0, index / fps) for index in range(frames))


@given(st.floats(1, 60), st.floats(1, 15))
def test_the_mean_rate_is_kept_at_any_frame_rate(camera_fps: float, fps: float) -> None:
    frames = int(camera_fps * 60)
    expected = 60 * min(camera_fps, fps)
    assert abs(due(Schedule(1, fps), frames, camera_fps) - expected) <= 0.03 * expected + 2


def test_only_the_newest_waits() -> None:
    schedule = Schedule(1, 6)
    assert schedule.offer(0, 10.0)
    assert schedule.offer(0, 10.2)
    assert schedule.skipped == [1]
    assert schedule.choose(10.2) == 0
    assert schedule.choose(10.2) is None


def test_acting_cameras_first_then_those_that_waited_longest() -> None:
    schedule = Schedule(3, 6)
    schedule.acting = frozenset({2})
    for t_s in (10.0, 10.5):
        for camera in range(3):
            schedule.offer(camera, t_s)
        order = [schedule.choose(t_s + 0.01 * index) for index in range(3)]
    assert order == [2, 0, 1]


def test_nobody_starves() -> None:
    """The model manages one examination a frame; six acting cameras would take them all."""
    schedule = Schedule(8, 6)
    schedule.acting = frozenset(range(6))
    examined = [0] * 8
    for index in range(600):
        t_s = index / 6
        for camera in range(8):
            schedule.offer(camera, t_s)
        chosen = schedule.choose(t_s)
        assert chosen is not None
        examined[chosen] += 1
    assert min(examined[6:]) > 20
    assert min(examined[:6]) > max(examined[6:])
    assert max(examined[:6]) - min(examined[:6]) <= 2


def test_an_old_frame_is_skipped_unless_nothing_was_seen_for_long() -> None:
    schedule = Schedule(1, 6)
    schedule.offer(0, 10.0)
    assert schedule.choose(15.0) == 0  # never examined before
    schedule.offer(0, 15.0)
    assert schedule.choose(15.0 + MAX_AGE_S + 0.1) is None
    assert schedule.skipped == [1]
    schedule.offer(0, 15.6)
    assert schedule.choose(16.3) == 0


def test_time_that_goes_back() -> None:
    schedule = Schedule(1, 6)
    schedule.offer(0, 1000.0)
    assert schedule.offer(0, 5.0)
    assert not schedule.offer(0, 5.01)
