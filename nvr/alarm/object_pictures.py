"""Pictures of the objects of incidents: stored with their sighting, replaced by better ones while they are in view."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable

from nvr.alarm.incidents import Incident, IncidentStore
from nvr.events import BetterPicture, Sighting

MOST = 512
"""Tracks that are remembered, to find their incident; of one that is forgotten no better picture is kept."""

Save = Callable[[str, Incident, bytes], Awaitable[bool]]
"""Store a JPEG of an incident under a name; whether it is safely there."""


def picture_name(incident_id: int, number: int) -> str:
    """What the best picture of an incident's object is stored as."""
    return f"{incident_id}-{number}"


def frames_name(incident_id: int, number: int) -> str:
    """What the pictures that counted are stored as."""
    return f"{incident_id}-{number}-frames"


class ObjectPictures:
    """`save` raises nothing that is to be handled here; the database's errors pass through."""

    def __init__(self, incidents: IncidentStore, save: Save):
        self._incidents, self._save = incidents, save
        self._places: OrderedDict[int, tuple[Incident, int]] = OrderedDict()

    async def sighted(self, incident: Incident, sighting: Sighting) -> Incident | None:
        """Store the pictures of a sighting that is part of `incident`; the incident as it is then, None if there was
        nothing to store or no room for it."""
        found = await self._incidents.find_object(incident.id, sighting.track)
        if found is None:
            return None
        number, has_frames = found
        self._places[sighting.track] = (incident, number)
        self._places.move_to_end(sighting.track)
        while len(self._places) > MOST:
            self._places.popitem(last=False)
        changed = await self._store(incident, number, sighting.best) if sighting.best else None
        name = frames_name(incident.id, number)
        if sighting.frames and not has_frames and await self._save(name, incident, sighting.frames):
            changed = await self._incidents.mark_frames(incident.id, number)
        return changed

    async def better(self, picture: BetterPicture) -> Incident | None:
        """Replace the object's picture; the incident as it is then, None if nothing came of it."""
        place = self._places.get(picture.track)
        if place is None or place[0].camera != picture.camera:
            return None
        incident, number = place
        return await self._store(incident, number, picture.jpeg)

    async def _store(self, incident: Incident, number: int, jpeg: bytes) -> Incident | None:
        if not await self._save(picture_name(incident.id, number), incident, jpeg):
            return None
        return await self._incidents.mark_object_picture(incident.id, number)
