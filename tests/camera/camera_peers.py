"""Peers for the RTSP client: a camera that follows a script, over a real socket; and what goes through it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.video.codeccontext import VideoCodecContext

from nvr.camera.encoder import EncodedStream
from nvr.camera.h264_rtp import packetize
from nvr.camera.rtp import pack_header
from nvr.camera.rtsp import Headers, Message, Request, Response, RtspParser
from nvr.config import Camera
from nvr.media.access_unit import AccessUnit, CodecConfig, MediaItem
from nvr.media.nal import split_length_prefixed, to_annex_b
from nvr.restream.description import describe

PATIENCE_S = 30.0
Script = Callable[[asyncio.StreamWriter], Awaitable[None]]


def make_clip(path: Path, *, frames: int, size: tuple[int, int] = (160, 96)) -> Path:
    """A clip with B-frames, every picture different."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(25), options={"bf": "2"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number in range(frames):
            frame = av.VideoFrame(*size, "yuv420p")
            for index, plane in enumerate(frame.planes):
                plane.update(bytes([(40 + number * 5 + index * 60) % 220 + 16]) * plane.buffer_size)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def decode(units: list[AccessUnit]) -> list[av.VideoFrame]:
    """The pictures that a decoder makes of `units`."""
    codec = VideoCodecContext.create("hevc" if units[0].config.codec == "h265" else "h264", "r")
    frames: list[av.VideoFrame] = []
    for unit in units:
        data = to_annex_b(unit.data, unit.config.parameter_sets if unit.is_key else ())
        frames += codec.decode(av.Packet(data))
    return frames + codec.decode(None)


def camera(url: str, user: str = "", password: str = "") -> Camera:
    return Camera(id="gate", name="Cổng", main=url, username=user, password=password)


class Collector:
    """Takes what a client publishes."""

    def __init__(self) -> None:
        self.items: list[MediaItem] = []
        self.healthy = 0
        self._grown = asyncio.Event()

    def publish(self, item: MediaItem) -> None:
        self.items.append(item)
        self._grown.set()

    def on_healthy(self) -> None:
        self.healthy += 1

    @property
    def units(self) -> list[AccessUnit]:
        return [item for item in self.items if isinstance(item, AccessUnit)]

    @property
    def causes(self) -> list[str]:
        return [item.cause for item in self.items if not isinstance(item, AccessUnit)]

    async def wait_for(self, units: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.units) < units:
                self._grown.clear()
                await self._grown.wait()


class Packets:
    """RTP packets of access units, interleaved on channel 0."""

    def __init__(self, stream: EncodedStream, payload_type: int = 96):
        self._stream, self._payload_type = stream, payload_type
        self.sequence, self.timestamp = 65_500, 0xFFFF_FF00

    def unit(self, index: int, *, in_band: bool = False, config: CodecConfig | None = None) -> list[bytes]:
        """The packets of unit `index`; `in_band`: with parameter sets before keyframes."""
        data, is_key = self._stream.units[index % len(self._stream.units)]
        config = config or self._stream.config
        nals: list[bytes | memoryview] = [config.sps, config.pps] if in_band and is_key else []
        payloads = packetize([*nals, *split_length_prefixed(data)], 300)
        packets = []
        for number, payload in enumerate(payloads):
            header = pack_header(
                marker=number == len(payloads) - 1,
                payload_type=self._payload_type,
                sequence=self.sequence,
                timestamp=self.timestamp,
                ssrc=7,
            )
            self.sequence += 1
            packets.append(header + payload)
        self.timestamp += 3600
        return packets


def interleaved(packets: list[bytes], channel: int = 0) -> bytes:
    return b"".join(b"$" + bytes([channel]) + len(p).to_bytes(2, "big") + p for p in packets)


class ScriptedCamera:
    """Answers like a camera, with `overrides` by method, then runs `script` after PLAY.

    An override is the response (CSeq is added), raw bytes, or None for no answer at all.
    """

    def __init__(
        self,
        description: bytes,
        script: Script,
        overrides: dict[str, Response | bytes | None] | None = None,
    ):
        self.requests: list[Request] = []
        self.torn_down = asyncio.Event()
        self._connections: dict[asyncio.Task[Any], asyncio.StreamWriter] = {}
        self._description, self._script, self._overrides = description, script, overrides or {}

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            yield f"rtsp://127.0.0.1:{port}/stream?channel=1&subtype=0"
        finally:
            server.close()
            for writer in self._connections.values():
                writer.transport.abort()
            if self._connections:
                await asyncio.wait(tuple(self._connections))

    def sent(self, method: str) -> list[Request]:
        return [request for request in self.requests if request.method == method]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = writer
        async with asyncio.TaskGroup() as tasks:
            running: list[asyncio.Task[None]] = []

            def on_message(message: Message) -> None:
                assert isinstance(message, Request)
                self._answer(message, writer)
                if message.method == "PLAY" and "PLAY" not in self._overrides:
                    running.append(tasks.create_task(self._run(writer)))

            parser = RtspParser(on_message)
            with suppress(ConnectionError):
                while data := await reader.read(65_536):
                    parser.feed(data, 0.0)
            for script in running:
                script.cancel()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async def _run(self, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await self._script(writer)

    def _answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        self.requests.append(request)
        if request.method == "TEARDOWN":
            self.torn_down.set()
        response = self._overrides.get(request.method, _default(request, self._description))
        if isinstance(response, Response):
            pairs = (("CSeq", request.headers.get("CSeq")), *response.headers.pairs)
            writer.write(Response(response.status, "x", Headers(pairs), response.body).encode())
        elif response is not None:
            writer.write(response)


def _default(request: Request, description: bytes) -> Response:
    match request.method:
        case "OPTIONS":
            return Response(
                200, headers=Headers((("Public", "OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER"),))
            )
        case "DESCRIBE":
            return Response(200, headers=Headers((("Content-Type", "application/sdp"),)), body=description)
        case "SETUP":
            return Response(
                200,
                headers=Headers(
                    (("Transport", "RTP/AVP/TCP;unicast;interleaved=0-1"), ("Session", "4711;timeout=0"))
                ),
            )
    return Response(200)


def description(config: CodecConfig, *, sprop: bool = True) -> bytes:
    text = describe(config, "trackID=1", None, "").decode()
    return text.encode() if sprop else text.replace("sprop-parameter-sets", "x-none").encode()
