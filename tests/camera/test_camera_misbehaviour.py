"""Every way in which cameras misbehave, all at once over real sockets, client, supervisor and recorder: each sick
camera is named and recorded again, and a good camera beside them has no gap."""

from __future__ import annotations

import asyncio
import io
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path

import av
import pytest
from camera_peers import Collector, Packets, ScriptedCamera, description, interleaved

from nvr.camera.client import play
from nvr.camera.encoder import EncodedStream, Programme
from nvr.camera.rtsp import Request, Response
from nvr.camera.simulator import Simulator
from nvr.clock import SystemClock
from nvr.config import Camera
from nvr.errors import CameraError
from nvr.events import Role, StreamKey
from nvr.faults import FaultBoard
from nvr.media.access_unit import AccessUnit
from nvr.record.disk.recorder import Pace, Recorder
from nvr.record.mp4.virtual_mp4 import VirtualMp4
from nvr.restream.mounts import camera_server
from nvr.supervise import Backoff, Supervisor
from played import whole

pytestmark = pytest.mark.timeout(120)

UNIT_S = 0.04
BEFORE = 15
"""Pictures before the misbehaviour, one and a half GOPs."""
AFTER = 30
HOUR_90K = 3600 * 90_000


class Sick(ScriptedCamera):
    """A camera whose first connection misbehaves by `first` or `overrides`; all later ones are well, unless
    `always` says otherwise by method."""

    def __init__(
        self,
        streams: dict[Role, EncodedStream],
        first: Callable[[Sick, asyncio.StreamWriter], Awaitable[None]] | None = None,
        overrides: dict[str, Response | bytes | None] | None = None,
        *,
        always: dict[str, Response | bytes | None] | None = None,
        answers_after_s: float = 0.0,
    ):
        self.main, self.sub = streams[Role.MAIN], streams[Role.SUB]
        self.packets = Packets(self.main)
        self.lives = self.sent_units = 0
        self._first, self._always = first or Sick.go_on, always or {}
        self._answers_after_s = answers_after_s
        super().__init__(
            description(self.main.config, sprop=False), self._play, {**(overrides or {}), **self._always}
        )

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.lives += 1
        if self.lives > 1:
            self._overrides = self._always
            self.packets, self.sent_units = Packets(self.main), 0
        await super()._serve(reader, writer)

    def _answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        answer = partial(super()._answer, request, writer)
        asyncio.get_running_loop().call_later(self._answers_after_s, answer)

    async def _play(self, writer: asyncio.StreamWriter) -> None:
        await (self._first if self.lives == 1 else Sick.go_on)(self, writer)

    def unit(self, *, in_band: bool = True) -> list[bytes]:
        """The packets of the next picture."""
        self.sent_units += 1
        return self.packets.unit(self.sent_units - 1, in_band=in_band)

    async def write(self, writer: asyncio.StreamWriter, packets: list[bytes]) -> None:
        writer.write(interleaved(packets))
        await writer.drain()
        await asyncio.sleep(UNIT_S)

    async def begin(self, writer: asyncio.StreamWriter) -> None:
        for _ in range(BEFORE):
            await self.write(writer, self.unit())

    async def go_on(self, writer: asyncio.StreamWriter) -> None:
        while True:
            await self.write(writer, self.unit())


async def stall(peer: Sick, writer: asyncio.StreamWriter) -> None:
    await peer.begin(writer)


async def reset(peer: Sick, writer: asyncio.StreamWriter) -> None:
    await peer.begin(writer)
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


async def half_packet(peer: Sick, writer: asyncio.StreamWriter) -> None:
    await peer.begin(writer)
    writer.write(interleaved(peer.unit())[:50])
    writer.close()


async def garbage(peer: Sick, writer: asyncio.StreamWriter) -> None:
    await peer.begin(writer)
    writer.write(b"\x00\x01\x02")


async def loss(peer: Sick, writer: asyncio.StreamWriter) -> None:
    await peer.begin(writer)
    await peer.write(writer, peer.unit()[:-1])
    await peer.go_on(writer)


async def reorder(peer: Sick, writer: asyncio.StreamWriter) -> None:
    await peer.begin(writer)
    await peer.write(writer, [*peer.unit(), *peer.unit()][::-1])
    await peer.go_on(writer)


async def jump(step_90k: int, peer: Sick, writer: asyncio.StreamWriter) -> None:
    await peer.begin(writer)
    peer.packets.timestamp = peer.packets.timestamp + step_90k & 0xFFFF_FFFF
    await peer.go_on(writer)


async def jump_forth_and_back(peer: Sick, writer: asyncio.StreamWriter) -> None:
    await peer.begin(writer)
    for step_90k in (HOUR_90K, -HOUR_90K):
        peer.packets.timestamp = peer.packets.timestamp + step_90k & 0xFFFF_FFFF
        await peer.begin(writer)
    await peer.go_on(writer)


async def other_parameter_sets(peer: Sick, writer: asyncio.StreamWriter) -> None:
    await peer.begin(writer)
    changed = Packets(peer.sub)
    changed.sequence, changed.timestamp = peer.packets.sequence, peer.packets.timestamp
    peer.packets, peer.sent_units = changed, 0
    await peer.go_on(writer)


async def no_parameter_sets(peer: Sick, writer: asyncio.StreamWriter) -> None:
    while True:
        await peer.write(writer, peer.unit(in_band=False))


SDP_HEAD = b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Type: application/sdp\r\n"


@dataclass(frozen=True)
class Case:
    """`fault`: the code that names the camera, "" if it never fails; `gaps`: causes of what is missing; `sizes`: widths
    of the recorded parts; `jumps`: of the media clock, over which footage goes on without a gap."""

    make: Callable[[dict[Role, EncodedStream]], Sick]
    fault: str = ""
    gaps: tuple[str, ...] = ()
    sizes: tuple[int, ...] = (160,)
    jumps: int = 0


CASES = {
    "stall": Case(lambda s: Sick(s, stall), "camera_stalled", ("reconnect",)),
    "reset": Case(lambda s: Sick(s, reset), "camera_unreachable", ("reconnect",)),
    "half-packet": Case(lambda s: Sick(s, half_packet), "camera_unreachable", ("reconnect",)),
    "garbage": Case(lambda s: Sick(s, garbage), "camera_protocol", ("reconnect",)),
    "loss": Case(lambda s: Sick(s, loss), gaps=("loss",)),
    "reorder": Case(lambda s: Sick(s, reorder), gaps=("loss",)),
    "jump-forth": Case(lambda s: Sick(s, partial(jump, HOUR_90K)), jumps=1),
    "jump-back": Case(lambda s: Sick(s, partial(jump, -HOUR_90K)), jumps=1),
    "jumps": Case(lambda s: Sick(s, jump_forth_and_back), jumps=2),
    "other-sets": Case(lambda s: Sick(s, other_parameter_sets), sizes=(160, 80)),
    "no-sets": Case(lambda s: Sick(s, no_parameter_sets), "camera_unsupported"),
    "slow": Case(lambda s: Sick(s, answers_after_s=0.3)),
    "silent": Case(lambda s: Sick(s, overrides={"DESCRIBE": None}), "camera_unreachable"),
    "deaf": Case(
        lambda s: Sick(s, stall, always={"TEARDOWN": None, "GET_PARAMETER": None}),
        "camera_stalled",
        ("reconnect",),
    ),
    "length-too-large": Case(
        lambda s: Sick(s, overrides={"DESCRIBE": SDP_HEAD + b"Content-Length: 900\r\n\r\nv=0\r\n"}),
        "camera_unreachable",
    ),
    "length-too-small": Case(
        lambda s: Sick(s, overrides={"DESCRIBE": SDP_HEAD + b"Content-Length: 3\r\n\r\nv=0\r\ns=x\r\n"}),
        "camera_unsupported",
    ),
    "long-header": Case(
        lambda s: Sick(s, overrides={"OPTIONS": b"RTSP/1.0 200 OK\r\nX: " + b"a" * (1 << 20)}),
        "camera_protocol",
    ),
}


@dataclass
class Watched:
    """One camera as the appliance sees it. `faults`: codes in the order in which they came; `well`: enough was
    received after the misbehaviour."""

    key: StreamKey
    case: Case
    peer: Sick
    collector: Collector = field(default_factory=Collector)
    faults: list[tuple[str, str]] = field(default_factory=list)

    @property
    def is_well(self) -> bool:
        """Whether `AFTER` pictures came since the last trouble, and it was trouble that had to come."""
        items = self.collector.items
        last = max((n for n, item in enumerate(items) if not isinstance(item, AccessUnit)), default=0)
        lived = self.peer.lives == (2 if self.case.fault else 1) and self.peer.sent_units > 4 * BEFORE
        return lived and len(items) - last > AFTER

    async def play(
        self, url: str, recorder: Recorder, clock: SystemClock, healthy: Callable[[], None]
    ) -> None:
        camera, consumer = (
            Camera(id=self.key.camera, name=self.key.camera, main=url),
            recorder.consumer(self.key),
        )

        def publish(item: AccessUnit | object) -> None:
            self.collector.publish(item)  # type: ignore[arg-type]
            consumer.push(item)  # type: ignore[arg-type]

        try:
            await play(
                camera,
                Role.MAIN,
                clock,
                publish,
                healthy,
                stall_s=1.0,
                answer_s=1.0,
                parameter_sets_s=0.5,
            )
        except CameraError as error:
            self.faults.append((error.code, str(error)))
            raise


async def read(mp4: VirtualMp4) -> list[av.VideoFrame]:
    """The pictures of a part, every one of which must decode."""
    with av.open(io.BytesIO(whole(mp4)), "r") as container:
        sent = sum(1 for packet in container.demux(video=0) if packet.size)
        container.seek(0)
        frames = list(container.decode(video=0))
    assert len(frames) == sent
    return frames


async def test_sick_cameras_recover_and_disturb_nobody(tmp_path: Path, programme: Programme) -> None:
    clock = SystemClock()
    faults = FaultBoard(clock)
    supervisor = Supervisor(clock, faults)
    backoff = Backoff(first_s=0.2, max_s=0.5)
    pace = Pace(write_s=0.05, commit_s=0.2, retry_s=0.1, overflow_s=1.0)
    recorder = await Recorder.open(
        tmp_path / "rec", clock=clock, faults=faults, max_bytes=None, keep_free_bytes=0, pace=pace
    )
    good = Watched(StreamKey("good", Role.MAIN), Case(lambda s: Sick(s)), Sick(programme.streams))
    sick = [
        Watched(StreamKey(name, Role.MAIN), case, case.make(programme.streams))
        for name, case in CASES.items()
    ]
    simulator = Simulator(programme, 1, clock)
    recording = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        jobs = [tasks.create_task(simulator.run())]
        disk = tasks.create_task(recorder.run(recording.set))

        async def keep_running(camera: Watched, url: str) -> None:
            job = partial(camera.play, url, recorder, clock)
            await supervisor.keep_running(f"camera:{camera.key}", job, backoff)

        async def sicken(camera: Watched) -> None:
            async with camera.peer.listening() as url:
                await keep_running(camera, url)

        async with camera_server(simulator.hubs, clock).listening("127.0.0.1", 0) as port:
            jobs.append(tasks.create_task(keep_running(good, f"rtsp://127.0.0.1:{port}/cam1/main")))
            await good.collector.wait_for(5)
            jobs += [tasks.create_task(sicken(camera)) for camera in sick]
            with suppress(TimeoutError):
                async with asyncio.timeout(40):
                    while not all(camera.is_well for camera in sick):
                        await asyncio.sleep(0.05)
            assert [camera.key.camera for camera in sick if not camera.is_well] == [], "never well again"
            assert faults.current == [], "a camera that is well again is not faulty"
            for job in jobs:
                job.cancel()
            await asyncio.wait(jobs)
        disk.cancel()

    (interval,) = await recorder.coverage(good.key, 0, 1e11)
    assert await recorder.gaps(good.key, 0, 1e11) == [] and good.faults == []
    (part,) = await recorder.mp4(good.key, 0, 1e11)
    frames = await read(part)
    assert len(frames) == len(good.collector.units)
    assert {b.pts - a.pts for a, b in pairwise(frames)} == {3600}
    assert interval.end_s - interval.start_s == pytest.approx(len(frames) * UNIT_S, rel=0.01)

    for camera in sick:
        name, case = camera.key.camera, camera.case
        assert [code for code, _ in camera.faults] == ([case.fault] if case.fault else []), name
        assert all(f'"{name}" (main)' in text for _, text in camera.faults), name
        gaps = await recorder.gaps(camera.key, 0, 1e11)
        assert tuple(gap.cause for gap in gaps) == case.gaps, name
        assert camera.collector.causes.count("timestamp") == case.jumps, name
        parts = await recorder.mp4(camera.key, 0, 1e11)
        assert tuple(part.start_s for part in parts) == tuple(sorted(part.start_s for part in parts)), name
        pictures = [await read(part) for part in parts]
        assert tuple(frames[0].width for frames in pictures) == case.sizes, name
        assert sum(map(len, pictures)) == len(camera.collector.units), name
    await recorder.close()
