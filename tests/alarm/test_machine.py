"""The alarm's table, its schedule and its policy: properties over any sequence of events."""

from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from nvr.alarm.machine import Alarm, Event, Limits, State, step
from nvr.alarm.policy import effective_response, stronger
from nvr.alarm.schedule import last_change, next_change
from nvr.config import Schedule
from nvr.events import Response

LIMITS = Limits(max_sounding_s=180.0, cooldown_s=60.0)
HANOI = ZoneInfo("Asia/Ho_Chi_Minh")


class Machine(RuleBasedStateMachine):
    """Drives the table by hand and keeps its own, simpler account of what may be."""

    @initialize(armed=st.booleans())
    def start(self, armed):
        self.now = 1000.0
        self.alarm = Alarm(State.ARMED if armed else State.DISARMED)
        self.sounding_since = None

    @rule(event=st.sampled_from([e for e in Event if e is not Event.DEADLINE]))
    def happens(self, event):
        before = self.alarm
        self.alarm = step(before, event, self.now, LIMITS)
        if self.alarm.sounding and not before.sounding:
            assert event is Event.SIREN_ON or (event is Event.INTRUDER and before.state is State.ARMED)
            self.sounding_since = self.now
        if event in (Event.DISARM, Event.SIREN_OFF):
            assert not self.alarm.sounding
        if event is Event.DISARM:
            assert not self.alarm.armed
        if event is Event.ARM:
            assert self.alarm.armed

    @rule(seconds=st.floats(0, 400))
    def time_passes(self, seconds):
        """As the runner does it: the deadline is served when it comes."""
        end = self.now + seconds
        while self.alarm.deadline_mono_s is not None and self.alarm.deadline_mono_s <= end:
            self.now = self.alarm.deadline_mono_s
            self.alarm = step(self.alarm, Event.DEADLINE, self.now, LIMITS)
        self.now = end

    @invariant()
    def never_too_long(self):
        if getattr(self, "alarm", None) and self.alarm.sounding:
            assert self.now - self.sounding_since <= LIMITS.max_sounding_s
            assert self.alarm.deadline_mono_s is not None

    @invariant()
    def deadline_only_where_something_ends(self):
        if getattr(self, "alarm", None):
            timed = (State.SOUNDING, State.SOUNDING_UNARMED, State.COOLING)
            assert (self.alarm.deadline_mono_s is not None) == (self.alarm.state in timed)


TestMachine = Machine.TestCase


def test_sightings_do_not_prolong_a_sounding():
    alarm = step(Alarm(State.ARMED), Event.INTRUDER, 10.0, LIMITS)
    assert step(alarm, Event.INTRUDER, 100.0, LIMITS) == alarm


def test_arming_while_sounding_keeps_the_deadline():
    alarm = step(Alarm(), Event.SIREN_ON, 10.0, LIMITS)
    assert step(alarm, Event.ARM, 100.0, LIMITS).deadline_mono_s == alarm.deadline_mono_s


def test_cooling_ignores_sightings_but_not_people():
    cooling = Alarm(State.COOLING, 500.0)
    assert step(cooling, Event.INTRUDER, 450.0, LIMITS) == cooling
    assert step(cooling, Event.SIREN_ON, 450.0, LIMITS).sounding


@pytest.mark.parametrize("wanted", list(Response))
def test_disarmed_only_records(wanted):
    assert effective_response(wanted, Alarm(), siren_ready=True) is Response.RECORD


@pytest.mark.parametrize(
    ("state", "ready", "expected"),
    [
        (State.ARMED, True, Response.SIREN),
        (State.SOUNDING, True, Response.SIREN),
        (State.ARMED, False, Response.CALL),
        (State.COOLING, True, Response.CALL),
    ],
)
def test_a_siren_that_cannot_sound_becomes_a_call(state, ready, expected):
    assert effective_response(Response.SIREN, Alarm(state), siren_ready=ready) is expected


@given(st.sampled_from(list(Response)), st.sampled_from(list(Response)))
def test_stronger_is_symmetric_and_never_weaker(one, other):
    assert stronger(one, other) is stronger(other, one)
    assert stronger(one, other) in (one, other)
    assert stronger(Response.SIREN, other) is Response.SIREN


clock_times = st.times().map(lambda t: t.replace(second=0, microsecond=0))
zones = st.sampled_from([HANOI, ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Lord_Howe"), ZoneInfo("UTC")])


@given(clock_times, clock_times, zones, st.floats(1.5e9, 2.5e9))
def test_schedule_changes_enclose_now_and_alternate(arm, disarm, zone, now):
    if arm == disarm:
        return
    schedule = Schedule(arm=arm, disarm=disarm)
    last, following = last_change(schedule, zone, now), next_change(schedule, zone, now)
    assert last.at_wall_s <= now < following.at_wall_s
    assert following.at_wall_s - last.at_wall_s <= 25 * 3600
    assert last.armed != following.armed


def test_schedule_in_vietnam():
    schedule = Schedule(arm=time(22), disarm=time(5))
    two_in_the_morning = datetime(2026, 11, 24, 2, 0, tzinfo=HANOI).timestamp()
    assert last_change(schedule, HANOI, two_in_the_morning).armed
    change = next_change(schedule, HANOI, two_in_the_morning)
    assert not change.armed
    assert datetime.fromtimestamp(change.at_wall_s, HANOI) == datetime(2026, 11, 24, 5, 0, tzinfo=HANOI)
