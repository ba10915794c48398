"""Accounts, passwords and log-ins over the API."""

from __future__ import annotations

import asyncio
import json
from importlib import resources
from pathlib import Path

from web_site import PASSWORD, Client, Site

from nvr.clock import FakeClock
from nvr.state import STATE_SCHEMA
from nvr.store import Database
from nvr.web.access import Account, AccountRole
from nvr.web.accounts import Accounts

PATH = "/api/accounts"
ADMINISTRATOR, VIEWER = AccountRole.ADMINISTRATOR, AccountRole.VIEWER


async def refusal(client: Client, method: str, path: str, body: object = None) -> tuple[int, str]:
    status, answer = await client.ask(method, path, json=body)
    return status, answer["error"] if answer else ""


async def logged_in(site: Site, name: str, password: str) -> tuple[Client, dict[str, object]]:
    client = site.client()
    status, session = await client.ask("POST", "/api/login", json={"name": name, "password": password})
    assert status == 200, session
    client.csrf = session["csrf"]
    return client, session


async def test_a_first_password_opens_nothing_but_its_change(site: Site) -> None:
    admin = await site.log_in("Lan", ADMINISTRATOR)
    body = {"name": "Minh", "role": "investigator", "cameras": ["gate"]}
    status, made = await admin.ask("POST", PATH, json=body)
    assert status == 201
    first = made.pop("password")
    assert made.items() >= body.items()
    assert (made["must_change"], made["disabled"], made["may_change"], made["own"]) == (
        True,
        False,
        True,
        False,
    )

    client, session = await logged_in(site, "minh", first)
    assert (session["must_change"], session["may"]) == (True, ["own"])
    for path in ("/api/cameras", "/api/alarm", "/api/events", "/api/incidents"):
        assert await refusal(client, "GET", path) == (403, "password_change_needed")
    change = {"old": first, "new": PASSWORD}
    assert await refusal(client, "POST", "/api/password", change | {"new": "ngắn"}) == (422, "weak_password")
    assert await refusal(client, "POST", "/api/password", change | {"new": first}) == (422, "same_password")
    assert await refusal(client, "POST", "/api/password", change | {"old": "x"}) == (403, "wrong_password")
    other, _ = await logged_in(site, "Minh", first)
    assert (await client.ask("POST", "/api/password", json=change))[0] == 204
    assert (await other.ask("GET", "/api/cameras"))[0] == 401, "whoever knew the old password is out"
    status, session = await client.ask("GET", "/api/session")
    assert (session["must_change"], session["may"]) == (
        False,
        ["cameras", "evidence", "own", "playback", "site"],
    )
    assert [c["id"] for c in (await client.ask("GET", "/api/cameras"))[1]["cameras"]] == ["gate"]
    await logged_in(site, "Minh", PASSWORD)
    trail = json.dumps((await admin.ask("GET", "/api/audit"))[1])
    assert first not in trail
    assert [a for _, a, s in await site.audit() if s == "Minh"] == [
        "account-add", "login", "login", "account-password", "login",
    ]  # fmt: skip


async def test_wrong_passwords_make_who_changes_his_own_wait(site: Site) -> None:
    client = await site.log_in("An", VIEWER)
    wrong = {"old": "không phải", "new": "một mật khẩu mới"}
    answers = [await refusal(client, "POST", "/api/password", wrong) for _ in range(6)]
    assert answers == [(403, "wrong_password")] * 5 + [(429, "too_many_attempts")]


async def test_rights_are_changed_and_log_ins_end(site: Site) -> None:
    admin = await site.log_in("Lan", ADMINISTRATOR)
    viewer = await site.log_in("An", VIEWER)
    listed = {one["name"]: one for one in (await admin.ask("GET", PATH))[1]["accounts"]}
    assert (listed["An"]["sessions"], listed["Lan"]["own"], listed["Lan"]["may_change"]) == (1, True, False)
    path = f"{PATH}/{listed['An']['id']}"
    rights = {"role": "operator", "cameras": ["yard"], "disabled": False}
    assert (await admin.ask("PUT", path, json=rights))[0] == 204
    assert "guard" in (await viewer.ask("GET", "/api/session"))[1]["may"]
    assert await refusal(viewer, "GET", "/api/cameras/gate/picture?at_s=1") == (404, "not_found")

    again = await site.log_in_again("An")
    async with viewer.open("GET", "/api/events") as told:
        sessions = (await admin.ask("GET", f"{path}/sessions"))[1]["sessions"]
        assert {one["id"]: (one["open"], one["own"]) for one in sessions} == {
            viewer.key: (True, False),
            again.key: (False, False),
        }
        assert (await admin.ask("DELETE", f"{path}/sessions/{viewer.key}"))[0] == 204
        async with asyncio.timeout(10):
            await told.content.read()
    assert (await viewer.ask("GET", "/api/cameras"))[0] == 401
    assert await refusal(admin, "DELETE", f"{path}/sessions/{viewer.key}") == (404, "not_found")

    assert (await admin.ask("PUT", path, json=rights | {"disabled": True}))[0] == 204
    assert (await again.ask("GET", "/api/cameras"))[0] == 401
    login = {"name": "An", "password": PASSWORD}
    assert await refusal(site.client(), "POST", "/api/login", login) == (401, "wrong_login")
    assert (await admin.ask("PUT", path, json=rights))[0] == 204
    back, _ = await logged_in(site, "An", PASSWORD)
    status, answer = await admin.ask("POST", f"{path}/password", json={})
    assert (status, answer["name"]) == (200, "An")
    assert (await back.ask("GET", "/api/cameras"))[0] == 401
    assert (await logged_in(site, "An", answer["password"]))[1]["must_change"]
    assert (await admin.ask("DELETE", path))[0] == 204
    deeds = [a for who, a, s in await site.audit() if (who, s) == ("Lan", "An")]
    assert deeds == [
        "account-rights", "session-end", "account-off", "account-on", "account-password", "account-remove",
    ]  # fmt: skip


async def test_ones_own_log_ins(site: Site) -> None:
    here = await site.log_in("An", VIEWER)
    there, stranger = await site.log_in_again("An"), await site.log_in("Bình", VIEWER)
    shown = (await here.ask("GET", "/api/sessions"))[1]["sessions"]
    assert {one["id"]: one["own"] for one in shown} == {here.key: True, there.key: False}
    assert await refusal(here, "DELETE", f"/api/sessions/{stranger.key}") == (404, "not_found")
    assert (await here.ask("DELETE", f"/api/sessions/{there.key}"))[0] == 204
    assert (await there.ask("GET", "/api/cameras"))[0] == 401
    assert (await stranger.ask("GET", "/api/cameras"))[0] == 200


async def test_what_administrators_are_refused(site: Site) -> None:
    whole = await site.log_in("Lan", ADMINISTRATOR)
    gate = await site.log_in("Cổng", ADMINISTRATOR, frozenset({"gate"}))
    ids = {one["name"]: one["id"] for one in (await whole.ask("GET", PATH))[1]["accounts"]}
    new = {"name": "x", "role": "viewer", "cameras": ["gate"]}
    assert await refusal(gate, "POST", PATH, new | {"cameras": None}) == (422, "beyond_own_cameras")
    assert await refusal(gate, "POST", PATH, new | {"cameras": ["yard"]}) == (422, "beyond_own_cameras")
    assert await refusal(gate, "POST", PATH, new | {"cameras": ["road"]}) == (422, "no_such_camera")
    assert await refusal(gate, "POST", PATH, new | {"name": "LAN"}) == (422, "account_taken")
    assert await refusal(gate, "POST", PATH, new | {"name": "-"}) == (422, "bad_name")
    assert await refusal(gate, "POST", PATH, new | {"role": "household"}) == (400, "bad_request")
    lan, rights = f"{PATH}/{ids['Lan']}", {"role": "viewer", "cameras": ["gate"], "disabled": False}
    for method, path, body in (
        ("PUT", lan, rights),
        ("DELETE", lan, None),
        ("POST", f"{lan}/password", {}),
        ("GET", f"{lan}/sessions", None),
        ("DELETE", f"{lan}/sessions/{whole.key}", None),
    ):
        assert await refusal(gate, method, path, body) == (403, "account_beyond"), (method, path)
    own = f"{PATH}/{ids['Cổng']}"
    assert await refusal(gate, "PUT", own, rights) == (409, "own_account")
    assert await refusal(gate, "DELETE", own) == (409, "own_account")
    assert (await whole.ask("DELETE", own))[0] == 204
    assert await refusal(whole, "DELETE", f"{PATH}/999999") == (404, "not_found")


async def test_two_administrators_cannot_shut_out_each_other(site: Site) -> None:
    one, two = await site.log_in("Một", ADMINISTRATOR), await site.log_in("Hai", ADMINISTRATOR)
    ids = {found["name"]: found["id"] for found in (await one.ask("GET", PATH))[1]["accounts"]}
    answers = await asyncio.gather(
        one.ask("DELETE", f"{PATH}/{ids['Hai']}"), two.ask("DELETE", f"{PATH}/{ids['Một']}")
    )
    assert 204 in [status for status, _ in answers]
    left = [found.name for found in await site.services.auth.accounts.list()]
    assert left in (["Một"], ["Hai"])


async def test_accounts_of_before_keep_what_refers_to_them(tmp_path: Path) -> None:
    script = (resources.files("nvr") / "schema" / "017_accounts.sql").read_text("utf-8")
    steps = STATE_SCHEMA[: STATE_SCHEMA.index(script)]
    old = await Database.open(tmp_path / "state.db", steps)
    await old.write(
        lambda c: c.execute("INSERT INTO accounts VALUES (7, 'Lan', 'operator', '[\"gate\"]', 'x', 1.0)")
    )
    await old.write(lambda c: c.execute("INSERT INTO sessions VALUES (x'00', 7, 'c', 1.0, 9.0, '', '')"))
    await old.close()
    state = await Database.open(tmp_path / "state.db", STATE_SCHEMA)
    accounts = Accounts(state, FakeClock())
    lan = await accounts.get("lan")
    assert lan == Account(7, "Lan", AccountRole.OPERATOR, frozenset({"gate"}))
    await state.write(lambda c: c.execute("DELETE FROM accounts WHERE id = 7"))
    assert (await state.read(lambda c: c.execute("SELECT count(*) FROM sessions").fetchone()))[0] == 0
    await state.close()
