"""How long who must wait after wrong passwords or claim codes. Pure: time is an argument."""

from __future__ import annotations

import ipaddress
from collections.abc import Hashable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BackoffRule:
    """`free` attempts cost nothing; after them the wait is `first_s`, doubling up to `max_s`. A key that was quiet
    for `forget_s` after its wait starts anew. At most `max_keys` keys are remembered."""

    free: int
    first_s: float
    max_s: float
    forget_s: float = 3600.0
    max_keys: int = 2048

    def wait_s(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row."""
        if failures < self.free:
            return 0.0
        return float(min(self.first_s * 2.0 ** min(failures - self.free, 60), self.max_s))


@dataclass(slots=True)
class _Entry:
    failures: int
    blocked_until_s: float


class AttemptBackoff:
    """Counts failures a key (an account's name, an address) under one rule.

    An attempt counts as a failure from the moment it is allowed, until `succeeded` or `forgiven` says otherwise:
    so many attempts at the same moment gain nothing. Attempts refused while waiting change nothing: hammering
    prolongs no wait. When `max_keys` is reached, the key whose wait ended first (or will) is forgotten.
    """

    def __init__(self, rule: BackoffRule):
        self._rule = rule
        self._entries: dict[Hashable, _Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def wait_s(self, key: Hashable, now_s: float) -> float:
        """Seconds until `key` may try again; 0.0 if now. Changes nothing."""
        entry = self._entries.get(key)
        return max(0.0, entry.blocked_until_s - now_s) if entry else 0.0

    def begin(self, key: Hashable, now_s: float) -> None:
        """Count an attempt that was allowed (`wait_s` was 0)."""
        entry = self._entries.get(key)
        if entry is None or now_s - entry.blocked_until_s > self._rule.forget_s:
            self._make_room(key)
            entry = self._entries[key] = _Entry(0, now_s)
        entry.failures += 1
        entry.blocked_until_s = now_s + self._rule.wait_s(entry.failures)

    def succeeded(self, key: Hashable) -> None:
        """The secret was right: forget the key's failures."""
        self._entries.pop(key, None)

    def forgiven(self, key: Hashable, now_s: float) -> None:
        """Take one counted attempt back and its wait with it, leaving the earlier failures."""
        entry = self._entries.get(key)
        if entry is not None:
            entry.failures -= 1
            entry.blocked_until_s = min(entry.blocked_until_s, now_s)
            if entry.failures <= 0:
                del self._entries[key]

    def _make_room(self, key: Hashable) -> None:
        self._entries.pop(key, None)
        if len(self._entries) >= self._rule.max_keys:
            weakest = min(self._entries, key=lambda k: self._entries[k].blocked_until_s)
            del self._entries[weakest]


def network_of(address: str) -> str:
    """What one attacker holds: an IPv4 address, or the /64 of an IPv6 address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(parsed) if parsed.version == 4 else str(ipaddress.IPv6Network((int(parsed), 64), strict=False))
