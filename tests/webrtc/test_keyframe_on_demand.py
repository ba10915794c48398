"""A viewer of a camera whose next keyframe is far away sees a picture because the camera is asked for one by ONVIF."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import aiohttp
import pytest
from live_peers import LoopCamera, Viewer, encode, until

from nvr.camera.client import play
from nvr.clock import SystemClock
from nvr.config import Camera
from nvr.events import Role, StreamKey
from nvr.keyframes.requests import KeyframeRequests
from nvr.media.hub import Hub
from nvr.web.live_source import live_sources
from webrtc.session import LiveServer

Serve = Callable[..., Awaitable[LiveServer]]
MakeViewer = Callable[..., Viewer]
PEER = Path(__file__).parents[1] / "peers" / "camera_gst.py"
MAIN = StreamKey("gate", Role.MAIN)


@pytest.fixture
def ports() -> Iterator[tuple[int, int]]:
    """RTSP and HTTP port of the camera."""
    with subprocess.Popen(
        ["/usr/bin/python3", str(PEER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sys.stderr
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        rtsp, http = map(int, process.stdout.readline().split())
        yield rtsp, http
        process.stdin.close()
        process.wait(30)


async def keyframe(watching: Viewer) -> None:
    async with asyncio.timeout(60):
        while not (await watching.picture()).key_frame:
            pass


async def send_pli(watching: Viewer) -> None:
    receiver = watching.pc.getReceivers()[0]
    (source,) = receiver.getSynchronizationSources()
    await receiver._send_rtcp_pli(source.source)


async def test_the_camera_is_asked_for_a_keyframe(
    ports: tuple[int, int], serve: Serve, viewer: MakeViewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nvr.media.hub.GOP_CACHE_UNITS", 20)  # so that no cache has the GOP for long
    monkeypatch.setattr("webrtc.fanout.GOP_PARTS_MAX", 20)
    camera = Camera(
        id="gate",
        name="Cổng",
        main=f"rtsp://127.0.0.1:{ports[0]}/Streaming/101",
        onvif=f"http://127.0.0.1:{ports[1]}/onvif/device_service",
        username="anna",
        password="quê hương",
    )
    hub, clock = Hub(camera.streams), SystemClock()
    requests = KeyframeRequests([camera], hub, clock)
    source = live_sources(hub, requests.ask)[MAIN]
    server, watching = await serve(), viewer()

    async def asked() -> int:
        url = f"http://127.0.0.1:{ports[1]}/asked"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return int(await answer.text())

    async with asyncio.TaskGroup() as tasks:
        jobs = [
            tasks.create_task(play(camera, Role.MAIN, clock, hub[MAIN].publish, lambda: None)),
            tasks.create_task(requests.run(lambda: None)),
        ]
        await until(lambda: hub[MAIN].config is not None and not hub[MAIN].gop)
        assert await asked() == 0
        await watching.connect(server, source)
        await keyframe(watching)
        assert await asked() >= 1
        await watching.times_90k(25)
        before = await asked()
        async with asyncio.timeout(60):
            while not (await watching.picture()).key_frame:
                await send_pli(watching)  # often: the last request may be too short ago
        assert await asked() > before
        for job in jobs:
            job.cancel()


async def test_who_is_served_from_the_cache_asks_nothing(serve: Serve, viewer: MakeViewer) -> None:
    camera = LoopCamera(encode("main", 320, 240))
    server, watching = await serve(), viewer()
    await watching.connect(server, camera)
    await keyframe(watching)
    await watching.times_90k(10)
    await send_pli(watching)
    await keyframe(watching)
    assert camera.asked == 0


async def test_a_lost_picture_of_a_long_gop_asks(serve: Serve, viewer: MakeViewer) -> None:
    camera = LoopCamera(encode("main", 320, 240, gops=2, gop_frames=400))
    camera.cached = 150
    server, watching = await serve(), viewer()
    await watching.connect(server, camera)
    times = await watching.times_90k(160)
    assert camera.asked == 0, "the start is the cache's"
    async with asyncio.timeout(60):
        while camera.asked == 0:  # once the start has caught up
            await send_pli(watching)
            times += await watching.times_90k(1)
    times += await watching.times_90k(20)
    assert all(a < b for a, b in itertools.pairwise(times))
