"""What the audit trail calls what changed the alarm's state. Pure."""

from __future__ import annotations

from typing import Final

from nvr.alarm.states import Event, State
from nvr.events import Actor

GUARD_ENDED: Final = "siren-ended"
RESTARTED: Final = "restarted"
_DEEDS: dict[Event, str] = {
    Event.ARM: "arm",
    Event.DISARM: "disarm",
    Event.ENTRY: "entry",
    Event.INTRUDER: "siren-auto",
    Event.WARN: "warn",
    Event.SIREN_ON: "siren-on",
    Event.SIREN_OFF: "siren-off",
    Event.TEST: "siren-test",
    Event.ALL_CLEAR: "all-clear",
    Event.LAPSE: "entry-lapsed",
    Event.RING: "call",
    Event.CALM: "call-over",
    Event.IMPAIRED: "impaired",
    Event.ABLE: "able",
    Event.QUIET_TEST: "quiet-test",
    Event.QUIET_TEST_OVER: "quiet-test-over",
}
_ENDS: dict[State, tuple[str, str]] = {
    State.ARMING: ("armed", "exit delay"),
    State.PENDING: ("siren-auto", "entry delay"),
    State.WARNING: ("warn-over", "warning"),
    State.SOUNDING: ("siren-ended", "maximum time"),
    State.TESTING: ("siren-ended", "siren test"),
    State.SILENCED: ("cooled", "cooldown"),
}
"""Of a state that ends by itself: the deed, and what the trail calls who did it."""

DEEDS = frozenset(_DEEDS.values()) | {deed for deed, _ in _ENDS.values()} | {RESTARTED}


def deed_of(event: Event, before: State) -> str:
    """The audit row's action."""
    return _ENDS[before][0] if event is Event.DEADLINE else _DEEDS[event]


def time_as_actor(before: State) -> Actor:
    """Who ended a state that ended by itself."""
    return Actor(_ENDS[before][1])
