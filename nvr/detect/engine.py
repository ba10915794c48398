"""The work of the analysis process between its socket and its cameras: messages in, messages out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from nvr.detect.analysis import CameraAnalysis, Detector, Finding, WatchedZone
from nvr.detect.decode import Decoder, config_of, decode_still
from nvr.detect.picture import MIN_SIDE_PX, Picture
from nvr.detect.protocol import (
    Acting,
    CameraSetup,
    CameraStatistics,
    Configure,
    Found,
    FoundWithPicture,
    Moved,
    Parameters,
    PictureWanted,
    SelfTest,
    SelfTestResult,
    Statistics,
    ToService,
    ToWorker,
    Unit,
)
from nvr.detect.regions import MAX_SQUARES
from nvr.detect.sandbox import try_to_break_out
from nvr.detect.schedule import Schedule
from nvr.detect.stills import Stills
from nvr.events import Box
from nvr.media.access_unit import CodecConfig

MOTION_AREA = 0.002
"""Share of the picture from which on movement is reported."""
MOTION_EVERY_S = 1.0
MAX_SKIPPED_SHARE = 0.15
"""Share of due frames skipped in a report's time from which on each frame is examined in one square less."""


@dataclass(slots=True)
class _Camera:
    analysis: CameraAnalysis
    decoder: Decoder = field(default_factory=Decoder)
    candidate: tuple[Picture | Unit, float] | None = None
    config: CodecConfig | None = None
    next_motion_s: float = float("-inf")
    examined: int = 0
    age_s: float = 0.0
    skipped_before: int = 0
    errors_before: int = 0


class Engine:
    """All cameras of the site. `now` is the machine's monotonic clock."""

    def __init__(self, configure: Configure, detector: Detector, now: Callable[[], float]):
        self._now = now
        self._cameras = [
            _Camera(CameraAnalysis(detector, _zones(setup), sure_at=configure.sure_at))
            for setup in configure.cameras
        ]
        self._schedule = Schedule(len(self._cameras), configure.fps)
        self._stills = Stills()
        self._reported_s = now()
        self._squares, self._model_s = 0, 0.0
        self._max_squares = MAX_SQUARES

    def take(self, message: ToWorker) -> list[ToService]:
        """Take in one message; access units are decoded at once. Unknown cameras are ignored."""
        match message:
            case Unit() if message.camera < len(self._cameras):
                if message.alone:
                    self._keep(message)
                else:
                    self._decode(message)
            case Parameters() if message.camera < len(self._cameras):
                self._configure(self._cameras[message.camera], message)
            case Acting():
                self._schedule.acting = frozenset(message.cameras)
            case PictureWanted():
                return list(self._stills.want(message, self._now()))
            case SelfTest():
                return [SelfTestResult(outcomes=try_to_break_out())]
        return []

    @property
    def has_work(self) -> bool:
        """Whether a frame waits for examination, or somebody for a picture."""
        return bool(self._schedule.waiting) or len(self._stills) > 0

    def work(self) -> list[ToService]:
        """Examine at most one frame, the one that is next in turn; make at most one still picture, if there is none
        or the picture is overdue."""
        index = self._schedule.choose(self._now())
        messages = [] if index is None else self._examine(index)
        if index is None or self._stills.is_overdue(self._now()):
            messages += self._stills.make()
        return messages

    def _examine(self, index: int) -> list[ToService]:
        camera = self._cameras[index]
        if camera.candidate is None:
            return []
        (candidate, received_s), camera.candidate = camera.candidate, None
        picture = self._decoded_alone(camera, candidate) if isinstance(candidate, Unit) else candidate
        if picture is None:
            camera.decoder.errors += 1
            return []
        started_s = self._now()
        examined = camera.analysis.examine(picture, received_s)
        finished_s = self._now()
        camera.examined += 1
        camera.age_s = max(finished_s - received_s, 0.0)
        self._squares += examined.squares
        self._model_s += finished_s - started_s
        messages: list[ToService] = []
        if examined.motion_area >= MOTION_AREA and received_s >= camera.next_motion_s:
            camera.next_motion_s = received_s + MOTION_EVERY_S
            messages.append(Moved(camera=index, captured_mono_s=received_s, area=examined.motion_area))
        if examined.findings:
            jpeg = picture.jpeg()
            messages += [_found(index, finding, received_s, jpeg) for finding in examined.findings]
        return messages

    def statistics(self, idle_s: float) -> Statistics:
        """What happened since the last call, of which `idle_s` were spent waiting; also adapts the work to it."""
        now_s = self._now()
        elapsed_s, self._reported_s = max(now_s - self._reported_s, 1e-3), now_s
        cameras = []
        examined_in_all, skipped_in_all = 0, 0
        for index, camera in enumerate(self._cameras):
            skipped, errors = self._schedule.skipped[index], camera.decoder.errors
            cameras.append(
                CameraStatistics(
                    examined_fps=camera.examined / elapsed_s,
                    skipped=skipped - camera.skipped_before,
                    decode_errors=errors - camera.errors_before,
                    queue_age_s=camera.age_s,
                )
            )
            examined_in_all += camera.examined
            skipped_in_all += skipped - camera.skipped_before
            camera.examined, camera.skipped_before, camera.errors_before = 0, skipped, errors
        self._adapt(examined_in_all, skipped_in_all)
        inference_ms = 1000 * self._model_s / self._squares if self._squares else 0.0
        self._squares, self._model_s = 0, 0.0
        busy = min(max(1.0 - idle_s / elapsed_s, 0.0), 1.0)
        return Statistics(cameras=tuple(cameras), inference_ms=inference_ms, busy=busy)

    def _adapt(self, examined: int, skipped: int) -> None:
        """Trade squares for frames: evidence needs frames, and a square left out gets its turn in the next one."""
        if skipped > MAX_SKIPPED_SHARE * (examined + skipped):
            self._max_squares = max(self._max_squares - 1, 1)
        elif skipped == 0:
            self._max_squares = min(self._max_squares + 1, MAX_SQUARES)
        for camera in self._cameras:
            camera.analysis.limit(self._max_squares)

    def _configure(self, camera: _Camera, parameters: Parameters) -> None:
        try:
            camera.config = config_of(parameters)
        except ValueError:
            camera.config = None
            camera.decoder.errors += 1
        else:
            camera.decoder.configure(camera.config)

    def _keep(self, unit: Unit) -> None:
        """A keyframe by itself needs no decoder until its turn comes, and none afterwards."""
        camera = self._cameras[unit.camera]
        camera.decoder.release()
        self._schedule.seldom |= {unit.camera}
        if self._schedule.offer(unit.camera, unit.received_mono_s):
            camera.candidate = (unit, unit.received_mono_s)

    def _decoded_alone(self, camera: _Camera, unit: Unit) -> Picture | None:
        frame = None if camera.config is None else decode_still(camera.config, unit.data)
        return None if frame is None or min(frame.width, frame.height) < MIN_SIDE_PX else Picture(frame)

    def _decode(self, unit: Unit) -> None:
        camera = self._cameras[unit.camera]
        self._schedule.seldom -= {unit.camera}
        decoded = camera.decoder.decode(unit.data, is_key=unit.is_key, received_mono_s=unit.received_mono_s)
        for frame, received_s in decoded:
            try:
                picture = Picture(frame)
            except ValueError:
                camera.decoder.errors += 1
                continue
            if self._schedule.offer(unit.camera, received_s):
                camera.candidate = (picture, received_s)


def _zones(setup: CameraSetup) -> Sequence[WatchedZone]:
    return [WatchedZone(zone.polygon, frozenset(zone.kinds), zone.siren) for zone in setup.zones]


def _found(camera: int, finding: Finding, received_s: float, jpeg: bytes) -> FoundWithPicture:
    found = Found(
        camera=camera,
        zone=finding.zone,
        kind=finding.kind,
        score=min(finding.score, 1.0),
        box=_within_picture(finding.box),
        track=finding.track,
        captured_mono_s=received_s,
        sure=finding.sure,
    )
    return FoundWithPicture(found, jpeg)


def _within_picture(box: Box) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = (min(max(value, 0.0), 1.0) for value in box)
    return x0, y0, x1, y1
