"""Staff are told once of what is missing, however it flickers."""

from hypothesis import given
from hypothesis import strategies as st

from nvr.alarm.outages import GRACE_S, TOLD_AGAIN_S, Outages

steps = st.lists(
    st.tuples(st.floats(0.1, 700), st.sets(st.sampled_from(["siren", "analysis", "camera:gate"]))),
    max_size=40,
)


def test_a_moment_without_is_no_outage():
    outages = Outages()
    assert outages.update({"siren"}, 0) == set()
    assert outages.update(set(), GRACE_S - 1) == set()
    assert outages.update({"siren"}, GRACE_S) == set()
    assert outages.standing == set()


def test_told_once_and_again_only_after_a_good_while():
    outages = Outages()
    outages.update({"siren"}, 0)
    assert outages.update({"siren"}, GRACE_S) == outages.standing == {"siren"}
    assert outages.update({"siren"}, 5000) == set()
    assert outages.update(set(), 5001) == outages.standing == set()
    outages.update({"siren"}, 5002)
    assert outages.update({"siren"}, 5002 + GRACE_S) == set()
    assert outages.standing == {"siren"}
    outages.update(set(), 5100)
    outages.update({"siren"}, 5100 + TOLD_AGAIN_S)
    assert outages.update({"siren"}, 5100 + TOLD_AGAIN_S + GRACE_S) == {"siren"}


@given(steps)
def test_what_stands_is_missing_for_the_grace_and_was_told(changes):
    outages, now_s = Outages(), 0.0
    since: dict[str, float] = {}
    told: dict[str, float] = {}
    for wait_s, missing in changes:
        now_s += wait_s
        news = outages.update(missing, now_s)
        since = {thing: since.get(thing, now_s) for thing in missing}
        assert outages.standing == {t for t, since_s in since.items() if now_s >= since_s + GRACE_S}
        assert news <= outages.standing
        for thing in news:
            assert now_s >= told.get(thing, -TOLD_AGAIN_S) + TOLD_AGAIN_S
        told |= dict.fromkeys(news, now_s)
        assert outages.standing <= told.keys()
