"""What the siren may answer: told when seen, told again when sure; and somebody who stays is told again and again."""

from __future__ import annotations

from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from nvr.detect.steps.rules import REMEMBER_S, STILL_THERE_S, Counted, Rules, WatchedZone
from nvr.detect.steps.surer import Surer
from nvr.events import Box, Rule

ZONE, LINE = Counted(0, Rule.ENTER), Counted(1, Rule.CROSS_LEFT)
WHOLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


def test_a_zone_is_told_again_when_the_track_is_sure_and_still_in_it() -> None:
    surer = Surer([0, 1])
    assert surer.judge(7, [ZONE], 1.0, sure=False, stands_in=lambda _zone: True) == [(ZONE, False)]
    assert surer.judge(7, [], 2.0, sure=True, stands_in=lambda _zone: False) == []
    assert surer.judge(7, [], 3.0, sure=True, stands_in=lambda _zone: True) == [(ZONE, True)]
    assert surer.judge(7, [], 4.0, sure=True, stands_in=lambda _zone: True) == []


def test_a_line_is_told_again_for_a_while() -> None:
    for later_s, told in ((REMEMBER_S, [(LINE, True)]), (REMEMBER_S + 0.1, [])):
        surer = Surer([0, 1])
        surer.judge(7, [LINE], 1.0, sure=False, stands_in=lambda _zone: False)
        assert surer.judge(7, [], 1.0 + later_s, sure=True, stands_in=lambda _zone: False) == told


def test_other_places_need_no_more_than_a_sighting() -> None:
    surer = Surer([1])
    assert surer.judge(7, [ZONE, LINE], 1.0, sure=False, stands_in=lambda _zone: True) == [
        (ZONE, True),
        (LINE, False),
    ]


@given(
    st.lists(
        st.tuples(st.integers(1, 3), st.sets(st.sampled_from([ZONE, LINE])), st.booleans(), st.booleans()),
        max_size=30,
    )
)
def test_nothing_is_sure_before_the_track_is_and_nothing_that_counts_is_swallowed(
    steps: list[tuple[int, set[Counted], bool, bool]],
) -> None:
    surer = Surer([0, 1])
    counted_before: set[tuple[int, Counted]] = set()
    for index, (track, counted, sure, inside) in enumerate(steps):
        stands_in = partial(lambda is_in, _zone: is_in, inside)
        told = surer.judge(track, sorted(counted, key=str), float(index), sure=sure, stands_in=stands_in)
        assert counted <= {one for one, _ in told}
        assert sure or not any(is_sure for _, is_sure in told)
        counted_before |= {(track, one) for one in counted}
        assert all((track, one) in counted_before for one, _ in told)
        surer.keep_only([1, 2, 3])
    surer.keep_only([])
    assert surer.judge(1, [], 100.0, sure=True, stands_in=lambda _zone: True) == []


def test_who_stays_in_a_zone_is_told_every_few_seconds_however_many_they_are() -> None:
    rules = Rules([WatchedZone(WHOLE, frozenset({"person"}))])
    told_s = []
    for index in range(300):
        t_s = index / 6
        for track in range(4):
            box = Box(0.2 * track, 0.2, 0.2 * track + 0.1, 0.5)
            found = rules.observe(track, box, frozenset({"person"}), t_s, confirmed=True, aspect=16 / 9)
            told_s += [t_s] * len(found)
    assert told_s[:4] == [0.0] * 4
    assert len(told_s) - 4 == 300 / 6 // STILL_THERE_S - (300 / 6 % STILL_THERE_S == 0)
