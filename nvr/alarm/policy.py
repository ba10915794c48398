"""What a sighting leads to, given the state of the site. Pure."""

from __future__ import annotations

from nvr.alarm.machine import Alarm, State
from nvr.events import Response

_STRENGTH = {Response.RECORD: 0, Response.CALL: 1, Response.WARN: 2, Response.SIREN: 3}

INCIDENT_GAP_S = 60.0
"""Sightings of one camera that follow each other closer than this are one incident."""

RINGING = frozenset({Response.CALL, Response.WARN, Response.SIREN})
"""Responses for which the duty room rings until somebody acknowledges."""

RINGING_S = 15 * 60.0
"""After this an incident nobody acknowledged stops ringing (it stays marked as not acknowledged)."""


def effective_response(wanted: Response, alarm: Alarm, *, siren_ready: bool) -> Response:
    """The zone's response, weakened to what may and can be done now.

    Disarmed: only recorded. A siren that cannot sound (relay not reachable) or may not (cooling down) becomes a
    call, so that somebody is told.
    """
    if not alarm.armed:
        return Response.RECORD
    if wanted is Response.SIREN and not (siren_ready and alarm.state is not State.COOLING):
        return Response.CALL
    return wanted


def stronger(one: Response, other: Response) -> Response:
    """The response that does more."""
    return max(one, other, key=_STRENGTH.__getitem__)
