"""Stock aiortc as a peer of `bench.live`: the farm's video without a codec, a connection a viewer.

Takes `{"offer": sdp}`, a JSON line each, and answers `{"answer": sdp}`.
"""

from __future__ import annotations

import asyncio
import fractions
import json
import sys
from typing import Any

import av
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from bench.farm_video import FPS, TICKS_PER_PICTURE, encoded

WAITING_MAX = 50


class Track(MediaStreamTrack):
    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self.queue: asyncio.Queue[av.Packet[Any]] = asyncio.Queue(WAITING_MAX)

    async def recv(self) -> av.Packet[Any]:
        return await self.queue.get()


async def main() -> None:
    with av.open(str(encoded("main")), format="h264") as file:
        pictures = [bytes(packet) for packet in file.demux(video=0) if packet.size]
    tracks: list[Track] = []
    connections = []
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(show(pictures, tracks))
        while line := await asyncio.to_thread(sys.stdin.readline):
            connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
            connections.append(connection)
            await connection.setRemoteDescription(RTCSessionDescription(json.loads(line)["offer"], "offer"))
            track = Track()
            connection.addTrack(track)
            await connection.setLocalDescription(await connection.createAnswer())
            tracks.append(track)
            print(json.dumps({"answer": connection.localDescription.sdp}), flush=True)


async def show(pictures: list[bytes], tracks: list[Track]) -> None:
    loop, number = asyncio.get_running_loop(), 0
    began_s = loop.time()
    while True:
        packet = av.Packet(pictures[number % len(pictures)])
        packet.pts, packet.time_base = number * TICKS_PER_PICTURE, fractions.Fraction(1, 90_000)
        for track in tracks:
            if not track.queue.full():
                track.queue.put_nowait(packet)
        number += 1
        await asyncio.sleep(max(0.0, began_s + number / FPS - loop.time()))


if __name__ == "__main__":
    asyncio.run(main())
