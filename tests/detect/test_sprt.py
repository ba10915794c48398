from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvr.detect.sprt import (
    FALL_OFF,
    FLOOR,
    MAX_STEP,
    SEEN_CLUTTER,
    SEEN_OBJECT,
    ErrorRates,
    SequentialTest,
    Verdict,
    step,
    weight,
)

scores = st.one_of(st.none(), st.floats(allow_nan=False))
observations = st.lists(st.tuples(scores, st.floats(-1, 10), st.booleans()), max_size=60)


def examinations_until_confirmed(score: float, *, fps: float = 6, moving: bool = True) -> int:
    test = SequentialTest()
    for index in range(1000):
        if test.observe(score, index / fps, moving=moving) is Verdict.OBJECT:
            return index + 1
    raise AssertionError("never confirmed")


def test_a_person_clearly_in_view_takes_half_a_second() -> None:
    assert 4 <= examinations_until_confirmed(0.8) <= 5  # 0.50 to 0.67 s at 6 fps
    assert 4 <= examinations_until_confirmed(0.8, moving=False) <= 7


def test_more_frames_a_second_are_not_more_evidence() -> None:
    assert examinations_until_confirmed(0.8, fps=30) > 2 * examinations_until_confirmed(0.8, fps=6)


@given(st.floats(1e-9, 0.025), st.floats(1e-9, 0.4), st.floats(allow_nan=False), st.booleans())
def test_one_frame_decides_nothing(alpha: float, beta: float, score: float, moving: bool) -> None:
    test = SequentialTest(ErrorRates(alpha, beta))
    assert test.observe(score, 0.0, moving=moving) is not Verdict.OBJECT
    assert abs(step(score)) <= MAX_STEP


@pytest.mark.parametrize(("alpha", "beta"), [(0.0, 0.1), (0.1, 0.0), (0.6, 0.1), (0.4, 0.1), (-1, 0.1)])
def test_rates_that_mean_nothing(alpha: float, beta: float) -> None:
    with pytest.raises(ValueError, match="error rates"):
        ErrorRates(alpha, beta)


@given(observations)
def test_evidence_is_bounded_and_a_verdict_final(seen: list[tuple[float | None, float, bool]]) -> None:
    rates = ErrorRates()
    test = SequentialTest(rates)
    t_s, fallen = 0.0, Verdict.OPEN
    for score, elapsed_s, moving in seen:
        t_s += elapsed_s
        verdict = test.observe(score, t_s, moving=moving)
        assert rates.reject_at <= test.evidence <= rates.accept_at
        assert fallen in (Verdict.OPEN, verdict)
        fallen = verdict


@given(st.floats(0, 10), st.floats(0, 10))
def test_later_and_moving_means_more(a_s: float, b_s: float) -> None:
    early_s, late_s = sorted((a_s, b_s))
    assert 0 <= weight(early_s, moving=True) <= weight(late_s, moving=True) <= 1
    assert weight(early_s, moving=False) <= weight(early_s, moving=True)


def simulated(chance: random.Random, *, is_object: bool) -> float | None:
    if chance.random() >= (SEEN_OBJECT if is_object else SEEN_CLUTTER):
        return None
    share = chance.random()
    if is_object:
        return FLOOR + share * (1 - FLOOR)
    return FLOOR - math.log(1 - share * (1 - math.exp(-FALL_OFF * (1 - FLOOR)))) / FALL_OFF


def error_count(runs: int, *, is_object: bool, correlation_s: float = 0.0) -> int:
    """Wrong verdicts of `runs` tracks at 6 fps. With a correlation time each picture shows, with probability
    exp(-dt/tau), the same as the one before."""
    chance, fps, rates = random.Random(20), 6.0, ErrorRates(alpha=0.01, beta=0.05)
    wrong = 0
    for _ in range(runs):
        test, index, score = SequentialTest(rates), 0, simulated(chance, is_object=is_object)
        while test.observe(score, index / fps, moving=True) is Verdict.OPEN:
            index += 1
            if correlation_s == 0 or chance.random() >= math.exp(-1 / fps / correlation_s):
                score = simulated(chance, is_object=is_object)
        wrong += (test.verdict is Verdict.OBJECT) != is_object
    return wrong


@pytest.mark.parametrize("correlation_s", [0.0, 0.12])
def test_stated_error_rates_hold_under_the_model(correlation_s: float) -> None:
    """Seeded: 4,000 tracks of each sort; the bounds leave three standard deviations for chance."""
    runs = 4000
    false_alarms = error_count(runs, is_object=False, correlation_s=correlation_s)
    misses = error_count(runs, is_object=True, correlation_s=correlation_s)
    assert false_alarms <= 0.01 * runs + 3 * math.sqrt(0.01 * runs)
    assert misses <= 0.05 * runs + 3 * math.sqrt(0.05 * runs)
    assert misses > 0
