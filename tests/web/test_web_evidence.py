"""Packages of evidence through the API: asked for by one, approved by another, made, fetched whole or in parts."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from web_site import GATE, Client, Site, access_units

from nvr.__main__ import main
from nvr.evidence.verifier_page import verifier_page
from nvr.web.access import AccountRole


@pytest.fixture
async def operator(site: Site) -> Client:
    return await site.log_in("hoa", AccountRole.OPERATOR)


@pytest.fixture
async def chief(site: Site) -> Client:
    return await site.log_in("minh", AccountRole.ADMINISTRATOR)


async def record(site: Site) -> float:
    """Two seconds of the gate's sub stream, committed; the time after."""
    for unit in access_units(GATE, site.services.clock.monotonic()):
        site.services.hub[GATE].publish(unit)
    now_s = site.services.clock.wall()
    async with asyncio.timeout(20):
        while not await site.services.disks.originals(GATE, now_s - 60, now_s + 60):
            await asyncio.sleep(0.05)
    return site.services.clock.wall()


async def held(client: Client, camera: str, end_s: float, length_s: float = 60, **more: Any) -> str:
    body = {
        "camera": camera,
        "start_s": end_s - length_s,
        "end_s": end_s,
        "expires_s": end_s + 86_400,
        "case": "12/2027",
        "person": "Công an xã",
        "reason": "trộm xe",
        **more,
    }
    status, hold = await client.ask("POST", "/api/holds", json=body)
    assert status == 201, hold
    return str(hold["id"])


async def asked(client: Client, *holds: str) -> dict[str, Any]:
    status, request = await client.ask("POST", "/api/evidence", json={"holds": holds})
    assert status == 201, request
    return dict(request)


async def listed(client: Client, request_id: str) -> dict[str, Any]:
    _, answer = await client.ask("GET", "/api/evidence")
    return next(one for one in answer["requests"] if one["id"] == request_id)


async def until(client: Client, request_id: str, state: str) -> dict[str, Any]:
    async with asyncio.timeout(30):
        while (request := await listed(client, request_id))["state"] != state:
            assert request["state"] in ("approved", state), request
            await asyncio.sleep(0.05)
    return request


async def fetch(client: Client, path: str, **headers: str | None) -> tuple[int, bytes]:
    async with client.open("GET", path, headers=headers) as response:
        return response.status, await response.read()


async def test_from_a_hold_to_a_package_that_proves_itself(
    site: Site, operator: Client, chief: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    now_s = await record(site)
    holds = [await held(operator, camera, now_s) for camera in ("gate", "yard")]
    request = await asked(operator, *holds)
    assert (request["state"], request["cameras"], request["may_decide"]) == (
        "requested",
        ["gate", "yard"],
        False,
    )
    path = f"/api/evidence/{request['id']}"
    assert (await fetch(operator, f"{path}/package.zip"))[0] == 404
    assert (await operator.ask("POST", f"{path}/approve"))[0] == 403
    assert (await listed(chief, request["id"]))["may_decide"]
    status, decided = await chief.ask("POST", f"{path}/approve")
    assert (status, decided["decided_by"]) == (200, "minh")
    ready = await until(operator, request["id"], "ready")

    status, content = await fetch(operator, f"{path}/package.zip")
    assert (status, len(content)) == (200, ready["bytes"])
    status, part = await fetch(operator, f"{path}/package.zip", Range="bytes=1000-2999")
    assert (status, part) == (206, content[1000:3000])
    async with operator.open("HEAD", f"{path}/package.zip") as response:
        assert (response.status, response.headers["Content-Length"]) == (200, str(len(content)))
    status, _ = await fetch(operator, f"{path}/package.zip", Range=f"bytes={len(content)}-")
    assert status == 416

    (tmp_path / "p.zip").write_bytes(content)
    _, answer = await operator.ask("GET", "/api/evidence")
    words = ["verify", str(tmp_path / "p.zip"), "--key", answer["fingerprint"], "--json"]
    assert await asyncio.to_thread(main, words) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "authentic"
    manifest = json.loads(content[content.index(b'{\n"format"') :].split(b"\n}\n")[0] + b"}")
    assert (manifest["requested"]["by"], manifest["approved"]["by"]) == ("hoa", "minh")
    assert [row["action"] for row in manifest["custody"]] == ["evidence-request", "evidence-approve"]
    assert manifest["audit_head"].startswith(f"{manifest['custody'][-1]['id']}:")
    assert {file["of"]["camera"] for file in manifest["files"] if file["of"]} == {"gate"}
    assert ("yard", "unknown") in {(gap["camera"], gap["cause"]) for gap in manifest["gaps"]}
    own = [row for row in await site.audit() if row[2] == request["id"]]
    assert own[:4] == [
        ("hoa", "evidence-request", request["id"]),
        ("minh", "evidence-approve", request["id"]),
        ("", "evidence-ready", request["id"]),
        ("hoa", "evidence-download", request["id"]),
    ]
    status, page = await fetch(operator, "/api/evidence/verify.html")
    assert (status, page) == (200, verifier_page())


async def test_nobody_decides_alone_or_twice(site: Site, operator: Client, chief: Client) -> None:
    now_s = site.services.clock.wall()
    request = await asked(chief, await held(chief, "gate", now_s))
    path = f"/api/evidence/{request['id']}"
    status, answer = await chief.ask("POST", f"{path}/approve")
    assert (status, answer["error"]) == (409, "same_person")
    other = await site.log_in("lan", AccountRole.ADMINISTRATOR)
    assert (await other.ask("POST", f"{path}/refuse"))[1]["state"] == "refused"
    status, answer = await other.ask("POST", f"{path}/approve")
    assert (status, answer["error"]) == (409, "already_decided")


async def test_what_may_not_be_asked_for(site: Site, operator: Client) -> None:
    now_s = site.services.clock.wall()
    gate, yard = await held(operator, "gate", now_s), await held(operator, "yard", now_s, reason="khác")
    ahead = await held(operator, "gate", now_s + 3600)
    long = await held(operator, "gate", now_s, length_s=90_000)
    for holds, wanted in (
        ([gate, yard], (400, "bad_request")),
        ([ahead], (400, "evidence_span")),
        ([long], (400, "evidence_span")),
        (["0" * 16], (404, "not_found")),
        ([], (400, "bad_request")),
    ):
        status, answer = await operator.ask("POST", "/api/evidence", json={"holds": holds})
        assert (status, answer["error"]) == wanted


async def test_only_for_who_may_see_all_its_cameras(site: Site, operator: Client, chief: Client) -> None:
    now_s = site.services.clock.wall()
    holds = [await held(operator, camera, now_s) for camera in ("gate", "yard")]
    request = await asked(operator, *holds)
    limited = await site.log_in("tài", AccountRole.ADMINISTRATOR, frozenset({"gate"}))
    assert (await limited.ask("GET", "/api/evidence"))[1]["requests"] == []
    assert (await limited.ask("POST", "/api/evidence", json={"holds": holds}))[0] == 404
    assert (await limited.ask("POST", f"/api/evidence/{request['id']}/approve"))[0] == 404
    await chief.ask("POST", f"/api/evidence/{request['id']}/approve")
    await until(operator, request["id"], "ready")
    assert (await fetch(limited, f"/api/evidence/{request['id']}/package.zip"))[0] == 404


async def test_what_failed_is_said_and_can_be_approved_again(
    site: Site, operator: Client, chief: Client
) -> None:
    in_the_way = site.config.storage.state / "evidence"
    in_the_way.write_text("no folder")
    request = await asked(operator, await held(operator, "gate", site.services.clock.wall()))
    path = f"/api/evidence/{request['id']}/approve"
    await chief.ask("POST", path)
    assert (await until(operator, request["id"], "failed"))["failure"] == "storage"
    in_the_way.unlink()
    assert (await chief.ask("POST", path))[0] == 200
    await until(operator, request["id"], "ready")
