"""What the analysis process says, checked against the configuration, as the service's events."""

from __future__ import annotations

from nvr.config import Camera
from nvr.detect.messages.protocol import (
    BetterShot,
    CameraSetup,
    FoundWithPicture,
    LineSetup,
    Moved,
    ZoneSetup,
)
from nvr.detect.process import AnalysisError
from nvr.detect.sighted import Sighted
from nvr.events import BetterPicture, Motion, Response, Role, Sighting

CLOCK_SLACK_S = 60.0
"""How far back the worker may date what it saw."""


class Checks:
    """Of the workers that were configured with `cameras`. Its methods raise AnalysisError where a message cannot be
    true; `now_s` is the monotonic clock that the worker reads too."""

    def __init__(self, cameras: tuple[Camera, ...]):
        self._cameras = cameras
        self._sighted = Sighted()

    def forget(self, camera: int) -> None:
        """A new worker has the camera: what the last one called its tracks means nothing."""
        self._sighted.forget(camera)

    def motion(self, message: Moved, now_s: float) -> Motion:
        """The event of a message."""
        captured_s = _plausible(message.captured_mono_s, now_s)
        return Motion(self.camera(message.camera).id, captured_s, message.area)

    def sighting(self, message: FoundWithPicture, now_s: float) -> Sighting:
        """The event of a message. The worker gives numbers; names and response come from the configuration. Until the
        worker is sure a siren's zone calls; of who is known by shape and way alone it never is."""
        found = message.found
        camera = self.camera(found.camera)
        if found.zone >= len(camera.places):
            raise violation("a sighting in a zone that is not configured")
        place = camera.places[found.zone]
        if found.kind not in place.objects or not place.allows(found.rule):
            raise violation("a sighting of a kind, or by a rule, that is not configured")
        if found.bounds.x0 > found.bounds.x1 or found.bounds.y0 > found.bounds.y1:
            raise violation("a sighting with an inverted box")
        by_way = found.why is not None and found.why.by_way
        return Sighting(
            camera=camera.id,
            zone=place.name,
            response=_response(place.response, sure=found.sure and not by_way),
            rule=found.rule,
            kind=found.kind,
            score=found.score,
            box=found.bounds,
            track=self._sighted.number(found.camera, found.track),
            captured_mono_s=_plausible(found.captured_mono_s, now_s),
            picture=message.jpeg,
            best=message.best,
            frames=message.frames,
            explanation=None if found.why is None else found.why.explanation(),
        )

    def better(self, message: BetterShot, now_s: float) -> BetterPicture | None:
        """The event of a message; None: pictures of that track come too fast."""
        camera = self.camera(message.camera)
        number = self._sighted.known(message.camera, message.track)
        if number is None:
            raise violation("a better picture of what it never sighted")
        if not self._sighted.takes_better(number, now_s):
            return None
        return BetterPicture(camera.id, number, message.jpeg)

    def camera(self, index: int) -> Camera:
        """The camera that the worker means."""
        if index >= len(self._cameras):
            raise violation(f"there is no camera {index}")
        return self._cameras[index]


def setup_of(camera: Camera) -> CameraSetup:
    """What the worker is told of a camera."""
    zones = (
        ZoneSetup(
            polygon=zone.polygon,
            kinds=tuple(zone.objects),
            loiter_s=zone.loiter_s,
            siren=zone.response is Response.SIREN,
        )
        for zone in camera.zone
    )
    lines = (
        LineSetup(
            start=line.start,
            end=line.end,
            direction=line.direction,
            kinds=tuple(line.objects),
            siren=line.response is Response.SIREN,
        )
        for line in camera.line
    )
    return CameraSetup(
        zones=tuple(zones),
        lines=tuple(lines),
        masks=tuple(mask.polygon for mask in camera.mask),
        has_closer=camera.analysed.role is not Role.MAIN,
    )


def violation(problem: str) -> AnalysisError:
    """The error of a worker that broke the protocol."""
    return AnalysisError(f"the analysis process broke the protocol: {problem}", remedy="It is started again")


def _response(wanted: Response, *, sure: bool) -> Response:
    return wanted if sure or wanted is not Response.SIREN else Response.CALL


def _plausible(captured_mono_s: float, now_s: float) -> float:
    if not now_s - CLOCK_SLACK_S <= captured_mono_s <= now_s:
        raise violation("a time that is not now")
    return captured_mono_s
