"""The appliance as an ONVIF recorder, asked by a client not written here, over HTTPS and plain HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientMiddlewareType, ClientSession, DigestAuthMiddleware
from web_site import GATE, YARD, Site, access_units, running_site
from zeep.exceptions import Fault

from nvr.clock import FakeClock
from nvr.events import Actor, StreamKey
from nvr.media.access_unit import CodecConfig
from nvr.media.hub import Hub
from nvr.web import stills as web_stills
from nvr.web.errors import ApiError
from nvr.web.platform_visits import RULE
from nvr.web.snapshots import FRESH_S, KEPT_S, Snapshots
from peers.onvif_client import envelope, fault_codes, texts, token
from peers.onvif_platform import posted, recorder

PICTURE = b"\xff\xd8 how it looks now \xff\xd9"
MAIN = StreamKey("gate", GATE.role.MAIN)
BY = Actor("Lan", "10.9.9.9")
SETUP = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
DEVICE, MEDIA = "/onvif/device_service", "/onvif/media_service"


class Stills:
    """In place of the analysis process: what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []

    async def make(self, _config: CodecConfig, keyframe: bytes) -> bytes | None:
        self.asked.append(keyframe)
        return PICTURE


@pytest.fixture
async def stills() -> Stills:
    return Stills()


@pytest.fixture
async def site(tmp_path, stills) -> AsyncIterator[Site]:
    """Its cameras send pictures; the platform `xa` may see both, `tinh` the one at the gate."""
    async with running_site(tmp_path, still=stills.make) as running:
        for key in (GATE, MAIN, YARD):
            for unit in access_units(key, running.services.clock.monotonic()):
                running.services.hub[key].publish(unit)
        await running.services.platforms.add("xa", ["gate", "yard"], by=BY)
        await running.services.platforms.add("tinh", ["gate"], by=BY)
        yield running


def password(site: Site, name: str) -> str:
    credential = site.services.platforms.credential(name)
    assert credential is not None
    return credential.password


@asynccontextmanager
async def seen_by(site: Site, name: str, *, secret: str | None = None, tls: bool = False) -> AsyncIterator:
    url = site.url if tls else site.http_url
    async with recorder(url, name, secret or password(site, name)) as device:
        await device.update_xaddrs()
        yield device


def signed(site: Site, service: str, operation: str, arguments: str = "", **changes) -> bytes:
    values = {"user": "xa", "password": password(site, "xa"), "at_s": site.services.clock.wall()} | changes
    return envelope(service, operation, arguments, token(**values))


async def snapshot(
    url: str, profile: str, *middlewares: ClientMiddlewareType, authorization: str = ""
) -> tuple[int, bytes]:
    headers = {"Authorization": authorization} if authorization else {}
    async with (
        ClientSession(middlewares=middlewares, headers=headers) as client,
        client.get(f"{url}/onvif/snapshot/{profile}", ssl=False) as response,
    ):
        return response.status, await response.read()


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
async def test_a_platform_adds_the_recorder(site, stills, tls):
    base = site.url if tls else site.http_url
    async with seen_by(site, "xa", tls=tls) as device:
        management = await device.create_devicemgmt_service()
        media = await device.create_media_service()
        assert (await management.GetSystemDateAndTime()).TimeZone.TZ == "UTC-7:00:00"
        information = await management.GetDeviceInformation()
        assert information.Manufacturer == "Village NVR"
        assert information.SerialNumber == site.server.ca_fingerprint.replace(":", "")[:16]
        capabilities = await management.GetCapabilities({"Category": "All"})
        assert capabilities.Media.XAddr == base + MEDIA
        services = await management.GetServices({"IncludeCapability": True})
        assert [service.XAddr for service in services] == [base + DEVICE, base + MEDIA]
        assert (await management.GetNetworkInterfaces())[0].IPv4.Config.Manual[0].Address == "127.0.0.1"
        profiles = await media.GetProfiles()
        assert [profile.token for profile in profiles] == ["gate_main", "gate_sub", "yard_main"]
        assert [profile.Name for profile in profiles] == ["Cổng (main)", "Cổng (sub)", "Sân (main)"]
        for profile, stream in zip(profiles, ("gate/main", "gate/sub", "yard/main"), strict=True):
            encoder = profile.VideoEncoderConfiguration
            assert (encoder.Encoding, encoder.Resolution.Width, encoder.Resolution.Height) == (
                "H264",
                320,
                240,
            )
            assert (encoder.RateControl.FrameRateLimit, encoder.H264.GovLength) == (25, 25)
            asked = {"StreamSetup": SETUP, "ProfileToken": profile.token}
            assert (await media.GetStreamUri(asked)).Uri == f"rtsp://127.0.0.1:8554/{stream}"
            assert await device.get_snapshot_uri(profile.token) == f"{base}/onvif/snapshot/{profile.token}"
            assert await device.get_snapshot(profile.token) == PICTURE
    # Again when another hour has begun.
    assert list(dict.fromkeys(row for row in await site.audit() if row[0] == "xa")) == [
        ("xa", "platform-login", "xa"),
        ("xa", "platform-snapshot", "gate"),
        ("xa", "platform-snapshot", "yard"),
    ]
    (known,) = [p for p in site.services.platforms.all() if p.name == "xa"]
    assert known.seen_address == "127.0.0.1"


async def test_cameras_of_others_are_not_there(site):
    async with seen_by(site, "tinh") as device:
        media = await device.create_media_service()
        assert [profile.token for profile in await media.GetProfiles()] == ["gate_main", "gate_sub"]
        assert [source.token for source in await media.GetVideoSources()] == ["gate"]
        for name in ("yard_main", "nothing"):
            with pytest.raises(Fault, match="there is no such profile"):
                await media.GetStreamUri({"StreamSetup": SETUP, "ProfileToken": name})
        digest = DigestAuthMiddleware("tinh", password(site, "tinh"))
        names = ("yard_main", "nothing", "gate_x")
        answers = [await snapshot(site.http_url, name, digest) for name in names]
        assert answers[0][0] == 404
        assert len(set(answers)) == 1
        await site.services.platforms.change("tinh", ["yard"], True, by=BY)
        assert [profile.token for profile in await media.GetProfiles()] == ["yard_main"]


async def test_a_wrong_password(site):
    with pytest.raises(Fault, match="name or password is wrong"):
        async with seen_by(site, "xa", secret="guessed") as device:
            await (await device.create_media_service()).GetProfiles()
    digest = DigestAuthMiddleware("xa", "guessed")
    assert (await snapshot(site.http_url, "gate_main", digest))[0] == 401
    rows = [row for row in await site.audit() if row[1] == "platform-refused"]
    assert rows == [("", "platform-refused", "xa")], "the second one within a minute comes with the next"


async def test_a_request_is_taken_once(site):
    body = signed(site, "media", "GetProfiles")
    url = site.http_url + MEDIA
    assert (await posted(url, body))[0] == 200
    for again in (url, site.url + MEDIA):
        status, answer, challenges = await posted(again, body)
        assert (status, fault_codes(answer)) == (401, ["s:Sender", "ter:NotAuthorized"])
        assert challenges[0].startswith("Digest ")
    authorizations = []

    async def remember(request, handler):
        authorizations.append(request.headers.get("Authorization", ""))
        return await handler(request)

    digest = DigestAuthMiddleware("xa", password(site, "xa"))
    assert await snapshot(site.http_url, "gate_main", digest, remember) == (200, PICTURE)
    assert (await snapshot(site.http_url, "gate_main", authorization=authorizations[-1]))[0] == 401


async def test_who_guesses_waits(site):
    url = site.http_url + MEDIA
    for number in range(RULE.free - 1):
        assert (await posted(url, signed(site, "media", "GetProfiles", password="x")))[0] == 401
        assert (await posted(url, signed(site, "media", "GetProfiles", nonce=b"%d" % number)))[0] == 200
    waits = False
    async with ClientSession() as client, asyncio.timeout(60):
        while not waits:
            assert (await posted(url, signed(site, "media", "GetProfiles", password="x")))[0] in (401, 429)
            async with client.post(url, data=signed(site, "media", "GetProfiles")) as response:
                waits = response.status == 429
                assert not waits or int(response.headers["Retry-After"]) >= 1
                assert not waits or (await response.json())["error"] == "too_many_attempts"
    assert (await site.anonymous.ask("GET", "/api/session"))[0] == 200, "the page is not touched by it"
    async with asyncio.timeout(90):
        while (await posted(url, signed(site, "media", "GetProfiles", nonce=b"later")))[0] == 429:
            await asyncio.sleep(0.2)


async def test_addresses_are_those_the_client_used(site):
    host = f"nvr.example:{urlsplit(site.http_url).port}"
    asked = "<Category>Media</Category>"
    for sent, expected in ((host, f"http://{host}{MEDIA}"), ('"><x', f"{site.http_url}{MEDIA}")):
        headers = {"Host": sent}
        async with ClientSession() as client:
            body = envelope("device", "GetCapabilities", asked)
            async with client.post(site.http_url + DEVICE, data=body, headers=headers) as response:
                assert texts(await response.read(), "XAddr") == [expected]


async def test_bodies_are_bounded(site):
    url = site.http_url + DEVICE
    body = envelope("device", "GetSystemDateAndTime", "x" * (64 << 10))
    assert (await posted(url, body))[0] == 413

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 1000):
            yield body[start : start + 1000]

    async with ClientSession() as client:
        async with client.post(url, data=chunks()) as response:
            assert response.status == 413
        async with client.post(url, data=b"x", headers={"Content-Encoding": "gzip"}) as response:
            assert response.status == 415


async def test_without_platforms_there_is_nothing(site):
    body = envelope("device", "GetSystemDateAndTime")
    assert (await posted(site.http_url + DEVICE, body))[0] == 200
    for name in ("xa", "tinh"):
        await site.services.platforms.change(name, ["gate"], False, by=BY)
    for url in (site.http_url, site.url):
        assert (await posted(url + DEVICE, body))[0] == 404
        assert (await snapshot(url, "gate_main"))[0] == 404


async def test_a_camera_that_is_away_has_no_snapshot(site, stills):
    site.services.hub[YARD]._gop.clear()
    digest = DigestAuthMiddleware("xa", password(site, "xa"))
    status, answer = await snapshot(site.http_url, "yard_main", digest)
    assert (status, json.loads(answer)["error"]) == (503, "no_still")
    assert stills.asked == []


async def test_whoever_asks_one_snapshot_is_made_in_two_seconds():
    clock, hub, stills = FakeClock(), Hub([YARD]), Stills()
    snapshots = Snapshots(hub, web_stills.Stills(stills.make), clock)
    for unit in access_units(YARD, clock.monotonic()):
        hub[YARD].publish(unit)
    assert await asyncio.gather(*(snapshots.get(YARD) for _ in range(100))) == [PICTURE] * 100
    assert stills.asked == [hub[YARD].gop[0].data]
    clock.advance(KEPT_S)
    await snapshots.get(YARD)
    assert len(stills.asked) == 2
    clock.advance(FRESH_S + 1)
    with pytest.raises(ApiError, match="sends no picture"):
        await snapshots.get(YARD)
