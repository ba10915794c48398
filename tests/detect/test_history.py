from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvr.detect.steps.history import MAX_COUNTED, MAX_EXAMINED, History, Look
from nvr.detect.steps.sprt import SequentialTest, Verdict
from nvr.events import Box

BOX = Box(-0.01, 0.2, 0.3, 1.02)
looks = st.lists(
    st.tuples(st.one_of(st.none(), st.floats(0.2, 1)), st.floats(0, 2), st.booleans()),
    min_size=1,
    max_size=150,
)


def followed(
    seen: list[tuple[float | None, float, bool]],
) -> tuple[History, list[Look], list[float], set[int]]:
    """A history fed by the real test up to its verdict; its looks, their times, and the looks it wanted pictures of."""
    test, history, t_s = SequentialTest(), History(), 100.0
    fed, times, wanted = [], [], set()
    for score, elapsed_s, moving in seen:
        t_s += elapsed_s
        before = test.evidence
        test.observe(score, t_s, moving=moving)
        certain = test.verdict is Verdict.OBJECT
        step = test.evidence - before
        look = Look(1, "person", score, BOX, test.evidence, step, test.accept_at, moving, certain, whole=True)
        fed.append(look)
        times.append(t_s)
        number = history.add(look, t_s)
        if number is not None:
            wanted.add(number)
        if certain:
            break
    return history, fed, times, wanted


@given(looks)
def test_what_is_kept_is_bounded_and_true(seen: list[tuple[float | None, float, bool]]) -> None:
    history, fed, times, wanted = followed(seen)
    assert len(history.counted) <= MAX_COUNTED
    assert set(history.counted) <= wanted
    assert all(fed[number].score is not None and fed[number].step > 0 for number in history.counted)
    explanation = history.explanation
    assert (explanation is not None) == history.is_certain == fed[-1].certain
    if explanation is None:
        return
    assert len(explanation.examined) == min(len(fed), MAX_EXAMINED)
    last = explanation.examined[-1]
    assert last.before_s == 0
    assert last.evidence == pytest.approx(explanation.certain_at, abs=2e-3)
    befores = [one.before_s for one in explanation.examined]
    assert befores == sorted(befores, reverse=True)
    assert explanation.after_s == pytest.approx(times[-1] - times[0], abs=2e-3)
    assert explanation.pictures == sum(look.score is not None for look in fed)
    assert all(0 <= value <= 1 for one in explanation.examined for value in one.box)
    # Among what is told, no picture added more than one that counted.
    steps = {n: one.step for n, one in enumerate(explanation.examined) if one.score is not None}
    least = min(steps[n] for n in explanation.counted)
    assert all(step <= least for n, step in steps.items() if n not in explanation.counted) or len(
        explanation.counted
    ) < len([step for step in steps.values() if step > 0])


def test_nothing_is_added_once_it_is_certain() -> None:
    history, fed, times, _ = followed([(0.9, 0.2, True)] * 20)
    before = history.explanation
    assert history.add(fed[-1], times[-1] + 1) is None
    assert history.explanation is before


def test_the_pictures_that_added_most() -> None:
    scores = [0.5, None, 0.9, 0.6, 0.55, 0.8, 0.7, 0.45, 0.9, 0.9, 0.9, 0.9]
    history, fed, _, _ = followed([(score, 0.2, True) for score in scores])
    explanation = history.explanation
    assert explanation is not None
    counted = [explanation.examined[n].step for n in explanation.counted]
    assert sorted(counted, reverse=True) == pytest.approx(
        sorted((look.step for look in fed if look.score is not None), reverse=True)[:MAX_COUNTED], abs=1e-3
    )
