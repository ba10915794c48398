"""RTSP server over stream hubs: H.264 and H.265 with audio, interleaved or by UDP, any number of clients a stream."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import structlog

from nvr.camera.auth import Realm
from nvr.clock import Clock
from nvr.door import Door
from nvr.media.hub import StreamHub
from nvr.restream.connection import Connection
from nvr.restream.fanout import Fanout
from nvr.restream.gate import Gate
from nvr.restream.outlets import TcpOutlet, UdpOutlet
from nvr.restream.udp_ports import UdpPorts
from nvr.restream.viewings import Viewing

log = structlog.get_logger(__name__)

REALM = "Village NVR"


class Site(Protocol):
    """Who may see what. Nothing here waits."""

    def find(self, user: str, path: str) -> tuple[str, StreamHub] | None:
        """The stream at `path` (with query, no slashes around it) for this account, and the place by which it is
        known; None: there is none, or not for this account."""
        ...

    def password_of(self, user: str) -> str | None:
        """None: there is no such account. Takes any text."""
        ...


class Observer:
    """Is told what happens; this one does not care."""

    def refused(self, user: str, address: str) -> None:
        """A wrong password; `user` is empty where there is none such."""

    def known(self, user: str, address: str) -> None:
        """A client logged in."""

    def began(self, viewing: Viewing) -> None:
        """A client plays."""

    def ended(self, viewing: Viewing) -> None:
        """It plays no more."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`connections` at once, `strangers` of them that have not logged in; `sessions` in all and of one account."""

    connections: int = 256
    strangers: int = 64
    sessions: int = 64
    sessions_per_user: int = 64


class RtspServer:
    """Serves what `site` has as rtsp://host:port/path. `needs_login`: by Digest, as `site` knows the accounts.

    `from_gop`: a client begins with the last keyframe, at once; else with the next, as with a camera. One that reads
    too slowly gets nothing more until the next keyframe after it has caught up; it sees the gap in the sequence
    numbers.
    """

    def __init__(
        self,
        site: Site,
        clock: Clock,
        *,
        needs_login: bool,
        from_gop: bool = True,
        limits: Limits = Limits(),
        algorithms: tuple[str, ...] = ("SHA-256", "MD5"),
        observer: Observer | None = None,
    ):
        self.clock = clock
        realm = Realm(REALM, site.password_of, algorithms) if needs_login else None
        self._site, self._limits, self._observer = site, limits, observer or Observer()
        self.gate = Gate(realm, self._observer.refused)
        self._needs_login, self._from_gop = needs_login, from_gop
        self._hubs: dict[str, StreamHub] = {}
        self._fanouts: dict[str, Fanout] = {}
        self._connections: dict[Connection, None] = {}
        self._udp: dict[str, UdpPorts] = {}

    def door(self, sockets: list[socket.socket], context: ssl.SSLContext | None) -> Door:
        """Takes connections from there, while its `accept` runs."""

        def is_full() -> bool:
            return len(self._connections) + door.shaking_hands >= self._limits.connections

        door = Door(sockets, context, lambda: Connection(self), is_full)
        return door

    @asynccontextmanager
    async def listening(self, host: str, port: int) -> AsyncIterator[int]:
        """Serve inside the block; gives the port (which matters where `port` is 0). All connections end with
        the block. Raises OSError: the address cannot be bound."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Connection(self), host, port)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            self.end_all()

    def end_all(self) -> None:
        """Cut all connections and give the UDP ports back."""
        for connection in tuple(self._connections):
            connection.end()
        for ports in self._udp.values():
            ports.close()
        self._udp.clear()

    def revalidate(self) -> None:
        """End what is no longer permitted: accounts removed, passwords replaced, cameras taken away."""
        for connection in tuple(self._connections) if self._needs_login else ():
            user, place = connection.user, connection.place
            if connection.is_known and (
                self._site.password_of(user) != connection.password
                or (place is not None and self._site.find(user, place) is None)
            ):
                log.info("RTSP connection ended: no longer permitted", account=user, place=place)
                connection.end()

    # For connections

    def admit(self, connection: Connection) -> bool:
        if len(self._connections) >= self._limits.connections:
            return False
        strangers = [other for other in self._connections if not other.is_known]
        if len(strangers) >= self._limits.strangers:
            crowd = Counter(other.address for other in strangers).most_common(1)[0][0]
            next(other for other in strangers if other.address == crowd).end()
        self._connections[connection] = None
        return True

    def forget(self, connection: Connection) -> None:
        self._connections.pop(connection, None)

    def find(self, user: str, path: str) -> tuple[str, StreamHub] | None:
        found = self._site.find(user, path)
        if found is not None:
            self._hubs[found[0]] = found[1]
        return found

    def has_room(self, user: str) -> bool:
        users = [connection.user for connection in self._connections if connection.place is not None]
        return len(users) < self._limits.sessions and users.count(user) < self._limits.sessions_per_user

    def fanout(self, place: str) -> Fanout:
        """The one packetizer of a stream, for as long as anybody uses it."""
        known = self._fanouts.get(place)
        if known is None:
            known = self._fanouts[place] = Fanout(self._hubs[place], self.clock, from_gop=self._from_gop)
        return known

    def leave(self, place: str, outlet: TcpOutlet | UdpOutlet) -> None:
        fanout = self._fanouts.get(place)
        if fanout is not None:
            fanout.leave(outlet)
            if not len(fanout):
                del self._fanouts[place]

    def udp_ports(self, local: str) -> UdpPorts | None:
        """Of our address `local`; None: none are free."""
        known = self._udp.get(local)
        if known is None:
            try:
                known = self._udp[local] = UdpPorts(local)
            except OSError as error:
                log.warning("no UDP ports for RTP", address=local, error=str(error))
        return known

    def known(self, user: str, address: str) -> None:
        self._observer.known(user, address)

    def began(self, viewing: Viewing) -> None:
        self._observer.began(viewing)

    def ended(self, viewing: Viewing) -> None:
        self._observer.ended(viewing)
