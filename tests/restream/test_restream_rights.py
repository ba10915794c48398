"""Who may fetch what, for how long, and what is written down of it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from restream_site import GATE, LAN, PATIENCE_S, YARD, Loop, Site, encode_h264, running_site

from nvr.camera.rtsp import Response
from nvr.restream.accounts import Platform
from nvr.restream.dialogue import LOGIN_ATTEMPTS
from nvr.restream.gate import RULE
from peers.appliance import until
from peers.rtsp_raw import RawClient, raw

TCP = "RTP/AVP/TCP;unicast;interleaved=0-1"
END_S = 2.0


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with running_site(tmp_path) as running:
        running.loops += [Loop(running.hub, key, encode_h264()) for key in (GATE, YARD)]
        yield running


async def play(
    client: RawClient, site: Site, platform: Platform, path: str, transport: str = TCP
) -> Response:
    """Begin to play; the answer to SETUP."""
    url = site.url(path)
    assert (await client.log_in(url, platform.name, platform.password)).status == 200
    answer = await client.told("SETUP", f"{url}/video", Transport=transport)
    assert answer.status == 200, answer
    session = answer.headers.get("Session").partition(";")[0]
    assert (await client.told("PLAY", url, Session=session)).status == 200
    return answer


async def ended_s(client: RawClient) -> float:
    """How long until the connection ends."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    with pytest.raises(ConnectionError):
        while True:
            await client.read()
    return loop.time() - began_s


async def remove(site: Site) -> None:
    await site.platforms.remove("tinh", by=LAN)


async def renew(site: Site) -> None:
    await site.platforms.renew_password("tinh", by=LAN)


async def switch_off(site: Site) -> None:
    await site.platforms.change("tinh", ["gate", "yard"], False, by=LAN)


async def take_away(site: Site) -> None:
    await site.platforms.change("tinh", ["yard"], True, by=LAN)


@pytest.mark.parametrize("deed", [remove, renew, switch_off, take_away])
async def test_what_is_no_longer_permitted_ends(site: Site, deed: Callable[[Site], Awaitable[None]]) -> None:
    platform, other = await site.add("tinh", "gate", "yard"), await site.add("xa", "gate")
    address = site.url("").rstrip("/")
    async with raw(address) as seen, raw(address) as idle, raw(address) as another:
        await play(seen, site, platform, "gate/main")
        assert (await idle.log_in(site.url("yard/main"), platform.name, platform.password)).status == 200
        await play(another, site, other, "gate/main")
        while not (seen.frames and another.frames):
            await asyncio.gather(seen.read(), another.read())
        async with asyncio.timeout(PATIENCE_S):
            await deed(site)
            assert await ended_s(seen) < END_S
        before = len(another.frames)
        while len(another.frames) < before + 20:
            await another.read()
        if deed is take_away:
            assert (await idle.told("DESCRIBE", site.url("yard/main"))).status == 200
            assert (await idle.told("DESCRIBE", site.url("gate/main"))).status == 404
        else:
            assert await ended_s(idle) < END_S


async def test_by_udp_too_and_nowhere_else(site: Site) -> None:
    platform = await site.add("tinh", "gate")
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rtp:
        rtp.bind(("127.0.0.1", 0))
        rtp.setblocking(False)
        port = rtp.getsockname()[1]
        async with raw(site.url("").rstrip("/")) as client:
            # What the client names as destination does not matter: it goes to where it came from.
            transport = f"RTP/AVP;unicast;destination=127.0.0.9;client_port={port}-{port ^ 1}"
            answer = await play(client, site, platform, "gate/main", transport)
            ours = answer.headers.get("Transport").split("server_port=")[1].partition("-")[0]
            async with asyncio.timeout(PATIENCE_S):
                _, sender = await loop.sock_recvfrom(rtp, 2048)
                assert sender == ("127.0.0.1", int(ours))
                await remove(site)
                assert await ended_s(client) < END_S
        while True:
            try:
                rtp.recv(2048)
            except BlockingIOError:
                break
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await loop.sock_recvfrom(rtp, 2048)
    rows = await site.audit()
    assert rows[0] == ("tinh", "platform-live", "gate/main", {"transport": "udp"})


async def test_nothing_is_open_without_a_platform_and_the_port_closes_with_the_last(site: Site) -> None:
    async def is_open() -> bool:
        try:
            async with raw(site.url("").rstrip("/")):
                return True
        except OSError:
            return False

    assert not await is_open()
    await site.add("tinh", "gate")
    assert await is_open()
    await remove(site)
    async with asyncio.timeout(PATIENCE_S):
        while await is_open():
            await asyncio.sleep(0.02)
    assert site.faults.current == []


async def test_who_guesses_must_wait_and_it_is_written_down(site: Site) -> None:
    platform = await site.add("tinh", "gate")
    address, url = site.url("").rstrip("/"), site.url("gate/main")
    statuses = []
    while 503 not in statuses:
        async with raw(address) as client:
            statuses.append((await client.log_in(url, platform.name, "wrong")).status)
            statuses += [(await client.told("DESCRIBE", url)).status for _ in range(LOGIN_ATTEMPTS - 1)]
            assert await client.reader.read() == b"", "five wrong answers end the connection"
    assert statuses[: RULE.free] == [401] * RULE.free
    async with raw(address) as client:
        assert (await client.log_in(url, platform.name, platform.password)).status == 503
    async with asyncio.timeout(PATIENCE_S):
        while True:
            async with raw(address) as client:
                if (await client.log_in(url, platform.name, platform.password)).status == 200:
                    break
            await asyncio.sleep(0.2)
        while not await site.audit():
            await asyncio.sleep(0.02)
    assert (await site.audit())[0] == ("", "platform-refused", "tinh", {"count": 1})


async def test_limits_hold_and_who_does_not_log_in_is_let_go(tmp_path: Path) -> None:
    async with running_site(tmp_path, max_streams=3, max_streams_per_account=2) as site:
        site.loops.append(Loop(site.hub, GATE, encode_h264()))
        one, two = await site.add("mot", "gate"), await site.add("hai", "gate")
        url, address = site.url("gate/main"), site.url("").rstrip("/")
        async with raw(address) as a, raw(address) as b, raw(address) as c, raw(address) as d:
            for client, platform in ((a, one), (b, one), (d, two)):
                await play(client, site, platform, "gate/main")
            for platform in (one, two):
                await c.log_in(url, platform.name, platform.password)
                assert (await c.told("SETUP", f"{url}/video", Transport=TCP)).status == 453
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        async with raw(address) as silent:
            assert (await silent.ask("OPTIONS", "*")).status == 200
            assert await silent.reader.read() == b"", "no log-in within ten seconds"
        assert loop.time() - began_s > 5


async def test_viewings_are_written_down_and_the_platform_was_seen(tmp_path: Path) -> None:
    async with running_site(tmp_path) as site:
        site.loops.append(Loop(site.hub, GATE, encode_h264()))
        platform = await site.add("tinh", "gate")
        assert site.platforms.all()[0].seen_wall_s is None
        for _ in range(2):
            async with raw(site.url("").rstrip("/")) as client:
                await play(client, site, platform, "gate/main")
                while not client.frames:
                    await client.read()
        seen = site.platforms.all()[0]
        assert seen.seen_wall_s is not None and seen.seen_address == "127.0.0.1"
        async with asyncio.timeout(PATIENCE_S):
            while not await site.audit():
                await asyncio.sleep(0.02)
        # One that goes on within a minute is the same.
        assert await site.audit() == [("tinh", "platform-live", "gate/main", {"transport": "tcp"})]
        await site.stop()
        (_, over) = await site.audit()
        assert over[:3] == ("tinh", "platform-live-over", "gate/main") and over[3]["seconds"] >= 0


async def test_a_port_that_is_taken_is_a_fault_and_opens_once_it_is_free(site: Site) -> None:
    with socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.bind(("127.0.0.1", site.config.restream.rtsp_port))
        thief.listen()
        await site.platforms.add("tinh", ["gate"], by=LAN)
        await until(lambda: site.faults.current, PATIENCE_S, "a fault is told")
        ((fault, _),) = site.faults.current
        assert (fault.place, fault.code) == ("rtsp", "rtsp_port")
        assert fault.params["port"] == site.config.restream.rtsp_port and "recording goes on" in fault.detail
    await until(lambda: not site.faults.current, PATIENCE_S, "the port is open")
