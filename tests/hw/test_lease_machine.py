from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hw.lease import MAX_LEASE_S, Cause, LeaseMachine

A, B = 1, 2


def machine() -> LeaseMachine:
    return LeaseMachine(max_on_s=20.0, cooldown_s=10.0)


def test_off_at_start() -> None:
    assert (machine().on, machine().cause, machine().deadline_s()) == (False, Cause.START, None)


def test_hold_renew_expire() -> None:
    m = machine()
    assert m.hold(A, 2.0, 100.0) is None
    assert (m.on, m.cause, m.deadline_s()) == (True, Cause.HELD, 102.0)
    assert m.hold(A, 2.0, 101.5) is None
    m.tick(103.4)
    assert m.on
    m.tick(103.5)
    assert (m.on, m.cause) == (False, Cause.LEASE_EXPIRED)
    assert m.hold(A, 1.0, 104.0) is None


def test_lease_is_clamped() -> None:
    m = machine()
    m.hold(A, 3600.0, 0.0)
    assert m.deadline_s() == MAX_LEASE_S


def test_maximum_time_then_release_and_cooldown_are_both_needed() -> None:
    m = machine()
    for second in range(20):
        assert m.hold(A, 5.0, float(second)) is None
    assert m.deadline_s() == 20.0
    m.tick(20.0)
    assert (m.on, m.cause, m.cooldown_s(20.0)) == (False, Cause.MAXIMUM_TIME, 10.0)
    refused = m.hold(A, 5.0, 40.0)
    assert refused is not None and "release it first" in refused
    m.release(A, 40.0)
    assert m.cause == Cause.RELEASED
    assert m.hold(A, 5.0, 40.0) is None


def test_release_alone_does_not_give_the_time_back() -> None:
    m = machine()
    for second in range(20):
        m.hold(A, 5.0, float(second))
    m.tick(20.0)
    m.release(A, 21.0)
    refused = m.hold(A, 5.0, 21.0)
    assert refused is not None and "9.0 s more" in refused
    assert m.cooldown_s(21.0) == 9.0
    assert m.hold(A, 5.0, 30.0) is None


def test_connection_lost() -> None:
    m = machine()
    m.hold(A, 5.0, 0.0)
    m.connection_lost(B, 1.0)
    assert m.on
    m.connection_lost(A, 1.0)
    assert (m.on, m.cause) == (False, Cause.CONNECTION_LOST)
    assert m.hold(B, 5.0, 2.0) is None


def test_one_controller_at_a_time() -> None:
    m = machine()
    m.hold(A, 5.0, 0.0)
    assert m.hold(B, 5.0, 1.0) == "another client holds the siren"
    m.release(A, 1.0)
    assert m.hold(B, 5.0, 1.0) is None


def test_anyone_may_silence_and_a_renewing_controller_does_not_undo_it() -> None:
    m = machine()
    m.hold(A, 5.0, 0.0)
    m.release(B, 1.0)
    assert (m.on, m.cause) == (False, Cause.SILENCED)
    m.release(B, 1.5)
    assert m.hold(A, 5.0, 2.0) == "siren was stopped (silenced): release it first"
    m.release(A, 2.0)
    assert m.hold(A, 5.0, 2.0) is None


def test_a_release_by_others_while_off_blocks_nothing() -> None:
    m = machine()
    m.hold(A, 1.0, 0.0)
    m.tick(1.0)
    m.release(B, 2.0)
    assert m.cause == Cause.LEASE_EXPIRED
    assert m.hold(A, 1.0, 3.0) is None


def test_late_tick_counts_the_time_really_sounded() -> None:
    m = machine()
    m.hold(A, 1.0, 0.0)
    m.tick(15.0)  # the guard itself was stopped for a while
    m.hold(A, 5.0, 16.0)
    m.hold(A, 5.0, 19.0)
    assert m.deadline_s() == 21.0


@pytest.mark.parametrize(
    ("max_on_s", "cooldown_s"), [(0, 1), (-1, 1), (3601, 1), (float("nan"), 1), (1, -1), (1, float("nan"))]
)
def test_limits(max_on_s: float, cooldown_s: float) -> None:
    with pytest.raises(ValueError, match="must be"):
        LeaseMachine(max_on_s, cooldown_s)


class Leases(RuleBasedStateMachine):
    """Against a model that only knows which lease was granted last, and counts the time on."""

    max_on_s = 12.0
    cooldown_s = 4.0

    def __init__(self) -> None:
        super().__init__()
        self.machine = LeaseMachine(self.max_on_s, self.cooldown_s)
        self.now_s = 0.0
        self.lease_until_s: float | None = None
        self.holder: int | None = None
        self.sounded_s = 0.0
        self.silent_s = float("inf")
        assert not self.machine.on

    def pass_time(self, until_s: float) -> None:
        if self.machine.on:
            self.sounded_s += until_s - self.now_s
            self.silent_s = 0.0
        else:
            self.silent_s += until_s - self.now_s
        self.now_s = until_s
        self.machine.tick(until_s)
        if self.silent_s >= self.cooldown_s:
            self.sounded_s = 0.0

    @rule(seconds=st.integers(0, 80).map(lambda eighths: eighths / 8))
    def wait(self, seconds: float) -> None:
        end_s = self.now_s + seconds
        while (deadline_s := self.machine.deadline_s()) is not None and deadline_s <= end_s:
            self.pass_time(deadline_s)
            assert self.machine.deadline_s() != deadline_s
        self.pass_time(end_s)

    @rule(seconds=st.integers(0, 80).map(lambda eighths: eighths / 8))
    def stall(self, seconds: float) -> None:
        """The guard does not run for a while; then the budget may be overdrawn, but it is off at once."""
        was_on = self.machine.on
        self.pass_time(self.now_s + seconds)
        if was_on and self.lease_until_s is not None and self.now_s >= self.lease_until_s:
            assert not self.machine.on
        self.sounded_s = min(self.sounded_s, self.max_on_s)

    @rule(client=st.sampled_from([A, B]), eighths=st.integers(1, 80))
    def hold(self, client: int, eighths: int) -> None:
        was_on, was_holder = self.machine.on, self.holder
        refused = self.machine.hold(client, eighths / 8, self.now_s)
        if refused is None:
            assert self.machine.on
            self.holder = client
            self.lease_until_s = self.now_s + min(eighths / 8, MAX_LEASE_S)
        else:
            assert self.machine.on == (was_on and was_holder != client)

    @rule(client=st.sampled_from([A, B]))
    def release(self, client: int) -> None:
        self.machine.release(client, self.now_s)
        assert not self.machine.on
        self.lease_until_s = None

    @rule(client=st.sampled_from([A, B]))
    def lose(self, client: int) -> None:
        self.machine.connection_lost(client, self.now_s)
        if client == self.holder:
            assert not self.machine.on
            self.lease_until_s = None

    @invariant()
    def never_on_without_a_live_lease(self) -> None:
        if self.machine.on:
            assert self.lease_until_s is not None
            assert self.now_s < self.lease_until_s

    @invariant()
    def never_longer_than_the_maximum(self) -> None:
        assert self.sounded_s <= self.max_on_s
        if self.machine.on:
            assert self.sounded_s < self.max_on_s

    @invariant()
    def always_a_way_back(self) -> None:
        """Whatever happened, after a release by both and the cooldown a hold is granted again."""
        if not self.machine.on:
            assert self.machine.cooldown_s(self.now_s) <= self.cooldown_s


class Recovery(Leases):
    def teardown(self) -> None:
        for client in (A, B, A):
            self.machine.release(client, self.now_s)
        self.pass_time(self.now_s + self.cooldown_s)
        assert self.machine.cooldown_s(self.now_s) == 0
        assert self.machine.hold(A, 1.0, self.now_s) is None


TestLeases = Recovery.TestCase
