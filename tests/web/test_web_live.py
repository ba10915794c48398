"""WHEP through the real live server: who gets an answer, what is refused, and that rights end what runs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiortc.mediastreams import MediaStreamError
from web_live import SDP, picture, playing, publish, refused, start, taken_udp_port, until, viewer
from web_site import GATE, YARD, Client, Site, access_units, running_site

import x265
from nvr.events import Actor, Role, StreamKey
from nvr.web.access import AccountRole
from nvr.web.live_source import HubFrames

BY = Actor("console")


async def test_watch_and_stop(site: Site) -> None:
    publish(site, GATE)
    client, other = (
        await site.log_in("xem", AccountRole.VIEWER),
        await site.log_in("khác", AccountRole.VIEWER),
    )
    async with viewer() as peer:
        location = await start(client, peer)
        frame = await picture(peer)
        assert (frame.width, frame.height) == (320, 240)
        assert (await other.ask("DELETE", location))[0] == 404, "somebody else's session"
        assert (await client.ask("DELETE", location))[0] == 200
        assert site.services.live.sessions() == []
        assert (await client.ask("DELETE", location))[0] == 404
    assert ("xem", "live", "gate/sub") in await site.audit()


async def test_what_is_refused(site: Site) -> None:
    client = await site.log_in("xem", AccountRole.VIEWER)
    async with viewer() as peer:
        offer = peer.localDescription.sdp
    assert await refused(client, offer) == (409, "no_picture")
    site.show_live(GATE)
    assert await refused(client, offer) == (409, "no_picture"), "live by its word, but no picture yet"
    publish(site, GATE)
    for malformed in ("", "v=0", "nonsense", "v=0\r\nm=video 9 RTP/AVP 0\r\n", b"\xff\xfe"):
        assert await refused(client, malformed) == (400, "bad_offer")
    assert await refused(client, offer, "yard/live/sub") == (404, "not_found")
    assert await refused(client, offer, "gate/live/third") == (404, "not_found")
    assert await refused(client, "v" * 70_000) == (413, "too_large")
    status, answer = await client.ask("POST", "/api/cameras/gate/live/sub", data=b"{}")
    assert (status, answer["error"]) == (415, "unsupported_type")
    site.show_live(GATE, has_b_frames=True)
    status, answer = await client.ask("POST", "/api/cameras/gate/live/sub", data=offer, headers=SDP)
    assert (status, answer["error"]) == (409, "b_frames")
    assert "gate" in answer["message"]
    assert "switch B-frames off" in answer["message"]
    for unit in x265.encode(frames=2):
        site.services.hub[GATE].publish(unit)
    site.show_live(GATE)
    status, answer = await client.ask("POST", "/api/cameras/gate/live/sub", data=offer, headers=SDP)
    assert (status, answer["error"]) == (409, "h265")
    assert "gate" in answer["message"] and "H.264" in answer["message"]
    assert (await client.ask("GET", "/api/cameras"))[1]["cameras"][0]["live"] is None
    assert site.services.live.sessions() == []


async def test_places_are_bounded(tmp_path: Path) -> None:
    async with running_site(tmp_path, viewers_per_account=3) as site:
        await places_are_bounded(site, own=3)


async def places_are_bounded(site: Site, *, own: int) -> None:
    """Of the account, on all its devices together, and of the appliance; each is told in its own words."""
    publish(site, GATE)
    phone, other = await site.log_in("xem", AccountRole.VIEWER), await site.log_in("khác", AccountRole.VIEWER)
    tablet = await site.log_in_again("xem")
    async with viewer() as peer:
        offer = peer.localDescription.sdp

        async def taken(client: Client, places: int) -> None:
            for _ in range(places):
                async with client.open(
                    "POST", "/api/cameras/gate/live/sub", data=offer, headers=SDP
                ) as response:
                    assert response.status == 201

        await taken(phone, 1)
        await taken(tablet, own - 1)
        for client in (phone, tablet):
            assert await refused(client, offer) == (429, "too_many_own_viewers")
        await taken(other, site.config.web.max_viewers - own)
        async with other.open("POST", "/api/cameras/gate/live/sub", data=offer, headers=SDP) as response:
            assert (response.status, (await response.json())["error"]) == (503, "too_many_viewers")
            assert int(response.headers["Retry-After"]) > 0
        assert await site.services.live.close_where(lambda info: info.owner == phone.key) == 1
        await taken(other, 1)


async def test_live_video_that_cannot_be_sent_says_why(tmp_path: Path) -> None:
    """A port that is taken waits for somebody to do something; live video that is not running is back in a moment."""
    with taken_udp_port() as port:
        async with running_site(tmp_path, live_port=port) as site, viewer() as peer:
            publish(site, GATE)
            client = await site.log_in("xem", AccountRole.VIEWER)
            offer = peer.localDescription.sdp

            async def refusal() -> tuple[int, str, str | None]:
                async with client.open(
                    "POST", "/api/cameras/gate/live/sub", data=offer, headers=SDP
                ) as response:
                    answer = await response.json()
                    return response.status, answer["error"], response.headers.get("Retry-After")

            assert await refusal() == (503, "no_live_port", None)
            await until(lambda: not site.services.live.sessions())
            site.live_job.cancel()
            await asyncio.wait([site.live_job])
            status, error, wait = await refusal()
            assert (status, error) == (503, "live_stopped")
            assert wait is not None and float(wait) > 0


async def withdraw(site: Site, name: str, client: Client) -> None:
    """The right that is called `name`, of the account that is called so too."""
    accounts = site.services.auth.accounts
    match name:
        case "account":
            await accounts.remove(name, by=BY)
        case "camera":
            await accounts.set_rights(name, AccountRole.VIEWER, ["yard"], by=BY)
        case "password":
            await accounts.set_password(name, "another hash", by=BY)
        case "log-in":
            assert (await client.ask("POST", "/api/logout"))[0] == 204
        case "time":
            session = bytes.fromhex(client.key)
            await site.state.write(
                lambda c: c.execute("UPDATE sessions SET expires_s = 1 WHERE token_hash = ?", (session,))
            )


async def test_revocation_ends_the_picture(site: Site) -> None:
    """Of whoever lost the right, and nobody else's; a camera or role that leaves the right to watch ends nothing."""
    live, accounts = site.services.live, site.services.auth.accounts
    async with playing(site, GATE, YARD), viewer() as kept, viewer() as elsewhere:
        keeper = await site.log_in("kept", AccountRole.OPERATOR)
        await start(keeper, kept)
        await accounts.set_rights("kept", AccountRole.VIEWER, ["gate"], by=BY)
        camera = await site.log_in("camera", AccountRole.VIEWER)
        await start(camera, elsewhere, "yard/live/main")
        for name in ("account", "camera", "password", "log-in", "time"):
            client = camera if name == "camera" else await site.log_in(name, AccountRole.VIEWER)
            async with viewer() as peer:
                await start(client, peer)
                await picture(peer)
                await withdraw(site, name, client)
                with pytest.raises(MediaStreamError):
                    while True:
                        await picture(peer)
                await until(lambda: {info.owner for info in live.sessions()} == {keeper.key, camera.key})
                assert len(live.sessions()) == 2, name
        for peer in (kept, elsewhere):
            await picture(peer)


async def test_frames_are_those_of_the_cached_gop(site: Site) -> None:
    publish(site, GATE)
    source = HubFrames(site.services.hub[GATE], lambda _key: None)
    assert source.sps == site.services.hub[GATE].config.sps  # type: ignore[union-attr]
    async with source.subscribe() as frames:
        for unit in site.services.hub[GATE].gop:
            frame = await anext(frames)
            assert (frame.pts_90k, frame.is_key) == (unit.pts_90k, unit.is_key)
            assert frame.data.startswith(b"\0\0\0\1")


async def test_a_stream_that_turns_out_to_reorder_ends(site: Site) -> None:
    publish(site, GATE)
    hub = site.services.hub[GATE]
    source = HubFrames(hub, lambda _key: None)
    async with source.subscribe() as frames:
        assert (await anext(frames)).is_key
        late = access_units(GATE, 0.0)[1]
        hub.publish(late)  # its time lies before that of the unit before it
        assert source.has_b_frames
        assert await anext(frames, None) is None


async def test_a_session_moves_between_the_streams_of_its_camera(site: Site) -> None:
    """And tells how it fares; both only to who began it."""
    main = StreamKey("gate", Role.MAIN)
    client, other = (
        await site.log_in("xem", AccountRole.VIEWER),
        await site.log_in("khác", AccountRole.VIEWER),
    )
    json: dict[str, str | None] = {"Accept": "application/json"}
    async with playing(site, GATE, YARD), viewer() as peer:
        session = await start(client, peer)
        await picture(peer)
        assert (await client.ask("GET", session, headers={"Accept": "*/*"})) == (204, None)
        status, told = await client.ask("GET", session, headers=json)
        assert (status, told["camera"], told["role"], told["codec"]) == (200, "gate", "sub", "h264")
        assert told["state"] == "live" and told["frames_sent"] > 0 and told["packets_sent"] > 0
        assert (await other.ask("GET", session, headers=json))[0] == 404
        for role, refusal in (("main", (409, "no_picture")), ("third", (400, "bad_request"))):
            status, answer = await client.ask("POST", f"{session}/stream", json={"role": role})
            assert (status, answer["error"]) == refusal
        async with playing(site, main):
            assert (await other.ask("POST", f"{session}/stream", json={"role": "main"}))[0] == 404
            assert (await client.ask("POST", f"{session}/stream", json={"role": "main"}))[0] == 204
            async with asyncio.timeout(20):
                while (await client.ask("GET", session, headers=json))[1]["role"] != "main":
                    await picture(peer)
    assert ("xem", "live-stream", "gate/main") in await site.audit()


async def test_a_main_stream_that_cannot_be_shown_is_seen_through_the_sub(site: Site) -> None:
    main = StreamKey("gate", Role.MAIN)
    client = await site.log_in("xem", AccountRole.VIEWER)
    async with playing(site, GATE):
        for hindrance in ("no picture", "B-frames", "H.265"):
            if hindrance != "no picture":
                site.show_live(main, has_b_frames=hindrance == "B-frames")
            if hindrance == "H.265":
                for unit in x265.encode(frames=2):
                    site.services.hub[main].publish(unit)
            async with viewer() as peer:
                session = await start(client, peer, "gate/live/main")
                await picture(peer)
                status, told = await client.ask("GET", session, headers={"Accept": "application/json"})
                assert (status, told["role"]) == (200, "sub"), hindrance
