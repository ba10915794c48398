"""Who is told when: nobody twice, no escalation after the acknowledgement, and every delivery ends visibly."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from nvr.alarm.notify.policy import (
    FAILING_AFTER,
    GIVE_UP_S,
    LONGEST_RETRY_S,
    Delivery,
    Recipient,
    Rule,
    Waiting,
    due_s,
    is_told,
    retry_s,
)
from nvr.events import Response

CALLING = frozenset({Response.CALL, Response.WARN, Response.SIREN})
RECIPIENTS = [Recipient("a"), Recipient("b"), Recipient("phones", "1"), Recipient("phones", "2")]


def test_rules():
    first, second = Rule("a", 0, CALLING), Rule("b", 300, frozenset({Response.SIREN}))
    assert is_told(first, Response.CALL, acknowledged=False)
    assert is_told(first, Response.CALL, acknowledged=True)  # a record of what happened, whoever took it on
    assert not is_told(first, Response.RECORD, acknowledged=False)
    assert not is_told(second, Response.CALL, acknowledged=False)
    assert is_told(second, Response.SIREN, acknowledged=False)
    assert not is_told(second, Response.SIREN, acknowledged=True)
    assert due_s(second, 1000) == 1300


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_waiting_times_are_bounded(failures, jitter):
    assert 1 < retry_s(failures, jitter) <= LONGEST_RETRY_S


class Deliveries(RuleBasedStateMachine):
    """Any order of incidents, acknowledgements, successes, failures and time."""

    incidents = Bundle("incidents")

    def __init__(self):
        super().__init__()
        self.now_s, self.next_id, self.next_incident = 1000.0, 1, 1
        self.waiting = Waiting()
        self.all: dict[int, Delivery] = {}
        self.ended: dict[int, str] = {}
        self.sending: dict[int, Delivery] = {}
        self.acknowledged: set[int] = set()

    def end(self, deliveries, how):
        for delivery in deliveries:
            assert delivery.id not in self.ended
            self.ended[delivery.id] = how

    @rule(target=incidents, after_s=st.lists(st.sampled_from([0.0, 60.0, 600.0]), min_size=4, max_size=4))
    def open(self, after_s):
        new = []
        for recipient, later_s in zip(RECIPIENTS, after_s, strict=True):
            delivery = Delivery(
                self.next_id,
                self.next_incident,
                recipient,
                later_s > 0,
                self.now_s + later_s,
                self.now_s + GIVE_UP_S,
            )
            self.next_id += 1
            new.append(delivery)
            self.all[delivery.id] = delivery
        self.waiting.add(new)
        self.waiting.add(new)  # told again of the same changes nothing
        self.next_incident += 1
        return self.next_incident - 1

    @rule(incident=incidents)
    def acknowledge(self, incident):
        self.acknowledged.add(incident)
        gone = self.waiting.acknowledge(incident)
        assert all(delivery.escalates and delivery.incident == incident for delivery in gone)
        self.end(gone, "withdrawn")

    @rule()
    def start(self):
        for delivery in self.waiting.start(self.now_s):
            assert delivery.id not in self.ended, "told again after it ended"
            assert delivery.id not in self.sending
            assert delivery.recipient not in [other.recipient for other in self.sending.values()]
            assert delivery.due_s <= self.now_s < delivery.expires_s
            assert not (delivery.escalates and delivery.incident in self.acknowledged)
            self.sending[delivery.id] = delivery

    @precondition(lambda self: self.sending)
    @rule(data=st.data(), how=st.sampled_from(["succeed", "fail", "end"]), jitter=st.floats(0, 1))
    def answer(self, data, how, jitter):
        delivery = self.sending.pop(data.draw(st.sampled_from(sorted(self.sending))))
        if how == "succeed":
            self.end([self.waiting.succeed(delivery.id)], "delivered")
        elif how == "end":
            self.end([self.waiting.end(delivery.id)], "given_up")
        else:
            assert self.waiting.fail(delivery.id, self.now_s, jitter).attempts == delivery.attempts + 1
            if delivery.incident in self.acknowledged:  # as the runner does after each failure
                self.end(self.waiting.acknowledge(delivery.incident), "withdrawn")

    @rule(seconds=st.sampled_from([0.5, 3.0, 60.0, 900.0, GIVE_UP_S]))
    def wait(self, seconds):
        self.now_s += seconds
        self.end(self.waiting.expire(self.now_s), "given_up")

    @rule(recipient=st.sampled_from(RECIPIENTS))
    def leave(self, recipient):
        self.end(self.waiting.drop([recipient]), "given_up")

    @invariant()
    def nothing_is_forgotten(self):
        """Every delivery waits or has ended; and while one waits there is a time to look again."""
        assert len(self.waiting) == len(self.all) - len(self.ended)
        idle = [d for d in self.all if d not in self.ended and d not in self.sending]
        wake_at_s = self.waiting.wake_at_s()
        if idle:
            assert wake_at_s is not None
            assert wake_at_s <= self.now_s + GIVE_UP_S
        if not self.all.keys() - self.ended.keys():
            assert wake_at_s is None

    def teardown(self):
        """Whatever happened: with time, all of them end."""
        for number in list(self.sending):
            self.end([self.waiting.succeed(number)], "delivered")
        while (at_s := self.waiting.wake_at_s()) is not None:
            self.now_s = max(self.now_s, at_s)
            for delivery in self.waiting.start(self.now_s):
                self.end([self.waiting.succeed(delivery.id)], "delivered")
            self.end(self.waiting.expire(self.now_s), "given_up")
        assert self.ended.keys() == self.all.keys()


TestDeliveries = Deliveries.TestCase
TestDeliveries.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def waiting(*deliveries):
    w = Waiting()
    w.add(deliveries)
    return w


def test_a_failing_recipient_is_left_alone_and_another_is_not():
    w = waiting(
        Delivery(1, 1, Recipient("a"), False, 0, 9e9),
        Delivery(2, 1, Recipient("b"), False, 0, 9e9),
        Delivery(3, 2, Recipient("a"), False, 0, 9e9),
    )
    assert [d.id for d in w.start(10)] == [1, 2]
    w.fail(1, 10, 0.0)
    w.succeed(2)
    assert w.start(11) == []
    assert w.wake_at_s() == 12
    # The one that was not tried yet goes first: a message that is refused holds up nobody.
    assert [d.id for d in w.start(12)] == [3]


def test_it_is_a_fault_after_some_failures_and_none_after_a_success():
    w = waiting(Delivery(1, 1, Recipient("a"), False, 0, 9e9), Delivery(2, 2, Recipient("a"), False, 0, 9e9))
    now_s = 0.0
    for _ in range(FAILING_AFTER):
        assert not w.is_failing("a")
        now_s += 1000
        w.fail(w.start(now_s)[0].id, now_s, 0.0)
    assert w.is_failing("a")
    assert not w.is_failing("b")
    now_s += 1000
    w.succeed(w.start(now_s)[0].id)
    assert not w.is_failing("a")


def test_only_what_is_under_way_is_answered():
    w = waiting(Delivery(1, 1, Recipient("a"), False, 0, 9e9))
    with pytest.raises(KeyError):
        w.succeed(1)
    w.start(0)
    w.fail(1, 0, 0)
    with pytest.raises(ValueError, match="not under way"):
        w.succeed(1)
