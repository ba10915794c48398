"""ipycam, an ONVIF camera not written here: what it says by ONVIF is recorded by our client over TCP, and its MJPEG
page is a source for libav. Over UDP it sends nothing, to ffmpeg neither."""

from __future__ import annotations

import asyncio
import io
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import av
import pytest
from camera_peers import Collector, decode

from nvr.camera.source import play
from nvr.clock import SystemClock
from nvr.config import Camera
from nvr.events import Role, StreamKey
from nvr.faults import FaultBoard
from nvr.media.hub import Hub
from nvr.record.disk.recorder import Pace, Recorder
from peers.appliance import free_port
from played import whole

pytestmark = pytest.mark.timeout(120)
PEER = Path(__file__).parent.parent / "peers/ipycam_peer.py"
MEDIA = "{http://www.onvif.org/ver10/media/wsdl}"
SCHEMA = "{http://www.onvif.org/ver10/schema}"
ENVELOPE = (
    '<?xml version="1.0"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>'
    '<{0} xmlns="http://www.onvif.org/ver10/media/wsdl">{1}</{0}></s:Body></s:Envelope>'
)


@dataclass
class Ipycam:
    """The camera and what it says of itself: `streams` by ONVIF, in the order of its profiles."""

    page: str
    streams: list[str]


async def ask(page: str, action: str, inside: str = "") -> ElementTree.Element:
    """ONVIF's answer (Media Service Specification, 5.2.1 GetProfiles, 5.15.1 GetStreamUri)."""
    headers = {"Content-Type": "application/soap+xml; charset=utf-8"}
    body = ENVELOPE.format(action, inside)
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{page}/onvif/media_service", data=body, headers=headers) as answer,
    ):
        assert answer.status == 200
        return ElementTree.fromstring(await answer.text())


@pytest.fixture
async def ipycam(tmp_path: Path) -> AsyncIterator[Ipycam]:
    ports = free_port(), free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(PEER), *map(str, ports)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=tmp_path,  # where it puts its own settings
    )
    try:
        assert process.stdout
        async with asyncio.timeout(60):
            assert b"ready" in await process.stdout.readuntil(b"ready\n")
        page = f"http://127.0.0.1:{ports[0]}"
        streams = []
        for profile in (await ask(page, "GetProfiles")).iter(f"{MEDIA}Profiles"):
            token = f"<ProfileToken>{profile.get('token')}</ProfileToken>"
            uri = (await ask(page, "GetStreamUri", token)).find(f".//{SCHEMA}Uri")
            assert uri is not None and uri.text
            streams.append(uri.text)
        yield Ipycam(page, streams)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_what_onvif_names_is_recorded(ipycam: Ipycam, tmp_path: Path) -> None:
    main, sub = ipycam.streams
    camera = Camera(id="gate", name="Cổng", main=main, sub=sub)
    clock = SystemClock()
    pace = Pace(write_s=0.05, commit_s=0.2, retry_s=0.1, overflow_s=1.0)
    recorder = await Recorder.open(
        tmp_path / "rec", clock=clock, faults=FaultBoard(clock), max_bytes=None, keep_free_bytes=0, pace=pace
    )
    hub = Hub(camera.streams)
    got = {role: Collector() for role in Role}
    for stream in hub:
        stream.attach(recorder.consumer(stream.key))
        stream.attach(_Pushed(got[stream.key.role]))
    async with asyncio.TaskGroup() as tasks:
        jobs = [tasks.create_task(recorder.run(lambda: None))]
        jobs += [
            tasks.create_task(play(camera, key.role, clock, hub[key].publish, lambda: None))
            for key in camera.streams
        ]
        for collector in got.values():
            await collector.wait_for(45)
        for job in jobs[1:]:
            job.cancel()
        await asyncio.wait(jobs[1:])
        for key in camera.streams:
            async with asyncio.timeout(30):
                while recorder.statistics().frames.get(key, 0) < 20:
                    await asyncio.sleep(0.05)
        jobs[0].cancel()
    for role, size in ((Role.MAIN, (320, 192)), (Role.SUB, (160, 96))):
        frames = await shown(recorder, StreamKey("gate", role))
        assert (frames[0].width, frames[0].height) == size
        assert len(frames) == len(got[role].units)
        assert got[role].causes == ["reconnect"]
    await recorder.close()


async def test_its_mjpeg_page_is_a_source(ipycam: Ipycam) -> None:
    got = Collector()
    camera = Camera(id="gate", name="Cổng", main=f"{ipycam.page}/stream.mjpeg")
    async with asyncio.TaskGroup() as tasks:
        job = tasks.create_task(play(camera, Role.MAIN, SystemClock(), got.publish, got.on_healthy))
        await got.wait_for(40)
        job.cancel()
    assert got.units[0].config.rfc6381.startswith("avc1.42")
    assert (got.units[0].config.width, got.units[0].config.height) == (320, 192)
    assert len(decode(got.units)) == len(got.units)


async def shown(recorder: Recorder, key: StreamKey) -> list[av.VideoFrame]:
    """The pictures of all that is recorded of a stream."""
    (part,) = await recorder.mp4(key, 0, 1e11)
    with av.open(io.BytesIO(whole(part)), "r") as container:
        return list(container.decode(video=0))


class _Pushed:
    def __init__(self, collector: Collector):
        self.push = collector.publish
