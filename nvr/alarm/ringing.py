"""Which incidents ring in the duty room: until somebody acknowledges, RINGING_S at the longest."""

from __future__ import annotations

from collections.abc import Callable

from nvr.alarm.incidents import Incident
from nvr.alarm.notices import SITE
from nvr.alarm.policy import RINGING, RINGING_S
from nvr.events import Actor

NOBODY = Actor("nobody answered")


class Ringing:
    """`on_change`, of who made the change, is called after each: it must neither block nor raise."""

    def __init__(self) -> None:
        self._incidents: dict[int, Incident] = {}
        self.on_change: Callable[[Actor], None] = lambda _actor: None

    @property
    def incidents(self) -> tuple[Incident, ...]:
        """Those that ring, oldest first."""
        return tuple(self._incidents.values())

    @property
    def ids(self) -> tuple[int, ...]:
        return tuple(self._incidents)

    def announce(self, incident: Incident) -> None:
        """The incident is stored, or more of it."""
        if incident.response in RINGING and incident.acknowledged_s is None:
            self._incidents[incident.id] = incident
            place = f"{incident.camera}/{incident.zone}"
            self.on_change(Actor(incident.kind if incident.camera == SITE else place))

    def acknowledged(self, numbers: tuple[int, ...], actor: Actor) -> None:
        """Staff took them on."""
        if [self._incidents.pop(number) for number in numbers if number in self._incidents]:
            self.on_change(actor)

    def stop_old(self, now_wall_s: float) -> bool:
        """End the ringing nobody answered for RINGING_S; whether any ended."""
        old = [n for n, one in self._incidents.items() if one.last_s < now_wall_s - RINGING_S]
        self.acknowledged(tuple(old), NOBODY)
        return bool(old)

    def stop_tests(self, actor: Actor) -> None:
        """A quiet test is over: what rang in it rings no more."""
        self.acknowledged(tuple(n for n, one in self._incidents.items() if one.test), actor)
