"""What hours of looped footage are made of."""

from __future__ import annotations

from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvr.errors import ConfigError
from nvr.evaluate.takes import GAINS, TAKE_S, Take, spoiling, takes, there_and_back
from nvr.evaluate.truth import ClipTruth, Span
from nvr.evaluate.variation import parse_rate, parse_seconds

SPAN = Span(0.0, 10.0)


def test_spans_share_the_time_by_their_length():
    clip = ClipTruth("a", "a", "", (), (Span(0, 30), Span(40, 50)))
    made = takes(clip, 2400)
    assert sum(take.length_s for take in made if take.span == clip.empty[0]) == pytest.approx(1800)
    assert sum(take.length_s for take in made) == pytest.approx(2400)
    assert [take.seed for take in made] == list(range(1, len(made) + 1))
    assert {take.constant_rate for take in made} == {True, False}


def test_without_empty_spans_there_is_nothing_to_loop():
    assert takes(ClipTruth("a", "a", "", (SPAN,), ()), 3600) == ()


@given(st.lists(st.floats(0.1, 1000), min_size=1, max_size=8), st.floats(1, 1e5))
def test_the_time_is_all_there(lengths_s: list[float], total_s: float):
    starts_s = [sum(lengths_s[:index]) for index in range(len(lengths_s))]
    empty = tuple(Span(a, a + b) for a, b in zip(starts_s, lengths_s, strict=True))
    made = takes(ClipTruth("a", "a", "", (), empty), total_s)
    assert sum(take.length_s for take in made) == pytest.approx(total_s)
    assert all(0 < take.length_s <= TAKE_S + 1e-6 for take in made)


@given(st.integers(1, 1000), st.floats(1, 3600))
def test_a_seed_says_it_all(seed: int, length_s: float):
    take = Take(SPAN, length_s, seed, True)
    spoilt = spoiling(take)
    assert spoilt == spoiling(take)
    assert all(0 < one.t_s < other.t_s < length_s for one, other in pairwise(spoilt.steps))
    assert all(GAINS[0] - 1e-9 <= spoilt.gain(t / 100 * length_s) <= GAINS[1] + 1e-9 for t in range(100))
    assert spoilt.gain(0.0) == 1.0


def test_there_and_back_shows_no_end_twice():
    assert list(there_and_back(3, 3)) == [0, 1, 2, 1, 0, 1, 2]
    assert list(islice(there_and_back(3, None), 9)) == [0, 1, 2, 1, 0, 1, 2, 1, 0]
    assert list(islice(there_and_back(1, None), 3)) == [0, 0, 0]


def test_rates():
    assert parse_rate("crf=30").crf == 30
    assert (parse_rate("vbr=1M").bits_per_s, parse_rate("vbr=1M").capped) == (1_000_000, False)
    assert (parse_rate("cbr=1.5M").bits_per_s, parse_rate("cbr=500k").capped) == (1_500_000, True)
    assert (parse_seconds("2s", "--lose", most_s=60), parse_seconds("1.5h", "", most_s=1e5)) == (2.0, 5400.0)


@pytest.mark.parametrize("text", ["crf=52", "crf=", "vbr=1", "cbr=1k", "cbr=9999M", "fast", "crf=3 "])
def test_what_is_no_rate(text: str):
    with pytest.raises(ConfigError, match="--encode"):
        parse_rate(text)


@pytest.mark.parametrize("text", ["", "2", "0s", "-1s", "61s", "1d"])
def test_what_is_no_time(text: str):
    with pytest.raises(ConfigError, match="--gop"):
        parse_seconds(text, "--gop", most_s=60)
