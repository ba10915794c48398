"""A viewer for whom the kernel has no way, beside one for whom it has: real sockets, real encryption, no handshake."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from aiortc.rtcdtlstransport import SRTP_AEAD_AES_128_GCM
from aiortc.rtp import RtpPacket
from live_peers import STEP_90K, until
from test_burst import viewer as receiver

from webrtc import rtcp
from webrtc.burst import Burst
from webrtc.fanout import Fanout, Voice
from webrtc.frames import START_CODE, EncodedFrame
from webrtc.mux import Path, Port
from webrtc.srtp import Srtp
from webrtc.viewer import Place, Viewer


class Source:
    """Frames that the test puts in."""

    sps = b"\x67"

    def __init__(self) -> None:
        self.frames: asyncio.Queue[EncodedFrame] = asyncio.Queue()
        self.number = 0

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[AsyncIterator[EncodedFrame]]:
        async def play() -> AsyncIterator[EncodedFrame]:
            while True:
                yield await self.frames.get()

        yield play()

    def show(self, kinds: str) -> None:
        """A picture for each letter: "K" a keyframe of three packets, "p" another of one."""
        for kind in kinds:
            nal = b"\x65" + b"\x55" * 3000 if kind == "K" else b"\x41\x55"
            self.frames.put_nowait(EncodedFrame(START_CODE + nal, self.number * STEP_90K, kind == "K"))
            self.number += 1


@dataclass(eq=False)
class Connected:
    """As much of a `Peer` as is connected."""

    path: Path | None
    srtp: Srtp | None
    socket: socket.socket
    decrypting: Any
    on_feedback: Any = None
    reports: list[bytes] = field(default_factory=list)

    def send_rtp(self, packet: bytes) -> None:
        assert self.srtp and self.path
        data = self.srtp.protect_rtp(packet)
        assert data is not None
        self.path.send(data)

    def send_rtcp(self, packet: bytes) -> None:
        self.reports.append(packet)

    def received(self) -> list[RtpPacket]:
        out = []
        while True:
            try:
                out.append(RtpPacket.parse(self.decrypting.unprotect(self.socket.recv(2048))))
            except BlockingIOError:
                return out


def connected(port: Port) -> Connected:
    made = receiver(port, SRTP_AEAD_AES_128_GCM)
    return Connected(made.path, made.srtp, made.socket, made.decrypting)


@pytest.mark.parametrize("segments", [True, False])
async def test_a_blocked_viewer_alone_waits_for_the_keyframe(segments: bool) -> None:
    port, source = Port("127.0.0.1", 0), Source()
    fanout = Fanout(cast(Any, source), Burst(segments=segments), Voice(), idle_timeout_s=60)
    peers = [connected(port), connected(port)]
    viewers = [Viewer(cast(Any, peer), payload_type=96, rtx_payload_type=97) for peer in peers]
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(fanout.run()), *(tasks.create_task(fanout.serve(v)) for v in viewers)]
        await asyncio.sleep(0)
        source.show("Kp")
        await until(lambda: all(v.frames_sent == 2 and v.place is Place.LIVE for v in viewers))
        there, peers[1].path = peers[1].path, Path(port, ("127.0.0.1", 0))
        source.show("p")
        await until(lambda: viewers[1].place is Place.WAITING)
        peers[1].path = there
        source.show("pppKp")
        await until(lambda: viewers[0].frames_sent == 8)
        everything, blocked = peers[0].received(), peers[1].received()
        assert [b - a for a, b in itertools.pairwise(numbers(everything))] == [1] * 11
        assert len(everything) == 3 + 5 + 3 + 1
        assert [packet.timestamp for packet in blocked] == [
            packet.timestamp for index, packet in enumerate(everything) if index not in (4, 5, 6, 7)
        ]
        steps = [b - a for a, b in itertools.pairwise(numbers(blocked))]
        assert steps == [1, 1, 1, 2, 1, 1, 1], "of three pictures nobody is told, one was tried"
        # What it then misses it gets; what came before the keyframe it would get wrong.
        missed = blocked[5].sequence_number
        peers[1].on_feedback(rtcp.Nack(everything[0].ssrc, (missed, blocked[2].sequence_number)))
        (again,) = peers[1].received()
        assert again.payload == missed.to_bytes(2, "big") + blocked[5].payload
        assert again.payload_type == 97
        for task in running:
            task.cancel()
    for one in (port, *peers):
        one.socket.close()


async def test_a_viewer_blocked_for_a_moment_misses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webrtc.fanout.RETRY_S", 0.2)
    port, source = Port("127.0.0.1", 0), Source()
    fanout = Fanout(cast(Any, source), Burst(), Voice(), idle_timeout_s=60)
    peer = connected(port)
    viewer = Viewer(cast(Any, peer), payload_type=96, rtx_payload_type=None)
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(fanout.run()), tasks.create_task(fanout.serve(viewer))]
        await asyncio.sleep(0)
        source.show("Kp")
        await until(lambda: viewer.frames_sent == 2)
        there, peer.path = peer.path, Path(port, ("127.0.0.1", 0))
        source.show("K")
        await until(lambda: viewer.place is Place.STARTING)
        peer.path = there
        source.show("pKp")
        await until(lambda: viewer.frames_sent == 6)
        assert viewer.place is Place.LIVE
        got = peer.received()
        assert [b - a for a, b in itertools.pairwise(numbers(got))] == [1] * 11
        times = sorted({packet.timestamp for packet in got})
        assert [b - a for a, b in itertools.pairwise(times)] == [STEP_90K] * 5
        for task in running:
            task.cancel()
    for one in (port, peer):
        one.socket.close()


async def test_a_lost_picture_without_a_cached_gop_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webrtc.fanout.GOP_PICTURES_MAX", 3)
    port, source = Port("127.0.0.1", 0), Source()
    fanout = Fanout(cast(Any, source), Burst(), Voice(), idle_timeout_s=60)
    peer = connected(port)
    viewer = Viewer(cast(Any, peer), payload_type=96, rtx_payload_type=None)
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(fanout.run()), tasks.create_task(fanout.serve(viewer))]
        await asyncio.sleep(0)
        source.show("Kpppp")
        await until(lambda: viewer.frames_sent == 5)
        (source_id,) = {packet.ssrc for packet in peer.received()}
        peer.on_feedback(rtcp.PictureLoss(source_id))
        await asyncio.sleep(0)
        source.show("pK")
        await until(lambda: viewer.frames_sent == 7)
        assert viewer.place is Place.LIVE
        for task in running:
            task.cancel()
    for one in (port, peer):
        one.socket.close()


def numbers(packets: list[RtpPacket]) -> list[int]:
    return [packet.sequence_number for packet in packets]
