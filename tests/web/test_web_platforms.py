"""Platforms over the API: administrators make them; a password is told once."""

import json

from nvr.web.access import AccountRole

PATH = "/api/platforms"


async def test_a_password_is_told_once(site):
    client = await site.log_in("Lan", AccountRole.ADMINISTRATOR)
    status, made = await client.ask("POST", PATH, json={"name": "xa-dong", "cameras": ["gate"]})
    assert status == 201
    password = made.pop("password")
    assert site.services.platforms.credential("xa-dong").password == password
    status, shown = await client.ask("GET", PATH)
    assert (status, shown["platforms"]) == (200, [made])
    assert (made["cameras"], made["enabled"], made["created_by"]) == (["gate"], True, "Lan")
    assert (made["seen_s"], made["seen_address"]) == (None, None)
    status, renewed = await client.ask("POST", f"{PATH}/xa-dong/password")
    assert status == 200
    assert renewed.pop("password") != password
    assert renewed == made
    body = {"cameras": ["gate", "yard"], "enabled": False}
    status, changed = await client.ask("PUT", f"{PATH}/xa-dong", json=body)
    assert (status, changed) == (200, made | body)
    assert (await client.ask("DELETE", f"{PATH}/xa-dong"))[0] == 204
    deeds = [action for actor, action, subject in await site.audit() if subject == "xa-dong"]
    assert deeds == ["platform-add", "platform-password", "platform-change", "platform-remove"]
    assert password not in json.dumps((await client.ask("GET", "/api/audit"))[1])


async def test_what_is_refused(site):
    client = await site.log_in("Lan", AccountRole.ADMINISTRATOR, frozenset({"gate"}))

    async def refusal(method, path, body=None):
        status, answer = await client.ask(method, path, json=body)
        return status, answer["error"]

    assert await refusal("POST", PATH, {"name": "Thôn", "cameras": []}) == (422, "bad_platform_name")
    assert await refusal("POST", PATH, {"name": "a", "cameras": ["road"]}) == (422, "no_such_camera")
    # Nobody gives away what he may not see himself.
    assert await refusal("POST", PATH, {"name": "a", "cameras": ["yard"]}) == (422, "no_such_camera")
    assert await refusal("POST", PATH, {"name": "a"}) == (400, "bad_request")
    assert await refusal("PUT", f"{PATH}/a", {"cameras": [], "enabled": True}) == (404, "not_found")
    assert await refusal("DELETE", f"{PATH}/a") == (404, "not_found")
    assert await refusal("POST", f"{PATH}/a/password") == (404, "not_found")
