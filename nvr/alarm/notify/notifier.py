"""The notifications at work: incidents in, messages out, what became of each written down.

Nothing here is awaited by the alarm: `incident` only puts into a mailbox. A delivery is on the disk before it is first
tried, and ended there before anything else is done; what the power cut interrupts is tried again (at least once; each
attempt carries the same delivery number).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

import structlog

from nvr.alarm.incidents import Incident, IncidentStore
from nvr.alarm.notify import policy
from nvr.alarm.notify.age import age_at_start_s, age_s, on_monotonic
from nvr.alarm.notify.message import Site, incident_message, test_message
from nvr.alarm.notify.outbox import Outbox, Outcome, Planned, Stored
from nvr.alarm.notify.policy import GIVE_UP_S, MAX_WAITING, Delivery, Recipient, Rule, State, Waiting
from nvr.alarm.notify.sender import Sender, SendFailed
from nvr.alarm.policy import INCIDENT_LONGEST_S
from nvr.audit_chain import Head
from nvr.clock import Clock
from nvr.errors import StorageError
from nvr.events import Fault
from nvr.faults import FaultBoard

log = structlog.get_logger(__name__)

MAILBOX = 500
SEND_S = 30.0
LOOK_BACK = 200
FORGET_S = 24 * 3600.0


class Notifier:
    """`rules`, `senders`: by the target's name, both the same names. `on_change`: what is told of an incident changed.
    `audit_head`: the audit trail's, which goes out with every message; raises StorageError."""

    def __init__(
        self,
        rules: Mapping[str, Rule],
        senders: Mapping[str, Sender],
        *,
        outbox: Outbox,
        incidents: IncidentStore,
        site: Site,
        clock: Clock,
        faults: FaultBoard,
        on_change: Callable[[Incident], None],
        audit_head: Callable[[], Awaitable[Head | None]],
    ):
        self._rules, self._senders = rules, senders
        self._outbox, self._store, self._site = outbox, incidents, site
        self._clock, self._faults = clock, faults
        self._on_change, self._audit_head = on_change, audit_head
        self._waiting = Waiting()
        self._incidents: dict[int, Incident] = {}
        self._mailbox: dict[int, Incident] = {}
        self._outcomes: dict[int, Outcome] = {}
        self._planned: dict[int, tuple[object, bool]] = {}
        self._wake = asyncio.Event()
        self._loaded = False
        self._random = random.Random()  # noqa: S311  (spreads retries; nothing secret)

    def incident(self, incident: Incident) -> None:
        """It is new or changed; never waits. Of more than MAILBOX that nobody came to, the oldest is dropped."""
        if not self._rules:
            return
        if incident.id in self._incidents:
            self._incidents[incident.id] = incident
        self._mailbox.pop(incident.id, None)
        self._mailbox[incident.id] = incident
        if len(self._mailbox) > MAILBOX:
            del self._mailbox[next(iter(self._mailbox))]
        self._wake.set()

    async def run(self, healthy: Callable[[], None]) -> None:
        """Until cancelled. Raises StorageError."""
        forget_mono_s = self._clock.monotonic()
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._wake.clear()
                if not self._loaded:
                    await self._load()
                    self._loaded = True
                await self._save()
                await self._take_mail()
                # From here on nothing waits: what was acknowledged by now is not escalated.
                now_s = self._clock.monotonic()
                self._note(self._waiting.expire(now_s), "given_up", "expired")
                for delivery in self._waiting.start(now_s):
                    tasks.create_task(self._send(delivery))
                self._show_faults()
                healthy()
                if now_s >= forget_mono_s:
                    forget_mono_s = now_s + FORGET_S
                    await self._outbox.forget_old(self._clock.wall())
                if not self._outcomes:
                    await self._sleep()

    async def flush(self) -> None:
        """Write down what became of deliveries; the last thing before the database is closed. Raises StorageError."""
        await self._save()

    async def test(self, target: str, by: str) -> int:
        """Send a test to all recipients of the target now; how many got it. Raises KeyError: no such target;
        SendFailed: none got it."""
        sender = self._senders[target]
        message = test_message(self._site, by=by, now_s=self._clock.wall())
        arrived, failure = 0, SendFailed("nobody")
        for member in await sender.members(None):
            try:
                await _within(sender.send(member, message))
                arrived += 1
            except SendFailed as error:
                failure = error
        if not arrived:
            raise failure
        return arrived

    def is_failing(self, target: str) -> bool:
        """Whether staff must know that the target is not reached."""
        return self._waiting.is_failing(target)

    # Planning

    async def _load(self) -> None:
        """What waited before the start, and incidents that were not planned any more."""
        wall_s, is_trusted = self._clock.wall(), self._clock.state().is_trusted
        waiting = await self._outbox.waiting()
        for number in {stored.incident for stored in waiting}:
            if (incident := await self._store.get(number)) is not None:
                self._incidents[number] = incident
        known = [s for s in waiting if s.recipient.target in self._rules and s.incident in self._incidents]
        self._note([s for s in waiting if s not in known], "given_up", "removed")
        ages = {
            number: age_at_start_s(incident, wall_s, is_trusted=is_trusted)
            for number, incident in self._incidents.items()
        }
        self._wait_for(known, ages)
        for incident in self._incidents.values():
            if incident.acknowledged_s is not None:
                self._note(self._waiting.acknowledge(incident.id), "withdrawn")
        planned = await self._outbox.planned_up_to()
        for incident in reversed(await self._store.page(None, limit=LOOK_BACK)):
            old_s = age_at_start_s(incident, wall_s, is_trusted=is_trusted)
            if old_s < (GIVE_UP_S if incident.id > planned else INCIDENT_LONGEST_S):
                await self._plan(incident, old_s)

    async def _take_mail(self) -> None:
        while self._mailbox:
            number = next(iter(self._mailbox))
            incident = self._mailbox.pop(number)
            facts = (incident.response, incident.acknowledged_s is not None)
            if self._planned.get(number) == facts:
                continue
            try:
                if incident.acknowledged_s is not None:
                    self._note(self._waiting.acknowledge(number), "withdrawn")
                await self._plan(incident, age_s(incident, self._clock.wall()))
            except BaseException:
                self._mailbox.setdefault(number, incident)
                raise
            self._planned[number] = facts
            if len(self._planned) > MAILBOX:
                del self._planned[next(iter(self._planned))]

    async def _plan(self, incident: Incident, old_s: float) -> None:
        """`old_s`: the incident's age. Of a quiet test nobody outside of the page is told."""
        if incident.test:
            return
        planned: list[Planned] = []
        room = MAX_WAITING - len(self._waiting)
        for rule in self._rules.values():
            if not policy.is_told(rule, incident.response, acknowledged=incident.acknowledged_s is not None):
                continue
            for member in await self._senders[rule.target].members(incident.camera):
                state: State = "waiting" if len(planned) < room else "given_up"
                problem = "" if state == "waiting" else "too_many"
                due_s = policy.due_s(rule, incident.opened_s)
                recipient = Recipient(rule.target, member)
                planned.append(Planned(recipient, rule.after_s > 0, due_s, state, problem))
        if not planned:
            return
        stored = await self._outbox.plan(incident.id, planned, self._clock.wall())
        self._incidents[incident.id] = incident
        self._wait_for(stored, {incident.id: old_s})
        self._on_change(incident)

    def _wait_for(self, stored: list[Stored], ages: Mapping[int, float]) -> None:
        """`ages`: of the incidents, in seconds."""
        now_s = self._clock.monotonic()
        for one in stored:
            incident = self._incidents[one.incident]
            self._waiting.add([on_monotonic(one, incident, ages[incident.id], now_s)])

    # Sending

    async def _send(self, delivery: Delivery) -> None:
        answered = False
        try:
            arrived = await self._attempt(delivery)
            answered = True
            if arrived:
                self._note([self._waiting.succeed(delivery.id)], "delivered")
            else:
                self._note([self._waiting.end(delivery.id)], "withdrawn")
        except SendFailed as error:
            answered = True
            log.warning("not delivered", target=delivery.recipient.target, problem=error.problem)
            if error.is_gone:
                self._note([self._waiting.end(delivery.id)], "given_up", error.problem)
            else:
                self._failed(delivery, error.problem)
        finally:
            if not answered:  # cancelled: nobody knows
                self._failed(delivery, "interrupted")
            self._wake.set()

    async def _attempt(self, delivery: Delivery) -> bool:
        """False: it was acknowledged in the last moment. Raises SendFailed."""
        head = None
        with suppress(StorageError):
            head = await self._audit_head()
        incident = self._incidents[delivery.incident]
        if delivery.escalates and incident.acknowledged_s is not None:
            return False
        message = incident_message(
            self._site,
            incident,
            delivery=delivery.id,
            escalates=delivery.escalates,
            now_s=self._clock.wall(),
            audit_head=str(head) if head else None,
        )
        await _within(self._senders[delivery.recipient.target].send(delivery.recipient.member, message))
        return True

    def _failed(self, delivery: Delivery, problem: str) -> None:
        tried = self._waiting.fail(delivery.id, self._clock.monotonic(), self._random.random())
        self._note([tried], "waiting", problem)
        incident = self._incidents[delivery.incident]
        if incident.acknowledged_s is not None:
            self._note(self._waiting.acknowledge(incident.id), "withdrawn")

    # Outcomes

    def _note(self, deliveries: Sequence[Delivery | Stored], state: State, problem: str = "") -> None:
        now_s = self._clock.wall()
        for d in deliveries:
            self._outcomes[d.id] = Outcome(d.id, d.incident, state, d.attempts, now_s, problem)

    async def _save(self) -> None:
        """Write down what became of deliveries; tried again in the next run where it cannot be. Raises StorageError."""
        if not self._outcomes:
            return
        outcomes = dict(self._outcomes)
        await self._outbox.note(outcomes.values())
        for number, outcome in outcomes.items():
            if self._outcomes.get(number) is outcome:
                del self._outcomes[number]
        left = self._waiting.incidents()
        changed = {outcome.incident for outcome in outcomes.values()}
        for number in changed & self._incidents.keys():
            self._on_change(self._incidents[number])
        for number in self._incidents.keys() - left:
            del self._incidents[number]

    def _show_faults(self) -> None:
        for target in self._rules:
            place = f"notify:{target}"
            if self._waiting.is_failing(target):
                detail = f'notify "{target}": messages do not arrive; they are tried again'
                self._faults.raise_fault(Fault(place, "notify_failing", detail, {"target": target}))
            else:
                self._faults.clear(place, "notify_failing")

    async def _sleep(self) -> None:
        at_s = self._waiting.wake_at_s()
        with suppress(TimeoutError):
            async with asyncio.timeout(None if at_s is None else max(0.0, at_s - self._clock.monotonic())):
                await self._wake.wait()


async def _within(sending: Awaitable[None]) -> None:
    """Raises SendFailed."""
    try:
        async with asyncio.timeout(SEND_S):
            await sending
    except TimeoutError:
        raise SendFailed("timeout") from None
