"""Which sightings are one incident: what must ring is never hidden in what staff know already."""

import pytest

from nvr.alarm.policy import INCIDENT_GAP_S, INCIDENT_LONGEST_S, belongs
from nvr.events import Response

RECORD, CALL, SIREN = Response.RECORD, Response.CALL, Response.SIREN


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
