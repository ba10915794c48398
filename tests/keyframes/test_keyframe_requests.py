"""When a camera is asked for a keyframe, and what becomes of one that cannot do it: ipycam knows no such request."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import structlog
from aiohttp import web
from structlog.testing import capture_logs

from nvr.clock import FakeClock, SystemClock
from nvr.config import Camera
from nvr.events import Role, StreamKey
from nvr.keyframes.exchange import OnvifCamera, Unreachable
from nvr.keyframes.requests import EVERY_S, REFUSED_S, KeyframeRequests
from nvr.media.access_unit import AccessUnit, CodecConfig
from nvr.media.hub import Hub
from nvr.onvif.client import CameraRefusal
from peers.appliance import free_port

PEER = Path(__file__).parent.parent / "peers/ipycam_peer.py"
USER, PASSWORD = "admin", "bí mật"
MAIN = StreamKey("gate", Role.MAIN)
CONFIG = CodecConfig("h264", b"\x67\x42\x00\x1f", b"\x68\x80", 640, 360, False)


def camera(device: str | None, password: str = PASSWORD) -> Camera:
    return Camera(
        id="gate", name="Cổng", main="rtsp://127.0.0.1/x", onvif=device, username=USER, password=password
    )


@pytest.fixture
async def ipycam(tmp_path: Path) -> AsyncIterator[str]:
    """The address of its device service."""
    ports = free_port(), free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(PEER), *map(str, ports), USER, PASSWORD),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=tmp_path,
    )
    try:
        assert process.stdout
        async with asyncio.timeout(60):
            assert b"ready" in await process.stdout.readuntil(b"ready\n")
        yield f"http://127.0.0.1:{ports[0]}/onvif/device_service"
    finally:
        assert process.stdin
        process.stdin.close()
        await process.wait()


async def test_a_camera_that_knows_no_such_request(ipycam: str) -> None:
    """It has our signature, GetCapabilities, GetProfiles and GetStreamUri found right to get that far."""
    with pytest.raises(CameraRefusal, match="Action not supported"):
        await OnvifCamera(camera(ipycam), ipycam, SystemClock()).send_keyframe(Role.MAIN)
    with pytest.raises(CameraRefusal, match="user or password is wrong"):
        await OnvifCamera(camera(ipycam, "guessed"), ipycam, SystemClock()).send_keyframe(Role.MAIN)


@asynccontextmanager
async def answering(handler: Callable[[web.Request], web.StreamResponse]) -> AsyncIterator[str]:
    """A camera that answers all as `handler` does."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return handler(request)

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/onvif/device_service"
    finally:
        await runner.cleanup()


async def test_a_hostile_camera_costs_little() -> None:
    def huge(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"<a>" * 1_000_000)

    async with answering(huge) as device:
        with pytest.raises(CameraRefusal, match="too large"):
            await OnvifCamera(camera(device), device, SystemClock()).send_keyframe(Role.MAIN)

    def elsewhere(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=307, headers={"Location": "http://127.0.0.1:1/"})

    async with answering(elsewhere) as device:
        with pytest.raises(CameraRefusal, match="no SOAP"):
            await OnvifCamera(camera(device), device, SystemClock()).send_keyframe(Role.MAIN)
    device = f"http://127.0.0.1:{free_port()}/onvif/device_service"
    with pytest.raises(Unreachable) as unreachable:
        await OnvifCamera(camera(device), device, SystemClock()).send_keyframe(Role.MAIN)
    assert PASSWORD not in str(unreachable.value) and "127.0.0.1" not in str(unreachable.value)


class Asked:
    """In place of the exchange: what came, and what is answered."""

    def __init__(self) -> None:
        self.roles: list[Role] = []
        self.refuses = False
        self.done = asyncio.Event()

    async def send_keyframe(self, role: Role) -> None:
        self.roles.append(role)
        self.done.set()
        if self.refuses:
            raise CameraRefusal("Action not supported")


@asynccontextmanager
async def running(clock: FakeClock) -> AsyncIterator[tuple[KeyframeRequests, Asked, Hub]]:
    hub, asked = Hub([MAIN]), Asked()
    requests = KeyframeRequests([camera("http://127.0.0.1/onvif/device_service")], hub, clock)
    requests._cameras["gate"] = asked  # type: ignore[assignment]
    async with asyncio.TaskGroup() as tasks:
        job = tasks.create_task(requests.run(lambda: None))
        yield requests, asked, hub
        job.cancel()


async def settled(requests: KeyframeRequests) -> None:
    async with asyncio.timeout(10):
        while requests._wanted or requests._busy:
            await asyncio.sleep(0)


def show(hub: Hub, seconds: Iterator[float] | list[float], *, gop_s: float) -> None:
    for at_s in seconds:
        hub[MAIN].publish(AccessUnit(MAIN, CONFIG, b"x", int(at_s * 90_000), at_s % gop_s == 0, 1.0))


async def test_one_request_in_two_seconds_however_many_wait() -> None:
    clock = FakeClock()
    async with running(clock) as (requests, asked, _hub):
        for _ in range(50):
            requests.ask(MAIN)
        requests.ask(StreamKey("yard", Role.MAIN))  # which has no `onvif`
        await settled(requests)
        requests.ask(MAIN)
        await settled(requests)
        assert asked.roles == [Role.MAIN]
        clock.advance(EVERY_S)
        requests.ask(MAIN)
        await settled(requests)
        assert asked.roles == [Role.MAIN] * 2


async def test_a_keyframe_that_is_near_is_waited_for() -> None:
    async with running(FakeClock()) as (requests, asked, hub):
        show(hub, [n / 2 for n in range(10)], gop_s=2.0)
        requests.ask(MAIN)
        await settled(requests)
        assert asked.roles == []
        show(hub, [5 + n / 2 for n in range(10)], gop_s=1000.0)
        requests.ask(MAIN)
        await settled(requests)
        assert asked.roles == [Role.MAIN], "this group is longer than the last"


async def test_who_cannot_is_left_in_peace_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    # One that was used before keeps the configuration of that time.
    monkeypatch.setattr("nvr.keyframes.requests.log", structlog.get_logger())
    clock = FakeClock()
    with capture_logs() as logged:
        async with running(clock) as (requests, asked, _hub):
            asked.refuses = True
            requests.ask(MAIN)
            await settled(requests)
            for _ in range(int(REFUSED_S / EVERY_S) - 1):
                clock.advance(EVERY_S)
                requests.ask(MAIN)
                await settled(requests)
            assert len(asked.roles) == 1
            assert [line["event"] for line in logged] == ["a camera sends no keyframe when asked"]
            clock.advance(2 * EVERY_S)
            requests.ask(MAIN)
            await settled(requests)
            assert len(asked.roles) == 2
