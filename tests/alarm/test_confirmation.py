"""Several sightings or two cameras before the siren: the same moment never counts twice."""

from hypothesis import given
from hypothesis import strategies as st

from nvr.alarm.confirmation import APART_S, Confirmation
from nvr.config.alarm import Confirm

times = st.lists(st.floats(0, 200), min_size=1, max_size=30)


def confirmation(*sighted: tuple[str, str, float]) -> Confirmation:
    made = Confirmation()
    for camera, zone, at_s in sighted:
        made.sighted(camera, zone, at_s)
    return made


def most_apart(looks: list[float]) -> int:
    """The most of them that can be chosen so that all are APART_S apart, by trying."""
    best: dict[float, int] = {}
    for at_s in sorted(looks):
        before = [count for earlier, count in best.items() if at_s >= earlier + APART_S]
        best[at_s] = 1 + max(before, default=0)
    return max(best.values())


@given(times, st.integers(1, 5), st.sampled_from([10.0, 60.0, 600.0]))
def test_looks_are_moments_apart_within_the_time(looks, sightings, within_s):
    made = confirmation(*(("gate", "yard", at_s) for at_s in looks))
    now_s = max(looks)
    counted = most_apart([at_s for at_s in looks if at_s >= now_s - within_s])
    wanted = Confirm(sightings=sightings, within_seconds=within_s)
    assert made.is_met(wanted, "gate", "yard", now_s) == (counted >= sightings)


@given(times, st.integers(2, 5))
def test_what_is_told_twice_counts_once(looks, sightings):
    now_s, wanted = max(looks), Confirm(sightings=sightings)
    once = confirmation(*(("gate", "yard", at_s) for at_s in looks))
    twice = confirmation(*(("gate", "yard", at_s) for at_s in (*looks, *looks)))
    assert once.is_met(wanted, "gate", "yard", now_s) == twice.is_met(wanted, "gate", "yard", now_s)


def test_the_same_picture_or_another_zone_is_no_second_look():
    made = confirmation(
        ("gate", "yard", 10), ("gate", "yard", 10), ("gate", "yard", 11.9), ("gate", "door", 15)
    )
    assert not made.is_met(Confirm(sightings=2), "gate", "yard", 15)
    made.sighted("gate", "yard", 12)
    assert made.is_met(Confirm(sightings=2), "gate", "yard", 15)


def test_two_cameras_are_two_cameras_within_the_time():
    wanted = Confirm(cameras=2, within_seconds=60)
    made = confirmation(("gate", "yard", 10), ("gate", "door", 20))
    assert not made.is_met(wanted, "gate", "yard", 20)
    made.sighted("yard", "*", 30)
    assert made.is_met(wanted, "gate", "yard", 20)
    made.sighted("gate", "yard", 90)
    assert made.is_met(wanted, "gate", "yard", 90)
    made.sighted("gate", "yard", 90.1)
    assert not made.is_met(wanted, "gate", "yard", 90.1)


def test_one_sighting_is_enough_by_default_and_nothing_is_remembered_over_an_arming():
    made = confirmation(("gate", "yard", 10))
    assert made.is_met(Confirm(), "gate", "yard", 10)
    made.forget()
    made.sighted("gate", "yard", 14)
    assert not made.is_met(Confirm(sightings=2), "gate", "yard", 14)
