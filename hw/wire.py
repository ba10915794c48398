"""The lines between service and guard (pure).

Lines are JSON objects in UTF-8 ended by a newline, over a unix stream socket.

    client -> guard   {"op": "hold", "lease_ms": 2000}    siren on until the lease ends; renewed by repeating
                      {"op": "release"}                   siren off
                      {"op": "status"}
    guard -> client   {"on": true, "link": "up", "error": null, "kind": null, "cause": "held", "cooldown_ms": 0,
                       "output": true, "fail_safe": true, "inputs": [["panic", false, 0]], "re": "hold",
                       "refused": null}

Each request gets exactly one status line, in order, with its operation as `re` ("invalid" for a line that is
no request). Status lines with `re` null are pushed on connection and whenever the state changes.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Final

from hw.inputs import NAMES, InputState
from hw.lease import MAX_LEASE_S

MAX_REQUEST_BYTES: Final = 512
MAX_STATUS_BYTES: Final = 8192
MAX_TEXT_CHARS: Final = 300
MAX_INPUTS: Final = len(NAMES)


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
    real output is unknown and `error` says why; `kind` is its `hw.relay.RelayError.kind`. `cause`: why `on` is as
    it is, one of `hw.lease.Cause`. `cooldown_ms`: time until a hold can be granted again as far as the cooldown
    decides. `output`: the real output as read back; None if the board cannot tell, or not now. `fail_safe`: whether
    the board ends by itself. `inputs`: as in `hw.inputs`. `re`, `refused`: in an answer, the operation answered and
    why it was not done.
    """

    on: bool
    link: str
    error: str | None
    cause: str
    cooldown_ms: int
    kind: str | None = None
    output: bool | None = None
    fail_safe: bool = False
    inputs: tuple[InputState, ...] = ()
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
    fields["inputs"] = [[state.name, state.active, state.count] for state in status.inputs]
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
            "kind": (str() | None) as kind,
            "output": (bool() | None) as output,
            "fail_safe": bool(fail_safe),
            "inputs": list(inputs),
            "re": (str() | None) as re,
            "refused": (str() | None) as refused,
        } if len(fields) == 11 and len(inputs) <= MAX_INPUTS:
            states = tuple(_input(entry) for entry in inputs)
            return Status(on, link, error, cause, cooldown_ms, kind, output, fail_safe, states, re, refused)
    raise WireError("not a status line of this guard's protocol")


def _input(entry: object) -> InputState:
    match entry:
        case [str(name), (bool() | None) as active, int(count)] if name in NAMES and count >= 0:
            return InputState(name, active, count)
    raise WireError("not an input of this guard's protocol")


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
