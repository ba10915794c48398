"""The alarm's state machine: what an event makes of the state, by the table in states.py. Pure: time is an argument."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from nvr.alarm.states import FACTS, REST, TABLE, Event, State, Target
from nvr.events import Mode

NEVER: Final = float("-inf")


@dataclass(frozen=True, slots=True)
class Limits:
    """`max_sounding_s`: longest continuous sounding. `cooldown_s`: how long no sighting starts it again. `warning_s`:
    how long a warning lasts. `warn_again_s`: from the start of one to the next, at least."""

    max_sounding_s: float
    cooldown_s: float
    warning_s: float = 10.0
    warn_again_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Alarm:
    """The machine's whole state. `deadline_mono_s`: when the state ends by itself, else None; `loud_since_mono_s`:
    since when the siren is on; `by_hand`: a person started this sounding; `quiet`: a quiet test runs."""

    state: State = State.DISARMED
    mode: Mode | None = None
    deadline_mono_s: float | None = None
    cooldown_until_mono_s: float = NEVER
    warn_from_mono_s: float = NEVER
    loud_since_mono_s: float | None = None
    by_hand: bool = False
    quiet: bool = False
    ringing: bool = False
    impaired: bool = False

    @property
    def armed(self) -> bool:
        return self.mode is not None

    @property
    def acts(self) -> bool:
        """Whether a sighting may lead to more than a recording."""
        return self.armed and self.state is not State.ARMING

    @property
    def siren(self) -> bool:
        """Whether the siren shall be on."""
        loud = self.by_hand or not self.quiet
        return self.state is State.TESTING or (self.state is State.SOUNDING and loud)

    @property
    def audited(self) -> tuple[State, Mode | None, bool, bool]:
        """What cannot change without a row in the audit trail."""
        return self.state, self.mode, self.by_hand, self.quiet

    def cools(self, now_mono_s: float) -> bool:
        """Whether no sighting may start the siren."""
        return now_mono_s < self.cooldown_until_mono_s

    def is_due(self, now_mono_s: float) -> bool:
        """Whether DEADLINE has come."""
        return self.deadline_mono_s is not None and now_mono_s >= self.deadline_mono_s


def step(
    alarm: Alarm,
    event: Event,
    now_mono_s: float,
    limits: Limits,
    *,
    mode: Mode | None = None,
    seconds: float = 0.0,
) -> Alarm:
    """The state after `event`, which takes `mode` and `seconds` as Event says. DEADLINE before the deadline changes
    nothing. Raises ValueError: ARM without a mode."""
    if event is Event.ARM and mode is None:
        raise ValueError("ARM needs a mode")
    after = replace(alarm, **FACTS.get(event, {}))  # type: ignore[arg-type]  # all of them are bool
    to = TABLE[alarm.state].get(event)
    if to is None or _is_barred(alarm, event, now_mono_s, mode):
        return after
    if event is Event.ARM:
        after = replace(after, mode=mode)
    elif event is Event.QUIET_TEST:
        after = replace(after, quiet=True)
    elif alarm.armed and _cools_after(alarm.state, event):
        after = replace(after, cooldown_until_mono_s=now_mono_s + limits.cooldown_s)
    return _enter(alarm, after, to, event, now_mono_s, limits, seconds)


def _is_barred(alarm: Alarm, event: Event, now_mono_s: float, mode: Mode | None) -> bool:
    """Whether a pair that is in the table has no effect now."""
    match event:
        case Event.ARM:
            return mode is alarm.mode
        case Event.DEADLINE:
            return not alarm.is_due(now_mono_s)
        case Event.ENTRY | Event.INTRUDER:
            return not alarm.armed or alarm.cools(now_mono_s)
        case Event.WARN:
            return not alarm.armed or now_mono_s < alarm.warn_from_mono_s
        case Event.SIREN_ON:
            return alarm.state is State.SOUNDING and alarm.siren
        case Event.QUIET_TEST:
            return alarm.quiet
        case Event.QUIET_TEST_OVER:
            return not alarm.quiet or (alarm.state is State.SOUNDING and alarm.by_hand)
        case _:
            return False


def _cools_after(state: State, event: Event) -> bool:
    stopped = event in (Event.SIREN_OFF, Event.ALL_CLEAR)
    return (state is State.SOUNDING and (stopped or event is Event.DEADLINE)) or (
        state is State.PENDING and stopped
    )


def _enter(
    before: Alarm, alarm: Alarm, to: Target, event: Event, now_mono_s: float, limits: Limits, seconds: float
) -> Alarm:
    if to is State.DISARMED:
        return Alarm(ringing=alarm.ringing)
    if to is State.ARMING and before.state is not State.ARMING and seconds <= 0:
        to = REST
    if to == REST:
        return _rest(alarm, now_mono_s)
    alarm = replace(alarm, state=State(to))
    match alarm.state:
        case State.SOUNDING if event is not Event.ARM:
            since_s = before.loud_since_mono_s if before.siren else None
            alarm = replace(alarm, by_hand=event is Event.SIREN_ON)
            since_s = now_mono_s if since_s is None else since_s
            loud_s = since_s if alarm.siren else None
            return replace(alarm, deadline_mono_s=since_s + limits.max_sounding_s, loud_since_mono_s=loud_s)
        case State.TESTING if event is Event.TEST:
            longest_s = min(seconds, limits.max_sounding_s)
            return replace(alarm, deadline_mono_s=now_mono_s + longest_s, loud_since_mono_s=now_mono_s)
        case State.PENDING if event is Event.ENTRY:
            until_s = now_mono_s + seconds
            if before.state is State.PENDING and before.deadline_mono_s is not None:
                until_s = min(until_s, before.deadline_mono_s)
            return _silent(alarm, until_s)
        case State.WARNING if event is Event.WARN:
            alarm = replace(alarm, warn_from_mono_s=now_mono_s + limits.warn_again_s)
            return _silent(alarm, now_mono_s + limits.warning_s)
        case State.ARMING if before.state is not State.ARMING:
            return _silent(alarm, now_mono_s + seconds)
        case _:
            return alarm  # only the mode changed, or a quiet test began or ended


def _rest(alarm: Alarm, now_mono_s: float) -> Alarm:
    if not alarm.armed:
        return Alarm(ringing=alarm.ringing, quiet=alarm.quiet)
    if alarm.cools(now_mono_s):
        return _silent(replace(alarm, state=State.SILENCED), alarm.cooldown_until_mono_s)
    state = State.CALLING if alarm.ringing else State.FAULT if alarm.impaired else State.ARMED
    return _silent(replace(alarm, state=state), None)


def _silent(alarm: Alarm, deadline_mono_s: float | None) -> Alarm:
    return replace(alarm, deadline_mono_s=deadline_mono_s, loud_since_mono_s=None, by_hand=False)


def restored(mode: Mode | None, *, ringing: bool) -> Alarm:
    """The state after a start of a site that was armed so before: never sounding, and no delay runs."""
    return _rest(Alarm(mode=mode, ringing=ringing), NEVER)
