"""The whole analysis through its real, locked-in process."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import av
import pytest
from detect_peers import KEY, SimulatedCamera, encode

from nvr.clock import SystemClock
from nvr.config import Camera, Zone
from nvr.detect import crew, process
from nvr.detect.link import AnalysisError, AnalysisLink
from nvr.detect.messages.protocol import Unit
from nvr.detect.model.objects import MODEL_FILE
from nvr.detect.process import MAX_PICTURES
from nvr.errors import ModelError
from nvr.events import BetterPicture, CameraHealth, Motion, Response, Sighting
from nvr.faults import FaultBoard
from nvr.media.access_unit import AccessUnit
from nvr.media.hub import Hub

SECONDS = 60
LEFT_HALF = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))


class Site:
    """A hub with one camera, and everything the link reports."""

    def __init__(self, *, model: Path | None = None, zones: tuple[Zone, ...] = (Zone(name="yard"),)):
        camera = Camera(id="gate", name="Gate", main="rtsp://192.0.2.1/1", zone=zones)
        self.hub = Hub([KEY])
        self.faults = FaultBoard(SystemClock())
        self.camera = SimulatedCamera(self.hub[KEY])
        self.sightings: list[Sighting] = []
        self.motions: list[Motion] = []
        self.better: list[BetterPicture] = []
        self.health: list[CameraHealth] = []
        self.task: asyncio.Task[None] | None = None
        self.link = AnalysisLink(
            self.hub,
            (camera,),
            fps=6,
            sure_at=7.0,
            model=model,
            clock=SystemClock(),
            faults=self.faults,
            on_sighting=self.sightings.append,
            on_motion=self.motions.append,
            on_better=self.better.append,
            on_health=self.health.append,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        """The link at work; yields its task once the worker is ready."""
        ready = asyncio.Event()
        task = self.task = asyncio.create_task(self.link.run(ready.set))
        waiting = asyncio.create_task(ready.wait())
        try:
            async with asyncio.timeout(SECONDS):
                await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
            yield task
        finally:
            waiting.cancel()
            task.cancel()
            await asyncio.wait([task])

    @asynccontextmanager
    async def playing(self, units: Sequence[AccessUnit]) -> AsyncIterator[None]:
        """The camera shows the same again and again."""
        task = asyncio.create_task(self.camera.loop(units))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(SECONDS):
            while not condition():
                assert self.task is None or not self.task.done(), self.task
                await asyncio.sleep(0.02)

    async def until_examined(self, reports: int = 1) -> None:
        """Wait for that many reports in which pictures of the camera were examined."""
        for _ in range(reports):
            before = self.link.statistics
            await self.until(lambda before=before: self.link.statistics is not before and self._examines())

    def _examines(self) -> bool:
        camera = self.link.statistics.cameras.get("gate")
        return camera is not None and camera.examined_fps > 0


async def test_nobody_then_somebody(
    empty_street: list[av.VideoFrame], waiting_cyclist: list[av.VideoFrame]
) -> None:
    site = Site()
    empty, person = encode(empty_street), encode(waiting_cyclist)
    async with site.running():
        site.link.set_acting(frozenset({"gate"}))
        async with site.playing(empty):
            await site.until_examined(reports=4)
        assert site.sightings == []
        assert site.motions  # cars pass
        async with site.playing(person):
            await site.until(lambda: bool(site.sightings))
            await site.until_examined(reports=2)
            statistics = site.link.statistics
    (sighting,) = site.sightings
    assert (sighting.camera, sighting.zone, sighting.response) == ("gate", "yard", Response.CALL)
    assert sighting.kind == "person"
    assert sighting.score > 0.5
    assert 0.4 < sighting.box.x0 < sighting.box.x1 < 0.9
    assert sighting.box.y1 > 0.9
    picture = av.CodecContext.create("mjpeg", "r").decode(av.Packet(sighting.picture))[0]
    assert (picture.width, picture.height) == (640, 272)
    explanation = sighting.explanation
    assert explanation is not None
    assert 0.3 < explanation.after_s < 3
    assert explanation.pictures >= len(explanation.counted) >= 3
    assert explanation.examined[-1].evidence == pytest.approx(explanation.certain_at, abs=0.01)
    frames = av.CodecContext.create("mjpeg", "r").decode(av.Packet(sighting.frames))[0]
    assert (frames.width, frames.height) == (96 * len(explanation.counted), 96)
    best = av.CodecContext.create("mjpeg", "r").decode(av.Packet(sighting.best))[0]
    assert len(sighting.best) <= 60_000
    # The cyclist fills most of it, at the resolution of the stream.
    of_picture = (sighting.box.x1 - sighting.box.x0) * 640, (sighting.box.y1 - sighting.box.y0) * 272
    assert of_picture[0] * 0.6 < best.width < of_picture[0] * 2.5
    assert of_picture[1] * 0.6 < best.height <= 272
    assert all(better.track == sighting.track for better in site.better)
    assert statistics.inference_ms > 0
    assert "seccomp" in statistics.mechanisms


async def test_somebody_outside_every_zone(waiting_cyclist: list[av.VideoFrame]) -> None:
    site = Site(zones=(Zone(name="left", polygon=LEFT_HALF), Zone(name="cows", objects=("cow",))))
    async with site.running(), site.playing(encode(waiting_cyclist)):
        await site.until_examined(reports=3)
    assert site.sightings == []


async def test_starts_with_the_cached_gop(waiting_cyclist: list[av.VideoFrame]) -> None:
    """A worker that starts in the middle of a GOP sees the next picture, not only the next keyframe."""
    site = Site()
    units = encode(waiting_cyclist, gop=1000)
    for unit in units[:20]:
        site.hub[KEY].publish(unit)
    async with site.running(), site.playing(units[20:]):
        await site.until_examined()


async def test_a_killed_worker_is_an_error_and_the_next_one_works(
    waiting_cyclist: list[av.VideoFrame],
) -> None:
    site = Site()
    units = encode(waiting_cyclist)
    async with site.playing(units):
        async with site.running() as task:
            await site.until_examined()
            assert site.link.worker_pid is not None
            os.kill(site.link.worker_pid, signal.SIGKILL)
            with pytest.raises(AnalysisError, match="SIGKILL"):
                async with asyncio.timeout(SECONDS):
                    await task
            assert site.link.worker_pid is None
            assert site.link.statistics.cameras == {}
        async with site.running():
            await site.until_examined()


async def test_a_stopped_link_leaves_no_process() -> None:
    site = Site()
    async with site.running():
        pid = site.link.worker_pid
        assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_malformed_video_costs_nothing_but_itself(waiting_cyclist: list[av.VideoFrame]) -> None:
    site = Site()
    units = encode(waiting_cyclist)
    chance = random.Random(7)
    fuzzed = []
    for unit in units:
        data = bytearray(unit.data)
        for _ in range(chance.randrange(1, 200)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        fuzzed.append(replace(unit, data=bytes(data[: chance.randrange(1, len(data))])))
    bad_sets = replace(units[0].config, sps=units[0].config.sps[:6], pps=b"\x68\xff\xff")
    fuzzed += [replace(unit, config=bad_sets) for unit in units[:10]]
    async with site.running() as task:
        for unit in fuzzed:
            site.hub[KEY].publish(unit)
            await asyncio.sleep(0)
        async with site.playing(units):
            await site.until(lambda: bool(site.sightings))
        assert not task.done()


@pytest.mark.parametrize("kind", ["truncated", "missing", "no model", "a folder"])
async def test_a_bad_model_file_is_named(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "other.tflite"
    if kind == "truncated":
        file.write_bytes(MODEL_FILE.read_bytes()[:5_000_000])
    elif kind == "no model":
        file.write_bytes(b"\x00" * 1000)
    elif kind == "a folder":
        file.mkdir()
    async with Site(model=file).running() as task:
        with pytest.raises(ModelError) as caught:
            await task
    assert str(file) in caught.value.message
    assert "analysis.model" in caught.value.remedy


async def test_the_worker_is_locked_in(tmp_path: Path) -> None:
    """From inside the real process, as whatever user runs the tests (root included)."""
    site = Site()
    async with site.running():
        outcomes = await site.link.self_test()
        assert set(outcomes) >= {
            "socket inet",
            "socket unix",
            "open to read",
            "open to write",
            "fork",
            "execve",
        }
        memory = outcomes.pop("more memory")
        assert memory == "ENOMEM"
        assert outcomes == dict.fromkeys(outcomes, "EPERM")
        status = Path(f"/proc/{site.link.worker_pid}/status").read_text()
        assert "NoNewPrivs:\t1" in status
        assert "Seccomp:\t2" in status
        assert os.getpriority(os.PRIO_PROCESS, site.link.worker_pid or 0) >= 10


async def test_still_pictures_of_keyframes(waiting_cyclist: list[av.VideoFrame]) -> None:
    """While detection works; what is no picture gives none and harms nobody."""
    site = Site()
    units = encode(waiting_cyclist)
    key = next(unit for unit in units if unit.is_key)
    with pytest.raises(AnalysisError, match="not running"):
        await site.link.picture(key.config, key.data)
    async with site.running(), site.playing(units):
        await site.until_examined()
        async with asyncio.timeout(SECONDS):
            jpeg = await site.link.picture(key.config, key.data)
            assert await site.link.picture(key.config, key.data[: len(key.data) // 9]) != jpeg
            assert await site.link.picture(key.config, b"\x00\x00\x00\x02\x65\xff") is None
            assert await site.link.picture(replace(key.config, sps=b"\x67\x00"), key.data) is None
            several = await asyncio.gather(
                *(site.link.picture(key.config, key.data) for _ in range(MAX_PICTURES + 3)),
                return_exceptions=True,
            )
        assert jpeg is not None
        picture = av.CodecContext.create("mjpeg", "r").decode(av.Packet(jpeg))[0]
        assert (picture.width, picture.height) == (640, 272)
        source = waiting_cyclist[0].reformat(64, 27, "gray").to_ndarray().astype(int)
        assert abs(picture.reformat(64, 27, "gray").to_ndarray() - source).mean() < 12
        assert several.count(jpeg) == MAX_PICTURES
        assert [type(answer) for answer in several if answer != jpeg] == [AnalysisError] * 3
        await site.until(lambda: bool(site.sightings))


async def test_a_wanted_picture_ends_with_the_worker(waiting_cyclist: list[av.VideoFrame]) -> None:
    site = Site()
    key = encode(waiting_cyclist)[0]
    async with site.running():
        assert site.link.worker_pid is not None
        os.kill(site.link.worker_pid, signal.SIGSTOP)
        waiting = asyncio.create_task(site.link.picture(key.config, key.data))
        await asyncio.sleep(0)
        os.kill(site.link.worker_pid, signal.SIGKILL)
        with pytest.raises(AnalysisError, match="ended"):
            async with asyncio.timeout(SECONDS):
                await waiting


@pytest.fixture
def hijacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The analysis process is lying_worker.py."""
    monkeypatch.setattr(process, "WORKER_MODULE", "lying_worker")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


@pytest.mark.usefixtures("hijacked")
@pytest.mark.parametrize(
    ("lie", "complaint"),
    [
        ("zone", "not configured"),
        ("kind", "not configured"),
        ("rule", "not configured"),
        ("box", "inverted"),
        ("camera", "no camera 1"),
        ("future", "not now"),
        ("past", "not now"),
        ("ready twice", "Ready after"),
        ("early", "before it was ready"),
        ("cameras", "number of cameras"),
        ("direction", "other way"),
        ("garbage", "other way"),
        ("picture", "no JPEG"),
        ("still", "no JPEG"),
        ("better of nowhere", "no camera 9"),
        ("sick", "no camera 1"),
        ("sickness", "SickHead"),
        ("sick picture", "no JPEG"),
        ("large picture", "impossible lengths"),
        ("dies", "exit code 1: redo from start"),
        ("closes", "closed its connection"),
        ("locked out", "cannot lock itself in: no mechanism. Use another kernel"),
    ],
)
async def test_a_hijacked_worker_is_killed_and_not_believed(lie: str, complaint: str) -> None:
    site = Site(model=Path(lie))
    async with site.running() as task:
        with pytest.raises(AnalysisError, match=complaint):
            async with asyncio.timeout(SECONDS):
                await task
    assert site.sightings == []
    assert site.motions == []
    assert site.health == []


@pytest.mark.usefixtures("hijacked")
async def test_what_a_worker_said_of_a_camera_ends_with_the_worker() -> None:
    site = Site(model=Path("believable"))
    async with site.running() as task:
        await site.until(lambda: bool(site.health))
        assert not task.done()
    assert [(one.camera, one.sickness) for one in site.health] == [("gate", "moved"), ("gate", None)]


@pytest.mark.usefixtures("hijacked")
async def test_better_pictures_only_of_what_was_sighted_and_not_too_many() -> None:
    site = Site(model=Path("stranger"))
    async with site.running() as task:
        with pytest.raises(AnalysisError, match="never sighted"):
            async with asyncio.timeout(SECONDS):
                await task
    assert [(one.track, one.best) for one in site.sightings] == [(1, b"")]
    assert site.better == []
    site = Site(model=Path("flood"))
    async with site.running() as task:
        with pytest.raises(AnalysisError, match="number of cameras"):
            async with asyncio.timeout(SECONDS):
                await task
    assert len(site.better) == 1


@pytest.mark.usefixtures("hijacked")
async def test_a_deaf_worker_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "DEAF_S", 0.2)
    site = Site(model=Path("nothing"))
    async with site.running() as task:
        pid = site.link.worker_pid
        answer = asyncio.create_task(site.link.self_test())
        with pytest.raises(AnalysisError, match="said nothing"):
            async with asyncio.timeout(SECONDS):
                await task
        with pytest.raises(AnalysisError, match="ended"):
            await answer
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_what_is_sent_to_a_dead_worker_fills_no_log(caplog: pytest.LogCaptureFixture) -> None:
    worker = await process.WorkerProcess.start()
    os.kill(worker.pid, signal.SIGKILL)
    with pytest.raises(AnalysisError, match="ended by SIGKILL"):
        await worker.receive(20)
    for _ in range(20):
        worker.send(Unit(0, True, 0.0, b"x"))
        await asyncio.sleep(0)
    await worker.end()
    assert not caplog.records


async def test_cancelled_while_it_ends_it_leaves_no_process() -> None:
    worker = await process.WorkerProcess.start()
    async with asyncio.TaskGroup() as tasks:
        ending = tasks.create_task(worker.end())
        for _ in range(3):
            await asyncio.sleep(0)
            ending.cancel()
    assert ending.cancelled()
    assert not Path(f"/proc/{worker.pid}").exists()
