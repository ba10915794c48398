"""What sightings are worth, and how sure that is."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nvr.evaluate import intervals
from nvr.evaluate.score import Seen, Work, score, together, where
from nvr.evaluate.truth import ClipTruth, Span
from nvr.events import Box

BOX = Box(0.1, 0.1, 0.2, 0.2)


def seen(t_s: float, *, siren: bool = True) -> Seen:
    return Seen(t_s, "person", 0.8, BOX, siren)


def truth(person: list[tuple[float, float]], empty: list[tuple[float, float]]) -> ClipTruth:
    return ClipTruth("a", "a", "", tuple(Span(*s) for s in person), tuple(Span(*s) for s in empty))


@st.composite
def truths(draw: st.DrawFn) -> ClipTruth:
    """Spans in any mixture, in order, with or without room between them."""
    edges = sorted(draw(st.lists(st.floats(0, 100), max_size=20, unique=True)))
    spans = [Span(*pair) for pair in pairwise(edges)]
    kinds = [draw(st.sampled_from(["person", "empty", "neither"])) for _ in spans]
    of = {kind: [s for s, k in zip(spans, kinds, strict=True) if k == kind] for kind in ("person", "empty")}
    return truth(of["person"], of["empty"])


sightings = st.lists(st.builds(seen, st.floats(-1, 101), siren=st.booleans()), max_size=30)


def test_the_first_sighting_within_a_span_is_its_delay():
    found = score(truth([(1, 5), (10, 12)], [(6, 9)]), [seen(0.9), seen(3.5), seen(2.0), seen(5.5)], Work())
    assert (found.person_spans, found.delays_s, found.missed) == (2, (1.0,), (Span(10, 12),))
    assert (found.false_sightings, found.alarmed) == (0, 0)


def test_sightings_where_nobody_is_are_false_and_those_in_between_are_nothing():
    found = score(
        truth([(10, 20)], [(0, 9), (21, 30)]),
        [seen(1), seen(2, siren=False), seen(9.5), seen(20.5)],
        Work(),
    )
    assert (found.false_sightings, found.false_sirens, found.alarmed, found.empty_spans) == (2, 1, 1, 2)
    assert found.empty_s == 18


def test_somebody_at_the_moment_where_both_labels_meet_is_somebody():
    found = score(truth([(5, 9)], [(0, 5)]), [seen(5)], Work())
    assert (found.delays_s, found.false_sightings) == ((0.0,), 0)


def test_a_file_that_breaks_off_is_no_empty_footage():
    found = score(truth([(40, 50)], [(0, 10), (20, 30)]), [], Work(), end_s=4.0)
    assert (found.empty_spans, found.empty_s, found.missed) == (1, 4.0, (Span(40, 50),))


@given(truths(), sightings)
def test_every_span_is_found_or_missed_and_every_sighting_is_somewhere(clip: ClipTruth, ones: list[Seen]):
    found = score(clip, ones, Work())
    assert found.found + len(found.missed) == found.person_spans == len(clip.person)
    assert all(0 <= delay_s <= 100 for delay_s in found.delays_s)
    places = [where(clip, one) for one in ones]
    assert found.false_sightings == places.count("empty")
    assert found.false_sirens <= found.false_sightings
    assert (found.alarmed > 0) == (found.false_sightings > 0) and found.alarmed <= found.empty_spans
    if "person" not in places:
        assert not found.found


@given(truths(), sightings)
def test_one_sighting_more_never_makes_a_span_unfound_nor_an_alarm_undone(clip: ClipTruth, ones: list[Seen]):
    before, after = score(clip, ones[1:], Work()), score(clip, ones, Work())
    assert after.found >= before.found and after.false_sightings >= before.false_sightings


@given(st.lists(st.tuples(truths(), sightings), max_size=5))
def test_the_total_is_the_sum(clips: list[tuple[ClipTruth, list[Seen]]]):
    scores = [score(clip, ones, Work(60.0, 2.0, 6, 1)) for clip, ones in clips]
    total = together(scores)
    assert total.found == sum(one.found for one in scores)
    assert total.false_sirens == sum(one.false_sirens for one in scores)
    assert total.work == Work(60.0 * len(scores), 2.0 * len(scores), 6 * len(scores), len(scores))


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    # R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson(hits: int, of: int, low: float, high: float):
    assert intervals.share(hits, of) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize(
    ("events", "low", "high"),
    # Garwood's table
    [
        (0, 0.0, 3.6889),
        (1, 0.0253, 5.5716),
        (2, 0.2422, 7.2247),
        (10, 4.7954, 18.3904),
        (100, 81.3640, 121.6270),
    ],
)
def test_exact_poisson(events: int, low: float, high: float):
    assert intervals.count(events) == pytest.approx((low, high), abs=1e-3)


@given(st.integers(0, 100), st.integers(0, 100))
@settings(deadline=None)
def test_intervals_hold_what_was_counted(one: int, other: int):
    hits, of = min(one, other), max(one, other)
    low, high = intervals.share(hits, of)
    assert 0.0 <= low <= (hits / of if of else 0.5) <= high <= 1.0
    low, high = intervals.count(hits)
    assert low <= hits <= high < math.inf


@given(st.lists(st.floats(0, 100), min_size=1), st.floats(0.01, 1.0))
def test_a_quantile_is_one_of_the_values_with_its_share_below(values: list[float], q: float):
    found = intervals.quantile(values, q)
    assert found in values
    assert sum(value <= found for value in values) >= q * len(values) - 1e-9


def test_of_nothing_there_is_no_quantile():
    assert intervals.quantile([], 0.5) is None
