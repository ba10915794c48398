"""When several sightings, or two cameras, are enough for the siren. Pure.

A *look* is a moment at which somebody was sighted in the zone. What is told within APART_S of the look before shows
the same moment: two people side by side, one person in two tracks, a sighting that comes twice. Who stays is told anew
every few seconds, and each of these is a look.
"""

from __future__ import annotations

from nvr.config.alarm import Confirm

APART_S = 2.0
_KEPT = 64
"""Sightings remembered of a zone; in APART_S come far fewer."""

Place = tuple[str, str]
"""Camera and zone."""


class Confirmation:
    """Sightings while the site is armed; times are monotonic seconds."""

    def __init__(self) -> None:
        self._looks: dict[Place, list[float]] = {}
        self._cameras: dict[str, float] = {}

    def sighted(self, camera: str, zone: str, at_s: float) -> None:
        """Somebody is in a zone that acts now, whatever its response: another camera confirms a siren's zone so."""
        looks = self._looks.setdefault((camera, zone), [])
        looks.append(at_s)
        looks.sort()
        del looks[:-_KEPT]
        self._cameras[camera] = max(at_s, self._cameras.get(camera, at_s))

    def is_met(self, wanted: Confirm, camera: str, zone: str, now_s: float) -> bool:
        """Whether what was sighted within the last `within_seconds` is enough for the siren in this zone."""
        since_s = now_s - wanted.within_seconds
        cameras = {name for name, at_s in self._cameras.items() if at_s >= since_s} | {camera}
        looks = [at_s for at_s in self._looks.get((camera, zone), ()) if at_s >= since_s]
        return len(cameras) >= wanted.cameras and _distinct(looks) >= wanted.sightings

    def forget(self) -> None:
        """The site was armed or disarmed: what was seen before counts no more."""
        self._looks.clear()
        self._cameras.clear()


def _distinct(looks: list[float]) -> int:
    """How many of the times, in order, are at least APART_S after the one counted before."""
    count, last_s = 0, float("-inf")
    for at_s in looks:
        if at_s >= last_s + APART_S:
            count, last_s = count + 1, at_s
    return count
