"""An appliance's RTSP server alone: real state.db, platform accounts, hubs that play in a loop, real players."""

from __future__ import annotations

import asyncio
import fractions
import hashlib
import json
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import av
import numpy as np

from nvr.clock import SystemClock
from nvr.config import Config
from nvr.events import Actor, Role, StreamKey
from nvr.faults import FaultBoard
from nvr.media.access_unit import AccessUnit
from nvr.media.audio import AudioConfig, AudioUnit
from nvr.media.h264 import NAL_AUD, NAL_IDR, NAL_PPS, NAL_SPS, codec_config, nal_type
from nvr.media.hub import Hub
from nvr.media.nal import join_length_prefixed, split_annex_b, to_annex_b
from nvr.restream.accounts import Platform, Platforms
from nvr.restream.service import Restream
from nvr.state import open_state
from nvr.store import Database
from nvr.supervise import Supervisor
from nvr.web.tls import Certificates
from peers.appliance import free_port, until

GATE, GATE_SUB, YARD = StreamKey("gate", Role.MAIN), StreamKey("gate", Role.SUB), StreamKey("yard", Role.MAIN)
LAN = Actor("Lan", "10.0.0.2")
FPS, PATIENCE_S = 25, 60.0
STEP_90K = 90_000 // FPS
FFMPEG = "/usr/bin/ffmpeg"


@cache
def encode_h264(*, frames: int = 50, gop: int = 25, b_frames: int = 0, size: tuple[int, int] = (160, 96)):
    """As x265.encode: pictures that all differ, in decode order, pts from 0."""
    width, height = size
    codec = av.CodecContext.create("libx264", "w")
    codec.width, codec.height, codec.pix_fmt = width, height, "yuv420p"
    codec.time_base, codec.framerate = fractions.Fraction(1, FPS), fractions.Fraction(FPS)
    codec.gop_size, codec.max_b_frames, codec.thread_count = gop, b_frames, 1
    codec.options = {
        "preset": "ultrafast" if not b_frames else "medium",
        "x264-params": f"keyint={gop}:min-keyint={gop}:scenecut=0:bframes={b_frames}:b-adapt=0"
        ":repeat-headers=1:open-gop=0",
    }
    packets = []
    for index in range(frames):
        picture = np.full((height * 3 // 2, width), 128, np.uint8)
        left = index * 4 % (width - 16)
        picture[:height, left : left + 16] = 235
        picture[: height // 2, :8] = index * 4 % 200 + 16
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts = index
        packets += codec.encode(frame)
    packets += codec.encode(None)
    config, units = None, []
    for packet in packets:
        nals = split_annex_b(bytes(packet))
        sets = {nal_type(nal): nal for nal in nals}
        if config is None:
            config = codec_config(sets[NAL_SPS], sets[NAL_PPS])
        data = join_length_prefixed(n for n in nals if nal_type(n) not in (NAL_SPS, NAL_PPS, NAL_AUD))
        units.append(AccessUnit(GATE, config, data, packet.pts * STEP_90K, NAL_IDR in sets, 0.0))
    return tuple(units)


def decoded_hashes(units: Sequence[AccessUnit]) -> list[str]:
    """MD5 of each picture as ffmpeg's framemd5 has it, in the order in which they are shown."""
    name = "hevc" if units[0].config.codec == "h265" else "h264"
    codec = av.CodecContext.create(name, "r")
    frames = []
    for unit in units:
        sets = unit.config.parameter_sets if unit.is_key else ()
        frames += codec.decode(av.Packet(to_annex_b(unit.data, sets)))
    frames += codec.decode(None)
    return [hashlib.md5(frame.to_ndarray().tobytes(), usedforsecurity=False).hexdigest() for frame in frames]


def follow(source: list[str], seen: list[str]) -> bool:
    """Whether `seen` are pictures of the endless `source`, one after the other, none missing."""
    start = source.index(seen[0])
    return seen == [source[(start + n) % len(source)] for n in range(len(seen))]


class Loop:
    """Units as an endless live stream of `key`, a picture each 1/FPS s, with `sounds` between them."""

    def __init__(
        self, hub: Hub, key: StreamKey, units: Sequence[AccessUnit], sounds: Iterator[AudioUnit] | None = None
    ):
        self._hub, self._units, self._sounds = hub[key], units, sounds
        self._number = 0
        self._sound: AudioUnit | None = None

    def publish(self) -> None:
        round_, place = divmod(self._number, len(self._units))
        unit, now_s = self._units[place], SystemClock().monotonic()
        pts_90k = unit.pts_90k + round_ * len(self._units) * STEP_90K
        self._hub.publish(replace(unit, stream=self._hub.key, pts_90k=pts_90k, received_mono_s=now_s))
        self._number += 1
        while self._sounds is not None:
            self._sound = self._sound or next(self._sounds)
            if self._sound.pts_90k > self._number * STEP_90K:
                break
            self._hub.publish_audio(replace(self._sound, received_mono_s=now_s))
            self._sound = None


def sounds_of(config: AudioConfig, frames: Sequence[bytes]) -> Iterator[AudioUnit]:
    """An endless voice, from 0 on."""
    samples = 0
    while True:
        for data in frames:
            length = config.samples_of(data)
            pts_90k = samples * 90_000 // config.rate_hz
            yield AudioUnit(GATE, config, data, pts_90k, length * 90_000 // config.rate_hz, 0.0)
            samples += length


@dataclass
class Site:
    """The running server."""

    config: Config
    hub: Hub
    platforms: Platforms
    state: Database
    faults: FaultBoard
    restream: Restream
    loops: list[Loop]
    jobs: list[asyncio.Task[None]]

    async def add(self, name: str, *cameras: str) -> Platform:
        """A new platform; the port is open then."""
        platform = await self.platforms.add(name, cameras, by=LAN)
        for port in (self.config.restream.rtsp_port, self.config.restream.rtsps_port):
            if port:
                await until(partial(is_open, port), PATIENCE_S, f"port {port} is open")
        return platform

    def url(self, path: str, platform: Platform | None = None, scheme: str = "rtsp") -> str:
        login = f"{platform.name}:{platform.password}@" if platform is not None else ""
        ports = self.config.restream
        port = ports.rtsps_port if scheme == "rtsps" else ports.rtsp_port
        return f"{scheme}://{login}127.0.0.1:{port}/{path}"

    async def audit(self) -> list[tuple[str, str, str, dict[str, Any]]]:
        """(actor, action, subject, detail) of what is told of platforms, oldest first."""
        query = (
            "SELECT actor, action, subject, detail FROM audit WHERE action LIKE 'platform-live%'"
            " OR action = 'platform-refused' ORDER BY id"
        )
        rows = await self.state.read(lambda c: [tuple(row) for row in c.execute(query)])
        return [(*row[:3], json.loads(row[3])) for row in rows]

    async def stop(self) -> None:
        """End the server, as the appliance does."""
        for job in self.jobs:
            job.cancel()
        await asyncio.wait(self.jobs)

    async def play(self) -> None:
        """Publish in real time until cancelled."""
        loop = asyncio.get_running_loop()
        started_s, number = loop.time(), 0
        while True:
            for each in self.loops:
                each.publish()
            number += 1
            await asyncio.sleep(max(started_s + number / FPS - loop.time(), 0))


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def make_certificate(folder: Path) -> None:
    """As the web server makes it."""
    certificates = Certificates(folder, "Thôn Thử")
    certificates.ensure(frozenset({"localhost", "127.0.0.1"}), SystemClock().wall())
    (folder / "ca.crt").write_bytes(certificates.ca_pem)


@asynccontextmanager
async def running_site(folder: Path, **restream: int) -> AsyncIterator[Site]:
    """Cameras `gate` (main, sub) and `yard` (main); `loops` say what they show. Without any account at first."""
    tree = {
        "storage": {"recordings": folder / "recordings", "state": folder / "state"},
        "web": {"host": "127.0.0.1"},
        "restream": {"rtsp_port": free_port(), **restream},
        "camera": (
            {"id": "gate", "name": "Cổng", "main": "rtsp://127.0.0.1/g", "sub": "rtsp://127.0.0.1/s"},
            {"id": "yard", "name": "Sân", "main": "rtsp://127.0.0.1/y"},
        ),
    }
    config, clock = Config.model_validate(tree), SystemClock()
    state = await open_state(config.storage.state)
    platforms = await Platforms.open(state, clock)
    hub, faults = Hub(config.streams), FaultBoard(clock)
    certificate = folder / "tls/server.pem"
    if config.restream.rtsps_port:
        await asyncio.to_thread(make_certificate, folder / "tls")
    server = Restream(config, hub, platforms, state, clock, certificate)
    site = Site(config, hub, platforms, state, faults, server, [], [])
    supervisor = Supervisor(clock, faults)
    try:
        async with asyncio.TaskGroup() as tasks:
            site.jobs += [
                tasks.create_task(supervisor.keep_running(place, job)) for place, job in server.jobs()
            ]
            playing = tasks.create_task(site.play())
            yield site
            playing.cancel()
            await site.stop()
    finally:
        await state.close()


async def run(*command: str, timeout_s: float = PATIENCE_S) -> tuple[int, str, str]:
    """(exit code, output, errors) of a player."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(timeout_s):
            out, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, out.decode(), errors.decode()


async def ffmpeg_pictures(url: str, frames: int, *options: str) -> list[str]:
    """MD5 of the pictures that ffmpeg decodes, without a word of complaint."""
    command = (FFMPEG, "-v", "error", *options, "-i", url, "-map", "0:v", "-frames:v", str(frames))
    code, out, errors = await run(*command, "-fps_mode", "passthrough", "-f", "framemd5", "-")
    assert (code, errors) == (0, ""), (code, errors)
    return [line.split(",")[-1].strip() for line in out.splitlines() if not line.startswith("#")]
