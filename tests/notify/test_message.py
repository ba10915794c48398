"""What is said of an incident fits a push message, whatever stands in nvr.toml, and holds no more than it should."""

import json
from dataclasses import replace

from notify_site import HEAD, facts

from nvr.alarm.incidents import Incident
from nvr.alarm.notify.message import MAX_BYTES, incident_message
from nvr.alarm.notify.message import test_message as make_test_message
from nvr.events import Box, Response

INCIDENT = Incident(
    7, "gate", "sân", "person", Response.SIREN, 1.8e9, 1.8e9, 1, 0.9, Box(0, 0, 1, 1), True, None, None
)


def said(incident, site=None):
    message = incident_message(
        site or facts(), incident, delivery=3, escalates=True, now_s=1.8e9 + 90.4, audit_head=str(HEAD)
    )
    return message, json.loads(message.body)


def test_what_is_said():
    message, body = said(INCIDENT)
    assert (message.delivery, message.text) == (3, "15:00 Cổng: người")
    assert body["incident"]["opened"] == "2027-01-15T15:00:00+07:00"
    assert (body["late_s"], body["escalation"], body["incident"]["acknowledged_by"]) == (90, True, None)
    _, later = said(replace(INCIDENT, acknowledged_s=1.8e9 + 60, acknowledged_by="Minh"))
    assert later["incident"]["acknowledged_by"] == "Minh"
    assert said(INCIDENT, replace(facts(), address=""))[1]["url"] is None


def test_a_camera_that_is_no_more_and_words_that_are_missing():
    _, body = said(replace(INCIDENT, camera="old", kind="yak"), replace(facts(), words={}))
    assert body["incident"]["camera_name"] == "old"
    assert "yak" in body["text"]


def test_the_longest_names_fit():
    long = "ữ" * 60
    site = replace(facts(), name=long, cameras={"gate": long})
    message, _ = said(replace(INCIDENT, zone=long, acknowledged_s=1.8e9, acknowledged_by="ữ" * 200), site)
    assert len(message.body) <= MAX_BYTES
    assert len(make_test_message(site, by="ữ" * 200, now_s=1.8e9).body) <= MAX_BYTES


def test_a_name_with_braces_is_not_filled_in():
    site = replace(facts(), cameras={"gate": "{kind}"})
    assert said(INCIDENT, site)[0].text == "15:00 {kind}: người"
