"""In which modes and at which hours zones and lines do more than record. Pure.

While the clock is not trusted nobody knows whether their hours are now. Those that have hours call at most then: that
a siren sounds by itself at an hour that nobody knows was decided by nobody, and whoever is called has a watch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

from nvr.alarm.policy import weaker
from nvr.config import Camera
from nvr.config.zones import Place
from nvr.events import Mode, Response


class Places:
    """The zones and lines of all cameras. `now_wall_s` is None while nobody knows the time; `mode`: how the site is
    armed, None: it is not, and everything only records."""

    def __init__(self, cameras: Sequence[Camera], site: ZoneInfo):
        self._cameras, self._site = tuple(cameras), site
        self._places = {(camera.id, place.name): place for camera in cameras for place in camera.places}

    def find(self, camera: str, place: str) -> Place | None:
        """The zone or line; None where nvr.toml has it not."""
        return self._places.get((camera, place))

    def response(
        self, camera: str, place: str, wanted: Response, mode: Mode | None, now_wall_s: float | None
    ) -> Response:
        """`wanted`, weakened to what is decided for that mode and hour."""
        if mode is None:
            return Response.RECORD
        known = self.find(camera, place)
        if known is None:
            return wanted
        if not known.acts_in(mode):
            return Response.RECORD
        if not known.hours:
            return wanted
        if now_wall_s is None:
            return weaker(wanted, Response.CALL)
        return wanted if known.is_in_force(now_wall_s, self._site) else Response.RECORD

    def acting(self, mode: Mode | None, now_wall_s: float | None) -> frozenset[str]:
        """The cameras of which a sighting leads to more than a recording."""
        return frozenset(camera for camera, _ in self._in_force(mode, now_wall_s))

    def responses(self, mode: Mode | None, now_wall_s: float | None) -> frozenset[Response]:
        """What sightings can lead to now, besides a recording."""
        return frozenset(response for _, response in self._in_force(mode, now_wall_s))

    def _in_force(self, mode: Mode | None, now_wall_s: float | None) -> Iterator[tuple[str, Response]]:
        for camera in self._cameras:
            for place in camera.places:
                response = self.response(camera.id, place.name, place.response, mode, now_wall_s)
                if response is not Response.RECORD:
                    yield camera.id, response
