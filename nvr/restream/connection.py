"""One client's connection: its socket, its dialogue, and the outlet through which it is played to."""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
from collections.abc import Mapping
from typing import Protocol, cast

import structlog

from nvr.clock import Clock
from nvr.errors import CameraError
from nvr.media.hub import StreamHub
from nvr.restream.dialogue import Dialogue, Lane, Presented
from nvr.restream.fanout import Fanout
from nvr.restream.gate import Gate
from nvr.restream.gop_log import Cursor
from nvr.restream.outlets import TcpOutlet, UdpOutlet
from nvr.restream.udp_ports import UdpPorts
from nvr.restream.viewings import Viewing

log = structlog.get_logger(__name__)

MAX_WAITING_BYTES = 512 << 10
"""What waits in a connection before its client counts as slow; one picture more may lie on top."""
MAX_UNREAD_BYTES = 1 << 20
"""Of answers that a client asks for on and on without reading them."""
STUCK_S = 20.0
LOOK_S = 2.0


class Server(Protocol):
    """What a connection needs of its server."""

    clock: Clock
    gate: Gate

    def admit(self, connection: Connection) -> bool:
        """False: there are too many."""
        ...

    def forget(self, connection: Connection) -> None: ...

    def find(self, user: str, path: str) -> tuple[str, StreamHub] | None:
        """(place, hub) of a path."""
        ...

    def has_room(self, user: str) -> bool: ...

    def fanout(self, place: str) -> Fanout: ...

    def leave(self, place: str, outlet: TcpOutlet | UdpOutlet) -> None: ...

    def udp_ports(self, local: str) -> UdpPorts | None: ...

    def known(self, user: str, address: str) -> None:
        """The client has logged in."""
        ...

    def began(self, viewing: Viewing) -> None: ...

    def ended(self, viewing: Viewing) -> None: ...


class Connection(asyncio.Protocol):
    """`address`: of the client, in one notation. `user`, `place`: of the session, if there is one."""

    def __init__(self, server: Server):
        self.address = ""
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._dialogue: Dialogue | None = None
        self._is_tls = False
        self._outlet: TcpOutlet | UdpOutlet | None = None
        self._viewing: Viewing | None = None
        self._ports: UdpPorts | None = None
        self._expected: list[tuple[int, int]] = []
        self._full_since_s: float | None = None
        self._look: asyncio.TimerHandle | None = None

    @property
    def user(self) -> str:
        return self._dialogue.user if self._dialogue is not None else ""

    @property
    def password(self) -> str:
        return self._dialogue.password if self._dialogue is not None else ""

    @property
    def place(self) -> str | None:
        return self._dialogue.place if self._dialogue is not None else None

    @property
    def is_known(self) -> bool:
        return self._dialogue is not None and self._dialogue.is_known

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self._is_tls = transport.get_extra_info("ssl_object") is not None
        self.address = _plain(peer[0]) if peer else ""
        if not peer or not self._server.admit(self):
            self._transport.abort()
            return
        self._transport.set_write_buffer_limits(MAX_WAITING_BYTES)
        self._dialogue = Dialogue(
            self,
            self._server.gate,
            address=self.address,
            nonce=secrets.token_hex(16),
            session=secrets.token_hex(8),
            began_s=self._server.clock.monotonic(),
        )
        self._look_later()

    def connection_lost(self, exc: Exception | None) -> None:
        self.leave()
        if self._look is not None:
            self._look.cancel()
        self._server.forget(self)

    def data_received(self, data: bytes) -> None:
        if self._dialogue is None or self._transport is None or self._transport.is_closing():
            return
        was_known = self.is_known
        try:
            self._dialogue.feed(data, self._server.clock.monotonic())
        except CameraError as error:
            log.info("client of the RTSP server breaks the protocol", detail=str(error))
            self.end()
        if self.is_known and not was_known:
            self._server.known(self.user, self.address)

    def pause_writing(self) -> None:
        self._full_since_s = self._server.clock.monotonic()
        if isinstance(self._outlet, TcpOutlet):
            self._outlet.is_full = True

    def resume_writing(self) -> None:
        self._full_since_s = None
        if isinstance(self._outlet, TcpOutlet):
            self._outlet.is_full = False
            self._outlet.pump()

    def end(self) -> None:
        """Cut the connection."""
        self.leave()
        if self._transport is not None:
            self._transport.abort()

    # Stage

    def send(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > MAX_WAITING_BYTES + MAX_UNREAD_BYTES:
            self.end()
            return
        self._transport.write(data)

    def find(self, user: str, path: str) -> Presented | None:
        found = self._server.find(user, path)
        return Presented(found[0], found[1].config, found[1].audio) if found is not None else None

    def has_room(self, user: str) -> bool:
        return self._server.has_room(user)

    def open_udp(self) -> tuple[int, int] | None:
        if self._is_tls or self._transport is None:
            return None  # what was asked for under TLS is not sent in the clear
        self._ports = self._server.udp_ports(self._transport.get_extra_info("sockname")[0])
        return self._ports.numbers if self._ports is not None else None

    def join(self, place: str, lanes: Mapping[str, Lane]) -> dict[str, tuple[int, int]]:
        fanout = self._server.fanout(place)
        if self._outlet is None:
            self._outlet = self._new_outlet(fanout, lanes)
            self._viewing = Viewing(self.user, place, self.address, self._transport_name(lanes))
        begins = {track: fanout.begins_at(track, self._outlet.cursor) for track in lanes}
        return {track: start for track, start in begins.items() if start is not None}

    def flow(self) -> None:
        outlet, viewing = self._outlet, self._viewing
        if outlet is None or viewing is None or outlet.is_flowing:
            return
        outlet.is_flowing = True
        for report in self._server.fanout(viewing.place).reports():
            outlet.send(report)
        self._server.began(viewing)
        outlet.pump()

    def hold(self) -> None:
        if self._outlet is not None and self._viewing is not None and self._outlet.is_flowing:
            self._outlet.close()
            self._server.ended(self._viewing)

    def leave(self) -> None:
        self.hold()
        outlet, viewing = self._outlet, self._viewing
        self._outlet = self._viewing = None
        if outlet is not None and viewing is not None:
            self._server.leave(viewing.place, outlet)
        if self._ports is not None:
            for ports in self._expected:
                self._ports.forget(self.address, ports)
        self._expected = []

    def close(self) -> None:
        self.leave()
        if self._transport is not None:
            self._transport.close()

    def _new_outlet(self, fanout: Fanout, lanes: Mapping[str, Lane]) -> TcpOutlet | UdpOutlet:
        transport = self._transport
        if transport is None:
            raise RuntimeError("not connected")
        to = {track: lane.ports for track, lane in lanes.items() if lane.ports is not None}
        channels = {track: lane.channels for track, lane in lanes.items() if lane.channels is not None}
        udp = self._ports

        def make_tcp(cursor: Cursor) -> TcpOutlet:
            outlet = TcpOutlet(cursor, transport, channels, self.end)
            outlet.is_full = self._full_since_s is not None
            return outlet

        if not to or udp is None:
            return fanout.join(make_tcp)
        for ports in to.values():
            udp.expect(self.address, ports, self._on_datagram)
            self._expected.append(ports)
        return fanout.join(lambda cursor: UdpOutlet(cursor, udp, self.address, to, self.end))

    def _on_datagram(self) -> None:
        if self._dialogue is not None:
            self._dialogue.heard(self._server.clock.monotonic())

    def _transport_name(self, lanes: Mapping[str, Lane]) -> str:
        if any(lane.ports for lane in lanes.values()):
            return "udp"
        return "tls" if self._is_tls else "tcp"

    def _look_later(self) -> None:
        self._look = asyncio.get_running_loop().call_later(LOOK_S, self._on_look)

    def _on_look(self) -> None:
        now_s = self._server.clock.monotonic()
        is_stuck = self._full_since_s is not None and now_s - self._full_since_s > STUCK_S
        if self._dialogue is None or is_stuck or self._dialogue.overdue(now_s):
            self.end()
        else:
            self._look_later()


def _plain(host: str) -> str:
    """Without scope; IPv4 mapped into IPv6 as IPv4."""
    address = ipaddress.ip_address(host.partition("%")[0])
    return str(getattr(address, "ipv4_mapped", None) or address)
