"""Viewers for the web tests: aiortc's client behind the real HTTP interface."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from web_site import Client, Site, access_units

from nvr.events import StreamKey

SDP: dict[str, str | None] = {"Content-Type": "application/sdp"}


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


async def refused(client: Client, offer: str | bytes, path: str = "gate/live/sub") -> tuple[int, str]:
    status, answer = await client.ask("POST", f"/api/cameras/{path}", data=offer, headers=SDP)
    return status, answer["error"]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.05)
