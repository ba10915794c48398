"""What a sighting leads to, given the state of the site. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from nvr.alarm.machine import Alarm
from nvr.events import Response

_STRENGTH = {Response.RECORD: 0, Response.CALL: 1, Response.WARN: 2, Response.SIREN: 3}

INCIDENT_GAP_S = 60.0
"""Sightings of one camera that follow each other closer than this are one incident."""

INCIDENT_LONGEST_S = 10 * 60.0
"""Then the next sighting opens a new incident, which calls anew: where somebody always walks, one incident would
otherwise never end, and whoever came later would be part of what was acknowledged long ago."""

RINGING = frozenset({Response.CALL, Response.WARN, Response.SIREN})
"""Responses for which the duty room rings until somebody acknowledges."""

RINGING_S = 15 * 60.0
"""After this an incident nobody acknowledged stops ringing (it stays marked as not acknowledged)."""


@dataclass(frozen=True, slots=True)
class Means:
    """What can act now: whether the siren would sound and the loudspeaker would speak. `instead`: what the site chose
    for where the siren cannot, CALL or WARN."""

    siren: bool
    speaker: bool
    instead: Response = Response.CALL


def effective_response(wanted: Response, alarm: Alarm, means: Means, now_mono_s: float) -> Response:
    """The zone's response, weakened to what may and can be done now.

    Disarmed or arming: only recorded. A siren that may not sound (cooling down) becomes a call, one that cannot what
    the site chose; a warning without loudspeaker becomes a call. So somebody is told in any case.
    """
    if not alarm.acts:
        return Response.RECORD
    if wanted is Response.SIREN:
        if alarm.cools(now_mono_s):
            return Response.CALL
        if not means.siren:
            wanted = means.instead
    if wanted is Response.WARN and not means.speaker:
        return Response.CALL
    return wanted


def belongs(
    opened_s: float, last_s: float, response: Response, acknowledged: bool, answer: Response, seen_s: float
) -> bool:
    """Whether a sighting seen at `seen_s` and answered with `answer` is part of a camera's latest incident.

    A call or siren is no part of what was only recorded, nor is a stronger answer of what staff have taken on:
    both must ring, with the time and the picture of what they ring for.
    """
    if seen_s - last_s > INCIDENT_GAP_S or seen_s - opened_s > INCIDENT_LONGEST_S:
        return False
    is_stronger = _STRENGTH[answer] > _STRENGTH[response]
    return not (is_stronger and (acknowledged or response not in RINGING))


def stronger(one: Response, other: Response) -> Response:
    """The response that does more."""
    return max(one, other, key=_STRENGTH.__getitem__)


def weaker(one: Response, other: Response) -> Response:
    """The response that does less."""
    return min(one, other, key=_STRENGTH.__getitem__)
