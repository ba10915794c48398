"""Real peers for the tests of `webrtc/`: an encoded stream, a camera that plays it in a loop, an aiortc viewer."""

from __future__ import annotations

import asyncio
import fractions
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache

import av
import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription

import x265
from nvr.media.nal import to_annex_b
from webrtc.frames import AudioCodec, Codec, EncodedAudio, EncodedFrame
from webrtc.packing import nal_units
from webrtc.session import Answer, LiveServer

FPS = 25
STEP_90K = 90_000 // FPS
WAIT_S = 30.0
HUM = bytes(0xB4 if index // 8 % 2 else 0x34 for index in range(320))
"""40 ms of A-law: a square wave of 500 Hz."""


@cache
def encode(
    profile: str, width: int, height: int, *, gops: int = 2, gop_frames: int = FPS, noise: bool = False
) -> tuple[EncodedFrame, ...]:
    """A moving bar on a gradient, by libx264 without B-frames, each GOP with its parameter sets.

    With `noise`, pictures take as many bytes as a camera's.
    """
    codec = av.CodecContext.create("libx264", "w")
    codec.width, codec.height, codec.pix_fmt = width, height, "yuv420p"
    codec.time_base = fractions.Fraction(1, FPS)
    codec.bit_rate = 2_000_000
    codec.gop_size = gop_frames
    codec.options = {
        "preset": "veryfast",
        "tune": "zerolatency",
        "profile": profile,
        "x264-params": "scenecut=0",
    }
    row = np.linspace(0, 255, width).astype(np.uint8)
    grain = np.random.default_rng(6)
    packets = []
    for index in range(gops * gop_frames):
        picture = np.repeat(np.broadcast_to(row, (height, width))[:, :, None], 3, axis=2).copy()
        left = index * 8 % (width - 32)
        picture[:, left : left + 32] = (255, 64, 0)
        if noise:
            picture[: height // 2] ^= grain.integers(0, 32, (height // 2, width, 1), np.uint8)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
        frame.pts = index
        packets += codec.encode(frame)
    packets += codec.encode(None)
    # Without B-frames and delay, the packets come in the order of the pictures.
    return tuple(EncodedFrame(bytes(p), index * STEP_90K, p.is_keyframe) for index, p in enumerate(packets))


@cache
def encode_h265(width: int, height: int) -> tuple[EncodedFrame, ...]:
    """Two GOPs by libx265 without B-frames."""
    units = x265.encode(frames=2 * FPS, gop=FPS, size=(width, height))
    return tuple(
        EncodedFrame(
            to_annex_b(unit.data, unit.config.parameter_sets if unit.is_key else ()),
            index * STEP_90K,
            unit.is_key,
            "h265",
        )
        for index, unit in enumerate(units)
    )


def sps_of(frame: EncodedFrame) -> bytes:
    def is_sps(nal: bytes) -> bool:
        return nal[0] >> 1 & 0x3F == 33 if frame.codec == "h265" else nal[0] & 0x1F == 7

    return next(filter(is_sps, nal_units(frame.data)))


class LoopCamera:
    """A `FrameSource`: the first GOP at once, as a hub's cache would, then the stream in real time, for ever.

    `cached` is how many frames come at once instead. Without `present` the stream is held back; `origin_90k` moves
    its time, as a camera that has rebooted; `gone` ends it. With `audio` it hums, from its first picture on.
    """

    def __init__(self, frames: tuple[EncodedFrame, ...], *, first_pts_90k: int = 0):
        self.frames = frames
        self.sps: bytes | None = sps_of(frames[0])
        self.scene: tuple[LoopCamera, ...] = (self,)
        self.viewers = self.listeners = self.asked = 0
        self.audio: AudioCodec | None = None
        self.present = asyncio.Event()
        self.present.set()
        self.gone = False
        self.cached: int | None = None
        self.origin_90k = first_pts_90k

    @property
    def codec(self) -> Codec | None:
        return self.frames[0].codec if self.sps is not None else None

    def ask_for_keyframe(self) -> None:
        self.asked += 1

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[AsyncIterator[EncodedFrame]]:
        self.viewers += 1
        try:
            yield self._play()
        finally:
            self.viewers -= 1

    @asynccontextmanager
    async def subscribe_audio(self) -> AsyncIterator[AsyncIterator[EncodedAudio]]:
        self.listeners += 1
        try:
            yield self._hum()
        finally:
            self.listeners -= 1

    async def _hum(self) -> AsyncIterator[EncodedAudio]:
        for number in itertools.count():
            yield EncodedAudio(HUM, self.origin_90k + number * len(HUM) * 45 // 4)
            await asyncio.sleep(len(HUM) / 8000)

    async def _play(self) -> AsyncIterator[EncodedFrame]:
        gop = self.cached or next(i for i, frame in enumerate(self.frames) if i and frame.is_key)
        played = 0
        while not self.gone:
            if not self.present.is_set():
                await self.present.wait()
                played += -played % len(self.frames)
            frame = self.frames[played % len(self.frames)]
            yield EncodedFrame(frame.data, self.origin_90k + played * STEP_90K, frame.is_key, frame.codec)
            played += 1
            if played > gop:
                await asyncio.sleep(1 / FPS)


class Relay(asyncio.DatagramProtocol):
    """A bad network in front of the server: `loses(datagram)` says which datagrams to the viewer are lost.

    One viewer only; what is not lost takes `delay_s` each way. `move` gives it another address towards the server, as
    a phone that changes its network.
    """

    def __init__(self, loses: Callable[[bytes], bool], *, delay_s: float = 0.0):
        self.loses = loses
        self._delay_s = delay_s
        self.lost = 0
        self._server: tuple[str, int] = ("", 0)
        self._viewer: tuple[str, int] | None = None
        self._front: asyncio.DatagramTransport | None = None
        self._back: asyncio.DatagramTransport | None = None

    async def into(self, answer: str) -> str:
        """The answer with this relay as the only candidate."""
        lines = answer.splitlines()
        host, port = next(line for line in lines if line.startswith("a=candidate:") and "." in line).split()[
            4:6
        ]
        self._server = host, int(port)
        loop = asyncio.get_running_loop()
        self._front, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(host, 0))
        await self.move()
        number = self._front.get_extra_info("sockname")[1]
        candidate = f"a=candidate:1 1 udp 2130706431 {host} {number} typ host"
        kept = [line for line in lines if not line.startswith("a=candidate:")]
        return (
            "\r\n".join(
                part
                for line in kept
                for part in ([candidate, line] if line == "a=end-of-candidates" else [line])
            )
            + "\r\n"
        )

    async def move(self) -> None:
        if self._back is not None:
            self._back.close()
        loop = asyncio.get_running_loop()
        self._back, _ = await loop.create_datagram_endpoint(
            lambda: _Back(self.to_viewer), local_addr=(self._server[0], 0)
        )

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._viewer = addr
        assert self._back is not None
        self._send(self._back, data, self._server)

    def to_viewer(self, data: bytes) -> None:
        assert self._front is not None
        if self.loses(data):
            self.lost += 1
        elif self._viewer is not None:
            self._send(self._front, data, self._viewer)

    def _send(self, way: asyncio.DatagramTransport, data: bytes, address: tuple[str, int]) -> None:
        def send() -> None:
            if not way.is_closing():
                way.sendto(data, address)

        if self._delay_s:
            asyncio.get_running_loop().call_later(self._delay_s, send)
        else:
            send()

    def close(self) -> None:
        for transport in (self._front, self._back):
            if transport is not None:
                transport.close()


class _Back(asyncio.DatagramProtocol):
    def __init__(self, receive: Callable[[bytes], None]):
        self._receive = receive

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._receive(data)


def is_video(datagram: bytes) -> bool:
    """Whether an encrypted packet is RTP, and not RTCP, DTLS or STUN."""
    return 128 <= datagram[0] <= 191 and not 192 <= datagram[1] <= 223


class Viewer:
    """An aiortc client that receives H.264."""

    def __init__(self, codecs: tuple[str, ...] = ("h264", "rtx")) -> None:
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        transceiver = self.pc.addTransceiver("video", direction="recvonly")
        capabilities = RTCRtpReceiver.getCapabilities("video")
        assert capabilities is not None
        transceiver.setCodecPreferences([c for c in capabilities.codecs if c.name.lower() in codecs])
        self.ended = asyncio.Event()
        self.pc.on("connectionstatechange", self._on_state)
        self.answer: Answer | None = None

    def _on_state(self) -> None:
        if self.pc.connectionState in ("closed", "failed"):
            self.ended.set()

    async def offer(self) -> str:
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return self.pc.localDescription.sdp

    async def connect(
        self, server: LiveServer, camera: LoopCamera, *, owner: str = "an", relay: Relay | None = None
    ) -> Answer:
        answer = await server.offer(camera, await self.offer(), owner=owner)
        await self.accept(answer.sdp if relay is None else await relay.into(answer.sdp))
        return answer

    async def accept(self, sdp: str) -> None:
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp, "answer"))

    async def picture(self) -> av.VideoFrame:
        """The next decoded picture."""
        async with asyncio.timeout(WAIT_S):
            frame = await self.pc.getReceivers()[0].track.recv()
        assert isinstance(frame, av.VideoFrame)
        return frame

    async def times_90k(self, count: int) -> list[int]:
        """The RTP times of the next `count` decoded pictures."""
        times = [(await self.picture()).pts for _ in range(count)]
        return [time for time in times if time is not None]


async def until(condition: Callable[[], bool]) -> None:
    """Wait until `condition()` is true."""
    async with asyncio.timeout(WAIT_S):
        while not condition():
            await asyncio.sleep(0.01)


async def soon(condition: Callable[[], bool]) -> None:
    """As `until`, but resumes in the very step of the event loop in which `condition()` has become true."""
    async with asyncio.timeout(WAIT_S):
        while not condition():
            await asyncio.sleep(0)
