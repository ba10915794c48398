"""Layouts of the live page, over real HTTPS: whose they are, what is kept, and what is refused."""

from __future__ import annotations

from typing import Any

from web_site import Client, Site

from nvr.events import Actor
from nvr.web.access import AccountRole
from nvr.web.layouts import MAX_CAMERAS, MAX_LAYOUTS

BY = Actor("console")
WALL: dict[str, Any] = {"name": "Phòng trực", "tiles": 4, "cameras": ["yard", None, "gate"]}


async def layouts(client: Client) -> list[dict[str, Any]]:
    status, answer = await client.ask("GET", "/api/layouts")
    assert status == 200
    found: list[dict[str, Any]] = answer["layouts"]
    return found


async def refused(client: Client, **change: object) -> tuple[int, str]:
    status, answer = await client.ask("POST", "/api/layouts", json=WALL | change)
    return status, answer["error"]


async def test_an_account_has_its_own_on_all_its_devices(site: Site) -> None:
    phone, other = await site.log_in("xem", AccountRole.VIEWER), await site.log_in("khác", AccountRole.VIEWER)
    assert await layouts(phone) == []
    status, made = await phone.ask("POST", "/api/layouts", json=WALL)
    assert (status, made) == (201, WALL | {"id": made["id"]})
    path = f"/api/layouts/{made['id']}"
    assert await layouts(await site.log_in_again("xem")) == [made]
    assert await layouts(other) == []
    for method, body in (("PUT", WALL), ("DELETE", None)):
        assert (await other.ask(method, path, json=body))[0] == 404, "somebody else's"
    assert (await other.ask("POST", "/api/layouts", json=WALL))[0] == 201, "names are free among accounts"
    changed = {"name": "  Ca đêm ", "tiles": 16, "cameras": []}
    assert await phone.ask("PUT", path, json=changed) == (200, changed | {"id": made["id"]})
    assert [one["name"] for one in await layouts(phone)] == ["Ca đêm"]
    assert (await phone.ask("DELETE", path))[0] == 204
    assert (await phone.ask("DELETE", path))[0] == 404
    for nobodys in ("0", "abc", "9" * 30):
        assert (await phone.ask("PUT", f"/api/layouts/{nobodys}", json=WALL))[0] == 404


async def test_what_is_refused(site: Site) -> None:
    client = await site.log_in("xem", AccountRole.VIEWER, frozenset({"gate", "yard"}))
    limited = await site.log_in("cổng", AccountRole.VIEWER, frozenset({"gate"}))
    assert (await client.ask("POST", "/api/layouts", json=WALL))[0] == 201
    assert await refused(client) == (409, "layout_name_taken")
    assert await refused(client, name="PHÒNG TRỰC") == (409, "layout_name_taken")
    for name in ("", "   ", "a\nb", "a" * 41, "\u202e"):
        assert await refused(client, name=name) == (422, "bad_layout_name"), repr(name)
    for change in (
        {"tiles": 5},
        {"tiles": "4"},
        {"cameras": ["gate", "gate"]},
        {"cameras": ["gate"] * (MAX_CAMERAS + 1)},
        {"cameras": ["g" * 33]},
        {"cameras": None},
        {"name": 7},
        {"more": 1},
    ):
        assert await refused(client, **change) == (400, "bad_request"), change
    assert await refused(client, cameras=["absent"]) == (422, "no_such_camera")
    assert await refused(limited) == (422, "no_such_camera"), "hidden is as absent"
    for number in range(MAX_LAYOUTS - 1):
        assert (await client.ask("POST", "/api/layouts", json=WALL | {"name": f"Ca {number}"}))[0] == 201
    assert await refused(client, name="một nữa") == (409, "too_many_layouts")
    assert (await limited.ask("POST", "/api/layouts", json=WALL | {"cameras": ["gate"]}))[0] == 201


async def test_what_may_not_be_seen_any_more_leaves_its_tile_empty(site: Site) -> None:
    client = await site.log_in("xem", AccountRole.VIEWER)
    await client.ask("POST", "/api/layouts", json=WALL)
    accounts = site.services.auth.accounts
    await accounts.set_rights("xem", AccountRole.VIEWER, ["gate"], by=BY)
    assert [one["cameras"] for one in await layouts(client)] == [[None, None, "gate"]]
    await accounts.set_rights("xem", AccountRole.VIEWER, None, by=BY)
    assert [one["cameras"] for one in await layouts(client)] == [WALL["cameras"]]


async def test_damage_costs_a_layout_its_cameras_and_an_account_takes_its_layouts_along(site: Site) -> None:
    client = await site.log_in("xem", AccountRole.VIEWER)
    await client.ask("POST", "/api/layouts", json=WALL)
    await site.state.write(lambda c: c.execute("UPDATE layouts SET cameras = '7'"))
    assert [(one["name"], one["cameras"]) for one in await layouts(client)] == [("Phòng trực", [])]
    await site.services.auth.accounts.remove("xem", by=BY)
    rows = await site.state.read(lambda c: c.execute("SELECT count(*) FROM layouts").fetchone()[0])
    assert rows == 0
