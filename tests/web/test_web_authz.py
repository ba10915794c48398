"""Every route × who asks × which camera, enumerated from the route table itself."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from web_site import GATE, YARD, Client, Site, access_units

from nvr.events import Actor
from nvr.web.access import Ability, Access, AccountRole, Subject
from nvr.web.accounts import SESSION_S
from nvr.web.route import Route
from nvr.web.server import ROUTES
from peers.onvif_client import envelope

PUBLIC_PATHS = {
    "/api/session",
    "/api/claim",
    "/api/login",
    "/",
    "/manifest.webmanifest",
    "/push-worker.js",
    "/static/{file:.+}",
    "/locales/{language}.json",
}
PLATFORM_PATHS = {"/onvif/device_service", "/onvif/media_service", "/onvif/snapshot/{profile}"}
"""What platforms alone may ask, with log-ins of their own; tests/web/test_web_onvif.py asks it."""


@dataclass(frozen=True)
class Person:
    """Somebody who asks; `role` None: without session."""

    name: str
    client: Client
    role: AccountRole | None
    cameras: frozenset[str] | None = None
    must_change: bool = False

    def may(self, ability: Ability) -> bool:
        if self.role is None or self.must_change:
            return self.role is not None and ability is Ability.OWN
        return ability in self.role.abilities


@dataclass(frozen=True)
class Target:
    """One concrete address of a route. `camera`: the camera it is about, "" if about none; `exists`: whether there
    is such a camera or incident at all."""

    route: Route
    path: str
    camera: str = ""
    exists: bool = True

    @property
    def is_of_nothing(self) -> bool:
        """Whether it is about footage, of which there is none, or about a camera's sickness, which none has."""
        return any(part in self.path for part in ("part.mp4", "/picture?at_s", "/sick/"))


def targets(route: Route, incidents: dict[str, int]) -> list[Target]:
    values = {
        "language": "vi",
        "file:.+": "app.js",
        "live": "x" * 32,
        "hold": "0" * 16,
        "target": "xa",
        "platform": "khong-co",
        "phone": "khong-co",
        "token": "0" * 16,
        "layout": "1",
        "package": "0" * 16,
        "account": "khong-co",
        "session": "0" * 64,
    }
    path = re.sub(r"\{([^}]+)\}", lambda m: values.get(m[1], m[0]), route.path)
    if "/footage/" in path:
        path += "?start_s=1000&end_s=1002"
    if path.endswith("{camera}/picture"):
        path += "?at_s=1000"
    match route.access.subject:
        case Subject.CAMERA:
            roles = {"gate": "sub", "yard": "main", "absent": "main"}
            return [
                Target(route, path.replace("{camera}", c).replace("{role}", r), c, c != "absent")
                for c, r in roles.items()
            ]
        case Subject.INCIDENT:
            return [
                Target(route, path.replace("{incident}", str(number)), camera, camera != "absent")
                for camera, number in incidents.items()
            ]
        case Subject.CAMERA_IF_ASKED:
            asked = [
                Target(route, f"{path}?camera={c}", c, c != "absent") for c in ("gate", "yard", "absent")
            ]
            return [Target(route, path), *asked]
        case Subject.CAMERAS_IF_ASKED:
            path += "?start_s=1000&end_s=1002"
            lists = {"gate": "gate", "yard,yard": "yard", "absent": "absent", "yard,absent": "absent"}
            asked = [Target(route, f"{path}&cameras={c}", one, one != "absent") for c, one in lists.items()]
            return [Target(route, path), *asked]
    return [Target(route, path)]


def expected(target: Target, person: Person) -> int | None:
    """The status with which the gate must refuse; None: it must let through."""
    rule: Access = target.route.access
    if rule.platform:
        return 404  # there is no platform
    if rule.needs is None:
        return None
    if person.role is None:
        return 401
    if not person.may(rule.needs):
        return 403
    allowed = person.cameras is None or target.camera in person.cameras
    return 404 if target.camera and not (target.exists and allowed) else None


async def people(site: Site) -> list[Person]:
    roles = AccountRole
    expired = await site.log_in("đã lâu", roles.ADMINISTRATOR)
    await site.state.write(lambda c: c.execute("UPDATE sessions SET expires_s = ?", (1.0,)))
    removed = await site.log_in("đã xoá", roles.ADMINISTRATOR)
    known = [Person(role.word, await site.log_in(role.word, role), role) for role in roles]
    await site.state.write(lambda c: c.execute("DELETE FROM accounts WHERE name = 'đã xoá'"))
    limited = [
        Person(
            f"{role.word} of {cameras}", await site.log_in(f"{role.word}{n}", role, cameras), role, cameras
        )
        for role in roles
        for n, cameras in enumerate((frozenset({"gate"}), frozenset({"yard", "absent"}), frozenset[str]()))
    ]
    new = await site.log_in("mới", roles.ADMINISTRATOR)
    await site.state.write(lambda c: c.execute("UPDATE accounts SET must_change = 1 WHERE name = 'mới'"))
    off = await site.log_in("đã tắt", roles.ADMINISTRATOR)
    await site.state.write(lambda c: c.execute("UPDATE accounts SET disabled = 1 WHERE name = 'đã tắt'"))
    strangers = {
        "nobody": site.anonymous,
        "expired": expired,
        "removed": removed,
        "switched off": off,
        "forged": site.client("A" * 43, "x"),
        "absurd": site.client("x" * 5000, "x"),
    }
    must_change = Person("new", new, roles.ADMINISTRATOR, must_change=True)
    return [
        *known,
        *limited,
        must_change,
        *(Person(name, client, None) for name, client in strangers.items()),
    ]


async def test_every_route_for_everybody(site: Site) -> None:
    everybody = await people(site)
    numbers = {"gate": 0, "yard": 0, "absent": 999_999}
    for camera in ("gate", "yard"):
        numbers[camera] = (await site.open_incident(camera)).id
    combinations = 0
    # Logging out last: it ends the session that everything else needs.
    for route in sorted(ROUTES, key=lambda r: r.path == "/api/logout"):
        hidden_answers = set()
        for target in targets(route, numbers):
            for person in everybody:
                wanted = expected(target, person)
                async with person.client.open(route.method, target.path) as response:
                    status = response.status
                    body = await response.text() if status >= 400 else ""
                combinations += 1
                what = f"{route.method} {target.path} as {person.name}: {status} {body}"
                if wanted is None:
                    assert status not in (401, 403), what
                    assert status != 404 or target.camera == "" or target.is_of_nothing, what
                else:
                    assert status == wanted, what
                if wanted == 404:
                    hidden_answers.add(body)
        # A camera one may not see answers exactly as one that does not exist.
        assert len(hidden_answers) <= 1
    assert combinations > 15 * len(ROUTES)


async def test_what_is_public_is_meant_to_be() -> None:
    public = {route.path for route in ROUTES if route.access.needs is None}
    assert public == PUBLIC_PATHS | PLATFORM_PATHS
    assert {route.path for route in ROUTES if route.access.platform} == PLATFORM_PATHS


async def test_no_log_in_of_a_person_counts_for_a_platform(site: Site) -> None:
    by = Actor("Lan", "")
    await site.services.platforms.add("xa", ["gate"], by=by)
    for person in await people(site):
        for route in (route for route in ROUTES if route.access.platform):
            path = route.path.replace("{profile}", "gate_main")
            body = None if route.method == "GET" else envelope("media", "GetProfiles")
            async with person.client.open(route.method, path, data=body) as response:
                assert "Set-Cookie" not in response.headers
                # The device service has no such operation, for anybody.
                assert response.status == (500 if "device" in path else 401), (path, person.name)
                assert route.path in PLATFORM_PATHS and b"gate" not in await response.read()


async def test_every_change_needs_the_token_and_every_api_call_our_origin(site: Site) -> None:
    client = await site.log_in("quản trị", AccountRole.ADMINISTRATOR)
    numbers = {"gate": (await site.open_incident("gate")).id}
    for route in ROUTES:
        path = targets(replace(route), numbers)[0].path
        if route.method != "GET" and route.access.needs is not None:
            status, answer = await client.ask(route.method, path, headers={"X-CSRF-Token": None})
            assert (status, answer["error"]) == (403, "bad_csrf"), path
        if route.path.startswith("/api/"):
            status, answer = await client.ask(route.method, path, headers={"Sec-Fetch-Site": "cross-site"})
            assert (status, answer["error"]) == (403, "cross_origin"), path
    assert (await client.ask("GET", "/api/cameras"))[0] == 200, "the session is as it was"


async def test_lists_hold_only_what_one_may_see(site: Site) -> None:
    gate, yard = [(await site.open_incident(camera)).id for camera in ("gate", "yard")]
    for key in (GATE, YARD):
        site.show_live(key)
        for unit in access_units(key, site.services.clock.monotonic()):
            site.services.hub[key].publish(unit)
    limited = await site.log_in("cổng", AccountRole.OPERATOR, frozenset({"gate"}))
    whole = await site.log_in("tất cả", AccountRole.VIEWER)

    async def ids(client: Client, path: str, name: str, key: str) -> list[str]:
        return [entry[key] for entry in (await client.ask("GET", path))[1][name]]

    assert await ids(whole, "/api/cameras", "cameras", "id") == ["gate", "yard"]
    assert await ids(limited, "/api/cameras", "cameras", "id") == ["gate"]
    assert await ids(whole, "/api/incidents", "incidents", "camera") == ["yard", "gate"]
    assert await ids(limited, "/api/incidents", "incidents", "camera") == ["gate"]
    assert (await whole.ask("GET", "/api/alarm"))[1]["ringing"] == [gate, yard]
    assert (await limited.ask("GET", "/api/alarm"))[1]["ringing"] == [gate]
    assert set((await limited.ask("GET", "/api/status"))[1]["analysis"]["cameras"]) == {"gate"}
    await site.services.disks.disks[0].open.forecast.look()
    storage = (await whole.ask("GET", "/api/status"))[1]["storage"]
    assert set(storage["cameras"]) == {"gate", "yard"}
    assert set(storage["cameras"]["gate"]) == {"bytes", "oldest_s", "days_kept", "days_possible", "days_min"}
    assert set((await limited.ask("GET", "/api/status"))[1]["storage"]["cameras"]) == {"gate"}


async def test_an_expired_session_is_gone(site: Site) -> None:
    client = await site.log_in("quản trị", AccountRole.ADMINISTRATOR)
    assert (await client.ask("GET", "/api/alarm"))[0] == 200
    before = site.services.clock.wall()
    await site.state.write(lambda c: c.execute("UPDATE sessions SET expires_s = ?", (before - SESSION_S,)))
    assert (await client.ask("GET", "/api/alarm"))[0] == 401
