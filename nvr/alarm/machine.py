"""The alarm's state machine as a table. Pure: time is an argument.

Rules:

- The siren sounds only in SOUNDING and SOUNDING_UNARMED, and only a sighting in a `siren` zone while ARMED, or a
  named person, leads there.
- Nothing prolongs one sounding: sightings while it sounds leave the deadline alone.
- After a sounding ended by itself or by hand while armed, COOLING keeps the next sighting from starting it again
  at once; a person still can.
- Disarming silences, from every state. Every start is DISARMED or ARMED, never sounding.
- A pair (state, event) that is not in the table changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, auto


class State(StrEnum):
    """What the site is doing."""

    DISARMED = auto()
    ARMED = auto()
    SOUNDING = auto()  # armed, siren on
    COOLING = auto()  # armed, siren off again, not to be started by a sighting for a while
    SOUNDING_UNARMED = auto()  # disarmed, siren started by a person


class Event(StrEnum):
    """What can happen."""

    ARM = auto()
    DISARM = auto()
    INTRUDER = auto()  # a confirmed sighting in a zone whose response is the siren
    SIREN_ON = auto()  # a person
    SIREN_OFF = auto()  # a person, or the guard ended it
    DEADLINE = auto()  # the time in `Alarm.deadline_mono_s` has come


_TABLE: dict[tuple[State, Event], State] = {
    (State.DISARMED, Event.ARM): State.ARMED,
    (State.DISARMED, Event.SIREN_ON): State.SOUNDING_UNARMED,
    (State.ARMED, Event.DISARM): State.DISARMED,
    (State.ARMED, Event.INTRUDER): State.SOUNDING,
    (State.ARMED, Event.SIREN_ON): State.SOUNDING,
    (State.SOUNDING, Event.DISARM): State.DISARMED,
    (State.SOUNDING, Event.SIREN_OFF): State.COOLING,
    (State.SOUNDING, Event.DEADLINE): State.COOLING,
    (State.COOLING, Event.DISARM): State.DISARMED,
    (State.COOLING, Event.SIREN_ON): State.SOUNDING,
    (State.COOLING, Event.DEADLINE): State.ARMED,
    (State.SOUNDING_UNARMED, Event.ARM): State.SOUNDING,
    (State.SOUNDING_UNARMED, Event.DISARM): State.DISARMED,
    (State.SOUNDING_UNARMED, Event.SIREN_OFF): State.DISARMED,
    (State.SOUNDING_UNARMED, Event.DEADLINE): State.DISARMED,
}

_SOUNDING = frozenset({State.SOUNDING, State.SOUNDING_UNARMED})


@dataclass(frozen=True, slots=True)
class Limits:
    """`max_sounding_s`: longest continuous sounding. `cooldown_s`: how long COOLING lasts."""

    max_sounding_s: float
    cooldown_s: float


@dataclass(frozen=True, slots=True)
class Alarm:
    """The machine's whole state. `deadline_mono_s`: when the sounding or the cooling ends, else None."""

    state: State = State.DISARMED
    deadline_mono_s: float | None = None

    @property
    def armed(self) -> bool:
        return self.state in (State.ARMED, State.SOUNDING, State.COOLING)

    @property
    def sounding(self) -> bool:
        return self.state in _SOUNDING


def step(alarm: Alarm, event: Event, now_mono_s: float, limits: Limits) -> Alarm:
    """The state after `event`. DEADLINE before the deadline changes nothing."""
    if event is Event.DEADLINE and (alarm.deadline_mono_s is None or now_mono_s < alarm.deadline_mono_s):
        return alarm
    state = _TABLE.get((alarm.state, event), alarm.state)
    if state is alarm.state:
        return alarm
    if state in _SOUNDING:
        still = alarm.deadline_mono_s if alarm.sounding else None
        return Alarm(state, still if still is not None else now_mono_s + limits.max_sounding_s)
    if state is State.COOLING:
        return Alarm(state, now_mono_s + limits.cooldown_s)
    return Alarm(state)
