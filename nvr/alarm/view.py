"""The alarm as a page shows it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from nvr.alarm.incidents import Incident
from nvr.alarm.journal import Armed
from nvr.alarm.machine import Alarm
from nvr.alarm.outputs import Outputs
from nvr.alarm.ringing import Ringing
from nvr.alarm.schedule import Change
from nvr.alarm.standing import Standing
from nvr.alarm.states import State
from nvr.clock import Clock
from nvr.events import Actor, Sighting


@dataclass(frozen=True, slots=True)
class About:
    """What a state is about. `incident`: its number, None while it is not known."""

    camera: str
    zone: str
    kind: str
    at_s: float
    incident: int | None = None


@dataclass(frozen=True, slots=True)
class QuietTest:
    """Until when it runs, and who began it."""

    until_s: float
    actor: str


@dataclass(frozen=True, slots=True)
class AlarmView:
    """Times in seconds since 1970 UTC. `would_sound`: only the quiet test keeps the siren silent. `missing`: what
    should act and cannot (readiness.py). `rehearsed`: those of `ringing` that came about in a quiet test."""

    state: State
    armed: Armed
    deadline_s: float | None
    about: About | None
    would_sound: bool
    missing: frozenset[str]
    next_change: Change | None
    siren_configured: bool
    siren_link: Literal["up", "down", "none"]
    siren_wanted: bool
    siren_on: bool
    siren_cause: str
    siren_test: bool
    siren_ends_s: float | None
    cooldown_until_s: float | None
    quiet_test: QuietTest | None
    ringing: tuple[int, ...]
    rehearsed: frozenset[int]


@dataclass(frozen=True, slots=True)
class Inside:
    """What the runner alone knows. `cause`: the sighting that last made it warn, wait or sound; `quiet`: until when, in
    monotonic seconds, the quiet test runs, and who began it."""

    alarm: Alarm
    cause: Sighting | None
    quiet: tuple[float, Actor] | None
    missing: frozenset[str]


def view_of(
    inside: Inside, standing: Standing, outputs: Outputs, ringing: Ringing, clock: Clock
) -> AlarmView:
    """As of now."""
    alarm, siren = inside.alarm, outputs.siren
    ahead_s = clock.wall() - clock.monotonic()
    deadline_s = None if alarm.deadline_mono_s is None else alarm.deadline_mono_s + ahead_s
    status = siren.status if siren else None
    cools = alarm.cools(clock.monotonic())
    return AlarmView(
        state=State.SOUNDING if alarm.state is State.TESTING else alarm.state,
        armed=standing.armed,
        deadline_s=deadline_s,
        about=_about(inside, ringing, ahead_s),
        would_sound=alarm.state is State.SOUNDING and not alarm.siren,
        missing=inside.missing,
        next_change=standing.next_change(),
        siren_configured=siren is not None,
        siren_link="none" if siren is None else ("up" if siren.ready else "down"),
        siren_wanted=alarm.siren,
        siren_on=bool(status and status.on),
        siren_cause=status.cause if status else "",
        siren_test=alarm.state is State.TESTING,
        siren_ends_s=deadline_s if alarm.siren else None,
        cooldown_until_s=alarm.cooldown_until_mono_s + ahead_s if cools else None,
        quiet_test=None
        if inside.quiet is None
        else QuietTest(inside.quiet[0] + ahead_s, inside.quiet[1].name),
        ringing=ringing.ids,
        rehearsed=frozenset(incident.id for incident in ringing.incidents if incident.test),
    )


def _about(inside: Inside, ringing: Ringing, ahead_s: float) -> About | None:
    state, cause = inside.alarm.state, inside.cause
    newest = ringing.incidents[::-1]
    if state is State.CALLING and newest:
        return _about_incident(newest[0])
    by_sighting = state in (State.PENDING, State.WARNING, State.SOUNDING) and not inside.alarm.by_hand
    if cause is None or not by_sighting:
        return None
    about = About(cause.camera, cause.zone, cause.kind, cause.captured_mono_s + ahead_s)
    found = next((one.id for one in newest if one.camera == cause.camera), None)
    return replace(about, incident=found)


def _about_incident(incident: Incident) -> About:
    return About(incident.camera, incident.zone, incident.kind, incident.opened_s, incident.id)
