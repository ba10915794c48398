"""What is wired to the board's inputs: panic button, silence switch, tamper and door contacts (pure)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from hw.debounce import DEBOUNCE_S, Debounce

NAMES: Final = ("silence", "panic", "tamper", "door")


@dataclass(frozen=True, slots=True)
class InputState:
    """`active`: pressed, switched, opened; None while unknown. `count`: how often it became active since the start,
    so that a press is not missed by who looks later."""

    name: str
    active: bool | None
    count: int


class Inputs:
    """Debounced inputs by name. A normally closed contact is active while it is open, so that a cut wire is noticed."""

    def __init__(
        self,
        wiring: Mapping[str, int],
        normally_closed: Collection[str] = (),
        debounce_s: float = DEBOUNCE_S,
    ) -> None:
        """`wiring`: name to input, counted from 1. Raises ValueError for an unknown name or an input used twice."""
        if unknown := (set(wiring) | set(normally_closed)) - set(NAMES):
            raise ValueError(f"input {min(unknown)}: must be one of {', '.join(NAMES)}")
        if len(set(wiring.values())) != len(wiring):
            raise ValueError("two inputs have the same number")
        if missing := set(normally_closed) - set(wiring):
            raise ValueError(f"input {min(missing)} is normally closed, but has no number")
        if any(not 1 <= number <= 32 for number in wiring.values()):
            raise ValueError("an input's number must be 1 to 32")
        self._wiring = {name: wiring[name] for name in NAMES if name in wiring}
        self._closed = frozenset(normally_closed)
        self._contacts = {name: Debounce(debounce_s) for name in self._wiring}
        self._counts = dict.fromkeys(self._wiring, 0)
        self._was: dict[str, bool] = {}

    @property
    def highest(self) -> int:
        """The highest input in use; 0 without any."""
        return max(self._wiring.values(), default=0)

    @property
    def states(self) -> tuple[InputState, ...]:
        """In the order of NAMES."""
        return tuple(InputState(n, c.state, self._counts[n]) for n, c in self._contacts.items())

    @property
    def silenced(self) -> bool | None:
        """The silence switch: True if it is on, None while that is unknown; False where there is none."""
        contact = self._contacts.get("silence")
        return False if contact is None else contact.state

    def sample(self, levels: int, at_s: float) -> None:
        """The inputs as read at `at_s`, bit 0 for input 1."""
        for name, contact in self._contacts.items():
            level = bool(levels >> (self._wiring[name] - 1) & 1)
            if contact.sample(level != (name in self._closed), at_s) and contact.state is not None:
                # Active from the start is no press: a button that is stuck would sound at every restart.
                if contact.state and self._was.get(name) is False:
                    self._counts[name] += 1
                self._was[name] = contact.state

    def lost(self) -> None:
        """The board does not answer: all unknown until read again."""
        for contact in self._contacts.values():
            contact.lost()

    def deadline_s(self) -> float:
        """When they should be read at the latest to end a debounce."""
        return min((contact.deadline_s() for contact in self._contacts.values()), default=float("inf"))
