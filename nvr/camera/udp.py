"""RTP and RTCP of one track over UDP: a pair of ports, reordering, receiver reports."""

from __future__ import annotations

import asyncio
import errno
import secrets
import socket
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from nvr.camera.reception import Reception
from nvr.camera.reorder import ReorderBuffer
from nvr.camera.rtp import RTP_CLOCK_HZ, peek
from nvr.camera.rtsp import Sink
from nvr.clock import Clock
from nvr.errors import CameraError, CameraUnreachable

REPORT_EVERY_S = 5.0
RECEIVE_BYTES = 1 << 20
"""A keyframe comes in one burst; the kernel halves this where its limit is lower."""
_ATTEMPTS = 64


class UdpReceiver:
    """Takes the datagrams of one track that come from the camera's address, all others are ignored.

    `ports`: ours for RTP (even) and RTCP, the next. `on_error` is called with what `sink` raises; `clock_hz`: of the
    timestamps; `on_report`: takes the camera's RTCP packets.
    """

    def __init__(
        self,
        camera: str,
        clock: Clock,
        sink: Sink,
        on_error: Callable[[Exception], None],
        *,
        clock_hz: int = RTP_CLOCK_HZ,
        on_report: Sink | None = None,
    ):
        self.ports = (0, 0)
        self._camera, self._monotonic, self._on_error = camera, clock.monotonic, on_error
        self._buffer = ReorderBuffer(sink)
        self._reception = Reception(secrets.randbits(32), "village-nvr", clock_hz)
        self._on_report = on_report
        self._transports: list[asyncio.DatagramTransport] = []
        self._report_to: tuple[str, int] | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._reporting: asyncio.TimerHandle | None = None

    async def open(self, local: str) -> None:
        """Bind the pair of ports on the address `local`. Raises CameraUnreachable: no pair is free."""
        loop = asyncio.get_running_loop()
        try:
            pair = bind_pair(local)
        except OSError as error:
            raise CameraUnreachable(str(error.strerror), remedy='Set `transport = "tcp"`') from None
        for bound, take in zip(pair, (self._take_packet, self._take_report), strict=True):
            transport, _ = await loop.create_datagram_endpoint(partial(_Datagrams, take), sock=bound)
            self._transports.append(transport)
        port = self._transports[0].get_extra_info("sockname")[1]
        self.ports = (port, port + 1)

    def start_reports(self, port: int | None) -> None:
        """Tell the camera now and then what arrives, at its RTCP `port` (None: where its own reports come from);
        many stop sending to who does not."""
        if port is not None:
            self._report_to = (self._camera, port)
        self._report()

    def close(self) -> None:
        for timer in (self._expiry, self._reporting):
            if timer is not None:
                timer.cancel()
        for transport in self._transports:
            transport.abort()

    def _take_packet(self, data: bytes, host: str, _port: int) -> None:
        head = peek(data) if host == self._camera else None
        if head is None:
            return
        now_s = self._monotonic()
        self._reception.note(*head, now_s)
        self._guarded(lambda: self._buffer.push(data, head[0], now_s))

    def _take_report(self, data: bytes, host: str, port: int) -> None:
        if host == self._camera:
            self._report_to = self._report_to or (host, port)
            now_s = self._monotonic()
            self._reception.note_report(data, now_s)
            if self._on_report is not None:
                self._on_report(data, 0, len(data), now_s)

    def _expire(self) -> None:
        self._expiry = None
        self._guarded(lambda: self._buffer.expire(self._monotonic()))

    def _guarded(self, work: Callable[[], None]) -> None:
        """Nobody awaits this call, so its errors must be carried to the one who waits."""
        try:
            work()
        except CameraError as error:
            self._fail(error)
            return
        except BaseException as error:
            if isinstance(error, Exception):
                self._fail(error)
            raise
        due_s = self._buffer.due_s
        if due_s is not None and self._expiry is None:
            delay_s = max(due_s - self._monotonic(), 0)
            self._expiry = asyncio.get_running_loop().call_later(delay_s, self._expire)

    def _fail(self, error: Exception) -> None:
        self.close()
        self._on_error(error)

    def _report(self) -> None:
        if self._report_to is not None:
            self._transports[1].sendto(self._reception.report(self._monotonic()), self._report_to)
        self._reporting = asyncio.get_running_loop().call_later(REPORT_EVERY_S, self._report)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, take: Callable[[bytes, str, int], None]):
        self._take = take

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self._take(data, cast(str, addr[0]), cast(int, addr[1]))


def bind_pair(local: str) -> tuple[socket.socket, socket.socket]:
    """Non-blocking sockets on an even port and the next (RFC 3550, 11). Raises OSError: no pair is free."""
    for _ in range(_ATTEMPTS):
        first, second = _socket(local), _socket(local)
        try:
            first.bind((local, 0))
            port = first.getsockname()[1]
            if port % 2 == 0:
                second.bind((local, port + 1))
                return first, second
        except OSError:
            pass  # the next port is taken
        first.close()
        second.close()
    raise OSError(errno.EADDRINUSE, f"no free pair of UDP ports on {local}")


def _socket(local: str) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in local else socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
    return made
