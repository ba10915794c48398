"""RTSP/1.0 messages and interleaved frames over one byte stream, for either end. Pure.

Source: RFC 2326, 4 (messages), 6 and 7 (request, response), 10.12 (interleaved binary data).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from nvr.errors import ProtocolViolation

MAX_HEADER_BYTES = 64 << 10
MAX_BODY_BYTES = 256 << 10
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_FORBIDDEN = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

Buffer = bytes | bytearray
Sink = Callable[[Buffer, int, int, float], None]
"""Takes one interleaved frame: `buffer[start:end]`, valid only during the call, and the time it arrived."""
Run = Callable[[Buffer, int, int, float], int]
"""Asked after the sink has taken a frame, where `buffer[start:end]` is that frame with its prefix and the next has the
same channel and length: takes as many of those that follow in the same form as it can, and returns how many."""
FRAME_PREFIX_BYTES = 4


@dataclass(frozen=True, slots=True, repr=False)
class Headers:
    """Header fields in order; names compare without case. No repr, because one of them may hold a login."""

    pairs: tuple[tuple[str, str], ...] = ()

    def get(self, name: str, default: str = "") -> str:
        """The first field called `name`."""
        return next(iter(self.all(name)), default)

    def all(self, name: str) -> list[str]:
        """Every field called `name`."""
        name = name.lower()
        return [value for key, value in self.pairs if key.lower() == name]


@dataclass(frozen=True, slots=True)
class Request:
    """A request; text is latin-1."""

    method: str
    url: str
    headers: Headers = Headers()
    body: bytes = b""

    def encode(self) -> bytes:
        """The bytes to send. Raises ValueError for a line break or another control character in a field."""
        return _encode(f"{self.method} {self.url} RTSP/1.0", self.headers, self.body)


@dataclass(frozen=True, slots=True)
class Response:
    """A response; text is latin-1."""

    status: int
    reason: str = ""
    headers: Headers = Headers()
    body: bytes = b""

    def encode(self) -> bytes:
        """The bytes to send. Raises ValueError for a line break or another control character in a field."""
        return _encode(f"RTSP/1.0 {self.status} {self.reason}", self.headers, self.body)


Message = Request | Response


def _encode(start_line: str, headers: Headers, body: bytes) -> bytes:
    lines = [start_line, *(f"{name}: {value}" for name, value in headers.pairs)]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    if any(_FORBIDDEN.search(line) for line in lines):
        raise ValueError("control character in an RTSP message")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


class RtspParser:
    """Cuts a byte stream into messages and interleaved frames, however it is chopped up.

    `sinks`: who takes the frames of which channel (0 to 255); frames of other channels are skipped. `runs`: who can
    take several of its frames at once. `pieces`: how many messages and frames there were so far.
    Header lines may end in LF alone, and blank lines may stand between messages, as some cameras send them.
    """

    def __init__(
        self,
        on_message: Callable[[Message], None],
        *,
        max_header_bytes: int = MAX_HEADER_BYTES,
        max_body_bytes: int = MAX_BODY_BYTES,
    ):
        self._on_message = on_message
        self._max_header_bytes, self._max_body_bytes = max_header_bytes, max_body_bytes
        self.sinks: dict[int, Sink] = {}
        self.runs: dict[int, Run] = {}
        self.pieces = 0
        self._rest = bytearray()
        self._scanned = 0
        self._head: Message | None = None
        self._body_bytes = 0

    def feed(self, data: bytes, at_s: float) -> None:
        """Take the next bytes, which arrived at `at_s`; calls `on_message` and the sinks in stream order.

        Raises ProtocolViolation: neither message nor frame, header or body above its limit; also
        whatever the called ones raise. After an exception the parser must not be fed again.
        """
        if self._rest:
            self._rest += data
            buffer: Buffer = self._rest
        else:
            buffer = data
        at, size, sinks, runs = 0, len(buffer), self.sinks, self.runs
        while at < size:
            if buffer[at] == 0x24 and self._head is None:  # "$"
                if size - at < 4:
                    break
                end = at + 4 + (buffer[at + 2] << 8 | buffer[at + 3])
                if end > size:
                    break
                self.pieces += 1
                sink = sinks.get(buffer[at + 1])
                if sink is not None:
                    sink(buffer, at + 4, end, at_s)
                    run = runs.get(buffer[at + 1])
                    if run is not None and buffer[end : end + 4] == buffer[at : at + 4]:
                        taken = run(buffer, at, end, at_s)
                        self.pieces += taken
                        end += taken * (end - at)
                at = end
            else:
                taken = self._take_message(buffer, at)
                if not taken:
                    break
                at += taken
        if buffer is data:
            self._rest += data[at:]
        else:
            del self._rest[:at]

    def _take_message(self, buffer: Buffer, at: int) -> int:
        """Take a head or a body from `buffer[at:]`; the number of bytes, 0 if more must arrive first."""
        if self._head is not None:
            if len(buffer) - at < self._body_bytes:
                return 0
            body = bytes(buffer[at : at + self._body_bytes])
            self._finish(self._head, body)
            return len(body)
        self.pieces += 1
        if buffer[at] in b"\r\n":
            return 1
        if not 0x41 <= buffer[at] <= 0x5A:
            raise ProtocolViolation(f"neither an RTSP message nor an RTP frame begins with byte {buffer[at]}")
        found = _END_OF_HEAD.search(buffer, at + max(self._scanned - 3, 0))
        end = found.end() if found else len(buffer)
        if end - at > self._max_header_bytes:
            raise ProtocolViolation(f"RTSP header is longer than {self._max_header_bytes} bytes")
        if not found:
            self._scanned = end - at
            return 0
        self._scanned = 0
        head = _parse_head(bytes(buffer[at : found.start()]).decode("latin-1"))
        self._body_bytes = _content_length(head.headers, self._max_body_bytes)
        if self._body_bytes:
            self._head = head
        else:
            self._finish(head, b"")
        return end - at

    def _finish(self, head: Message, body: bytes) -> None:
        self._head = None
        if isinstance(head, Request):
            self._on_message(Request(head.method, head.url, head.headers, body))
        else:
            self._on_message(Response(head.status, head.reason, head.headers, body))


def _parse_head(text: str) -> Message:
    start_line, *lines = (line.removesuffix("\r") for line in text.split("\n"))
    pairs: list[tuple[str, str]] = []
    for line in lines:
        if line[:1] in (" ", "\t") and pairs:  # folded (RFC 822)
            name, value = pairs.pop()
            pairs.append((name, f"{value} {line.strip()}"))
            continue
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise ProtocolViolation("RTSP header line without a colon")
        pairs.append((name.strip(), value.strip()))
    if any(_FORBIDDEN.search(line) for line in (start_line, *(part for pair in pairs for part in pair))):
        raise ProtocolViolation("RTSP header with a control character")
    headers = Headers(tuple(pairs))
    words = start_line.split(" ", 2)
    if words[0].startswith("RTSP/1."):
        if len(words) < 2 or len(words[1]) != 3 or not (words[1].isascii() and words[1].isdigit()):
            raise ProtocolViolation("RTSP status line without a status code")
        return Response(int(words[1]), words[2] if len(words) > 2 else "", headers)
    if len(words) == 3 and words[2].startswith("RTSP/1."):
        return Request(words[0], words[1], headers)
    raise ProtocolViolation("not an RTSP/1.0 start line")


def _content_length(headers: Headers, max_bytes: int) -> int:
    values = set(headers.all("Content-Length"))
    if not values:
        return 0
    text = values.pop()
    if values or not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise ProtocolViolation("RTSP header Content-Length is not one number")
    if int(text) > max_bytes:
        raise ProtocolViolation(f"RTSP body is longer than {max_bytes} bytes")
    return int(text)


@dataclass(frozen=True, slots=True)
class Transport:
    """One alternative of a Transport header (RFC 2326, 12.39): `tcp` with its `channels`, if any are named; else UDP
    with the ports of RTP and RTCP of either side, if any are named."""

    tcp: bool
    channels: tuple[int, int] | None = None
    server_ports: tuple[int, int] | None = None
    client_ports: tuple[int, int] | None = None
    multicast: bool = False


def parse_transports(value: str) -> list[Transport]:
    """The alternatives for RTP/AVP, in order; at most 8."""
    found: list[Transport] = []
    for alternative in value.split(",")[:8]:
        protocol, *parameters = (part.strip() for part in alternative.split(";"))
        if protocol.upper() not in ("RTP/AVP", "RTP/AVP/UDP", "RTP/AVP/TCP"):
            continue
        pairs: dict[str, tuple[int, int] | None] = {}
        for parameter in parameters:
            key, _, numbers = parameter.partition("=")
            pairs[key.strip().lower()] = _pair(numbers, 255 if key.lower() == "interleaved" else 65_535)
        channels = pairs.get("interleaved")
        found.append(
            Transport(
                protocol.upper().endswith("/TCP") or channels is not None,
                channels,
                pairs.get("server_port"),
                pairs.get("client_port"),
                "multicast" in pairs,
            )
        )
    return found


def parse_transport(value: str) -> Transport | None:
    """The first alternative over TCP, else the first of all; None if there is none for RTP/AVP."""
    found = parse_transports(value)
    return next((transport for transport in found if transport.tcp), found[0] if found else None)


def _pair(text: str, most: int) -> tuple[int, int] | None:
    """ "4-5" or "4", which means the same; None if it is no pair of numbers up to `most`."""
    first, _, second = text.partition("-")
    if not re.fullmatch("[0-9]{1,5}", first, re.ASCII):
        return None
    low = int(first)
    high = int(second) if re.fullmatch("[0-9]{1,5}", second, re.ASCII) else low + 1
    return (low, high) if max(low, high) <= most else None


def parse_session(value: str, default_timeout_s: int = 60) -> tuple[str, int]:
    """(session id, timeout in s) of a Session header (RFC 2326, 12.37)."""
    identifier, *parameters = (part.strip() for part in value.split(";"))
    for parameter in parameters:
        key, _, number = parameter.partition("=")
        if key.strip().lower() == "timeout" and re.fullmatch("[0-9]{1,6}", number.strip(), re.ASCII):
            return identifier, int(number)
    return identifier, default_timeout_s
