"""The two ways to a receiver: inside its RTSP connection, or as UDP datagrams to its own address."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from nvr.restream.gop_log import Cursor, Piece
from nvr.restream.udp_ports import UdpPorts

BURST_PACKETS = 32
PACE_S = 0.004
"""At most BURST_PACKETS datagrams each PACE_S (90 Mbit/s): a keyframe, or the beginning of a viewing, is a burst that
the receiver's socket would lose."""


class TcpOutlet:
    """Interleaved frames. `channels`: of RTP and RTCP of each track that was set up. Writes only while the connection
    takes it (`full` and `drained` tell), else its cursor stays where it is."""

    def __init__(
        self,
        cursor: Cursor,
        transport: asyncio.Transport,
        channels: Mapping[str, tuple[int, int]],
        on_outdated: Callable[[], None],
    ):
        self.cursor = cursor
        self.is_full = self.is_flowing = False
        self._transport, self._channels, self._on_outdated = transport, channels, on_outdated

    def pump(self) -> None:
        while self.is_flowing and not self.is_full:
            piece = self.cursor.peek()
            if piece is None:
                return
            self.cursor.step()
            self.send(piece)

    def send(self, piece: Piece) -> None:
        """Beside the stream's own order: a report at the start."""
        channels = self._channels.get(piece.track)
        if channels is not None:
            self._transport.write(piece.on_channel(channels[piece.is_report]))

    def outdated(self) -> None:
        self._on_outdated()

    def close(self) -> None:
        self.is_flowing = False


class UdpOutlet:
    """Datagrams from `ports` to `address`. `to`: the receiver's ports for RTP and RTCP of each track."""

    def __init__(
        self,
        cursor: Cursor,
        ports: UdpPorts,
        address: str,
        to: Mapping[str, tuple[int, int]],
        on_outdated: Callable[[], None],
    ):
        self.cursor = cursor
        self.is_flowing = False
        self._ports, self._address, self._to, self._on_outdated = ports, address, to, on_outdated
        self._piece: Piece | None = None
        self._sent = 0
        self._timer: asyncio.TimerHandle | None = None

    def pump(self) -> None:
        if self.is_flowing and self._timer is None:
            self._send_burst()

    def send(self, piece: Piece) -> None:
        """Beside the stream's own order: a report at the start."""
        to = self._to.get(piece.track)
        if to is not None:
            for packet in piece.packets:
                self._ports.send(packet, self._address, to, is_report=piece.is_report)

    def outdated(self) -> None:
        self._on_outdated()

    def close(self) -> None:
        self.is_flowing = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _send_burst(self) -> None:
        self._timer = None
        left = BURST_PACKETS
        while self.is_flowing:
            piece = self.cursor.peek()
            if piece is None:
                return
            if piece is not self._piece:
                self._piece, self._sent = piece, 0
            to = self._to.get(piece.track)
            packets = piece.packets if to is not None else []
            while to is not None and self._sent < len(packets):
                is_away = left > 0 and self._ports.send(
                    packets[self._sent], self._address, to, is_report=piece.is_report
                )
                if not is_away:
                    self._timer = asyncio.get_running_loop().call_later(PACE_S, self._send_burst)
                    return
                self._sent += 1
                left -= 1
            self._piece = None
            self.cursor.step()
