"""How old an incident is, where the wall clock may have been set since it began; and its deliveries on the clock that
never jumps. Pure."""

from __future__ import annotations

from nvr.alarm.incidents import Incident
from nvr.alarm.notify.outbox import Stored
from nvr.alarm.notify.policy import GIVE_UP_S, Delivery
from nvr.alarm.policy import INCIDENT_LONGEST_S
from nvr.clock import FLOOR_S


def age_s(incident: Incident, wall_s: float) -> float:
    """Of an incident that was told just now: it can be no older than an incident lasts, whatever the clock says."""
    return min(max(0.0, wall_s - incident.opened_s), INCIDENT_LONGEST_S)


def age_at_start_s(incident: Incident, wall_s: float, *, is_trusted: bool) -> float:
    """Of an incident of before the start; 0 where nobody knows: better told late than never."""
    if not is_trusted or incident.opened_s < FLOOR_S:
        return 0.0
    return max(0.0, wall_s - incident.opened_s)


def on_monotonic(stored: Stored, incident: Incident, incident_age_s: float, mono_s: float) -> Delivery:
    """A stored delivery as it waits from now on: no jump of the wall clock matters any more."""
    opened_s = mono_s - incident_age_s
    due_s = opened_s + stored.due_s - incident.opened_s
    return Delivery(
        stored.id,
        stored.incident,
        stored.recipient,
        stored.escalates,
        due_s,
        opened_s + GIVE_UP_S,
        stored.attempts,
    )
