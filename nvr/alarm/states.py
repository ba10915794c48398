"""The alarm's states, what can happen, and the table of both; machine.py walks it. Pure.

Rules:

- The siren sounds only in SOUNDING and TESTING, and only a sighting in a `siren` zone while the site is armed (at once,
  or after the zone's entry delay), or a named person, leads there.
- Nothing prolongs one sounding: sightings while it sounds leave the deadline alone, and a test counts to the sounding
  that follows it without a pause.
- Beside the state stands the mode in which the site is armed; None is disarmed. What sounds or is tested while disarmed
  ends DISARMED. While ARMING nothing acts.
- ARMED, CALLING, SILENCED, FAULT are what an armed site is while nothing happens: SILENCED until the cooldown after a
  sounding is over, else CALLING while an incident rings, else FAULT while what should act cannot. The table says REST
  where one of them, or DISARMED, follows.
- During the cooldown no sighting starts the siren or an entry delay; a person still can. A warning is not repeated
  before `Limits.warn_again_s`.
- In a quiet test SOUNDING is only shown, unless a person started it. Its end, while armed, is as an arming.
- Disarming silences and ends the quiet test, from every state. Every start is DISARMED or armed, never sounding.
- A pair (state, event) that is not in the table changes no state.
"""

from __future__ import annotations

from enum import StrEnum, auto
from typing import Final, Literal


class State(StrEnum):
    """What the site is doing."""

    DISARMED = auto()
    ARMING = auto()  # armed soon: the exit delay runs
    ARMED = auto()
    PENDING = auto()  # a siren's zone was entered: its entry delay runs
    CALLING = auto()  # armed, and an incident rings that nobody has acknowledged
    WARNING = auto()  # the chime or the recorded message is given
    SOUNDING = auto()  # siren on, armed or not
    SILENCED = auto()  # armed, siren off again, not to be started by a sighting for a while
    FAULT = auto()  # armed, but what should act cannot
    TESTING = auto()  # siren on for a moment, for a person who tests it; pages are told SOUNDING


class Event(StrEnum):
    """What can happen."""

    ARM = auto()  # `mode`, with an exit delay of `seconds`
    DISARM = auto()
    ENTRY = auto()  # as INTRUDER, in a zone with an entry delay of `seconds`
    INTRUDER = auto()  # a confirmed sighting in a zone whose response is the siren
    WARN = auto()  # a sighting that is answered by a warning
    SIREN_ON = auto()  # a person
    SIREN_OFF = auto()  # a person, or the guard ended it
    TEST = auto()  # a person, for `seconds`
    ALL_CLEAR = auto()  # a person: siren and warning off, nothing rings
    LAPSE = auto()  # an entry delay is over, but the siren cannot sound
    DEADLINE = auto()  # the time in `Alarm.deadline_mono_s` has come
    RING = auto()  # an incident rings
    CALM = auto()  # none rings any more
    IMPAIRED = auto()  # something that should act cannot
    ABLE = auto()  # all that should act can
    QUIET_TEST = auto()  # begins
    QUIET_TEST_OVER = auto()  # `seconds` as of ARM


REST: Final = "rest"
Target = State | Literal["rest"]

_S, _E = State, Event
_WATCHING: dict[Event, Target] = {
    _E.ARM: _S.ARMING,
    _E.DISARM: _S.DISARMED,
    _E.WARN: _S.WARNING,
    _E.SIREN_ON: _S.SOUNDING,
    _E.TEST: _S.TESTING,
    _E.QUIET_TEST: REST,
    _E.QUIET_TEST_OVER: _S.ARMING,
}
_READY = _WATCHING | {_E.ENTRY: _S.PENDING, _E.INTRUDER: _S.SOUNDING}
TABLE: dict[State, dict[Event, Target]] = {
    _S.DISARMED: {
        _E.ARM: _S.ARMING,
        _E.SIREN_ON: _S.SOUNDING,
        _E.TEST: _S.TESTING,
        _E.QUIET_TEST: REST,
        _E.QUIET_TEST_OVER: REST,
    },
    _S.ARMING: {
        _E.ARM: _S.ARMING,
        _E.DISARM: _S.DISARMED,
        _E.SIREN_ON: _S.SOUNDING,
        _E.DEADLINE: REST,
        _E.QUIET_TEST: _S.ARMING,
        _E.QUIET_TEST_OVER: _S.ARMING,
    },
    _S.ARMED: _READY | {_E.RING: REST, _E.IMPAIRED: REST},
    _S.CALLING: _READY | {_E.CALM: REST, _E.ALL_CLEAR: REST},
    _S.FAULT: _READY | {_E.RING: REST, _E.ABLE: REST},
    _S.SILENCED: _WATCHING | {_E.DEADLINE: REST},
    _S.PENDING: {
        _E.ARM: _S.PENDING,
        _E.DISARM: _S.DISARMED,
        _E.ENTRY: _S.PENDING,
        _E.INTRUDER: _S.SOUNDING,
        _E.DEADLINE: _S.SOUNDING,
        _E.LAPSE: REST,
        _E.SIREN_ON: _S.SOUNDING,
        _E.SIREN_OFF: REST,
        _E.ALL_CLEAR: REST,
        _E.QUIET_TEST_OVER: _S.ARMING,
    },
    _S.WARNING: {
        _E.ARM: _S.WARNING,
        _E.DISARM: _S.DISARMED,
        _E.ENTRY: _S.PENDING,
        _E.INTRUDER: _S.SOUNDING,
        _E.DEADLINE: REST,
        _E.SIREN_ON: _S.SOUNDING,
        _E.SIREN_OFF: REST,
        _E.ALL_CLEAR: REST,
        _E.QUIET_TEST_OVER: _S.ARMING,
    },
    _S.SOUNDING: {
        _E.ARM: _S.SOUNDING,
        _E.DISARM: _S.DISARMED,
        _E.SIREN_ON: _S.SOUNDING,  # only of one that a quiet test kept silent
        _E.SIREN_OFF: REST,
        _E.ALL_CLEAR: REST,
        _E.DEADLINE: REST,
        _E.QUIET_TEST_OVER: _S.ARMING,  # only of one that it kept silent
    },
    _S.TESTING: {
        _E.ARM: _S.ARMING,
        _E.DISARM: _S.DISARMED,
        _E.ENTRY: _S.PENDING,
        _E.INTRUDER: _S.SOUNDING,
        _E.WARN: _S.WARNING,
        _E.SIREN_ON: _S.SOUNDING,
        _E.SIREN_OFF: REST,
        _E.ALL_CLEAR: REST,
        _E.DEADLINE: REST,
        _E.QUIET_TEST_OVER: _S.TESTING,
    },
}
FACTS: dict[Event, dict[str, bool]] = {
    _E.DISARM: {"impaired": False, "quiet": False},
    _E.ALL_CLEAR: {"ringing": False},
    _E.RING: {"ringing": True},
    _E.CALM: {"ringing": False},
    _E.IMPAIRED: {"impaired": True},
    _E.ABLE: {"impaired": False},
    _E.QUIET_TEST_OVER: {"quiet": False},
}
"""What holds after an event whether or not a state follows from it."""
