"""What a sighting leads to, and which sightings are one incident: what must ring is never hidden in what staff know."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvr.alarm.machine import Alarm
from nvr.alarm.policy import (
    INCIDENT_GAP_S,
    INCIDENT_LONGEST_S,
    Means,
    belongs,
    effective_response,
    stronger,
    weaker,
)
from nvr.alarm.states import State
from nvr.events import Mode, Response

RECORD, CALL, WARN, SIREN = Response.RECORD, Response.CALL, Response.WARN, Response.SIREN


@pytest.mark.parametrize(
    ("response", "acknowledged", "answer", "together"),
    [
        (CALL, False, CALL, True),
        (CALL, True, CALL, True),  # somebody is on it already
        (SIREN, True, CALL, True),  # cooling down
        (CALL, True, RECORD, True),
        (CALL, False, SIREN, True),  # rings already
        (RECORD, False, RECORD, True),
        (RECORD, False, CALL, False),  # recorded while disarmed, then armed
        (RECORD, True, SIREN, False),
        (CALL, True, SIREN, False),
    ],
)
def test_stronger_answers_than_were_rung_for_are_another_incident(response, acknowledged, answer, together):
    assert belongs(1000, 1010, response, acknowledged, answer, 1020) is together


def test_a_pause_and_a_length_end_an_incident():
    assert belongs(1000, 1010, CALL, False, CALL, 1010 + INCIDENT_GAP_S)
    assert not belongs(1000, 1010, CALL, False, CALL, 1011 + INCIDENT_GAP_S)
    assert belongs(1000, 990 + INCIDENT_LONGEST_S, CALL, True, CALL, 1000 + INCIDENT_LONGEST_S)
    assert not belongs(1000, 990 + INCIDENT_LONGEST_S, CALL, True, CALL, 1001 + INCIDENT_LONGEST_S)


READY = Means(siren=True, speaker=True)
NEITHER = Means(siren=False, speaker=False)
ARMED = Alarm(State.ARMED, Mode.AWAY)


@pytest.mark.parametrize("wanted", list(Response))
@pytest.mark.parametrize("alarm", [Alarm(), Alarm(State.SOUNDING), Alarm(State.ARMING, Mode.AWAY, 9.0)])
def test_disarmed_or_arming_only_records(wanted, alarm):
    assert effective_response(wanted, alarm, READY, 1.0) is Response.RECORD


@pytest.mark.parametrize(
    ("wanted", "means", "expected"),
    [
        (SIREN, READY, SIREN),
        (SIREN, NEITHER, CALL),
        (SIREN, Means(siren=False, speaker=True), CALL),
        (SIREN, Means(siren=False, speaker=True, instead=WARN), WARN),
        (SIREN, Means(siren=False, speaker=False, instead=WARN), CALL),
        (WARN, READY, WARN),
        (WARN, Means(siren=True, speaker=False), CALL),
        (CALL, NEITHER, CALL),
        (RECORD, READY, RECORD),
    ],
)
def test_what_cannot_act_is_replaced_by_what_can(wanted, means, expected):
    assert effective_response(wanted, ARMED, means, 1.0) is expected


def test_a_siren_that_cools_down_calls_whatever_the_site_chose():
    silenced = Alarm(State.SILENCED, Mode.AWAY, 60.0, cooldown_until_mono_s=60.0)
    means = Means(siren=True, speaker=True, instead=WARN)
    assert effective_response(SIREN, silenced, means, 59.0) is CALL
    assert effective_response(SIREN, silenced, means, 60.0) is SIREN


@given(st.sampled_from(list(Response)), st.sampled_from(list(Response)))
def test_stronger_is_symmetric_and_never_weaker(one, other):
    assert stronger(one, other) is stronger(other, one)
    assert {stronger(one, other), weaker(one, other)} == {one, other}
    assert stronger(SIREN, other) is SIREN
