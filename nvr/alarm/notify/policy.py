"""Who is told of an incident, when, and what becomes of it. Pure.

A *delivery* is one incident for one recipient (a target of nvr.toml, or one phone of a push target); there is at most
one for each pair. It waits until it is due, is tried until it succeeds, and ends in one of these ways:

    waiting ──▶ delivered     the recipient has it
            ──▶ withdrawn     an escalation that nobody needs: the incident was acknowledged before it was told
            ──▶ given_up      too old, the recipient is gone, or there were too many at once; staff see it

Times are monotonic seconds. A recipient that fails is left alone for a time that doubles with each failure, whatever
waits for it; of what waits, the least tried goes first, so that one message that a receiver refuses holds up nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from nvr.events import Response

GIVE_UP_S = 6 * 3600.0
"""What is older tells of no danger any more; the incident itself stands on the page."""
FIRST_RETRY_S, LONGEST_RETRY_S = 2.0, 300.0
FAILING_AFTER = 3
"""So many failures in a row are a fault."""
MAX_WAITING = 1000

State = Literal["waiting", "delivered", "withdrawn", "given_up"]


@dataclass(frozen=True, slots=True)
class Recipient:
    """`target`: name in nvr.toml. `member`: which of a target that has several, else ""."""

    target: str
    member: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """What nvr.toml says of one target."""

    target: str
    after_s: float
    responses: frozenset[Response]


@dataclass(frozen=True, slots=True)
class Delivery:
    """`due_s` to `expires_s`: when it may be tried. `escalates`: only while nobody has acknowledged."""

    id: int
    incident: int
    recipient: Recipient
    escalates: bool
    due_s: float
    expires_s: float
    attempts: int = 0


def is_told(rule: Rule, response: Response, *, acknowledged: bool) -> bool:
    """Whether the target is to be told of an incident that was answered with `response`."""
    return response in rule.responses and not (acknowledged and rule.after_s > 0)


def due_s(rule: Rule, opened_s: float) -> float:
    """When a target is to be told of an incident that began at `opened_s`, on the same clock."""
    return opened_s + rule.after_s


def retry_s(failures: int, jitter: float) -> float:
    """How long a recipient is left alone after the `failures`-th failure in a row (from 1). `jitter`, 0 to 1: takes up
    to a quarter off, so that villages whose broker comes back do not all come in one instant."""
    base: float = min(FIRST_RETRY_S * 2.0 ** min(failures - 1, 20), LONGEST_RETRY_S)
    return base * (1 - 0.25 * jitter)


@dataclass(slots=True)
class _Line:
    """One recipient: how it is doing, and what is under way to it."""

    failures: int = 0
    not_before_s: float = float("-inf")
    sending: int | None = None


@dataclass(slots=True)
class Waiting:
    """All deliveries that have not ended. Mutable; one owner."""

    _deliveries: dict[int, Delivery] = field(default_factory=dict)
    _lines: dict[Recipient, _Line] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._deliveries)

    def add(self, deliveries: Iterable[Delivery]) -> None:
        """They wait from now on; those known already are left as they are."""
        for delivery in deliveries:
            self._deliveries.setdefault(delivery.id, delivery)

    def incidents(self) -> set[int]:
        """Those of which somebody is still to be told."""
        return {delivery.incident for delivery in self._deliveries.values()}

    def acknowledge(self, incident: int) -> list[Delivery]:
        """Somebody took the incident on: these deliveries are withdrawn. One that is under way is not: nobody can
        call it back; should it fail, it is withdrawn by the next call."""
        gone = [
            d
            for d in self._deliveries.values()
            if d.incident == incident and d.escalates and not self._is_sent(d)
        ]
        return self._end(gone)

    def expire(self, now_s: float) -> list[Delivery]:
        """Those that are too old are given up."""
        return self._end(
            [d for d in self._deliveries.values() if now_s >= d.expires_s and not self._is_sent(d)]
        )

    def drop(self, recipients: Sequence[Recipient]) -> list[Delivery]:
        """What waits for recipients that are no more is given up."""
        return self._end(
            [d for d in self._deliveries.values() if d.recipient in recipients and not self._is_sent(d)]
        )

    def start(self, now_s: float) -> list[Delivery]:
        """What is to be sent now, at most one for each recipient; each must be told to `succeed`, `fail` or `end`."""
        chosen: dict[Recipient, Delivery] = {}
        for delivery in self._deliveries.values():
            line = self._lines.get(delivery.recipient)
            if line is not None and (line.sending is not None or now_s < line.not_before_s):
                continue
            if not delivery.due_s <= now_s < delivery.expires_s:
                continue
            best = chosen.get(delivery.recipient)
            if best is None or _rank(delivery) < _rank(best):
                chosen[delivery.recipient] = delivery
        for recipient, delivery in chosen.items():
            self._lines.setdefault(recipient, _Line()).sending = delivery.id
        return list(chosen.values())

    def succeed(self, delivery_id: int) -> Delivery:
        """It arrived."""
        delivery = self._stop(delivery_id)
        self._lines.pop(delivery.recipient, None)
        return self._end([replace(delivery, attempts=delivery.attempts + 1)])[0]

    def fail(self, delivery_id: int, now_s: float, jitter: float) -> Delivery:
        """It did not; it is tried again later."""
        delivery = self._stop(delivery_id)
        line = self._lines[delivery.recipient]
        line.failures += 1
        line.not_before_s = now_s + retry_s(line.failures, jitter)
        self._deliveries[delivery_id] = tried = replace(delivery, attempts=delivery.attempts + 1)
        return tried

    def end(self, delivery_id: int) -> Delivery:
        """It was under way, and it is of no use to try again."""
        delivery = self._stop(delivery_id)
        return self._end([replace(delivery, attempts=delivery.attempts + 1)])[0]

    def is_failing(self, target: str) -> bool:
        """Whether a recipient of the target failed so often in a row that staff must know."""
        lines = (line for recipient, line in self._lines.items() if recipient.target == target)
        return any(line.failures >= FAILING_AFTER for line in lines)

    def wake_at_s(self) -> float | None:
        """When there is next something to do, None: nothing waits."""
        times = []
        for delivery in self._deliveries.values():
            line = self._lines.get(delivery.recipient, _Line())
            if line.sending is None:
                times.append(min(max(delivery.due_s, line.not_before_s), delivery.expires_s))
            elif line.sending != delivery.id:
                times.append(delivery.expires_s)
        return min(times, default=None)

    def _stop(self, delivery_id: int) -> Delivery:
        delivery = self._deliveries[delivery_id]
        line = self._lines[delivery.recipient]
        if line.sending != delivery_id:
            raise ValueError(f"delivery {delivery_id} is not under way")
        line.sending = None
        return delivery

    def _is_sent(self, delivery: Delivery) -> bool:
        line = self._lines.get(delivery.recipient)
        return line is not None and line.sending == delivery.id

    def _end(self, deliveries: list[Delivery]) -> list[Delivery]:
        for delivery in deliveries:
            del self._deliveries[delivery.id]
        left = {delivery.recipient for delivery in self._deliveries.values()}
        for recipient in [r for r, line in self._lines.items() if r not in left and line.sending is None]:
            # With nothing to send nobody can say that it fails; the next delivery finds out.
            del self._lines[recipient]
        return deliveries


def _rank(delivery: Delivery) -> tuple[int, float, int]:
    return delivery.attempts, delivery.due_s, delivery.id
