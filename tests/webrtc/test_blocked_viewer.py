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
from webrtc.entries import WIDEST_LEVEL, VideoEntry
from webrtc.fanout import Fanout
from webrtc.frames import START_CODE, Codec, EncodedFrame
from webrtc.mux import Path, Port
from webrtc.srtp import Srtp
from webrtc.viewer import Place, Viewer, Voice
from webrtc.watch import Watch

WITH_RTX = VideoEntry(96, "h264", WIDEST_LEVEL, "", 97, ())
PLAIN = VideoEntry(96, "h264", WIDEST_LEVEL, "", None, ())


class Source:
    """Frames that the test puts in."""

    def __init__(self) -> None:
        self.audio = None
        self.codec: Codec | None = "h264"
        self.sps: bytes | None = b"\x67"
        self.scene: tuple[Source, ...] = (self,)
        self.frames: asyncio.Queue[EncodedFrame | None] = asyncio.Queue()
        self.number = self.asked = 0

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[AsyncIterator[EncodedFrame]]:
        async def play() -> AsyncIterator[EncodedFrame]:
            while (frame := await self.frames.get()) is not None:
                yield frame

        yield play()

    def ask_for_keyframe(self) -> None:
        self.asked += 1

    def end(self) -> None:
        self.frames.put_nowait(None)

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


async def watch(viewer: Viewer, source: Source, fanout: Fanout) -> None:
    await Watch(viewer, source, lambda _: fanout).run()


@pytest.mark.parametrize("segments", [True, False])
async def test_a_blocked_viewer_alone_waits_for_the_keyframe(segments: bool) -> None:
    port, source, voice = Port("127.0.0.1", 0), Source(), Voice()
    fanout = Fanout(source, Burst(segments=segments), voice, idle_timeout_s=60)
    peers = [connected(port), connected(port)]
    viewers = [Viewer(cast(Any, peer), [WITH_RTX], voice) for peer in peers]
    async with asyncio.TaskGroup() as tasks:
        running = [
            tasks.create_task(fanout.run()),
            *(tasks.create_task(watch(v, source, fanout)) for v in viewers),
        ]
        await asyncio.sleep(0)
        source.show("Kp")
        await until(lambda: all(v.frames_sent == 2 and v.place is Place.LIVE for v in viewers))
        there, peers[1].path = peers[1].path, Path(port, ("127.0.0.1", 0))
        source.show("p")
        await until(lambda: viewers[1].place is Place.WAITING)
        peers[1].path = there
        source.show("pppKp")
        await until(lambda: [v.frames_sent for v in viewers] == [8, 5])
        everything, blocked = peers[0].received(), peers[1].received()
        assert [b - a for a, b in itertools.pairwise(numbers(everything))] == [1] * 11
        assert len(everything) == 3 + 5 + 3 + 1
        assert [packet.timestamp for packet in blocked] == [
            packet.timestamp for index, packet in enumerate(everything) if index not in (4, 5, 6, 7)
        ]
        steps = [b - a for a, b in itertools.pairwise(numbers(blocked))]
        assert steps == [1, 1, 1, 2, 1, 1, 1], "of three pictures nobody is told, one was tried"
        # What it then misses it gets, also from before the keyframe.
        missed = [blocked[5], blocked[2]]
        peers[1].on_feedback(rtcp.Nack(everything[0].ssrc, tuple(numbers(missed))))
        again = peers[1].received()
        assert [packet.payload for packet in again] == [
            packet.sequence_number.to_bytes(2, "big") + packet.payload for packet in missed
        ]
        assert {packet.payload_type for packet in again} == {97}
        peers[1].on_feedback(rtcp.Nack(everything[0].ssrc, (numbers(blocked)[-1] + 1 & 0xFFFF,)))
        assert peers[1].received() == [], "never sent"
        for task in running:
            task.cancel()
    for one in (port, *peers):
        one.socket.close()


async def test_a_viewer_blocked_for_a_moment_misses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webrtc.fanout.RETRY_S", 0.2)
    port, source, voice = Port("127.0.0.1", 0), Source(), Voice()
    fanout = Fanout(source, Burst(), voice, idle_timeout_s=60)
    peer = connected(port)
    viewer = Viewer(cast(Any, peer), [PLAIN], voice)
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(fanout.run()), tasks.create_task(watch(viewer, source, fanout))]
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
    monkeypatch.setattr("webrtc.fanout.GOP_PARTS_MAX", 3)
    port, source, voice = Port("127.0.0.1", 0), Source(), Voice()
    fanout = Fanout(source, Burst(), voice, idle_timeout_s=60)
    peer = connected(port)
    viewer = Viewer(cast(Any, peer), [PLAIN], voice)
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(fanout.run()), tasks.create_task(watch(viewer, source, fanout))]
        await asyncio.sleep(0)
        source.show("K")
        await until(lambda: viewer.place is Place.LIVE)
        source.show("pppp")
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
