"""Holds through the API: made, listed and ended by those who may, with a record of each."""

from __future__ import annotations

import json
from typing import Any

import pytest
from web_site import GATE, Client, Site, access_units

from nvr.web.access import AccountRole


def body(site: Site, **more: Any) -> dict[str, Any]:
    now_s = site.services.clock.wall()
    span = {"camera": "gate", "start_s": now_s - 100, "end_s": now_s, "expires_s": now_s + 86_400}
    return {**span, "case": "12/2027", "person": "Lê Văn B", "reason": "trộm xe", **more}


@pytest.fixture
async def operator(site: Site) -> Client:
    return await site.log_in("trực ban", AccountRole.OPERATOR)


async def test_a_hold_is_made_listed_and_ended(site: Site, operator: Client) -> None:
    wanted = body(site)
    status, hold = await operator.ask("POST", "/api/holds", json=wanted)
    assert status == 201
    assert {name: hold[name] for name in wanted} == wanted
    assert (hold["made_by"], hold["expired"]) == ("trực ban", False)
    (file,) = (site.config.storage.recordings[0] / "holds").iterdir()
    assert json.loads(file.read_bytes())["id"] == hold["id"]

    for unit in access_units(GATE, site.services.clock.monotonic()):
        site.services.hub[GATE].publish(unit)
    status, answer = await operator.ask("GET", "/api/holds")
    (listed,) = answer["holds"]
    assert status == 200
    assert listed.pop("bytes") >= 0
    assert listed == hold
    assert 0 <= answer["held_bytes"] < answer["quota_bytes"]

    assert (await operator.ask("DELETE", f"/api/holds/{hold['id']}"))[0] == 204
    assert (await operator.ask("DELETE", f"/api/holds/{hold['id']}"))[0] == 404
    assert (await operator.ask("GET", "/api/holds"))[1]["holds"] == []
    assert not file.exists()
    rows = [row for row in await site.audit() if row[1].startswith("hold")]
    assert rows == [("trực ban", "hold-add", "gate"), ("trực ban", "hold-remove", "gate")]


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"camera": "absent"}, 404, "not_found"),
        ({"end_s": 1.0}, 400, "bad_span"),
        ({"start_s": -1.0}, 400, "bad_span"),
        ({"start_s": 1.0}, 400, "bad_span"),
        ({"end_s": 1e300}, 400, "bad_span"),
        ({"expires_s": 5.0}, 400, "bad_request"),
        ({"expires_s": 1e12}, 400, "bad_request"),
        ({"case": " "}, 400, "bad_request"),
        ({"person": "x" * 201}, 400, "bad_request"),
        ({"reason": ""}, 400, "bad_request"),
        ({"reason": 7}, 400, "bad_request"),
        ({"id": "x"}, 400, "bad_request"),
        ({"made_by": "another"}, 400, "bad_request"),
    ],
)
async def test_what_is_no_hold_is_refused(
    site: Site, operator: Client, more: dict[str, Any], status: int, code: str
) -> None:
    found, answer = await operator.ask("POST", "/api/holds", json=body(site, **more))
    assert (found, answer["error"]) == (status, code)
    assert (await operator.ask("GET", "/api/holds"))[1]["holds"] == []


async def test_holds_of_other_cameras_do_not_exist(site: Site, operator: Client) -> None:
    _, hold = await operator.ask("POST", "/api/holds", json=body(site))
    limited = await site.log_in("sân", AccountRole.OPERATOR, frozenset({"yard"}))
    assert (await limited.ask("GET", "/api/holds"))[1]["holds"] == []
    assert (await limited.ask("DELETE", f"/api/holds/{hold['id']}"))[0] == 404
    assert (await limited.ask("POST", "/api/holds", json=body(site)))[0] == 404
    status, _ = await limited.ask("POST", "/api/holds", json=body(site, camera="yard"))
    assert status == 201
    assert len((await operator.ask("GET", "/api/holds"))[1]["holds"]) == 2
