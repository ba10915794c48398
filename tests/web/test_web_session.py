"""Claim, log-in, cookie, CSRF and origin over real HTTPS."""

from __future__ import annotations

import json
import logging
import ssl
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from web_site import PASSWORD, Client, Site

from nvr.web.access import AccountRole
from nvr.web.request_body import MAX_BODY_BYTES


def cookie_flags(header: str) -> set[str]:
    return {part.strip().split("=")[0].lower() for part in header.split(";")[1:]}


async def claim(site: Site, client: Client) -> dict[str, object]:
    body = {"code": site.services.auth.claim_code, "name": "trưởng thôn", "password": PASSWORD}
    status, answer = await client.ask("POST", "/api/claim", json=body)
    assert status == 201
    client.csrf = answer["csrf"]
    return dict(answer)


async def test_claim_log_in_log_out(site: Site) -> None:
    client = site.client()
    status, answer = await client.ask("GET", "/api/session")
    assert status == 200
    assert (answer["claimed"], answer["account"], answer["csrf"]) == (False, None, None)
    assert answer["site"] == {"name": "Trạm <Đông>", "language": "vi", "timezone": "Asia/Ho_Chi_Minh"}
    code = site.services.auth.claim_code

    answer = await claim(site, client)
    assert answer["account"] == {"name": "trưởng thôn", "role": "administrator", "cameras": None}
    assert await client.ask("GET", "/api/session") == (200, answer)
    body = {"code": code, "name": "hai", "password": PASSWORD}
    assert (await site.client().ask("POST", "/api/claim", json=body))[1]["error"] == "already_claimed"

    assert await client.ask("POST", "/api/logout") == (204, None)
    status, answer = await client.ask("GET", "/api/session")
    assert (answer["claimed"], answer["account"], answer["csrf"]) == (True, None, None)
    assert (await client.ask("GET", "/api/cameras"))[1]["error"] == "not_logged_in"

    status, answer = await client.ask(
        "POST", "/api/login", json={"name": "trưởng thôn", "password": "falsch"}
    )
    assert (status, answer["error"]) == (401, "wrong_login")
    status, answer = await client.ask(
        "POST", "/api/login", json={"name": "Trưởng thôn", "password": PASSWORD}
    )
    assert (status, answer["account"]["role"]) == (200, "administrator")
    assert (await client.ask("GET", "/api/cameras"))[0] == 200
    actions = [action for _, action, _ in await site.audit()]
    assert actions == ["claim", "logout", "login-refused", "login"]


async def test_the_cookie_is_for_this_page_alone(site: Site) -> None:
    body = {"code": site.services.auth.claim_code, "name": "một", "password": PASSWORD}
    async with site.anonymous.open("POST", "/api/claim", json=body) as response:
        header = response.headers["Set-Cookie"]
    assert header.startswith("__Host-nvr=")
    assert {"httponly", "secure", "samesite", "path", "max-age"} <= cookie_flags(header)
    assert "domain" not in cookie_flags(header)
    assert "SameSite=Strict" in header
    assert "Path=/" in header
    assert len(header.split(";")[0].partition("=")[2]) >= 43, "fewer than 256 bits"


async def test_wrong_codes_and_passwords_must_wait(site: Site) -> None:
    body = {"code": "0000-0000-0000", "name": "một", "password": PASSWORD}
    answers = [await site.anonymous.ask("POST", "/api/claim", json=body) for _ in range(6)]
    assert [status for status, _ in answers] == [403] * 5 + [429]
    assert answers[-1][1]["error"] == "too_many_attempts"
    assert answers[-1][1]["retry_after_s"] >= 1


async def test_a_change_needs_token_and_own_origin(site: Site) -> None:
    client = await site.log_in("quản trị", AccountRole.ADMINISTRATOR)
    path = "/api/alarm/arm"
    refused: list[tuple[dict[str, str | None], str]] = [
        ({"X-CSRF-Token": None}, "bad_csrf"),
        ({"X-CSRF-Token": "x" * 32}, "bad_csrf"),
        ({"X-CSRF-Token": "ư"}, "bad_csrf"),
        ({"Origin": "https://evil.example"}, "cross_origin"),
        ({"Origin": "null"}, "cross_origin"),
        ({"Origin": client.url.replace("https", "http")}, "cross_origin"),
        ({"Origin": client.url + "1"}, "cross_origin"),
        ({"Sec-Fetch-Site": "cross-site"}, "cross_origin"),
        ({"Sec-Fetch-Site": "same-site"}, "cross_origin"),
        ({"Sec-Fetch-Site": "none"}, "cross_origin"),
    ]
    for headers, code in refused:
        status, answer = await client.ask("POST", path, headers=headers)
        assert (status, answer["error"]) == (403, code), headers
    assert not site.services.alarm.view().armed.armed
    for allowed in ({"Sec-Fetch-Site": None}, {"Origin": None}, {"Sec-Fetch-Site": None, "Origin": None}, {}):
        assert (await client.ask("POST", path, headers=allowed))[0] == 200, allowed
    other = await site.log_in("hai", AccountRole.ADMINISTRATOR)
    status, answer = await client.ask("POST", path, headers={"X-CSRF-Token": other.csrf})
    assert (status, answer["error"]) == (403, "bad_csrf"), "another session's token"


async def test_another_page_reads_nothing(site: Site) -> None:
    client = await site.log_in("quản trị", AccountRole.ADMINISTRATOR)
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        status, answer = await client.ask("GET", "/api/cameras", headers=headers)
        assert (status, answer["error"]) == (403, "cross_origin")
    assert (await client.ask("GET", "/api/cameras", headers={"Sec-Fetch-Site": "none"}))[0] == 200
    async with client.open("GET", "/", headers={"Sec-Fetch-Site": "cross-site"}) as response:
        assert response.status in (200, 404), "a link from elsewhere may open the page"


MALFORMED = (
    b"",
    b"{",
    b"null",
    b"[]",
    b'"x"',
    b"\xff\xfe",
    b'{"name": 1, "password": "x"}',
    b'{"name": "x"}',
    b'{"name": "x", "password": "y", "extra": 1}',
    b'{"name": "x", "password": "' + b"y" * 2000 + b'"}',
    b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
)


async def test_malformed_bodies(site: Site) -> None:
    headers: dict[str, str | None] = {"Content-Type": "application/json"}
    for content in MALFORMED:
        status, answer = await site.anonymous.ask("POST", "/api/login", data=content, headers=headers)
        assert len(content) < MAX_BODY_BYTES
        assert (status, answer["error"]) == (400, "bad_request")
        assert "yyy" not in json.dumps(answer)


async def test_body_limits_and_types(site: Site) -> None:
    client = site.anonymous
    as_json: dict[str, str | None] = {"Content-Type": "application/json"}

    async def in_chunks() -> object:  # no Content-Length: only reading shows how much it is
        for _ in range(20):
            yield b"x" * 8192

    for data in (b"x" * (MAX_BODY_BYTES + 1), in_chunks()):
        status, answer = await client.ask("POST", "/api/login", data=data, headers=as_json)
        assert (status, answer["error"]) == (413, "too_large")
    for headers in ({"Content-Type": "text/plain"}, as_json | {"Content-Encoding": "gzip"}):
        status, answer = await client.ask("POST", "/api/login", data=b"{}", headers=headers)
        assert (status, answer["error"]) == (415, "unsupported_type")
    status, answer = await client.ask("POST", "/api/login", data={"name": "x", "password": "y"})
    assert status == 415, "a form of another page"


async def test_unknown_paths_and_methods(site: Site) -> None:
    client = site.anonymous
    for path in (
        "/api/nothing",
        "/nothing",
        "/static/../server.py",
        "/static/%2e%2e/server.py",
        "/static/http.html",
    ):
        status, answer = await client.ask("GET", path)
        assert (status, answer["error"]) == (404, "not_found"), path
    for method, path in (
        ("GET", "/api/login"),
        ("PUT", "/api/session"),
        ("OPTIONS", "/api/session"),
        ("TRACE", "/"),
    ):
        status, answer = await client.ask(method, path)
        assert (status, answer["error"]) == (405, "method_not_allowed"), (method, path)


async def test_security_headers_on_every_kind_of_answer(site: Site) -> None:
    client = await site.log_in("quản trị", AccountRole.ADMINISTRATOR)
    answers = [
        ("GET", "/"),
        ("GET", "/nothing"),
        ("GET", "/api/session"),
        ("PUT", "/api/session"),
        ("HEAD", "/api/alarm"),
    ]
    for method, path in [*answers, ("GET", "/api/events"), ("POST", "/api/login")]:
        async with client.open(method, path) as response:
            headers = response.headers
            assert "default-src 'none'" in headers["Content-Security-Policy"], path
            assert "unsafe" not in headers["Content-Security-Policy"]
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Referrer-Policy"] == "no-referrer"
            assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
            assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
            assert headers["Server"] == "nvr"
            assert (headers.get("Cache-Control") == "no-store") == path.startswith("/api/")
            assert "Strict-Transport-Security" not in headers, "it would break the plain-HTTP page"


async def test_a_defect_of_ours_tells_nothing(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    client = await site.log_in("quản trị", AccountRole.ADMINISTRATOR)
    object.__setattr__(site.services, "analysis", lambda: 1 / 0)
    async with client.open("GET", "/api/status") as response:
        assert response.status == 500
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        text = await response.text()
    assert "ZeroDivision" not in text
    assert "ZeroDivision" in caplog.text, "but the log has it"


async def test_a_broken_database_is_a_clear_error(site: Site) -> None:
    client = await site.log_in("quản trị", AccountRole.ADMINISTRATOR)
    await site.state.write(lambda c: c.execute("ALTER TABLE incidents RENAME TO gone"))
    status, answer = await client.ask("GET", "/api/incidents")
    assert (status, answer["error"]) == (503, "storage")


async def test_no_secret_in_answers_or_logs(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    with capture_logs() as structured, caplog.at_level(logging.DEBUG):
        client, code = site.client(), site.services.auth.claim_code or ""
        text = json.dumps(await claim(site, client))
        for path in ("session", "cameras", "alarm", "status", "incidents", "incidents?limit=0"):
            text += json.dumps(await client.ask("GET", f"/api/{path}"))
        offer = "v=0\r\na=ice-pwd:only-for-us\r\n"
        sdp: dict[str, str | None] = {"Content-Type": "application/sdp"}
        site.show_live(next(iter(site.services.hub)).key)
        await client.ask("POST", "/api/cameras/gate/live/main", data=offer, headers=sdp)
        await client.ask("POST", "/api/login", json={"name": "x", "password": "ein Geheimnis"})
        token = client.token()
    everything = text + repr(structured) + caplog.text
    for secret in (token, PASSWORD, code, "camera-secret", "only-for-us", "ein Geheimnis"):
        assert secret
        assert secret not in everything
    assert client.csrf not in repr(structured) + caplog.text


async def test_the_certificate_is_checked_against_the_ca(site: Site) -> None:
    stranger = Client(site.url, ssl.create_default_context())
    try:
        with pytest.raises(Exception, match="certificate verify failed"):
            await stranger.ask("GET", "/api/session")
    finally:
        await stranger.close()
    old = site.tls()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    client = Client(site.url, old)
    assert (await client.ask("GET", "/api/session"))[0] == 200
    await client.close()


async def test_static_files(site: Site) -> None:
    static = Path("nvr/web/static")
    client = site.anonymous
    names = [file.relative_to(static).as_posix() for file in static.rglob("*") if file.is_file()]
    for name in set(names) - {"http.html", "jsconfig.json"}:
        async with client.open("GET", f"/static/{name}") as response:
            assert await response.read() == (static / name).read_bytes()
            etag, content_type = response.headers["ETag"], response.content_type
            assert response.headers["Cache-Control"] == "no-cache"
        if name.endswith(".js"):
            assert content_type == "text/javascript"
        async with client.open("GET", f"/static/{name}", headers={"If-None-Match": etag}) as response:
            assert response.status == 304
    assert names
