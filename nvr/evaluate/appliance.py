"""One camera's way from access units to the siren's decision: the live code, on a simulated clock.

`UnitIntake` checks and publishes as for a libav source, the hub hands on, `Feed` makes messages, the protocol carries
them to the `Engine`, `Checks` believes its answers or not, the alarm's policy and machine decide. What is not live:
both sides of the protocol are in this process, and computing takes no simulated time."""

from __future__ import annotations

import time

from nvr.alarm.machine import Alarm, Limits, step
from nvr.alarm.policy import Means, effective_response
from nvr.alarm.states import Event
from nvr.camera.av_messages import ParameterSets, Unit
from nvr.camera.av_units import UnitIntake
from nvr.config import Analysis, Camera, Zone
from nvr.detect.checks import Checks, setup_of
from nvr.detect.feed import Feed
from nvr.detect.messages.protocol import (
    Acting,
    Configure,
    FoundWithPicture,
    Moved,
    ServiceReader,
    ToService,
    ToWorker,
    WorkerReader,
    encode,
)
from nvr.detect.steps.analysis import Detector
from nvr.detect.steps.calibration import siren_evidence
from nvr.detect.worker.engine import Engine
from nvr.evaluate.score import Seen, Work
from nvr.events import Mode, Response, Role, Sighting, StreamKey
from nvr.media.hub import StreamHub

LIMITS = Limits(max_sounding_s=1.0, cooldown_s=0.0)
"""So short that a long sounding hides no further decision."""
MEANS = Means(siren=True, speaker=False)
REPORT_EVERY_S = 1.0


def camera_for(objects: tuple[str, ...]) -> Camera:
    """A camera whose whole picture is one zone that answers `objects` with the siren. Raises pydantic's
    ValidationError: an unknown kind."""
    zone = Zone(name="all", response=Response.SIREN, objects=objects, decided_by="nvr evaluate")
    return Camera(id="clip", name="Clip", main="rtsp://127.0.0.1/clip", zone=(zone,))


class Appliance:
    """A site with one armed camera, from its first moment on. `seen`: the sightings so far, in order, times as
    `arrival_s`; `work`: without `footage_s`."""

    def __init__(self, camera: Camera, detector: Detector, *, fps: float):
        self.seen: list[Seen] = []
        self._now_s = 0.0
        self._sets: ParameterSets | None = None
        key = StreamKey(camera.id, Role.MAIN)
        stream = StreamHub(key)
        self._intake = UnitIntake(key, stream.publish)
        self._checks = Checks((camera,))
        self._alarm = step(Alarm(), Event.ARM, 0.0, LIMITS, mode=Mode.AWAY)
        sure_at = siren_evidence(Analysis().false_siren_nights, cameras=1)
        configure = Configure(model=None, fps=fps, sure_at=sure_at, cameras=(setup_of(camera),))
        self._worker = _Worker(configure, detector, self)
        self._worker.send(Acting(cameras=(0,)))
        Feed(self._worker, 0, stream).start(whole=True)

    def now(self) -> float:
        """The simulated clock."""
        return self._now_s

    def take(self, sets: ParameterSets, unit: Unit, arrival_s: float) -> None:
        """An access unit that arrives at `arrival_s`, never before the one before. Raises NvrError where the live path
        would end the stream."""
        self._now_s = arrival_s
        if sets is not self._sets:
            self._sets = sets
            self._intake.take_sets(sets)
        self._intake.take(unit, arrival_s)

    def said(self, message: ToService) -> None:
        """What the worker says."""
        match message:
            case Moved():
                self._checks.motion(message, self._now_s)
            case FoundWithPicture():
                self._sighted(self._checks.sighting(message, self._now_s))

    def _sighted(self, sighting: Sighting) -> None:
        for _ in range(2):  # sounding and cooling may both have ended since the last sighting
            self._alarm = step(self._alarm, Event.DEADLINE, self._now_s, LIMITS)
        before = self._alarm
        if effective_response(sighting.response, before, MEANS, self._now_s) is Response.SIREN:
            self._alarm = step(before, Event.INTRUDER, self._now_s, LIMITS)
        starts = self._alarm.siren and not before.siren
        self.seen.append(Seen(sighting.captured_mono_s, sighting.kind, sighting.score, sighting.box, starts))

    def work(self, footage_s: float) -> Work:
        """What was done so far for so much footage."""
        return self._worker.work(footage_s)


class _Worker:
    """The analysis process without a process: a message's effects are there when `send` returns."""

    waiting_bytes = 0

    def __init__(self, configure: Configure, detector: Detector, appliance: Appliance):
        self._appliance = appliance
        self._to_worker, self._to_service = WorkerReader(), ServiceReader()
        (first,) = self._to_worker.feed(encode(configure))
        assert isinstance(first, Configure)  # noqa: S101  (it was sent just now)
        self._engine = Engine(first, detector, appliance.now)
        self._reported_s = appliance.now()
        self._cpu_s, self._examined, self._undecodable = 0.0, 0.0, 0

    def send(self, message: ToWorker) -> None:
        """As `nvr.detect.worker.loop` does: take it in, then examine what is due."""
        started_s = time.process_time()
        answers: list[ToService] = []
        for received in self._to_worker.feed(encode(message)):
            answers += self._engine.take(received)
        while self._engine.has_work:
            answers += self._engine.work()
        if self._appliance.now() >= self._reported_s + REPORT_EVERY_S:
            self._report()
        data = b"".join(encode(answer) for answer in answers)
        self._cpu_s += time.process_time() - started_s
        for answer in self._to_service.feed(data):
            self._appliance.said(answer)

    def _report(self) -> None:
        elapsed_s = self._appliance.now() - self._reported_s
        self._reported_s = self._appliance.now()
        (numbers,) = self._engine.statistics(idle_s=elapsed_s).cameras
        self._examined += numbers.examined_fps * elapsed_s
        self._undecodable += numbers.decode_errors

    def work(self, footage_s: float) -> Work:
        if self._appliance.now() > self._reported_s:
            self._report()
        return Work(footage_s, self._cpu_s, round(self._examined), self._undecodable)
