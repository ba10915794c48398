"""The siren as a lease: the lines between service and guard, and the rules by which one is granted (pure).

Lines are JSON objects in UTF-8 ended by a newline, over a unix stream socket.

    client -> guard   {"op": "hold", "lease_ms": 2000}    siren on until the lease ends; renewed by repeating
                      {"op": "release"}                   siren off
                      {"op": "status"}
    guard -> client   {"on": true, "link": "up", "error": null, "cause": "held", "cooldown_ms": 0,
                       "re": "hold", "refused": null}

Each request gets exactly one status line, in order, with its operation as `re` ("invalid" for a line that is
no request). Status lines with `re` null are pushed on connection and whenever the state changes.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final

MAX_REQUEST_BYTES: Final = 512
MAX_STATUS_BYTES: Final = 8192
MAX_TEXT_CHARS: Final = 300
MAX_LEASE_S: Final = 5.0
MAX_ON_LIMIT_S: Final = 3600.0
COOLDOWN_S: Final = 10.0


class WireError(ValueError):
    """A line that is not part of this protocol."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Siren on for `lease_ms` from now."""

    lease_ms: int


@dataclass(frozen=True, slots=True)
class Release:
    """Siren off."""


@dataclass(frozen=True, slots=True)
class Query:
    """Only tell the status."""


Request = Hold | Release | Query


@dataclass(frozen=True, slots=True)
class Status:
    """State of the guard.

    `on`: a live lease wants the siren on; if `link` is "up" the board has been told so, if it is "down" the
    real output is unknown and `error` says why. `cause`: why `on` is as it is, one of `Cause`.
    `cooldown_ms`: time until a hold can be granted again as far as the cooldown decides. `re`, `refused`: in
    an answer, the operation answered and why it was not done.
    """

    on: bool
    link: str
    error: str | None
    cause: str
    cooldown_ms: int
    re: str | None = None
    refused: str | None = None


def encode_request(request: Request) -> bytes:
    """One line, newline included."""
    match request:
        case Hold(lease_ms):
            return json.dumps({"op": "hold", "lease_ms": lease_ms}).encode() + b"\n"
        case Release():
            return b'{"op": "release"}\n'
        case Query():
            return b'{"op": "status"}\n'


def decode_request(line: bytes) -> Request:
    """Raises WireError for anything but the three requests with exactly their keys. Clamps lease_ms to 5 s."""
    fields = _object(line)
    match fields:
        case {"op": "hold", "lease_ms": int(lease_ms)} if len(fields) == 2 and not isinstance(lease_ms, bool):
            if lease_ms <= 0:
                raise WireError("lease_ms must be above 0")
            return Hold(min(lease_ms, int(MAX_LEASE_S * 1000)))
        case {"op": "release"} if len(fields) == 1:
            return Release()
        case {"op": "status"} if len(fields) == 1:
            return Query()
    raise WireError('not a request; allowed: {"op":"hold","lease_ms":N} {"op":"release"} {"op":"status"}')


def operation(request: Request) -> str:
    """The `re` of the answer."""
    return {Hold: "hold", Release: "release", Query: "status"}[type(request)]


def encode_status(status: Status) -> bytes:
    """One line of less than MAX_STATUS_BYTES, newline included; long texts are cut."""
    fields = asdict(status)
    for key in ("error", "refused"):
        if fields[key] is not None:
            fields[key] = fields[key][:MAX_TEXT_CHARS]
    return json.dumps(fields).encode() + b"\n"


def decode_status(line: bytes) -> Status:
    """Raises WireError."""
    fields = _object(line)
    match fields:
        case {
            "on": bool(on),
            "link": "up" | "down" as link,
            "error": (str() | None) as error,
            "cause": str(cause),
            "cooldown_ms": int(cooldown_ms),
            "re": (str() | None) as re,
            "refused": (str() | None) as refused,
        } if len(fields) == 7:
            return Status(on, link, error, cause, cooldown_ms, re, refused)
    raise WireError("not a status line of this guard's protocol")


def _object(line: bytes) -> dict[str, object]:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise WireError("not JSON in UTF-8") from error
    if not isinstance(fields, dict):
        raise WireError("not a JSON object")
    return fields


class LineBuffer:
    """Splits a byte stream into lines and never keeps more than `max_line_bytes` of it."""

    def __init__(self, max_line_bytes: int) -> None:
        self._max = max_line_bytes
        self._pending = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> list[bytes | None]:
        """Completed lines without their newline, in order; None stands for a line that was too long."""
        lines: list[bytes | None] = []
        *complete, rest = data.split(b"\n")
        for part in complete:
            too_long = self._skipping or len(self._pending) + len(part) > self._max
            lines.append(None if too_long else bytes(self._pending + part))
            self._pending.clear()
            self._skipping = False
        if self._skipping or len(self._pending) + len(rest) > self._max:
            self._pending.clear()
            self._skipping = True
        else:
            self._pending += rest
        return lines


class Cause(StrEnum):
    """Why the siren is on or off."""

    START = "start"
    HELD = "held"
    RELEASED = "released"
    SILENCED = "silenced"
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
    off        release by the controller, or without one  -> off        released
    blocked    release by the controller, or without one  -> off        released
    (other events change nothing)

    A hold is granted if the machine is not blocked, no other client is the controller, and time is left. The
    first client that is granted a hold is the controller until it releases or its connection ends.

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
