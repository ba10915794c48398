"""The alarm's table: properties over any sequence of events, and the rules one by one."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from nvr.alarm.deeds import deed_of
from nvr.alarm.machine import Alarm, Limits, restored, step
from nvr.alarm.states import TABLE, Event, State
from nvr.events import Mode

LIMITS = Limits(max_sounding_s=180.0, cooldown_s=60.0, warning_s=10.0, warn_again_s=60.0)
HOME, NIGHT, AWAY = Mode.HOME, Mode.NIGHT, Mode.AWAY
TIMED = {State.ARMING, State.PENDING, State.WARNING, State.SOUNDING, State.SILENCED, State.TESTING}


def walk(*events: tuple, alarm: Alarm | None = None, at_s: float = 100.0) -> Alarm:
    """From `alarm`, armed where it is None, through (event, options) or events at one moment."""
    alarm = alarm or Alarm(State.ARMED, AWAY)
    for event in events:
        kind, options = event if isinstance(event, tuple) else (event, {})
        alarm = step(alarm, kind, at_s, LIMITS, **options)
    return alarm


class Machine(RuleBasedStateMachine):
    """Drives the table by hand and keeps its own, simpler account of what may be."""

    @initialize(mode=st.sampled_from([None, *Mode]), ringing=st.booleans())
    def start(self, mode, ringing):
        self.now = 1000.0
        self.alarm = restored(mode, ringing=ringing)
        assert not self.alarm.siren
        self.loud_since = self.quiet_since = None
        self.entry = False

    @rule(
        event=st.sampled_from([e for e in Event if e is not Event.DEADLINE]),
        mode=st.sampled_from(Mode),
        seconds=st.sampled_from([0.0, 1.0, 5.0, 30.0, 120.0]),
    )
    def happens(self, event, mode, seconds):
        self.take(event, mode=mode, seconds=seconds)

    @rule(seconds=st.floats(0, 400))
    def time_passes(self, seconds):
        """As the runner does it: the deadline is served when it comes."""
        end = self.now + seconds
        while self.alarm.deadline_mono_s is not None and self.alarm.deadline_mono_s <= end:
            self.now = max(self.now, self.alarm.deadline_mono_s)
            self.take(Event.DEADLINE)
        self.now = end

    def take(self, event, **options):
        before = self.alarm
        self.alarm = after = step(before, event, self.now, LIMITS, **options)
        if after.siren and not before.siren:
            by_person = event in (Event.SIREN_ON, Event.TEST)
            by_entry = event is Event.DEADLINE and before.state is State.PENDING
            assert by_person or (before.acts and (event is Event.INTRUDER or by_entry))
            assert by_person or not before.quiet
            self.loud_since = self.now
        elif not after.siren:
            self.loud_since = None
        if after.state is State.PENDING and before.state is not State.PENDING:
            assert event is Event.ENTRY
            assert before.acts
        if event in (Event.DISARM, Event.SIREN_OFF, Event.ALL_CLEAR):
            assert not after.siren
            assert after.state not in (State.SOUNDING, State.PENDING, State.WARNING)
        if event is Event.DISARM:
            assert (after.state, after.mode, after.quiet) == (State.DISARMED, None, False)
        if event is Event.ARM:
            assert after.mode is options["mode"]
        elif event is not Event.DISARM:
            assert after.mode is before.mode
        if before.state is State.ARMING and event not in (Event.DEADLINE, Event.DISARM, Event.SIREN_ON):
            assert after.state is State.ARMING, "while arming nothing acts"
        if before.state in (State.SOUNDING, State.PENDING) and after.state is before.state:
            late = event is Event.SIREN_ON and not before.siren
            assert late or after.deadline_mono_s <= before.deadline_mono_s
        if before.cools(self.now) and after.siren and not before.siren:
            assert event in (Event.SIREN_ON, Event.TEST) or before.state is State.PENDING
        if after.state is not before.state:
            assert deed_of(event, before.state), "every change has a name in the audit trail"

    @invariant()
    def never_too_long(self):
        if getattr(self, "alarm", None) and self.alarm.siren:
            assert self.now - self.loud_since <= LIMITS.max_sounding_s
            assert self.alarm.loud_since_mono_s == self.loud_since
            assert self.alarm.deadline_mono_s <= self.loud_since + LIMITS.max_sounding_s

    @invariant()
    def state_and_data_agree(self):
        alarm = getattr(self, "alarm", None)
        if alarm is None:
            return
        assert (alarm.deadline_mono_s is not None) == (alarm.state in TIMED)
        assert alarm.armed or alarm.state in (State.DISARMED, State.SOUNDING, State.TESTING)
        assert not (alarm.armed and alarm.state is State.DISARMED)
        assert (alarm.loud_since_mono_s is not None) == alarm.siren
        assert not alarm.by_hand or alarm.state is State.SOUNDING
        if alarm.state is State.CALLING:
            assert alarm.ringing
        if alarm.state is State.FAULT:
            assert alarm.impaired
            assert not alarm.ringing
        if alarm.state is State.ARMED:
            assert not alarm.impaired
            assert not alarm.ringing


TestMachine = Machine.TestCase


def test_every_state_has_its_row_and_time_ends_just_the_timed_ones():
    assert TABLE.keys() == set(State)
    assert {state for state, row in TABLE.items() if Event.DEADLINE in row} == TIMED
    for state, row in TABLE.items():
        assert (Event.DISARM in row) or state is State.DISARMED
        assert Event.SIREN_ON in row


def test_while_arming_nothing_acts_and_then_it_is_armed():
    arming = walk((Event.ARM, {"mode": NIGHT, "seconds": 30}), alarm=Alarm())
    assert (arming.state, arming.mode, arming.deadline_mono_s) == (State.ARMING, NIGHT, 130)
    for event in (Event.INTRUDER, Event.ENTRY, Event.WARN, Event.TEST):
        assert step(arming, event, 120, LIMITS, seconds=5) == arming
    assert step(arming, Event.DEADLINE, 129, LIMITS) == arming
    assert step(arming, Event.DEADLINE, 130, LIMITS).state is State.ARMED
    assert walk((Event.ARM, {"mode": NIGHT}), alarm=Alarm()).state is State.ARMED


def test_another_mode_is_armed_as_anew_but_stops_nothing_that_happens():
    assert walk((Event.ARM, {"mode": HOME, "seconds": 30})).state is State.ARMING
    assert walk((Event.ARM, {"mode": AWAY, "seconds": 30})).state is State.ARMED
    for begin in ((Event.ENTRY, {"seconds": 20}), Event.INTRUDER, Event.WARN):
        before = walk(begin)
        after = step(before, Event.ARM, 110, LIMITS, mode=HOME, seconds=30)
        assert (after.state, after.deadline_mono_s) == (before.state, before.deadline_mono_s)
        assert after.mode is HOME


def test_an_entry_sounds_at_its_deadline_and_disarming_in_time_keeps_it_silent():
    pending = walk((Event.ENTRY, {"seconds": 20}))
    assert (pending.state, pending.siren) == (State.PENDING, False)
    assert step(pending, Event.DISARM, 119, LIMITS).state is State.DISARMED
    assert step(pending, Event.DEADLINE, 120, LIMITS).siren
    assert step(pending, Event.INTRUDER, 101, LIMITS).siren, "a zone without delay"
    assert step(pending, Event.ENTRY, 101, LIMITS, seconds=120) == pending
    assert step(pending, Event.ENTRY, 101, LIMITS, seconds=5).deadline_mono_s == 106
    assert step(pending, Event.LAPSE, 120, LIMITS).state is State.ARMED
    assert step(pending, Event.SIREN_OFF, 110, LIMITS).state is State.SILENCED


def test_sightings_do_not_prolong_a_sounding():
    alarm = walk(Event.INTRUDER)
    assert step(alarm, Event.INTRUDER, 200.0, LIMITS) == alarm


def test_arming_while_sounding_keeps_the_deadline():
    alarm = walk(Event.SIREN_ON, alarm=Alarm())
    assert step(alarm, Event.ARM, 200.0, LIMITS, mode=AWAY).deadline_mono_s == alarm.deadline_mono_s


@pytest.mark.parametrize("end", [Event.SIREN_OFF, Event.DEADLINE, Event.ALL_CLEAR])
def test_silenced_ignores_sightings_but_not_people(end):
    silenced = step(walk(Event.INTRUDER), end, 280.0, LIMITS)
    assert (silenced.state, silenced.deadline_mono_s) == (State.SILENCED, 340)
    for event in (Event.INTRUDER, Event.ENTRY):
        assert step(silenced, event, 300, LIMITS, seconds=5) == silenced
    assert step(silenced, Event.SIREN_ON, 300, LIMITS).siren
    warned = step(silenced, Event.WARN, 300, LIMITS)
    assert step(warned, Event.INTRUDER, 305, LIMITS) == warned
    assert step(warned, Event.DEADLINE, 310, LIMITS).state is State.SILENCED
    assert step(silenced, Event.DEADLINE, 340, LIMITS).state is State.ARMED


def test_what_rests_is_called_by_what_is_true():
    calling = walk(Event.IMPAIRED, Event.RING)
    assert (walk(Event.IMPAIRED).state, calling.state) == (State.FAULT, State.CALLING)
    assert walk(Event.CALM, alarm=calling).state is State.FAULT
    assert walk(Event.CALM, Event.ABLE, alarm=calling).state is State.ARMED
    assert walk(Event.ALL_CLEAR, alarm=calling).state is State.FAULT
    assert walk(Event.RING, alarm=Alarm()).state is State.DISARMED
    assert walk(Event.INTRUDER, Event.RING, Event.IMPAIRED).state is State.SOUNDING


def test_what_still_works_acts_in_spite_of_a_fault():
    assert walk(Event.IMPAIRED, Event.INTRUDER).siren
    assert walk(Event.IMPAIRED, (Event.ENTRY, {"seconds": 5})).state is State.PENDING


def test_a_warning_ends_by_itself_gives_way_and_is_not_repeated_at_once():
    warning = walk(Event.WARN)
    assert (warning.state, warning.deadline_mono_s) == (State.WARNING, 110)
    assert step(warning, Event.INTRUDER, 105, LIMITS).siren
    over = step(warning, Event.DEADLINE, 110, LIMITS)
    assert over.state is State.ARMED
    assert step(over, Event.WARN, 159, LIMITS) == over
    assert step(over, Event.WARN, 160, LIMITS).state is State.WARNING


def test_a_siren_test_ends_soon_starts_no_cooldown_and_counts_to_what_follows():
    testing = walk((Event.TEST, {"seconds": 3}))
    assert (testing.state, testing.siren, testing.deadline_mono_s) == (State.TESTING, True, 103)
    assert step(testing, Event.DEADLINE, 103, LIMITS) == Alarm(State.ARMED, AWAY)
    for event in (Event.SIREN_OFF, Event.DISARM, Event.ALL_CLEAR):
        assert not step(testing, event, 101, LIMITS).siren
    real = step(testing, Event.INTRUDER, 102, LIMITS)
    assert (real.state, real.deadline_mono_s) == (State.SOUNDING, 280)
    unarmed = walk((Event.TEST, {"seconds": 3}), alarm=Alarm())
    assert step(unarmed, Event.INTRUDER, 102, LIMITS) == unarmed
    assert step(unarmed, Event.DEADLINE, 103, LIMITS) == Alarm()


def test_in_a_quiet_test_only_a_person_is_heard():
    quiet = walk(Event.QUIET_TEST)
    shown = step(quiet, Event.INTRUDER, 110, LIMITS)
    assert (shown.state, shown.siren) == (State.SOUNDING, False)
    panic = step(shown, Event.SIREN_ON, 150, LIMITS)
    assert (panic.siren, panic.deadline_mono_s) == (True, 330)
    assert step(panic, Event.QUIET_TEST_OVER, 160, LIMITS, seconds=30).siren
    ended = step(shown, Event.QUIET_TEST_OVER, 160, LIMITS, seconds=30)
    assert (ended.state, ended.siren, ended.quiet) == (State.ARMING, False, False)
    assert step(shown, Event.DEADLINE, 290, LIMITS).state is State.SILENCED


@pytest.mark.parametrize("begin", [Event.INTRUDER, (Event.ENTRY, {"seconds": 9}), Event.WARN, Event.SIREN_ON])
def test_a_quiet_test_silences_nothing_that_is_meant(begin):
    meant = walk(begin)
    assert walk(Event.QUIET_TEST, alarm=meant) == meant


def test_arming_needs_a_mode():
    with pytest.raises(ValueError, match="mode"):
        step(Alarm(), Event.ARM, 0, LIMITS)
