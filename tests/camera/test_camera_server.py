"""Our RTSP server: against our client, against ffmpeg, and against raw requests."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from camera_peers import PATIENCE_S, Collector, camera, decode

from nvr.camera.auth import Login
from nvr.camera.client import play
from nvr.camera.encoder import Programme
from nvr.camera.rtp import parse_header
from nvr.camera.simulator import Simulator
from nvr.clock import FakeClock, SystemClock
from nvr.errors import CameraRefused, CameraUnreachable
from nvr.events import Role, StreamKey
from nvr.media.access_unit import AccessUnit, Discontinuity
from nvr.media.hub import StreamHub
from nvr.media.nal import join_length_prefixed
from nvr.restream.connection import MAX_WAITING_BYTES
from nvr.restream.dialogue import LOGIN_ATTEMPTS
from nvr.restream.mounts import camera_server
from peers.rtsp_raw import RawClient, raw

USERS = {"anna": "quê hương"}


@asynccontextmanager
async def simulated(
    programme: Programme,
    *,
    users: dict[str, str] | None = None,
    algorithms: tuple[str, ...] = ("MD5",),
    cameras: int = 1,
) -> AsyncIterator[tuple[str, Simulator]]:
    """Cameras that play, at the address."""
    simulator = Simulator(programme, cameras, SystemClock())
    server = camera_server(simulator.hubs, SystemClock(), users=users, algorithms=algorithms)
    async with server.listening("127.0.0.1", 0) as port, asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(simulator.run())
        yield f"rtsp://127.0.0.1:{port}", simulator
        playing.cancel()


async def watch(url: str, collector: Collector, units: int, user: str = "", password: str = "") -> None:
    async with asyncio.TaskGroup() as tasks:
        config = camera(url, user, password)
        life = tasks.create_task(
            play(config, Role.MAIN, SystemClock(), collector.publish, collector.on_healthy)
        )
        await collector.wait_for(units)
        life.cancel()


@pytest.mark.parametrize("algorithms", [(), ("MD5",), ("SHA-256", "MD5"), ("SHA-256",)])
async def test_our_client_plays_main_and_sub(programme: Programme, algorithms: tuple[str, ...]) -> None:
    users = USERS if algorithms else None
    login = ("anna", USERS["anna"]) if algorithms else ()
    main, sub = Collector(), Collector()
    async with (
        simulated(programme, users=users, algorithms=algorithms) as (address, _),
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(watch(f"{address}/cam1/main", main, 45, *login))
        tasks.create_task(watch(f"{address}/cam1/sub?x=1", sub, 45, *login))
    for collector, role in ((main, Role.MAIN), (sub, Role.SUB)):
        units, source = collector.units, programme.streams[role].units
        start = next(n for n, (data, _) in enumerate(source) if data == units[0].data)
        assert [u.data for u in units] == [source[(start + n) % 30][0] for n in range(len(units))]
        assert [unit.pts_90k for unit in units] == [3600 * n for n in range(len(units))]
        assert len(decode(units)) == len(units) and collector.causes == ["reconnect"]
    assert (main.units[0].config.width, sub.units[0].config.width) == (160, 80)


async def test_our_client_is_refused(programme: Programme) -> None:
    async with simulated(programme, users=USERS) as (address, _):
        for path, user, password, problem in [
            ("cam1/main", "", "", "none is configured"),
            ("cam1/main", "anna", "wrong", "wrong user or password"),
            ("cam2/main", "anna", USERS["anna"], "no such stream"),
        ]:
            with pytest.raises(CameraRefused, match=problem):
                config = camera(f"{address}/{path}", user, password)
                await play(config, Role.MAIN, SystemClock(), lambda item: None, lambda: None)


async def test_connections_end_with_the_server(programme: Programme) -> None:
    collector = Collector()
    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.TaskGroup() as tasks, simulated(programme) as (address, _):
            config = camera(f"{address}/cam1/main")
            tasks.create_task(play(config, Role.MAIN, SystemClock(), collector.publish, collector.on_healthy))
            await collector.wait_for(1)
    lost = caught.value.subgroup(CameraUnreachable)
    assert lost is not None and "closed the connection" in str(lost.exceptions[0])


@pytest.mark.parametrize("algorithms", [("MD5",), ("SHA-256", "MD5")])
async def test_ffmpeg_plays_with_digest(programme: Programme, algorithms: tuple[str, ...]) -> None:
    users = {"anna": "secret"}
    async with (
        simulated(programme, users=users, algorithms=algorithms) as (address, _),
        asyncio.timeout(PATIENCE_S),
    ):
        url = f"{address}/cam1/main".replace("//", "//anna:secret@")
        process = await asyncio.create_subprocess_exec(
            *("/usr/bin/ffmpeg", "-v", "error", "-rtsp_transport", "tcp", "-i", url),
            *("-frames:v", "35", "-f", "framemd5", "-"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, errors = await process.communicate()
    lines = [line for line in out.decode().splitlines() if not line.startswith("#")]
    assert (process.returncode, errors, len(lines)) == (0, b"", 35)


TCP = "RTP/AVP/TCP;unicast;interleaved=0-1"
KEY = StreamKey("cam1", Role.MAIN)


@asynccontextmanager
async def served(programme: Programme, clock: FakeClock) -> AsyncIterator[tuple[str, StreamHub]]:
    """One hub that the test itself publishes to."""
    hub = StreamHub(KEY)
    hub.config = programme.streams[Role.MAIN].config
    empty = StreamHub(StreamKey("cam2", Role.MAIN))
    server = camera_server({"cam1/main": hub, "cam2/main": empty}, clock)
    async with server.listening("127.0.0.1", 0) as port:
        yield f"rtsp://127.0.0.1:{port}", hub


async def start(client: RawClient, url: str, transport: str = TCP) -> str:
    response = await client.ask("SETUP", f"{url}/video", Transport=transport)
    assert response.status == 200
    session = response.headers.get("Session").split(";")[0]
    assert (await client.ask("PLAY", url, Session=session)).status == 200
    return session


def unit(programme: Programme, number: int, *, size: int = 100, is_key: bool = False) -> AccessUnit:
    config = programme.streams[Role.MAIN].config
    data = join_length_prefixed([bytes([0x65 if is_key else 0x41]) + b"\x88" * size])
    return AccessUnit(KEY, config, data, number * 3600, is_key, 1_000 + number / 25)


async def test_refused_requests(programme: Programme) -> None:
    async with served(programme, FakeClock()) as (address, _), raw(address) as client:
        url = f"{address}/cam1/main"
        assert "GET_PARAMETER" in (await client.ask("OPTIONS", "*")).headers.get("Public")
        assert (await client.ask("DESCRIBE", f"{address}/nothing")).status == 404
        assert (await client.ask("DESCRIBE", "rtsp://[::1/cam1")).status == 400
        assert (await client.ask("DESCRIBE", f"{address}/cam2/main")).status == 503
        assert (await client.ask("RECORD", url)).status == 405
        assert (await client.ask("DESCRIBE", url, Require="x")).status == 551
        assert (await client.ask("PLAY", url, Session="1")).status == 454
        for transport in (
            "RTP/AVP;multicast;client_port=5000-5001",
            "RTP/AVP;unicast",
            "RTP/AVP;unicast;client_port=53-54",
            "RTP/AVP;unicast;client_port=5000-5000",
            "RTP/AVP/TCP;unicast;interleaved=3-3",
            "RTP/SAVP;unicast;client_port=5000-5001",
        ):
            assert (await client.ask("SETUP", url, Transport=transport)).status == 461, transport
        session = await start(client, url)
        assert (await client.ask("SETUP", url, Transport=TCP)).status == 455
        assert (await client.ask("GET_PARAMETER", url, Session="other")).status == 454
        assert (await client.ask("GET_PARAMETER", url, Session=session)).status == 200
        assert (await client.ask("GET_PARAMETER", url)).status == 200
        assert (await client.ask("TEARDOWN", url, Session=session)).status == 200
        assert await client.reader.read() == b""


async def test_packets_reports_and_two_clients_with_their_own_channels(programme: Programme) -> None:
    clock = FakeClock()
    async with served(programme, clock) as (address, hub), raw(address) as first, raw(address) as second:
        url = f"{address}/cam1/main"
        await start(first, url)
        await start(second, url, "RTP/AVP/TCP;unicast;interleaved=8-9")
        hub.publish(unit(programme, 0))
        hub.publish(unit(programme, 1, is_key=True, size=2000))
        hub.publish(unit(programme, 2))
        clock.advance(5.0)
        hub.publish(unit(programme, 3))
        for client in (first, second):
            while len(client.frames) < 8:
                await client.read()
        assert [payload for _, payload in first.frames] == [payload for _, payload in second.frames]
        assert [channel for channel, _ in first.frames] == [0, 0, 0, 0, 1, 0, 0, 1]
        assert [channel for channel, _ in second.frames] == [8, 8, 8, 8, 9, 8, 8, 9]
    headers = [parse_header(data, 0, len(data)) for channel, data in first.frames if channel == 0]
    assert [h.marker for h in headers] == [False, False, False, True, True, True]
    assert {h.payload_type for h in headers} == {96} and len({h.ssrc for h in headers}) == 1
    assert all((b.sequence - a.sequence) % 65536 == 1 for a, b in itertools.pairwise(headers))
    start_90k = headers[0].timestamp
    assert [(h.timestamp - start_90k) % 2**32 for h in headers] == [0, 0, 0, 0, 3600, 7200]
    report = [data for channel, data in first.frames if channel == 1][1]
    assert int.from_bytes(report[16:20], "big") == headers[-1].timestamp
    assert int.from_bytes(report[20:24], "big") == 6


async def test_time_goes_on_after_a_gap_and_with_a_keyframe(programme: Programme) -> None:
    async with served(programme, FakeClock()) as (address, hub), raw(address) as client:
        await start(client, f"{address}/cam1/main")
        hub.publish(unit(programme, 1000, is_key=True))
        hub.publish(Discontinuity(KEY, "reconnect", 1_041.0))
        for number, arrived_s in ((0, 1_049.96), (1, 1_050.0)):
            later = unit(programme, number, is_key=number == 1)
            hub.publish(AccessUnit(KEY, later.config, later.data, later.pts_90k, later.is_key, arrived_s))
        while len([c for c, _ in client.frames if c == 0]) < 6:
            await client.read()
    times = [parse_header(data, 0, len(data)).timestamp for channel, data in client.frames if channel == 0]
    assert (times[-1] - times[0]) % 2**32 == 10 * 90_000


async def test_a_slow_client_is_taken_to_the_next_keyframe_and_stops_no_other(programme: Programme) -> None:
    size = MAX_WAITING_BYTES // 4
    async with (
        served(programme, FakeClock()) as (address, hub),
        raw(address, limit=1024) as slow,
        raw(address) as quick,
    ):
        for client in (slow, quick):
            await start(client, f"{address}/cam1/main")
        marked = 0
        number = 0
        while number < 60:  # 15 MiB, more than the sockets take in
            hub.publish(unit(programme, number, size=size, is_key=number % 10 == 0))
            number += 1
            marked += 1
            while len({parse_header(d, 0, len(d)).timestamp for c, d in quick.frames if c == 0}) < marked:
                await quick.read()
        before = len(slow.frames)
        assert before == 0
        # Whatever is still under way must be read before a keyframe can be taken.
        while not slow.frames or number < 200:
            await slow.read()
            hub.publish(unit(programme, number, size=10, is_key=True))
            number += 1
    packets = [(parse_header(d, 0, len(d)), d) for c, d in slow.frames if c == 0]
    gaps = [
        n
        for n in range(1, len(packets))
        if (packets[n][0].sequence - packets[n - 1][0].sequence) % 65536 != 1
    ]
    assert len(gaps) >= 1
    for n in gaps:
        assert packets[n - 1][0].marker
        assert packets[n][1][packets[n][0].payload_start] & 0x1F == 7


async def test_the_hub_is_left_when_the_last_client_goes(programme: Programme) -> None:
    attached: list[object] = []

    class Watched(StreamHub):
        def attach(self, consumer: object) -> None:  # type: ignore[override]
            attached.append(consumer)
            super().attach(consumer)  # type: ignore[arg-type]

        def detach(self, consumer: object) -> None:  # type: ignore[override]
            attached.remove(consumer)
            left.set()

    left = asyncio.Event()
    hub = Watched(KEY)
    hub.config = programme.streams[Role.MAIN].config
    async with camera_server({"cam1/main": hub}, FakeClock()).listening("127.0.0.1", 0) as port:
        address = f"rtsp://127.0.0.1:{port}"
        async with raw(address) as first, raw(address) as second:
            session = await start(first, f"{address}/cam1/main")
            await start(second, f"{address}/cam1/main")
            assert len(attached) == 1
            assert (await first.ask("PAUSE", f"{address}/cam1/main", Session=session)).status == 200
            assert len(attached) == 1
        async with asyncio.timeout(PATIENCE_S):
            await left.wait()
        assert attached == []


async def test_guessing_ends_the_connection(programme: Programme) -> None:
    async with simulated(programme, users=USERS) as (address, _), raw(address) as client:
        url = f"{address}/cam1/main"
        first = await client.ask("DESCRIBE", url)
        guess = Login("anna", "guess")
        guess.take_challenge(first.headers.all("WWW-Authenticate"))
        for _ in range(LOGIN_ATTEMPTS):
            authorization = guess.authorization("DESCRIBE", url, "c") or ""
            assert (await client.ask("DESCRIBE", url, Authorization=authorization)).status == 401
        assert await client.reader.read() == b""


@pytest.mark.parametrize("garbage", [b"\x00\x01", b"GET / HTTP/1.1\r\n\r\n", b"A" * 70_000])
async def test_garbage_ends_the_connection_and_nothing_else(programme: Programme, garbage: bytes) -> None:
    async with served(programme, FakeClock()) as (address, _), raw(address) as bad, raw(address) as good:
        bad.writer.write(garbage)
        with pytest.raises(ConnectionError):
            while True:
                await bad.read()
        assert (await good.ask("OPTIONS", "*")).status == 200


async def test_too_many_connections(programme: Programme) -> None:
    server = camera_server({}, FakeClock(), connections=1)
    async with server.listening("127.0.0.1", 0) as port:
        address = f"rtsp://127.0.0.1:{port}"
        async with raw(address) as first:
            assert (await first.ask("OPTIONS", "*")).status == 200
            async with raw(address) as second:
                with pytest.raises(ConnectionError):
                    await second.ask("OPTIONS", "*")
