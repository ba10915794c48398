from __future__ import annotations

import math
import random
from collections.abc import Iterator
from itertools import islice

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nvr.detect.steps.sprt import (
    CLEAR_STILL,
    FLOOR,
    GAP,
    MAX_STEP,
    MOVING,
    OBJECT,
    STILL,
    ErrorRates,
    Looks,
    SequentialTest,
    Verdict,
    step,
)

scores = st.one_of(st.none(), st.floats(allow_nan=False))
observations = st.lists(st.tuples(scores, st.floats(-1, 10), st.booleans()), max_size=60)
FPS = 6.0


def examinations_until_confirmed(score: float, *, fps: float = FPS, moving: bool = True) -> int:
    test = SequentialTest()
    for index in range(1000):
        if test.observe(score, index / fps, moving=moving) is Verdict.OBJECT:
            return index + 1
    raise AssertionError("never confirmed")


def test_a_person_clearly_in_view_takes_half_a_second() -> None:
    assert 3 <= examinations_until_confirmed(0.8) <= 5  # 0.33 to 0.67 s at 6 fps
    assert 8 <= examinations_until_confirmed(0.8, moving=False) <= 18


def test_who_is_hard_to_see_takes_two_seconds() -> None:
    assert examinations_until_confirmed(0.5) <= 12


def test_more_frames_a_second_are_not_more_evidence() -> None:
    assert examinations_until_confirmed(0.8, fps=30) > 2 * examinations_until_confirmed(0.8, fps=6)


@pytest.mark.parametrize("fps", [2, 3, 5, 6, 15])
def test_at_any_rate_of_analysis_somebody_clear_is_confirmed_in_seconds(fps: float) -> None:
    assert examinations_until_confirmed(0.8, fps=fps) / fps <= 2.0


def test_an_insect_that_shines_like_a_person_for_half_a_second() -> None:
    """Scores of the most convincing one in the infrared development clip, twice as long."""
    test = SequentialTest()
    for index, score in enumerate([0.68, 0.68, 0.45, None, None, None]):
        assert test.observe(score, index / FPS, moving=True) is Verdict.OPEN
    assert test.highest < test.evidence + 4 < 8


@pytest.mark.parametrize(("score", "moving"), [(0.49, True), (CLEAR_STILL - 0.01, False)])
def test_what_never_looks_like_somebody_is_never_confirmed(score: float, moving: bool) -> None:
    test, rates = SequentialTest(), ErrorRates()
    for index in range(6000):
        assert test.observe(score, index / FPS, moving=moving) is Verdict.OPEN
    assert test.highest == pytest.approx(rates.accept_at - GAP)


def test_misses_that_follow_one_another_are_one_miss() -> None:
    """Somebody behind a post for a second loses less than half of what a clear second gave."""
    test = SequentialTest(ErrorRates(alpha=1e-9))
    for index in range(6):
        test.observe(0.7, index / FPS, moving=True)
    gained = test.evidence
    for index in range(6, 12):
        test.observe(None, index / FPS, moving=True)
    assert 0.4 * gained < test.evidence < gained


@given(st.floats(1e-9, 0.025), st.floats(1e-9, 0.4), st.floats(allow_nan=False), st.booleans())
def test_one_frame_decides_nothing(alpha: float, beta: float, score: float, moving: bool) -> None:
    test = SequentialTest(ErrorRates(alpha, beta))
    assert test.observe(score, 0.0, moving=moving) is not Verdict.OBJECT
    assert abs(step(score).gained) <= MAX_STEP


clutters = st.sampled_from([MOVING, STILL])


@example(0.0, [(1.0, 0.0, False), (1.0, 1.0, False), (1.0, 1.0, True), (None, -1.0, False)])
@given(st.floats(0, 40), observations)
def test_being_sure_comes_after_the_verdict(
    sure_at: float, seen: list[tuple[float | None, float, bool]]
) -> None:
    test = SequentialTest(sure_at=sure_at)
    t_s, was_sure = 0.0, False
    for score, elapsed_s, moving in seen:
        t_s += elapsed_s
        verdict = test.observe(score, t_s, moving=moving)
        assert not test.sure or verdict is Verdict.OBJECT
        # Only as it becomes sure: what is observed later may bear an earlier time.
        assert not test.sure or was_sure or test.decided_s <= t_s
        assert test.sure or not was_sure
        assert test.evidence <= max(sure_at, ErrorRates().accept_at)
        was_sure = test.sure


@given(st.floats(FLOOR, 1), st.floats(FLOOR, 1), clutters, st.booleans(), st.floats(-1, 100), st.floats(0, 1))
def test_a_higher_score_means_more(
    a: float, b: float, clutter: Looks, before: bool, elapsed_s: float, hard: float
) -> None:
    low, high = sorted((a, b))
    weak, strong = (
        step(score, clutter=clutter, before=before, elapsed_s=elapsed_s, hard=hard) for score in (low, high)
    )
    assert -MAX_STEP <= weak.gained <= strong.gained + 1e-9 <= MAX_STEP + 1e-9
    assert 0 <= weak.hard <= 1


@given(clutters, st.floats(0.05, 100), st.booleans(), st.floats(0, 1))
def test_being_missed_counts_against(clutter: Looks, elapsed_s: float, before: bool, hard: float) -> None:
    assert step(None, clutter=clutter, before=before, elapsed_s=elapsed_s, hard=hard).gained < 0


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
        assert test.evidence <= test.highest <= rates.accept_at
        assert fallen in (Verdict.OPEN, verdict)
        fallen = verdict


looks = st.sampled_from([OBJECT, MOVING, STILL])


@given(st.floats(0, 10), st.floats(0, 10), looks)
def test_later_means_more(a_s: float, b_s: float, one: Looks) -> None:
    early_s, late_s = sorted((a_s, b_s))
    assert 0 <= one.news(early_s) <= one.news(late_s) <= 1


@given(st.floats(0, 100), st.booleans(), looks)
def test_chances_are_chances(elapsed_s: float, before: bool, one: Looks) -> None:
    both = [one.chance(seen=seen, before=before, elapsed_s=elapsed_s) for seen in (False, True)]
    assert min(both) > 0
    assert sum(both) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("one", [OBJECT, MOVING, STILL])
def test_densities_are_densities(one: Looks) -> None:
    width = 1e-4
    whole = sum(one.density(FLOOR + (i + 0.5) * width) * width for i in range(int((1 - FLOOR) / width)))
    assert whole == pytest.approx(1, abs=1e-3)


def simulated_track(chance: random.Random, one: Looks, fps: float) -> Iterator[float | None]:
    """Scores of one track without end, from its first, in which it is seen. Being seen is a chain with the memory of
    `one`; a score is with probability exp(-dt / tau) the one before, else a new one."""
    seen, score = True, None
    same = math.exp(-1 / fps / one.score_tau_s)
    next_seen = {before: one.chance(seen=True, before=before, elapsed_s=1 / fps) for before in (False, True)}
    while True:
        if score is None or chance.random() >= same:
            score = drawn(chance, one)
        yield score if seen else None
        seen = chance.random() < next_seen[seen]


def drawn(chance: random.Random, one: Looks) -> float:
    share = chance.random()
    if one.fall_off == 0:
        return FLOOR + share * (1 - FLOOR)
    return FLOOR - math.log(1 - share * -math.expm1(-one.fall_off * (1 - FLOOR))) / one.fall_off


def error_count(runs: int, rates: ErrorRates, one: Looks, *, moving: bool, fps: float) -> int:
    """Wrong verdicts of `runs` tracks. What is undecided after a minute was not taken for an object."""
    chance = random.Random(20)
    wrong = 0
    for _ in range(runs):
        test = SequentialTest(rates)
        for index, score in enumerate(islice(simulated_track(chance, one, fps), round(60 * fps))):
            if test.observe(score, index / fps, moving=moving) is not Verdict.OPEN:
                break
        wrong += (test.verdict is Verdict.OBJECT) != (one is OBJECT)
    return wrong


@pytest.mark.parametrize("fps", [3.0, 6.0, 15.0])
@pytest.mark.parametrize("moving", [False, True])
@pytest.mark.parametrize("alpha", [0.03, 0.003])
def test_stated_error_rates_hold_on_correlated_scores(alpha: float, moving: bool, fps: float) -> None:
    """Seeded: 4,000 tracks of each sort; the bounds leave three standard deviations for chance."""
    runs, rates = 4000, ErrorRates(alpha=alpha, beta=0.05)
    false_alarms = error_count(runs, rates, MOVING if moving else STILL, moving=moving, fps=fps)
    misses = error_count(runs, rates, OBJECT, moving=moving, fps=fps)
    assert false_alarms <= alpha * runs + 3 * math.sqrt(alpha * runs)
    assert misses <= 0.05 * runs + 3 * math.sqrt(0.05 * runs)
    assert misses > 0
