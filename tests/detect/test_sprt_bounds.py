"""Both bounds of the sequential test at their stated rates, on scores that are correlated in another way than the test
assumes. Seeded."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from itertools import islice
from statistics import NormalDist

import pytest

from nvr.detect.steps.sprt import FLOOR, MOVING, OBJECT, STILL, ErrorRates, Looks, SequentialTest, Verdict

RUNS, SECONDS = 2000, 40.0
ALPHA, BETA, SURE_ALPHA = 0.03, 0.05, 0.003
NORMAL = NormalDist()


def scores(chance: random.Random, one: Looks, fps: float) -> Iterator[float | None]:
    """Scores of one track without end, from its first, in which it is seen. They wander: a Gaussian chain of the first
    order whose correlation falls with `score_tau_s`, bent to the density of `one`. Being seen is the chain of `one`."""
    kept = math.exp(-1 / fps / one.score_tau_s)
    state, seen = chance.gauss(0, 1), True
    while True:
        yield quantile(one, NORMAL.cdf(state)) if seen else None
        state = kept * state + math.sqrt(1 - kept * kept) * chance.gauss(0, 1)
        seen = chance.random() < one.chance(seen=True, before=seen, elapsed_s=1 / fps)


def quantile(one: Looks, share: float) -> float:
    if one.fall_off == 0:
        return FLOOR + share * (1 - FLOOR)
    return FLOOR - math.log(1 - share * -math.expm1(-one.fall_off * (1 - FLOOR))) / one.fall_off


def outcomes(one: Looks, *, moving: bool, fps: float) -> list[SequentialTest]:
    """The tests of RUNS tracks, each followed until it is rejected or sure, SECONDS at most."""
    chance, tests = random.Random(4), []
    for _ in range(RUNS):
        test = SequentialTest(ErrorRates(ALPHA, BETA), sure_at=-math.log(SURE_ALPHA))
        for index, score in enumerate(islice(scores(chance, one, fps), round(SECONDS * fps))):
            if test.observe(score, index / fps, moving=moving) is Verdict.CLUTTER or test.sure:
                break
        tests.append(test)
    return tests


def at_most(rate: float) -> float:
    """So many of RUNS that more would be no chance, at three standard deviations."""
    return rate * RUNS + 3 * math.sqrt(rate * RUNS)


@pytest.mark.parametrize("fps", [3.0, 6.0, 15.0])
@pytest.mark.parametrize(("clutter", "moving"), [(MOVING, True), (STILL, False)])
def test_clutter_is_confirmed_and_surely_at_no_more_than_the_stated_rates(
    clutter: Looks, moving: bool, fps: float
) -> None:
    tests = outcomes(clutter, moving=moving, fps=fps)
    assert sum(test.verdict is Verdict.OBJECT for test in tests) <= at_most(ALPHA)
    assert sum(test.sure for test in tests) <= at_most(SURE_ALPHA)


@pytest.mark.parametrize("fps", [3.0, 6.0, 15.0])
@pytest.mark.parametrize("moving", [True, False])
def test_objects_are_rejected_at_no_more_than_the_stated_rate(moving: bool, fps: float) -> None:
    tests = outcomes(OBJECT, moving=moving, fps=fps)
    missed = sum(test.verdict is Verdict.CLUTTER for test in tests)
    assert 0 < missed <= at_most(BETA)
    assert sum(test.sure for test in tests) > RUNS / 2
