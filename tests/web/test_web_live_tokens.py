"""Live tokens: what they open, what they do not, and when they end."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_web_authz import targets
from web_live import publish, until, viewer
from web_site import GATE, YARD, Client, Site

from nvr.events import Actor
from nvr.web.access import AccountRole
from nvr.web.errors import ApiError
from nvr.web.live_tokens import MAX_PER_SESSION, MAX_TOTAL, LiveTokens
from nvr.web.server import ROUTES

ENDPOINT = "/api/cameras/gate/live/sub"
BY = Actor("console")


def bearer(secret: str) -> dict[str, str | None]:
    """As a page of another origin sends it, with a cookie that it must not profit from."""
    return {
        "Authorization": f"Bearer {secret}",
        "Origin": "https://player.example",
        "Sec-Fetch-Site": "cross-site",
        "X-CSRF-Token": None,
    }


async def lent(client: Client, camera: str = "gate", minutes: int = 60) -> dict[str, Any]:
    status, answer = await client.ask("POST", f"/api/cameras/{camera}/live-tokens", json={"minutes": minutes})
    assert status == 201, answer
    return dict(answer)


async def begun(client: Client, secret: str, path: str = ENDPOINT) -> tuple[int, Any]:
    """Status, and the session's address or the error's code."""
    async with viewer() as peer:
        headers = bearer(secret) | {"Content-Type": "application/sdp"}
        offer = peer.localDescription.sdp
        async with client.open("POST", path, data=offer, headers=headers) as response:
            if response.status == 201:
                assert response.headers["Access-Control-Allow-Origin"] == "*"
                assert "Location" in response.headers["Access-Control-Expose-Headers"]
                return 201, response.headers["Location"]
            return response.status, (await response.json())["error"]


async def test_a_player_watches_one_camera_with_it(site: Site) -> None:
    publish(site, GATE)
    publish(site, YARD)
    client = await site.log_in("xem", AccountRole.VIEWER)
    token = await lent(client)
    assert token["endpoints"] == {"main": "/api/cameras/gate/live/main", "sub": ENDPOINT}
    secret = token["token"]
    status, session = await begun(site.anonymous, secret)
    assert status == 201
    assert await begun(site.anonymous, secret, "/api/cameras/yard/live/main") == (404, "not_found")
    assert (await client.ask("DELETE", session))[0] == 404, "begun by the token, not by the log-in"
    assert (await site.anonymous.ask("DELETE", session, headers=bearer(secret)))[0] == 200
    assert site.services.live.sessions() == []
    assert ("xem", "live-token", "gate") in await site.audit()
    assert ("xem", "live", "gate/sub") in await site.audit()


async def test_it_opens_nothing_else(site: Site) -> None:
    """Not even for a browser that is logged in as an administrator: on WHEP's routes the token counts alone."""
    admin = await site.log_in("quản trị", AccountRole.ADMINISTRATOR)
    secret = (await lent(admin))["token"]
    numbers = {"gate": (await site.open_incident("gate")).id}
    for route in ROUTES:
        if route.access.needs is None:
            continue
        path = targets(route, numbers)[0].path
        status, answer = await site.anonymous.ask(
            route.method, path, headers={"Authorization": f"Bearer {secret}"}
        )
        taken = bool(re.fullmatch(r"/api/(cameras/gate/live/sub|live/[^/]+(/stream)?)", path))
        assert route.access.live_token == taken, path
        assert (status == 401) == (not taken), (path, status, answer)
    status, answer = await admin.ask("GET", "/api/alarm", headers=bearer(secret))
    assert (status, answer["error"]) == (403, "cross_origin"), "a token is no excuse elsewhere"
    for wrong in ("", "x", "A" * 43, "é" * 200):
        async with admin.open("GET", ENDPOINT, headers=bearer(wrong)) as response:
            assert response.status == 401
            assert (await response.json())["error"] == "bad_live_token"
            assert response.headers["WWW-Authenticate"].startswith("Bearer")


async def test_it_ends_with_what_it_was_lent_of(site: Site) -> None:
    publish(site, GATE)
    accounts = site.services.auth.accounts
    names = ("withdrawn", "logged out", "removed", "camera hidden", "new password", "kept")
    clients = {name: await site.log_in(name, AccountRole.VIEWER) for name in names}
    tokens = {name: await lent(client) for name, client in clients.items()}

    async def end(name: str) -> None:
        match name:
            case "withdrawn":
                path = f"/api/live-tokens/{tokens[name]['id']}"
                assert (await clients["kept"].ask("DELETE", path))[0] == 404, "somebody else's"
                assert (await clients[name].ask("DELETE", path))[0] == 204
            case "logged out":
                assert (await clients[name].ask("POST", "/api/logout"))[0] == 204
            case "removed":
                await accounts.remove(name, by=BY)
            case "camera hidden":
                await accounts.set_rights(name, AccountRole.VIEWER, ["yard"], by=BY)
            case "new password":
                await accounts.set_password(name, "another hash", by=BY)

    for name in names[:-1]:
        assert (await begun(site.anonymous, tokens[name]["token"]))[0] == 201, name
        await end(name)
        status, code = await begun(site.anonymous, tokens[name]["token"])
        hidden = name == "camera hidden"
        assert (status, code) == ((404, "not_found") if hidden else (401, "bad_live_token")), name
        await until(lambda: not site.services.live.sessions())
    assert (await begun(site.anonymous, tokens["kept"]["token"]))[0] == 201


async def test_what_is_lent_is_listed_without_its_secret(site: Site) -> None:
    client, other = (
        await site.log_in("xem", AccountRole.VIEWER),
        await site.log_in("khác", AccountRole.VIEWER),
    )
    token = await lent(client, minutes=5)
    async with client.open("GET", "/api/live-tokens") as response:
        text, answer = await response.text(), await response.json()
    assert token["token"] not in text
    assert [(one["id"], one["camera"]) for one in answer["tokens"]] == [(token["id"], "gate")]
    assert abs(answer["tokens"][0]["expires_s"] - token["expires_s"]) < 1
    assert (await other.ask("GET", "/api/live-tokens"))[1] == {"tokens": []}
    for wrong in ({}, {"minutes": 0}, {"minutes": 1441}, {"minutes": 5, "camera": "yard"}):
        assert (await client.ask("POST", "/api/cameras/gate/live-tokens", json=wrong))[0] == 400


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(("gate", "yard")), st.integers(1, 90)), max_size=40
    ),
    st.integers(0, 100),
    st.sets(st.sampled_from("abc")),
)
def test_a_token_is_valid_for_its_time_and_its_log_in(
    issued: list[tuple[str, str, int]], later_s: int, sessions: set[str]
) -> None:
    tokens, kept = LiveTokens(), []
    for session, camera, lifetime_s in issued:
        try:
            kept.append((*tokens.issue(session, camera, now_mono_s=0.0, lifetime_s=lifetime_s), lifetime_s))
        except ApiError as error:
            assert (error.status, error.code) == (429, "too_many_live_tokens")
            assert len(tokens.of(session, 0.0)) == MAX_PER_SESSION
    tokens.revalidate(sessions, later_s)
    for secret, token, lifetime_s in kept:
        lasts = lifetime_s > later_s and token.session_key in sessions
        assert tokens.find(secret, later_s) == (token if lasts else None)
        assert tokens.valid(token.key, later_s) == (token if lasts else None)
        assert secret not in repr(token)


def test_all_log_ins_together_have_a_limit() -> None:
    tokens = LiveTokens()
    for number in range(MAX_TOTAL):
        tokens.issue(f"session {number}", "gate", now_mono_s=0.0, lifetime_s=60)
    with pytest.raises(ApiError, match="live tokens"):
        tokens.issue("another", "gate", now_mono_s=1.0, lifetime_s=60)
    tokens.issue("another", "gate", now_mono_s=61.0, lifetime_s=60)
