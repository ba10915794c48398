"""Viewers for the web tests: aiortc's client behind the real HTTP interface."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace

import av
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from web_site import Client, Site, access_units

from nvr.events import StreamKey

SDP: dict[str, str | None] = {"Content-Type": "application/sdp"}
FPS = 25
STEP_90K = 90_000 // FPS


@asynccontextmanager
async def viewer() -> AsyncIterator[RTCPeerConnection]:
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    try:
        peer.addTransceiver("video", direction="recvonly")
        await peer.setLocalDescription(await peer.createOffer())
        yield peer
    finally:
        await peer.close()


def publish(site: Site, key: StreamKey) -> None:
    site.show_live(key)
    for unit in access_units(key, site.services.clock.monotonic()):
        site.services.hub[key].publish(unit)


async def start(client: Client, peer: RTCPeerConnection, path: str = "gate/live/sub") -> str:
    """Begin to watch; returns the session's address."""
    offer = peer.localDescription.sdp
    async with client.open("POST", f"/api/cameras/{path}", data=offer, headers=SDP) as response:
        answer = await response.text()
        assert response.status == 201, answer
        assert response.content_type == "application/sdp"
        location = response.headers["Location"]
    await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    return location


async def picture(peer: RTCPeerConnection) -> av.VideoFrame:
    """The next decoded picture. Raises MediaStreamError once there will be no more."""
    async with asyncio.timeout(30):
        frame = await peer.getReceivers()[0].track.recv()
    assert isinstance(frame, av.VideoFrame)
    return frame


async def refused(client: Client, offer: str | bytes, path: str = "gate/live/sub") -> tuple[int, str]:
    status, answer = await client.ask("POST", f"/api/cameras/{path}", data=offer, headers=SDP)
    return status, answer["error"]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.05)


@contextmanager
def taken_udp_port() -> Iterator[int]:
    """A UDP port that somebody else has on every address."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as four,
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as six,
    ):
        four.bind(("0.0.0.0", 0))
        port: int = four.getsockname()[1]
        six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        six.bind(("::", port))
        yield port


@asynccontextmanager
async def playing(site: Site, *keys: StreamKey) -> AsyncIterator[None]:
    """The streams go on in real time for the duration of the block: the same two seconds again and again."""

    async def play(key: StreamKey) -> None:
        units = access_units(key, 0.0)
        number = 0
        while True:
            unit = units[number % len(units)]
            now_s = site.services.clock.monotonic()
            site.services.hub[key].publish(replace(unit, pts_90k=number * STEP_90K, received_mono_s=now_s))
            number += 1
            await asyncio.sleep(1 / FPS)

    async with asyncio.TaskGroup() as tasks:
        running = []
        for key in keys:
            site.show_live(key)
            running.append(tasks.create_task(play(key)))
        await until(lambda: all(site.services.hub[key].config for key in keys))
        try:
            yield
        finally:
            for task in running:
                task.cancel()
