"""What a sighting leads to: zone, mode, hours, confirmation, and what can act now. Pure."""

from __future__ import annotations

from nvr.alarm.confirmation import Confirmation
from nvr.alarm.machine import Alarm
from nvr.alarm.places import Places
from nvr.alarm.policy import Means, effective_response
from nvr.events import Response, Sighting


class Judge:
    """Remembers sightings while the site is armed, for zones whose siren wants several."""

    def __init__(self, places: Places):
        self._places = places
        self._confirmation = Confirmation()

    def answer(
        self,
        sighting: Sighting,
        alarm: Alarm,
        means: Means,
        *,
        now_mono_s: float,
        known_wall_s: float | None,
    ) -> Response:
        """What it leads to now. `known_wall_s`: None while nobody knows the time."""
        camera, zone, at_s = sighting.camera, sighting.zone, sighting.captured_mono_s
        mode = alarm.mode if alarm.acts else None
        wanted = self._places.response(camera, zone, sighting.response, mode, known_wall_s)
        if wanted is not Response.RECORD:
            self._confirmation.sighted(camera, zone, at_s)
        place = self._places.find(camera, zone)
        if (
            wanted is Response.SIREN
            and place is not None
            and not self._confirmation.is_met(place.confirm, camera, zone, at_s)
        ):
            wanted = Response.CALL
        return effective_response(wanted, alarm, means, now_mono_s)

    def entry_s(self, sighting: Sighting) -> float:
        """How long who was sighted there has to disarm."""
        place = self._places.find(sighting.camera, sighting.zone)
        return place.entry_seconds if place else 0.0

    def forget(self) -> None:
        """The site was armed or disarmed."""
        self._confirmation.forget()
