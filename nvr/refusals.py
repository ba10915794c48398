"""Refused log-ins on their way to the audit trail, batched, so that a flood of them fills no disk. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusals:
    """`count` refused log-ins for `account` ("": no such account) from `address` within one window."""

    account: str
    address: str
    count: int


class RefusalBatch:
    """The first refusal of an account and address is told at once, those in the `window_s` after it as one.

    At most `max_keys` pairs are told apart; further ones are counted together under the address "several".
    """

    def __init__(self, *, window_s: float = 60.0, max_keys: int = 256):
        self._window_s, self._max_keys = window_s, max_keys
        self._open: dict[tuple[str, str], tuple[float, int]] = {}

    def note(self, account: str, address: str, now_s: float) -> Refusals | None:
        """Count one refusal; what is to be written at once, if anything."""
        key = (account, address)
        if key not in self._open and len(self._open) >= self._max_keys:
            key = ("", "several")
        if key in self._open:
            since_s, count = self._open[key]
            self._open[key] = (since_s, count + 1)
            return None
        self._open[key] = (now_s, 0)
        return Refusals(*key, 1)

    def due(self, now_s: float) -> list[Refusals]:
        """What is to be written of the windows that ended by `now_s`; they are forgotten."""
        ended = [key for key, (since_s, _) in self._open.items() if now_s - since_s >= self._window_s]
        told = [Refusals(*key, self._open[key][1]) for key in ended if self._open[key][1]]
        for key in ended:
            del self._open[key]
        return told
