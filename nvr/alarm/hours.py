"""At which hours zones and lines do more than record. Pure.

While the clock is not trusted nobody knows whether their hours are now. Those that have hours call at most then: that
a siren sounds by itself at an hour that nobody knows was decided by nobody, and whoever is called has a watch.
"""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from nvr.alarm.policy import weaker
from nvr.config import Camera
from nvr.events import Response


class PlaceHours:
    """The zones and lines of all cameras. `now_wall_s` is None while nobody knows the time."""

    def __init__(self, cameras: Sequence[Camera], site: ZoneInfo):
        self._cameras, self._site = tuple(cameras), site
        self._places = {(camera.id, place.name): place for camera in cameras for place in camera.places}

    def response(self, camera: str, place: str, wanted: Response, now_wall_s: float | None) -> Response:
        """`wanted`, weakened to what is decided for that hour."""
        known = self._places.get((camera, place))
        if known is None or not known.hours:
            return wanted
        if now_wall_s is None:
            return weaker(wanted, Response.CALL)
        return wanted if known.is_in_force(now_wall_s, self._site) else Response.RECORD

    def acting(self, now_wall_s: float | None) -> frozenset[str]:
        """The cameras of which a sighting leads to more than a recording, where the site is armed."""
        return frozenset(
            camera.id
            for camera in self._cameras
            for place in camera.places
            if place.response is not Response.RECORD
            and (now_wall_s is None or place.is_in_force(now_wall_s, self._site))
        )
