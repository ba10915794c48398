"""The work of the analysis process between its socket and its cameras: messages in, messages out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from nvr.detect.messages.protocol import (
    Acting,
    CameraSetup,
    CameraStatistics,
    CloserLook,
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
from nvr.detect.messages.sightings import BetterShot, Why
from nvr.detect.note import Note
from nvr.detect.steps.analysis import CameraAnalysis, Detector
from nvr.detect.steps.finding import Finding
from nvr.detect.steps.regions import MAX_SQUARES
from nvr.detect.steps.rules import WatchedLine, WatchedZone
from nvr.detect.worker.asking import Asking
from nvr.detect.worker.budget import Budget
from nvr.detect.worker.decode import Decoder, config_of, decode_still
from nvr.detect.worker.health import CameraHealth
from nvr.detect.worker.picture import MIN_SIDE_PX, Picture
from nvr.detect.worker.sandbox import try_to_break_out
from nvr.detect.worker.schedule import Schedule
from nvr.detect.worker.stills import Stills
from nvr.detect.worker.witness import Account, Witness
from nvr.events import Box
from nvr.media.access_unit import CodecConfig

MOTION_AREA = 0.002
"""Share of the picture from which on movement is reported."""
MOTION_EVERY_S = 1.0
SCAN_EVERY_S, SCAN_SELDOM_EVERY_S = 0.5, 30.0
"""Time between two looks at a tile of the whole picture, where nothing moves: of a camera that is followed, and of one
that is looked at by keyframes. Once a second cost the far person of the infrared clip a second and a half."""
LATE_S = 2.0
"""Pictures that are taken in so long after they came are dropped up to the next keyframe: what is due before them takes
too long, and what waits in the socket would grow older and older."""
CATCH_UP_S = 3.0
"""CPU time for decoding what came before a camera was followed; then it is followed from the next keyframe on."""
MAX_SKIPPED_SHARE = 0.15
"""Share of due frames skipped in a report's time from which on each frame is examined in one square less."""


@dataclass(slots=True)
class _Camera:
    analysis: CameraAnalysis
    health: CameraHealth
    has_closer: bool
    witness: Witness = field(default_factory=Witness)
    decoder: Decoder = field(default_factory=Decoder)
    candidate: tuple[Picture | Unit, float] | None = None
    config: CodecConfig | None = None
    next_motion_s: float = float("-inf")
    examined: int = 0
    age_s: float = 0.0
    cpu_s: float = 0.0
    decode_s: float = 0.0
    catch_up_s: float = 0.0
    skipped_before: int = 0
    errors_before: int = 0


class Engine:
    """All cameras of the site. `now` is the machine's monotonic clock, `cpu` the CPU time that this process has used
    (without it nothing costs anything); `note` is told what is worked on."""

    def __init__(
        self,
        configure: Configure,
        detector: Detector,
        now: Callable[[], float],
        cpu: Callable[[], float] = lambda: 0.0,
        note: Note | None = None,
    ):
        self._now, self._cpu, self._note = now, cpu, note or Note()
        self._cameras = [
            _Camera(_analysis(detector, setup, configure.sure_at), CameraHealth(index), setup.has_closer)
            for index, setup in enumerate(configure.cameras)
        ]
        self._schedule = Schedule(len(self._cameras), configure.fps, Budget(configure.cpu_share))
        self._asking = Asking()
        self._stills = Stills(self._note)
        self._reported_s = now()
        self._charged_s = self._reported_cpu_s = cpu()
        self._squares, self._model_s = 0, 0.0
        self._max_squares = MAX_SQUARES

    def take(self, message: ToWorker) -> list[ToService]:
        """Take in one message; access units are decoded at once. Unknown cameras are ignored."""
        match message:
            case Unit() if message.camera < len(self._cameras):
                if message.alone:
                    self._keep(message)
                else:
                    self._for(message.camera, lambda: self._decode(message))
            case CloserLook() if message.camera < len(self._cameras):
                return self._for(message.camera, lambda: self._look_closer(message))
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
        """Whether a frame that the budget allows waits for examination, or somebody for a picture."""
        return self.wait_s == 0

    @property
    def wait_s(self) -> float:
        """How long from now on there is no work; infinite: until the next message."""
        return 0.0 if len(self._stills) > 0 else self._schedule.wait_s(self._now())

    def work(self) -> list[ToService]:
        """Examine at most one frame, the one that is next in turn; make at most one still picture, if there is none
        or the picture is overdue."""
        index = self._schedule.choose(self._now())
        messages = [] if index is None else self._for(index, lambda: self._examine(index))
        if index is None or self._stills.is_overdue(self._now()):
            messages += self._stills.make()
        return messages

    def _for(self, index: int, work: Callable[[], list[ToService]]) -> list[ToService]:
        """Do `work` for a camera: it is blamed for a bad end, and charged. Where memory runs out, the camera with the
        largest pictures in memory is blamed, and the process ends."""
        self._note.camera(index)
        try:
            messages = work()
        except MemoryError:
            sizes = {index: 1} | {
                i: c.decoder.pixels for i, c in enumerate(self._cameras) if c.decoder.pixels
            }
            self._note.camera(max(sizes, key=lambda i: sizes[i]))
            raise
        self._note.done()
        used_s = self._cpu()
        cost_s, self._charged_s = max(used_s - self._charged_s, 0.0), used_s
        self._cameras[index].cpu_s += cost_s
        self._schedule.charge(index, cost_s, self._now())
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
        seldom = index in self._schedule.seldom
        camera.analysis.scan_every(SCAN_SELDOM_EVERY_S if seldom else SCAN_EVERY_S)
        examined = camera.analysis.examine(picture, received_s)
        camera.witness.watch(picture, examined.looks, camera.analysis.followed, examined.at_s)
        finished_s = self._now()
        camera.examined += 1
        camera.age_s = max(finished_s - received_s, 0.0)
        self._squares += examined.squares
        self._model_s += finished_s - started_s
        messages: list[ToService] = [*camera.health.observe(picture, received_s)]
        if examined.motion_area >= MOTION_AREA and received_s >= camera.next_motion_s:
            camera.next_motion_s = received_s + MOTION_EVERY_S
            messages.append(Moved(camera=index, captured_mono_s=received_s, area=examined.motion_area))
        messages += self._asking.wishes(
            index,
            is_undecided=camera.analysis.is_undecided,
            is_followed=not seldom,
            is_small=camera.has_closer and camera.analysis.wants_closer(picture.height),
            now_s=started_s,
        )
        return messages + self._reported(index, examined.findings, picture, received_s)

    def _reported(
        self, index: int, findings: Sequence[Finding], picture: Picture, received_s: float
    ) -> list[ToService]:
        witness = self._cameras[index].witness
        messages: list[ToService] = []
        if findings:
            jpeg = picture.jpeg()
            for finding in findings:
                account = witness.account(finding.track, received_s)
                messages.append(_found(index, finding, received_s, jpeg, account))
        for track, best in witness.better(received_s):
            messages.append(BetterShot(index, track, best))
        return messages

    def _look_closer(self, message: CloserLook) -> list[ToService]:
        """At what is too small to be decided, in a picture with more pixels of the same view."""
        camera = self._cameras[message.camera]
        try:
            frame = decode_still(config_of(message), message.data)
        except ValueError:
            frame = None
        if frame is None or min(frame.width, frame.height) < MIN_SIDE_PX:
            camera.decoder.errors += 1
            return []
        picture = Picture(frame)
        closer = camera.analysis.examine_closer(picture, message.received_mono_s)
        camera.witness.watch(picture, closer.looks, camera.analysis.followed, closer.at_s)
        return self._reported(message.camera, closer.findings, picture, message.received_mono_s)

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
                    cpu_share=camera.cpu_s / elapsed_s,
                    decode_share=camera.decode_s / elapsed_s,
                )
            )
            examined_in_all += camera.examined
            skipped_in_all += skipped - camera.skipped_before
            camera.examined, camera.skipped_before, camera.errors_before = 0, skipped, errors
            camera.cpu_s = camera.decode_s = 0.0
        self._adapt(examined_in_all, skipped_in_all)
        inference_ms = 1000 * self._model_s / self._squares if self._squares else 0.0
        self._squares, self._model_s = 0, 0.0
        busy = min(max(1.0 - idle_s / elapsed_s, 0.0), 1.0)
        used_s = self._cpu()
        cpu_share, self._reported_cpu_s = max(used_s - self._reported_cpu_s, 0.0) / elapsed_s, used_s
        return Statistics(cameras=tuple(cameras), inference_ms=inference_ms, busy=busy, cpu_share=cpu_share)

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
        if unit.camera not in self._schedule.seldom:
            camera.decoder.release()
            self._schedule.seldom |= {unit.camera}
        if self._schedule.offer(unit.camera, unit.received_mono_s):
            camera.candidate = (unit, unit.received_mono_s)

    def _decoded_alone(self, camera: _Camera, unit: Unit) -> Picture | None:
        frame = None if camera.config is None else decode_still(camera.config, unit.data, rough=True)
        return None if frame is None or min(frame.width, frame.height) < MIN_SIDE_PX else Picture(frame)

    def _decode(self, unit: Unit) -> list[ToService]:
        camera = self._cameras[unit.camera]
        self._schedule.seldom -= {unit.camera}
        if self._is_too_late(camera, unit):
            camera.decoder.release()
            self._schedule.skipped[unit.camera] += 1
            return []
        started_s = self._cpu()
        decoded = camera.decoder.decode(unit.data, is_key=unit.is_key, received_mono_s=unit.received_mono_s)
        for frame, received_s in decoded:
            try:
                picture = Picture(frame)
            except ValueError:
                camera.decoder.errors += 1
                continue
            if self._schedule.offer(unit.camera, received_s):
                camera.candidate = (picture, received_s)
        used_s = self._cpu() - started_s
        camera.decode_s += used_s
        camera.catch_up_s += used_s if unit.is_old else 0.0
        return []

    def _is_too_late(self, camera: _Camera, unit: Unit) -> bool:
        if unit.is_key:
            camera.catch_up_s = 0.0
        if unit.is_old:
            return camera.catch_up_s > CATCH_UP_S
        return self._now() - unit.received_mono_s > LATE_S


def _analysis(detector: Detector, setup: CameraSetup, sure_at: float) -> CameraAnalysis:
    zones = [
        WatchedZone(zone.polygon, frozenset(zone.kinds), zone.loiter_s, zone.siren) for zone in setup.zones
    ]
    lines = [
        WatchedLine(line.start, line.end, line.direction, frozenset(line.kinds), line.siren)
        for line in setup.lines
    ]
    return CameraAnalysis(detector, zones, lines, setup.masks, sure_at=sure_at)


def _found(
    camera: int, finding: Finding, received_s: float, jpeg: bytes, account: Account
) -> FoundWithPicture:
    found = Found(
        camera=camera,
        zone=finding.zone,
        rule=finding.rule,
        kind=finding.kind,
        score=min(finding.score, 1.0),
        box=_within_picture(finding.box),
        track=finding.track,
        captured_mono_s=received_s,
        why=None if account.explanation is None else Why.of(account.explanation),
        sure=finding.sure,
    )
    return FoundWithPicture(found, jpeg, account.best, account.frames)


def _within_picture(box: Box) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = (min(max(value, 0.0), 1.0) for value in box)
    return x0, y0, x1, y1
