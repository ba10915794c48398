"""GET /api/timeline over a real recorder and database."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from web_site import GATE, Site, access_units, running_site

from nvr.events import Motion
from nvr.media.access_unit import CodecConfig
from nvr.web.access import AccountRole


async def test_footage_motion_and_incidents(site: Site) -> None:
    services = site.services
    client = await site.log_in("xem", AccountRole.VIEWER)
    recorded_s = services.clock.wall()
    for unit in access_units(GATE, services.clock.monotonic()):
        services.hub[GATE].publish(unit)
    incident = await site.open_incident("gate")
    services.motion.note(Motion("gate", services.clock.monotonic(), 0.1))
    now_s = services.clock.wall()
    path = f"/api/timeline?cameras=gate&role=sub&start_s={now_s - 600}&end_s={now_s + 600}"
    async with asyncio.timeout(20):
        while True:
            status, answer = await client.ask("GET", path)
            (gate,) = answer["cameras"]
            if gate["spans"] and gate["spans"][-1][1] - gate["spans"][0][0] > 1.9:
                break
            await asyncio.sleep(0.1)
    assert status == 200
    assert (gate["id"], gate["role"], gate["resolution_s"]) == ("gate", "sub", 0)
    assert gate["spans"] == [[pytest.approx(recorded_s - 2, abs=0.5), pytest.approx(recorded_s, abs=0.5)]]
    ((motion_s, until_s),) = gate["motion"]
    assert until_s - motion_s == 60
    assert motion_s <= now_s < until_s + 1
    (mark,) = gate["incidents"]
    assert mark == {
        "id": incident.id,
        "kind": "person",
        "response": "call",
        "start_s": incident.opened_s,
        "end_s": incident.last_s,
    }


async def test_any_range_up_to_a_year_and_all_cameras_one_may_see(site: Site) -> None:
    whole = await site.log_in("tất cả", AccountRole.VIEWER)
    limited = await site.log_in("cổng", AccountRole.VIEWER, frozenset({"gate"}))
    year = f"/api/timeline?start_s=0&end_s={366 * 86_400}"
    for client, cameras in ((whole, ["gate", "yard"]), (limited, ["gate"])):
        status, answer = await client.ask("GET", year)
        assert (status, [camera["id"] for camera in answer["cameras"]]) == (200, cameras)
    assert answer["cameras"][0]["resolution_s"] > 3600
    # One that is hidden hides nothing by being named beside another.
    hidden = await limited.ask("GET", f"{year}&cameras=gate,yard")
    assert hidden == await limited.ask("GET", f"{year}&cameras=gate,absent")
    assert hidden[0] == 404
    # A camera without a sub stream answers with its main one.
    _, answer = await whole.ask("GET", f"{year}&cameras=yard&role=sub")
    assert answer["cameras"][0]["role"] == "main"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "start_s=1",
        "start_s=2&end_s=1",
        "start_s=0&end_s=31708800",
        "start_s=nan&end_s=3",
        "start_s=0&end_s=9&role=x",
    ],
)
async def test_bad_questions(site: Site, query: str) -> None:
    client = await site.log_in("xem", AccountRole.VIEWER)
    status, answer = await client.ask("GET", f"/api/timeline?{query}")
    assert (status, answer["error"]) in ((400, "bad_span"), (400, "bad_request"))


async def test_picture_of_a_moment(tmp_path: Path) -> None:
    """What is recorded is what the analysis is asked to decode; a moment asked for again is not decoded again."""
    wanted: list[bytes] = []

    async def still(_config: CodecConfig, keyframe: bytes) -> bytes | None:
        wanted.append(keyframe)
        return b"\xff\xd8 a picture \xff\xd9"

    async with running_site(tmp_path, still=still) as site:
        client = await site.log_in("xem", AccountRole.VIEWER)
        units = access_units(GATE, site.services.clock.monotonic())
        for unit in units:
            site.services.hub[GATE].publish(unit)
        async with asyncio.timeout(20):
            while (
                not (found := await site.services.disks.coverage(GATE, 0, 1e11))
                or found[0].end_s - found[0].start_s < 1.9
            ):
                await asyncio.sleep(0.1)
        begin_s = found[0].start_s
        for at_s in (begin_s + 0.5, begin_s + 0.9, begin_s + 1.5):
            async with client.open("GET", f"/api/cameras/gate/picture?at_s={at_s}") as answer:
                assert (answer.status, answer.content_type) == (200, "image/jpeg")
                assert (await answer.read()).startswith(b"\xff\xd8")
        assert wanted == [unit.data for unit in units if unit.is_key]
        assert (await client.ask("GET", f"/api/cameras/gate/picture?at_s={begin_s - 100}"))[0] == 404
        assert (await client.ask("GET", "/api/cameras/gate/picture?at_s=-1"))[0] == 400
        assert [row for row in await site.audit() if row[1] == "picture"] == [("xem", "picture", "gate/sub")]


async def test_no_picture_without_analysis(site: Site) -> None:
    client = await site.log_in("xem", AccountRole.VIEWER)
    for unit in access_units(GATE, site.services.clock.monotonic()):
        site.services.hub[GATE].publish(unit)
    async with asyncio.timeout(20):
        while not (found := await site.services.disks.coverage(GATE, 0, 1e11)):
            await asyncio.sleep(0.1)
    status, answer = await client.ask("GET", f"/api/cameras/gate/picture?at_s={found[0].start_s + 0.1}")
    assert (status, answer["error"]) == (503, "no_still")
