"""What the analysis process says, checked against the configuration, as the service's events."""

from __future__ import annotations

from nvr.config import Camera, Zone
from nvr.detect.process import AnalysisError
from nvr.detect.protocol import CameraSetup, FoundWithPicture, Moved, ZoneSetup
from nvr.events import Motion, Response, Sighting

CLOCK_SLACK_S = 60.0
"""How far back the worker may date what it saw."""


class Checks:
    """Of one worker that was configured with `cameras`. Its methods raise AnalysisError where a message cannot be true;
    `now_s` is the monotonic clock that the worker reads too."""

    def __init__(self, cameras: tuple[Camera, ...]):
        self._cameras = cameras

    def motion(self, message: Moved, now_s: float) -> Motion:
        """The event of a message."""
        captured_s = _plausible(message.captured_mono_s, now_s)
        return Motion(self._camera(message.camera).id, captured_s, message.area)

    def sighting(self, message: FoundWithPicture, now_s: float) -> Sighting:
        """The event of a message. The worker gives numbers; names and response come from the configuration. Until the
        worker is sure a siren's zone calls."""
        found = message.found
        camera = self._camera(found.camera)
        if found.zone >= len(camera.zone) or found.kind not in camera.zone[found.zone].objects:
            raise violation("a sighting in a zone, or of a kind, that is not configured")
        if found.bounds.x0 > found.bounds.x1 or found.bounds.y0 > found.bounds.y1:
            raise violation("a sighting with an inverted box")
        zone = camera.zone[found.zone]
        return Sighting(
            camera=camera.id,
            zone=zone.name,
            response=_response(zone, sure=found.sure),
            kind=found.kind,
            score=found.score,
            box=found.bounds,
            track=found.track,
            captured_mono_s=_plausible(found.captured_mono_s, now_s),
            picture=message.jpeg,
        )

    def _camera(self, index: int) -> Camera:
        if index >= len(self._cameras):
            raise violation(f"there is no camera {index}")
        return self._cameras[index]


def setup_of(camera: Camera) -> CameraSetup:
    """What the worker is told of a camera."""
    zones = (
        ZoneSetup(polygon=zone.polygon, kinds=tuple(zone.objects), siren=zone.response is Response.SIREN)
        for zone in camera.zone
    )
    return CameraSetup(zones=tuple(zones))


def violation(problem: str) -> AnalysisError:
    """The error of a worker that broke the protocol."""
    return AnalysisError(f"the analysis process broke the protocol: {problem}", remedy="It is started again")


def _response(zone: Zone, *, sure: bool) -> Response:
    return zone.response if sure or zone.response is not Response.SIREN else Response.CALL


def _plausible(captured_mono_s: float, now_s: float) -> float:
    if not now_s - CLOCK_SLACK_S <= captured_mono_s <= now_s:
        raise violation("a time that is not now")
    return captured_mono_s
