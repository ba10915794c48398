"""What was seen, as marks on footage: live to the disks, and again from state.db for what they missed."""

from __future__ import annotations

from collections.abc import Callable

from nvr.alarm.incidents import FOOTAGE_AFTER_S, FOOTAGE_BEFORE_S, Incident, IncidentStore
from nvr.alarm.motion_log import MINUTE_S, MotionLog
from nvr.clock import Clock
from nvr.events import Motion, Sighting
from nvr.record.model import TICKS, FootageClass, Mark


class Seen:
    """`tell`: takes marks, neither blocks nor raises."""

    def __init__(
        self, motion: MotionLog, incidents: IncidentStore, clock: Clock, tell: Callable[[Mark], None]
    ):
        self._motion, self._incidents = motion, incidents
        self._clock, self._tell = clock, tell

    def motion(self, motion: Motion) -> None:
        """Something moved: its whole minute counts."""
        self._motion.note(motion)
        minute_s = int(self._wall_s(motion.captured_mono_s)) // MINUTE_S * MINUTE_S
        self._tell(_mark(motion.camera, minute_s, minute_s + MINUTE_S, FootageClass.MOTION))

    def sighting(self, sighting: Sighting) -> None:
        """Told before the incident is stored, which may have to wait for the system's disk."""
        at_s = self._wall_s(sighting.captured_mono_s)
        self._tell(
            _mark(sighting.camera, at_s - FOOTAGE_BEFORE_S, at_s + FOOTAGE_AFTER_S, FootageClass.PERSON)
        )

    def incident(self, incident: Incident) -> None:
        """An incident was opened or went on: all of it counts, also between its sightings."""
        self._tell(_of_incident(incident.camera, incident.opened_s, incident.last_s))

    async def history(self, camera: str, start_90k: int, end_90k: int) -> list[Mark]:
        """All marks of `camera` that reach into a span. Raises sqlite3.Error."""
        start_s, end_s = start_90k / TICKS, end_90k / TICKS
        minutes = await self._motion.intervals(camera, start_s, end_s, 0.0)
        incidents = await self._incidents.spans(camera, start_s - FOOTAGE_AFTER_S, end_s + FOOTAGE_BEFORE_S)
        return [
            *(_mark(camera, begin_s, stop_s, FootageClass.MOTION) for begin_s, stop_s in minutes),
            *(_of_incident(camera, opened_s, last_s) for opened_s, last_s in incidents),
        ]

    def _wall_s(self, mono_s: float) -> float:
        return self._clock.wall() - max(0.0, self._clock.monotonic() - mono_s)


def _of_incident(camera: str, opened_s: float, last_s: float) -> Mark:
    return _mark(camera, opened_s - FOOTAGE_BEFORE_S, last_s + FOOTAGE_AFTER_S, FootageClass.PERSON)


def _mark(camera: str, start_s: float, end_s: float, kind: FootageClass) -> Mark:
    return Mark(camera, int(start_s * TICKS), int(end_s * TICKS), kind)
