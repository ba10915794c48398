"""What staff do about an incident over HTTP: resolve with a note, open again, and how often each zone was wrong."""

from __future__ import annotations

import asyncio

import pytest
from test_web_events import events
from web_site import Site

from nvr.alarm.handling import Outcome
from nvr.events import Actor, Box, Response, Sighting
from nvr.web.access import AccountRole

OPERATOR, VIEWER = AccountRole.OPERATOR, AccountRole.VIEWER


async def opened(site: Site, camera: str) -> int:
    """An incident of its own; the journal would count it to the camera's latest."""
    sighting = Sighting(camera, "*", Response.CALL, "person", 0.9, Box(0, 0, 1, 1), 1, 0.0, b"")
    return (await site.services.incidents.open(sighting, Response.CALL, site.services.clock.wall())).id


async def test_resolved_opened_again_and_resolved_otherwise(site: Site) -> None:
    minh, lan = await site.log_in("Minh", OPERATOR), await site.log_in("Lan", OPERATOR)
    one = await site.open_incident("gate")
    path = f"/api/incidents/{one.id}"
    async with events(lan) as told:
        resolution = {"outcome": "false_alarm", "note": "  bò vào sân\n"}
        status, taken = await minh.ask("POST", f"{path}/resolve", json=resolution)
        assert (status, taken["outcome"], taken["resolved_by"], taken["acknowledged_by"]) == (
            200,
            "false_alarm",
            "Minh",
            "Minh",
        )
        assert taken["resolved_s"] == taken["acknowledged_s"] >= one.opened_s
        entry = {"at_s": taken["resolved_s"], "by": "Minh", "outcome": "false_alarm", "note": "bò vào sân"}
        assert taken["history"] == [entry]
        _, incident = await told.next("incident")
        assert (incident["id"], incident["outcome"], incident["resolved_by"]) == (
            one.id,
            "false_alarm",
            "Minh",
        )
    assert (await lan.ask("GET", "/api/alarm"))[1]["ringing"] == []

    status, refusal = await lan.ask("POST", f"{path}/resolve", json={"outcome": "real", "note": "kẻ trộm"})
    assert (status, refusal["error"]) == (409, "already_resolved")
    assert refusal["params"] == {"name": "Minh", "at_s": taken["resolved_s"]}
    status, same = await lan.ask("POST", f"{path}/acknowledge")
    assert (status, same) == (200, taken), "it stays resolved, and his who was first"

    status, again = await lan.ask("POST", f"{path}/reopen", json={"reason": "có người sau con bò"})
    assert (status, again["outcome"], again["resolved_s"], again["acknowledged_by"]) == (
        200,
        None,
        None,
        "Minh",
    )
    assert (await lan.ask("POST", f"{path}/reopen", json={"reason": "x"}))[1]["error"] == "not_resolved"
    _, done = await lan.ask("POST", f"{path}/resolve", json={"outcome": "real"})
    assert [(entry["by"], entry["outcome"], entry["note"]) for entry in done["history"]] == [
        ("Minh", "false_alarm", "bò vào sân"),
        ("Lan", None, "có người sau con bò"),
        ("Lan", "real", ""),
    ]
    assert [row for row in await site.audit() if row[2] == f"incident {one.id}"] == [
        (who, what, f"incident {one.id}")
        for who, what in (
            ("Minh", "acknowledge"),
            ("Minh", "resolve"),
            ("Lan", "reopen"),
            ("Lan", "resolve"),
        )
    ]


async def test_of_two_officers_one_is_told_who_was_first(site: Site) -> None:
    officers = {name: await site.log_in(name, OPERATOR) for name in ("Minh", "Lan")}
    one = await site.open_incident("yard")
    answers = await asyncio.gather(
        *(
            officer.ask("POST", f"/api/incidents/{one.id}/resolve", json={"outcome": "test"})
            for officer in officers.values()
        )
    )
    ((_, first),) = (answer for answer in answers if answer[0] == 200)
    ((_, second),) = (answer for answer in answers if answer[0] == 409)
    assert second["params"]["name"] == first["resolved_by"]


@pytest.mark.parametrize(
    ("path", "body", "refusal"),
    [
        ("resolve", {"outcome": "perhaps"}, (400, "bad_request")),
        ("resolve", {}, (400, "bad_request")),
        ("resolve", {"outcome": "real", "note": "x" * 2001}, (400, "bad_request")),
        ("resolve", {"outcome": "real", "note": 7}, (400, "bad_request")),
        ("resolve", {"outcome": "other", "note": " \n"}, (422, "note_needed")),
        ("reopen", {}, (400, "bad_request")),
        ("reopen", {"reason": "  "}, (400, "bad_request")),
    ],
)
async def test_what_cannot_be_understood_changes_nothing(
    site: Site, path: str, body: dict[str, object], refusal: tuple[int, str]
) -> None:
    officer = await site.log_in("Minh", OPERATOR)
    one = await site.open_incident("gate")
    status, answer = await officer.ask("POST", f"/api/incidents/{one.id}/{path}", json=body)
    assert (status, answer["error"]) == refusal
    _, incident = await officer.ask("GET", f"/api/incidents/{one.id}")
    assert (incident["acknowledged_s"], incident["outcome"], incident["history"]) == (None, None, [])


async def test_search_by_what_came_of_it(site: Site) -> None:
    officer = await site.log_in("Minh", OPERATOR)
    waits, taken, wrong, real = [await opened(site, camera) for camera in ("gate", "yard") * 2]
    await officer.ask("POST", f"/api/incidents/{taken}/acknowledge")
    await officer.ask("POST", f"/api/incidents/{wrong}/resolve", json={"outcome": "false_alarm"})
    await officer.ask("POST", f"/api/incidents/{real}/resolve", json={"outcome": "real"})

    async def ids(query: str) -> list[int]:
        status, answer = await officer.ask("GET", f"/api/incidents?{query}")
        assert status == 200, answer
        return [incident["id"] for incident in answer["incidents"]]

    assert await ids("resolved=no") == [taken, waits]
    assert await ids("resolved=yes") == [real, wrong]
    assert await ids("resolved=no&acknowledged=yes") == [taken]
    assert await ids("outcome=false_alarm&kind=person&zone=*") == [wrong]
    assert await ids("outcome=real&resolved=no") == []
    for query in ("resolved=perhaps", "outcome=perhaps", "outcome="):
        assert (await officer.ask("GET", f"/api/incidents?{query}"))[0] == 400, query


async def test_outcomes_of_cameras_one_may_see(site: Site) -> None:
    officer = await site.log_in("Minh", OPERATOR)
    turned_out = [("gate", "real"), ("gate", "false_alarm"), ("yard", "false_alarm"), ("yard", "false_alarm")]
    for camera, outcome in turned_out:
        number = await opened(site, camera)
        await site.services.alarm.resolve(number, Actor("Minh"), Outcome(outcome), "")
    gate = {"camera": "gate", "zone": "*", "real": 1, "false_alarm": 1, "test": 0, "other": 0}
    yard = {"camera": "yard", "zone": "*", "real": 0, "false_alarm": 2, "test": 0, "other": 0}
    _, answer = await officer.ask("GET", "/api/outcomes")
    assert answer["zones"] == [yard, gate]
    assert answer["since_s"] == pytest.approx(site.services.clock.wall() - 30 * 86400, abs=60)
    limited = await site.log_in("sân", VIEWER, frozenset({"gate"}))
    assert (await limited.ask("GET", "/api/outcomes"))[1]["zones"] == [gate]
