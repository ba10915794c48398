"""What the API tells: cameras, incidents, alarm, siren, status."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from web_site import GATE, YARD, Client, Site, access_units, running_site

from nvr.clock import FakeClock
from nvr.events import CameraHealth, Fault, Response, Role, StreamKey, StreamStatus
from nvr.media.audio import AudioUnit, g711_config
from nvr.web.access import AccountRole

ADMINISTRATOR, OPERATOR, VIEWER = AccountRole.ADMINISTRATOR, AccountRole.OPERATOR, AccountRole.VIEWER


async def fetch(client: Client, path: str) -> tuple[int, bytes]:
    async with client.open("GET", path) as response:
        return response.status, await response.read()


async def test_a_sick_camera_is_a_fault_with_pictures_for_who_may_see_it(site: Site) -> None:
    both = await site.log_in("xem", VIEWER)
    yard_only = await site.log_in("san", VIEWER, cameras=frozenset({"yard"}))
    site.sick.tell(CameraHealth("gate", "moved", b"\xff\xd8before", b"\xff\xd8now"))
    site.sick.tell(CameraHealth("yard", "dark", b"", b"\xff\xd8black"))
    for client, places in ((both, {"camera:gate", "camera:yard"}), (yard_only, {"camera:yard"})):
        faults = (await client.ask("GET", "/api/status"))[1]["faults"]
        assert {fault["place"] for fault in faults} == places
    assert await fetch(both, "/api/cameras/gate/sick/before") == (200, b"\xff\xd8before")
    assert await fetch(both, "/api/cameras/gate/sick/now") == (200, b"\xff\xd8now")
    assert (await fetch(both, "/api/cameras/yard/sick/before"))[0] == 404
    assert (await fetch(yard_only, "/api/cameras/gate/sick/now"))[0] == 404
    site.sick.tell(CameraHealth("gate", None))
    assert (await fetch(both, "/api/cameras/gate/sick/now"))[0] == 404


async def test_cameras_with_streams_zones_and_faults(site: Site) -> None:
    client, services = await site.log_in("xem", VIEWER), site.services
    _, answer = await client.ask("GET", "/api/cameras")
    gate, yard = answer["cameras"]
    assert (gate["id"], gate["name"], gate["live"], gate["fault"]) == ("gate", "Cổng", None, None)
    assert gate["streams"]["main"]["state"] == "connecting"
    assert yard["streams"]["sub"] is None
    corners = [[0, 0], [1, 0], [1, 1], [0, 1]]
    (zone,) = gate["zones"]
    assert zone == {
        "name": "*",
        "polygon": corners,
        "response": "call",
        "objects": ["person"],
        "hours": [],
        "rule": "enter",
        "seconds": None,
    }
    assert gate["lines"] == []

    for key in services.config.streams:
        site.show_live(key)
        for unit in access_units(key, services.clock.monotonic()):
            services.hub[key].publish(unit)
    gate, yard = (await client.ask("GET", "/api/cameras"))[1]["cameras"]
    assert (gate["live"], yard["live"]) == ("sub", "main")
    assert (gate["sound"], yard["sound"]) == (False, False)
    services.hub[GATE].publish_audio(AudioUnit(GATE, g711_config("alaw"), bytes(160), 0, 1800, 0.0))
    gate, yard = (await client.ask("GET", "/api/cameras"))[1]["cameras"]
    assert (gate["sound"], yard["sound"]) == (True, False)
    stream = gate["streams"]["sub"]
    assert (stream["state"], stream["codec"], stream["width"], stream["height"]) == ("live", "h264", 320, 240)

    site.show_live(GATE, has_b_frames=True)
    fault = Fault("camera:yard/main", "camera_refused", "wrong password", {"camera": "yard"})
    services.streams.set(StreamStatus(YARD, "down", 5.0, fault=fault))
    gate, yard = (await client.ask("GET", "/api/cameras"))[1]["cameras"]
    assert gate["live"] == "main", "the sub stream has B-frames"
    assert (yard["live"], yard["fault"]["code"], yard["fault"]["params"]) == (
        None,
        "camera_refused",
        {"camera": "yard"},
    )
    assert yard["streams"]["main"]["since_s"] == 5.0


async def test_incidents_are_paged_shown_and_acknowledged(site: Site) -> None:
    client = await site.log_in("trực ban", OPERATOR)
    numbers = [(await site.open_incident(camera)).id for camera in ("gate", "yard")]
    async with client.open("GET", "/api/incidents?limit=1") as response:
        page = await response.json()
    assert ([i["id"] for i in page["incidents"]], page["next"]) == ([numbers[1]], numbers[1])
    _, page = await client.ask("GET", f"/api/incidents?limit=5&before={page['next']}")
    assert ([i["id"] for i in page["incidents"]], page["next"]) == ([numbers[0]], None)
    incident = page["incidents"][0]
    assert incident["footage"] == {
        "role": "sub",
        "start_s": pytest.approx(incident["opened_s"] - 10),
        "end_s": pytest.approx(incident["last_s"] + 20),
    }
    assert (incident["camera_name"], incident["kind"], incident["box"]) == (
        "Cổng",
        "person",
        [0.1, 0.2, 0.3, 0.4],
    )
    _, answer = await client.ask("GET", f"/api/incidents/{numbers[0]}")
    (seen,) = answer.pop("objects")
    assert answer == {**incident, "history": []}
    assert (seen["number"], seen["kind"], seen["picture"]) == (1, "person", incident["best"])
    assert seen["explanation"] == {
        "certain_at": 6.9,
        "after_s": 0.0,
        "pictures": 1,
        "examined": [
            {
                "before_s": 0.0,
                "score": 0.9,
                "evidence": 6.9,
                "step": 2.0,
                "moving": True,
                "box": [0.1, 0.2, 0.3, 0.4],
            }
        ],
        "counted": [0],
        "by_way": False,
    }
    pictures = {
        incident["picture"]: b"a picture",
        seen["picture"]: b"of the object",
        seen["frames"]: b"that counted",
    }
    for address, content in pictures.items():
        async with client.open("GET", address) as response:
            assert response.content_type == "image/jpeg"
            assert await response.read() == b"\xff\xd8 " + content + b" \xff\xd9"
    for path in ("picture?object=2", "frames?object=2"):
        assert (await client.ask("GET", f"/api/incidents/{numbers[0]}/{path}"))[0] == 404
    for path in ("picture?object=0", "picture?object=x", "frames?object=13"):
        assert (await client.ask("GET", f"/api/incidents/{numbers[0]}/{path}"))[0] == 400

    _, alarm = await client.ask("GET", "/api/alarm")
    assert alarm["ringing"] == numbers
    limited = await site.log_in("sân", VIEWER, frozenset({"yard"}))
    assert (await limited.ask("GET", "/api/alarm"))[1]["ringing"] == [numbers[1]]
    status, taken = await client.ask("POST", f"/api/incidents/{numbers[0]}/acknowledge")
    assert (status, taken["acknowledged_by"]) == (200, "trực ban")
    other = await site.log_in("khác", OPERATOR)
    _, again = await other.ask("POST", f"/api/incidents/{numbers[0]}/acknowledge")
    assert again == taken, "the first one stays"
    assert (await client.ask("GET", "/api/alarm"))[1]["ringing"] == [numbers[1]]


async def test_absurd_queries_and_numbers(site: Site) -> None:
    client = await site.log_in("xem", VIEWER)
    for query in ("limit=0", "limit=x", "limit=-1", "limit=1000", "before=1.5", "before=٣"):
        status, answer = await client.ask("GET", f"/api/incidents?{query}")
        assert (status, answer["error"]) == (400, "bad_request"), query
    for number in ("0", "x", "-1", "1.0", "9" * 15, "9" * 40, "%00"):
        assert (await client.ask("GET", f"/api/incidents/{number}"))[0] == 404, number


async def test_search(site: Site) -> None:
    officer = await site.log_in("trực ban", OPERATOR)
    dog = await site.open_incident("gate", kind="dog")
    only_kept = await site.open_incident("yard", Response.RECORD)
    person = await site.open_incident("yard")
    await officer.ask("POST", f"/api/incidents/{person.id}/acknowledge")

    async def ids(query: str, client: Client = officer) -> list[int]:
        status, answer = await client.ask("GET", f"/api/incidents?{query}")
        assert status == 200, answer
        return [incident["id"] for incident in answer["incidents"]]

    assert (
        await ids("kind=dog") == await ids("acknowledged=no") == await ids("camera=gate&zone=*") == [dog.id]
    )
    assert await ids("kind=person") == [person.id, only_kept.id]
    assert await ids("acknowledged=yes") == [person.id]
    assert (
        await ids("kind=cow")
        == await ids("zone=nowhere")
        == await ids(f"since_s={person.opened_s + 1}")
        == []
    )
    assert await ids(f"until_s={only_kept.opened_s}") == [dog.id]
    assert await ids(f"limit=1&before={person.id}") == [only_kept.id]
    limited = await site.log_in("cổng", VIEWER, frozenset({"gate"}))
    assert await ids("kind=person", limited) == await ids("acknowledged=yes", limited) == []
    assert await ids("kind=dog&zone=*", limited) == [dog.id]
    assert (await limited.ask("GET", "/api/incidents?kind=dog&camera=yard"))[0] == 404
    for query in ("acknowledged=maybe", "since_s=x", "until_s=nan", f"zone={'x' * 101}"):
        assert (await officer.ask("GET", f"/api/incidents?{query}"))[0] == 400, query


async def test_arm_and_disarm(site: Site) -> None:
    client = await site.log_in("trực ban", OPERATOR)
    _, alarm = await client.ask("GET", "/api/alarm")
    assert (alarm["armed"], alarm["why"], alarm["next_change"]) == (False, "start", None)
    assert (alarm["state"], alarm["mode"], alarm["about"], alarm["quiet_test"]) == ("disarmed", *[None] * 3)
    _, alarm = await client.ask("POST", "/api/alarm/arm")
    assert (alarm["armed"], alarm["actor"], alarm["why"]) == (True, "trực ban", "manual")
    assert (alarm["state"], alarm["mode"]) == ("arming", "away")
    assert alarm["deadline_s"] == pytest.approx(alarm["since_s"] + 30, abs=1)
    _, alarm = await client.ask("POST", "/api/alarm/arm", json={"mode": "night"})
    assert alarm["mode"] == "night"
    assert (await client.ask("POST", "/api/alarm/arm", json={"mode": "party"}))[0] == 400
    _, alarm = await client.ask("POST", "/api/alarm/disarm")
    assert (alarm["armed"], alarm["mode"]) == (False, None)


async def test_a_quiet_test_begins_and_ends(site: Site) -> None:
    client = await site.log_in("trực ban", OPERATOR)
    for body in ({}, {"minutes": 0}, {"minutes": 61}, {"minutes": 1.5}):
        assert (await client.ask("POST", "/api/alarm/quiet-test", json=body))[0] == 400
    _, alarm = await client.ask("POST", "/api/alarm/quiet-test", json={"minutes": 5})
    assert alarm["quiet_test"]["actor"] == "trực ban"
    assert alarm["quiet_test"]["until_s"] == pytest.approx(site.services.clock.wall() + 300, abs=30)
    status, answer = await client.ask("POST", "/api/alarm/quiet-test", json={"minutes": 5})
    assert (status, answer["error"]) == (409, "not_now")
    _, alarm = await client.ask("POST", "/api/alarm/quiet-test/end")
    assert alarm["quiet_test"] is None


async def test_all_clear_acknowledges_what_rings(site: Site) -> None:
    client = await site.log_in("trực ban", OPERATOR)
    incident = await site.open_incident("gate")
    _, alarm = await client.ask("POST", "/api/alarm/all-clear")
    assert alarm["ringing"] == []
    await site.journal.settle(20)
    _, found = await client.ask("GET", f"/api/incidents/{incident.id}")
    assert (found["acknowledged_by"], found["test"]) == ("trực ban", False)
    assert ("trực ban", "all-clear", "disarmed") in await site.audit()


async def test_what_a_call_is_about_is_told_to_who_may_see_the_camera(tmp_path: Path) -> None:
    clock = FakeClock(wall=time.time())
    async with running_site(tmp_path, clock=clock) as site:
        client = await site.log_in("trực ban", OPERATOR)
        limited = await site.log_in("sân", VIEWER, frozenset({"yard"}))
        await client.ask("POST", "/api/alarm/arm")
        clock.advance(31)
        site.services.alarm.tick()
        incident = await site.open_incident("gate")
        _, alarm = await client.ask("GET", "/api/alarm")
        assert (alarm["state"], alarm["about"]["incident"]) == ("calling", incident.id)
        assert alarm["about"].keys() == {"camera", "zone", "kind", "at_s", "incident"}
        _, alarm = await limited.ask("GET", "/api/alarm")
        assert (alarm["state"], alarm["about"], alarm["ringing"]) == ("calling", None, [])


async def test_an_administrator_confirms_the_time(tmp_path: Path) -> None:
    async with running_site(tmp_path, clock=FakeClock(wall=time.time(), source="none")) as site:
        client = await site.log_in("quản trị", ADMINISTRATOR)
        unknown = {"source": "none", "error_s": None}
        assert (await client.ask("GET", "/api/status"))[1]["clock"] == unknown
        assert (await client.ask("POST", "/api/clock", json={"confirm": False}))[0] == 400
        officer = await site.log_in("trực ban", OPERATOR)
        assert (await officer.ask("POST", "/api/clock", json={"confirm": True}))[0] == 403
        confirmed = {"source": "person", "error_s": None}
        assert await client.ask("POST", "/api/clock", json={"confirm": True}) == (200, confirmed)
        assert (await client.ask("GET", "/api/status"))[1]["clock"] == confirmed
        rows = await site.services.state.read(
            lambda c: c.execute("SELECT actor FROM audit WHERE action = 'clock-confirm'").fetchall()
        )
        assert [row["actor"] for row in rows] == ["quản trị"]
    (tmp_path / "again").mkdir()
    async with running_site(tmp_path / "again", clock=FakeClock(wall=0.0, source="none")) as site:
        client = await site.log_in("quản trị", ADMINISTRATOR)
        status, answer = await client.ask("POST", "/api/clock", json={"confirm": True})
        assert (status, answer["error"]) == (409, "clock_impossible")


async def test_siren_of_a_site_without_one(site: Site) -> None:
    client = await site.log_in("trực ban", OPERATOR)
    for path, body in (("on", {}), ("test", {"seconds": 3})):
        status, answer = await client.ask("POST", f"/api/siren/{path}", json=body)
        assert (status, answer["error"]) == (409, "no_siren")
    status, alarm = await client.ask("POST", "/api/siren/off")
    assert (status, alarm["siren"]["configured"], alarm["siren"]["link"]) == (200, False, "none")


async def test_siren_whose_relay_does_not_answer(tmp_path: Path) -> None:
    async with running_site(tmp_path, siren=True) as site:
        client = await site.log_in("trực ban", OPERATOR)
        for path, body in (("test", {"seconds": 3}), ("on", {})):
            status, answer = await client.ask("POST", f"/api/siren/{path}", json=body)
            assert (status, answer["error"]) == (503, "siren_unavailable")
        assert (await client.ask("POST", "/api/siren/test", json={"seconds": 6}))[0] == 400
        assert "cable" in answer["message"]
        status, alarm = await client.ask("POST", "/api/siren/off")
        assert (status, alarm["siren"]["wanted"], alarm["siren"]["link"]) == (200, False, "down")


async def test_status_shows_faults_of_visible_cameras(site: Site) -> None:
    faults = site.services.faults
    faults.raise_fault(Fault("camera:gate/main", "camera_stalled", "nothing arrives"))
    faults.raise_fault(Fault("camera:yard/main", "camera_refused", "wrong password"))
    faults.raise_fault(Fault("siren", "guard", "lost"))
    limited = await site.log_in("cổng", VIEWER, frozenset({"gate"}))
    _, status = await limited.ask("GET", "/api/status")
    assert [f["place"] for f in status["faults"]] == ["camera:gate/main", "siren"]
    assert status["faults"][0]["since_s"] <= status["now_s"]
    assert set(status["storage"]) == {
        *("used_bytes", "free_bytes", "oldest_s", "days_kept", "days_possible", "cameras", "disks")
    }
    cameras = status["analysis"].pop("cameras")
    assert status["analysis"] == {
        "running": True,
        "cpu_percent": 41.2,
        "budget_percent": 60.0,
        "busy": 0.5,
        "inference_ms": 9.6,
    }
    told = {"mode": "acting", "fps": 6.0, "arrived_fps": 25.0, "skipped": 1, "decode_errors": 0}
    assert cameras == {"gate": {**told, "age_s": 0.0, "cpu_percent": 7.0, "gop_s": 2.0}}
    assert status["loop_lag_ms"] == {"p50": 0.2, "p99": 3.5, "max": 8.0}
    assert status["uptime_s"] >= 0
    whole = await site.log_in("tất cả", VIEWER)
    assert len((await whole.ask("GET", "/api/status"))[1]["faults"]) == 3


async def test_an_incident_of_a_camera_that_is_no_more(site: Site) -> None:
    incident = await site.open_incident("gate", Response.RECORD)
    await site.state.write(lambda c: c.execute("UPDATE incidents SET camera = 'old'"))
    client = await site.log_in("xem", VIEWER)
    _, answer = await client.ask("GET", f"/api/incidents/{incident.id}")
    assert (answer["camera_name"], answer["footage"]["role"]) == ("old", "main")
    assert StreamKey("old", Role.MAIN) not in site.services.hub
