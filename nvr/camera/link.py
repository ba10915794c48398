"""The TCP connection under an RTSP session. Errors do not name the camera yet."""

from __future__ import annotations

import asyncio
from typing import cast

from nvr.camera.rtsp import Message, Request, Response, RtspParser
from nvr.clock import Clock
from nvr.errors import CameraError, CameraUnreachable, ProtocolViolation

RECEIVE_BYTES = 32 << 10
"""A few pictures of a common stream. (asyncio would ask for 256 KiB at each reading and give most of it back.)"""
MAX_PIECES_A_SECOND, MAX_BYTES_A_SECOND = 20_000, 16 << 20
"""RTP packets and messages of one camera: ten times what the largest stream needs. What sends more would take the
processor from the alarm and the disk from the other cameras."""


def receive_buffer() -> memoryview:
    """What connections receive into; it may be shared, see `Link`."""
    return memoryview(bytearray(RECEIVE_BYTES))


class Link(asyncio.BufferedProtocol):
    """The connection: parses what arrives, matches answers to requests.

    `failed` gets the error that ends it as its result; `pending`: answers waited for, by CSeq. `received` is in use
    only from `get_buffer` to `buffer_updated`, in one turn of the loop, so all connections may share one.
    """

    def __init__(self, clock: Clock, received: memoryview):
        self.failed: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        self.pending: dict[int, asyncio.Future[Response]] = {}
        self.parser = RtspParser(self._on_message)
        self._monotonic = clock.monotonic
        self._transport: asyncio.Transport | None = None
        self._received = received
        self._second_s = self._monotonic()
        self._second_pieces = self._second_bytes = 0

    @property
    def addresses(self) -> tuple[str, str]:
        """(ours, the camera's) of the connection, which stands."""
        if self._transport is None:
            raise RuntimeError("not connected")
        ends = (self._transport.get_extra_info(name) for name in ("sockname", "peername"))
        local, camera = (str(end[0]) for end in ends)
        return local, camera

    def send(self, cseq: int, request: Request) -> asyncio.Future[Response]:
        answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        # Who does not wait for the answer learns of a failure from `failed`.
        answer.add_done_callback(lambda future: future.cancelled() or future.exception())
        self.pending[cseq] = answer
        if self.failed.done():
            answer.set_exception(self.failed.result())
        elif self._transport is not None:
            self._transport.write(request.encode())
        return answer

    def end(self) -> None:
        """End the connection at once; nothing is parsed any more."""
        self.fail(CameraUnreachable("the connection was ended"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self.failed.done():
            self._transport.abort()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._received

    def buffer_updated(self, nbytes: int) -> None:
        if self.failed.done():
            return
        now_s = self._monotonic()
        try:
            self.parser.feed(bytes(self._received[:nbytes]), now_s)
            self._check_rate(nbytes, now_s)
        except CameraError as error:
            self.fail(error)

    def _check_rate(self, size: int, now_s: float) -> None:
        if now_s - self._second_s >= 1.0:
            self._second_s, self._second_pieces, self._second_bytes = now_s, self.parser.pieces, 0
        self._second_bytes += size
        if (
            self.parser.pieces - self._second_pieces > MAX_PIECES_A_SECOND
            or self._second_bytes > MAX_BYTES_A_SECOND
        ):
            raise ProtocolViolation(
                f"more than {MAX_PIECES_A_SECOND} packets or {MAX_BYTES_A_SECOND >> 20} MB in a second",
                remedy="Lower the bit rate, or restart the camera",
            )

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is None or isinstance(exc, OSError):
            why = f" ({exc.strerror})" if isinstance(exc, OSError) and exc.strerror else ""
            exc = CameraUnreachable(
                f"the camera closed the connection{why}", remedy="Check the camera's power and network"
            )
        self.fail(exc)

    def fail(self, error: Exception) -> None:
        """End the connection and everybody's waiting for it."""
        if self._transport is not None:
            self._transport.abort()
        if self.failed.done():
            return
        self.failed.set_result(error)
        for answer in self.pending.values():
            if not answer.done():
                answer.set_exception(error)

    def _on_message(self, message: Message) -> None:
        if isinstance(message, Request) or message.status < 200:
            return  # the rare camera that asks something of us gets on without an answer
        text = message.headers.get("CSeq")
        if text.isascii() and text.isdigit() and len(text) <= 9:
            answer = self.pending.get(int(text))
        elif not text:
            answer = next(iter(self.pending.values()), None)
        else:
            raise ProtocolViolation("RTSP header CSeq is not a number")
        if answer is not None and not answer.done():
            answer.set_result(message)
