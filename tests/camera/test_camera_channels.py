"""Channels of an existing recorder: several streams at one address behind one login are cameras like any others."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from camera_peers import PATIENCE_S, Collector, decode

from nvr.camera.client import play
from nvr.camera.encoder import Programme
from nvr.camera.simulator import Simulator
from nvr.clock import SystemClock
from nvr.config import Camera
from nvr.events import Role
from nvr.faults import FaultBoard
from nvr.media.hub import StreamHub
from nvr.restream.connection import Connection
from nvr.restream.mounts import Mounts
from nvr.restream.server import Limits, RtspServer
from nvr.supervise import Supervisor

pytestmark = pytest.mark.timeout(120)
USER, PASSWORD = "anna", "quê hương"
CHANNELS = (
    "Streaming/Channels/101",
    "Streaming/Channels/201",
    "cam/realmonitor?channel=1&subtype=0",
    "cam/realmonitor?channel=2&subtype=0",
)
GST = Path(__file__).parents[1] / "peers/rtsp_gst.py"


class Dvr(RtspServer):
    """A recorder whose channels in CHANNELS differ: 160x96 and 80x48 in turn; `arrivals`: when clients came."""

    def __init__(self, simulator: Simulator, sessions: int = 64):
        roles = (Role.MAIN, Role.SUB) * 2
        hubs = (simulator.hubs[f"cam{number + 1}/{role}"] for number, role in enumerate(roles))
        mounts: dict[str, StreamHub] = dict(zip(CHANNELS, hubs, strict=True))
        site, limits = Mounts(mounts, {USER: PASSWORD}), Limits(sessions=sessions)
        super().__init__(site, SystemClock(), needs_login=True, from_gop=False, limits=limits)
        self.arrivals: list[float] = []

    def admit(self, connection: Connection) -> bool:
        self.arrivals.append(self.clock.monotonic())
        return super().admit(connection)


def channel(number: int, url: str, password: str = PASSWORD) -> Camera:
    name = f"ch{number}"
    return Camera(id=name, name=name, main=url, username=USER, password=password)


class Site:
    """Cameras as the appliance keeps them running."""

    def __init__(self, cameras: list[Camera]):
        self.faults = FaultBoard(SystemClock())
        self.got = {camera.id: Collector() for camera in cameras}
        self._cameras, self._supervisor = cameras, Supervisor(SystemClock(), self.faults)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for camera in self._cameras:
                life = partial(play, camera, Role.MAIN, SystemClock(), self.got[camera.id].publish)
                tasks.create_task(self._supervisor.keep_running(f"camera:{camera.id}/main", life))


async def test_four_channels_of_our_simulator(programme: Programme) -> None:
    simulator = Simulator(programme, len(CHANNELS), SystemClock())
    async with Dvr(simulator).listening("127.0.0.1", 0) as port, asyncio.TaskGroup() as tasks:
        site = Site([channel(n, f"rtsp://127.0.0.1:{port}/{path}") for n, path in enumerate(CHANNELS)])
        jobs = [tasks.create_task(simulator.run()), tasks.create_task(site.run())]
        for collector in site.got.values():
            await collector.wait_for(25)
        assert site.faults.current == []
        for job in jobs:
            job.cancel()
    widths = [collector.units[0].config.width for collector in site.got.values()]
    assert widths == [160, 80, 160, 80]
    for collector in site.got.values():
        assert collector.causes == ["reconnect"]
        assert len(decode(collector.units)) == len(collector.units)


async def test_four_channels_of_gst_rtsp_server() -> None:
    command = ["/usr/bin/python3", str(GST), "digest"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sys.stderr) as dvr:
        assert dvr.stdin is not None and dvr.stdout is not None
        port = int(dvr.stdout.readline())
        paths = ("h264", "bframes", "h265", "h265-bframes")
        site = Site([channel(n, f"rtsp://127.0.0.1:{port}/{path}") for n, path in enumerate(paths)])
        async with asyncio.TaskGroup() as tasks:
            job = tasks.create_task(site.run())
            for collector in site.got.values():
                await collector.wait_for(25)
            assert site.faults.current == []
            job.cancel()
        dvr.stdin.close()
        dvr.wait(PATIENCE_S)
    codecs = [collector.units[0].config.codec for collector in site.got.values()]
    assert codecs == ["h264", "h264", "h265", "h265"]


async def test_one_session_too_many_is_refused_and_the_others_go_on(programme: Programme) -> None:
    simulator = Simulator(programme, len(CHANNELS), SystemClock())
    async with (
        Dvr(simulator, sessions=3).listening("127.0.0.1", 0) as port,
        asyncio.TaskGroup() as tasks,
    ):
        cameras = [channel(n, f"rtsp://127.0.0.1:{port}/{path}") for n, path in enumerate(CHANNELS)]
        first, last = Site(cameras[:3]), Site(cameras[3:])
        jobs = [tasks.create_task(simulator.run()), tasks.create_task(first.run())]
        for collector in first.got.values():
            await collector.wait_for(5)
        jobs.append(tasks.create_task(last.run()))
        async with asyncio.timeout(PATIENCE_S):
            while not last.faults.current:
                await asyncio.sleep(0.02)
        for collector in first.got.values():
            await collector.wait_for(len(collector.units) + 25)
        ((fault, _),) = last.faults.current
        assert fault.code == "camera_refused" and fault.params["reason"] == "busy"
        assert '"ch3"' in fault.detail
        assert last.got["ch3"].units == [] and first.faults.current == []
        for job in jobs:
            job.cancel()
    for collector in first.got.values():
        assert collector.causes == ["reconnect"], "never interrupted"
        steps = {b.pts_90k - a.pts_90k for a, b in itertools.pairwise(collector.units)}
        assert steps == {3600}, "nothing is missing"


async def test_after_a_restart_the_cameras_do_not_come_back_in_one_instant(programme: Programme) -> None:
    simulator = Simulator(programme, len(CHANNELS), SystemClock())
    dvr = Dvr(simulator)
    cameras = 24
    async with asyncio.TaskGroup() as tasks:
        jobs = [tasks.create_task(simulator.run())]
        async with dvr.listening("127.0.0.1", 0) as port:
            urls = [f"rtsp://127.0.0.1:{port}/{CHANNELS[n % len(CHANNELS)]}" for n in range(cameras)]
            site = Site([channel(n, url) for n, url in enumerate(urls)])
            jobs.append(tasks.create_task(site.run()))
            for collector in site.got.values():
                await collector.wait_for(2)
        dvr.arrivals.clear()
        async with dvr.listening("127.0.0.1", port):
            for collector in site.got.values():
                await collector.wait_for(len(collector.units) + 2)
            assert site.faults.current == []
            arrivals = sorted(dvr.arrivals)
            for job in jobs:
                job.cancel()
    assert len(arrivals) >= cameras
    # The first wait of 0.5 s has a jitter of 0.125 s, the longer ones more; together they would be within milliseconds.
    assert arrivals[cameras - 1] - arrivals[0] > 0.05
