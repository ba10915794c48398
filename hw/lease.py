"""The siren as a lease: the rules by which it is granted and ends (pure)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

MAX_LEASE_S: Final = 5.0
MAX_ON_LIMIT_S: Final = 3600.0
COOLDOWN_S: Final = 10.0


class Cause(StrEnum):
    """Why the siren is on or off."""

    START = "start"
    HELD = "held"
    RELEASED = "released"
    SILENCED = "silenced"
    SWITCH = "silence switch"
    LEASE_EXPIRED = "lease expired"
    MAXIMUM_TIME = "maximum time"
    CONNECTION_LOST = "connection lost"


class LeaseMachine:
    """Decides whether the siren may sound. Times are seconds of one monotonic clock.

    state      event                                      -> state      cause
    off        hold, granted                              -> on         held
    on         hold by the controller                     -> on         (the lease is replaced)
    on         its lease ends                             -> off        lease expired
    on         max_on_s used up                           -> blocked    maximum time
    on         the controller's connection ends           -> off        connection lost
    on         release by the controller                  -> off        released
    on         release by anyone else                     -> blocked    silenced
    on         the silence switch is switched on          -> blocked    silence switch
    off        release by the controller, or without one  -> off        released
    blocked    release by the controller, or without one  -> off        released
    (other events change nothing)

    A hold is granted if the machine is not blocked, the silence switch is off, no other client is the controller,
    and time is left. The first client that is granted a hold is the controller until it releases or its
    connection ends.

    Time on is counted together until the siren was silent for `cooldown_s`: neither a service that never
    stops renewing nor one that lets its leases expire or releases in a loop gets more than `max_on_s` of it.
    """

    def __init__(self, max_on_s: float, cooldown_s: float = COOLDOWN_S) -> None:
        """Raises ValueError unless 0 < max_on_s <= 3600 and 0 <= cooldown_s <= 3600."""
        if not 0 < max_on_s <= MAX_ON_LIMIT_S:
            raise ValueError(
                f"maximum sounding time {max_on_s} s: must be above 0 and at most {MAX_ON_LIMIT_S:.0f}"
            )
        if not 0 <= cooldown_s <= MAX_ON_LIMIT_S:
            raise ValueError(f"cooldown {cooldown_s} s: must be 0 to {MAX_ON_LIMIT_S:.0f}")
        self._max_on_s = max_on_s
        self._cooldown_s = cooldown_s
        self._controller: int | None = None
        self._lease_until_s: float | None = None  # None: off
        self._on_since_s = 0.0
        self._off_since_s = float("-inf")
        self._used_s = 0.0  # of max_on_s, without the time since _on_since_s
        self._blocked = False
        self._switched = False
        self.cause = Cause.START

    @property
    def on(self) -> bool:
        """Whether the siren shall sound, as of the last event."""
        return self._lease_until_s is not None

    def hold(self, client: int, lease_s: float, now_s: float) -> str | None:
        """Sound until `lease_s` from now, 5 s at most. Returns None if granted, else why not."""
        self.tick(now_s)
        if self._controller not in (None, client):
            return "another client holds the siren"
        if self._switched:
            return "the silence switch is on"
        if self._blocked:
            return f"siren was stopped ({self.cause}): release it first"
        if self._time_left_s() <= 0:
            return f"maximum sounding time used up: silent for {self.cooldown_s(now_s):.1f} s more"
        self._controller = client
        if self._lease_until_s is None:
            self._on_since_s = now_s
            self.cause = Cause.HELD
        self._lease_until_s = now_s + min(lease_s, MAX_LEASE_S)
        return None

    def release(self, client: int, now_s: float) -> None:
        """Silence. Anyone may; only the controller, while there is one, also ends a block."""
        self.tick(now_s)
        if self._controller in (None, client):
            self._turn_off(Cause.RELEASED, now_s)
            self.cause = Cause.RELEASED
            self._blocked = False
            self._controller = None
        elif self.on:
            self._turn_off(Cause.SILENCED, now_s)
            self._blocked = True

    def switch_silence(self, on: bool, now_s: float) -> None:
        """The silence switch at the siren is on or off. Off again, it starts nothing: a release is needed first."""
        self.tick(now_s)
        self._switched = on
        if on and self.on:
            self._turn_off(Cause.SWITCH, now_s)
            self._blocked = True

    def connection_lost(self, client: int, now_s: float) -> None:
        """The client is gone; its lease goes with it."""
        self.tick(now_s)
        if client == self._controller:
            self._turn_off(Cause.CONNECTION_LOST, now_s)
            self._controller = None

    def tick(self, now_s: float) -> None:
        """Let time pass. Must be called at `deadline_s` at the latest."""
        if self._lease_until_s is None:
            if now_s - self._off_since_s >= self._cooldown_s:
                self._used_s = 0.0
        elif now_s >= self._on_since_s + self._time_left_s():
            self._turn_off(Cause.MAXIMUM_TIME, now_s)
            self._used_s = max(self._used_s, self._max_on_s)  # rounding must leave nothing over
            self._blocked = True
        elif now_s >= self._lease_until_s:
            self._turn_off(Cause.LEASE_EXPIRED, now_s)

    def deadline_s(self) -> float | None:
        """When `tick` will turn the siren off if nothing else happens; None while it is off."""
        if self._lease_until_s is None:
            return None
        return min(self._lease_until_s, self._on_since_s + self._time_left_s())

    def cooldown_s(self, now_s: float) -> float:
        """Seconds until the time used up is given back; 0 while there is time left."""
        if self.on or self._time_left_s() > 0:
            return 0.0
        return max(0.0, self._off_since_s + self._cooldown_s - now_s)

    def _time_left_s(self) -> float:
        return self._max_on_s - self._used_s

    def _turn_off(self, cause: Cause, now_s: float) -> None:
        if self._lease_until_s is None:
            return
        # The siren really sounded until now, even if the deadline lies a little in the past.
        self._used_s += now_s - self._on_since_s
        self._lease_until_s = None
        self._off_since_s = now_s
        self.cause = cause
