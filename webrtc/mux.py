"""One UDP port for all sessions (RFC 7983): which datagram belongs to whom.

A socket for each local address rather than one for all of them: an answer then leaves with the address that was
asked, which ICE demands, and an address that came later (a tunnel, a cable) is found at the next offer.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import socket
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

import ifaddr

from webrtc import stun
from webrtc.bucket import Bucket
from webrtc.errors import WhepError
from webrtc.ice import Credentials, Verdict, answer_check
from webrtc.sockaddr import sockaddr

_log = logging.getLogger(__name__)

DATAGRAM_BYTES_MAX = 2048
READS_PER_WAKE = 64
PATHS_PER_SESSION = 8
STRAY_PER_S = 2000
"""Checks, and datagrams that belong to nobody, in a second before reading pauses; a phone checks a few times."""
STRAY_PAUSE_S = 0.02
SEND_BUFFER_BYTES = 8 << 20
RECEIVE_BUFFER_BYTES = 1 << 20

Address = tuple[Any, ...]
"""As `socket.recvfrom` gives it."""


class Path:
    """A way to a client: our socket, its address, and the same as the kernel's structure."""

    __slots__ = ("address", "name", "port", "segments")

    def __init__(self, port: Port, address: Address):
        self.port, self.address = port, address
        self.name = sockaddr(address)
        self.segments = True
        """Cleared once the kernel refuses to cut what leaves this way (some tunnels, a smaller MTU)."""

    def send(self, datagram: bytes | memoryview) -> bool:
        """Send at once; False if the kernel has no room or no route."""
        try:
            self.port.socket.sendto(datagram, self.address)
        except OSError:
            return False
        return True

    def forget(self, endpoint: Endpoint) -> None:
        """What comes by this path is no longer for `endpoint`."""
        if self.port.endpoints.get(self.address) is endpoint:
            del self.port.endpoints[self.address]


class Endpoint(Protocol):
    """What a session gives the mux. Called synchronously; must neither block nor raise."""

    @property
    def credentials(self) -> Credentials: ...

    def checked(self, path: Path, *, nominated: bool) -> None:
        """The client has shown that it is at `path`."""

    def dtls(self, datagram: bytes) -> None:
        """A DTLS record from one of the session's paths."""

    def srtcp(self, datagram: bytes) -> None:
        """An encrypted RTP or RTCP packet from one of the session's paths."""


class Port:
    """One local address, bound."""

    def __init__(self, host: str, port: int):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.host = host
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.endpoints: dict[Address, Endpoint] = {}
        try:
            self.socket.setblocking(False)
            _set_buffer(self.socket, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
            _set_buffer(self.socket, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
            self.socket.bind((host, port))
            self.number: int = self.socket.getsockname()[1]
        except OSError:
            self.socket.close()
            raise


def _set_buffer(sock: socket.socket, option: int, size: int) -> None:
    """As large as allowed: beyond `net.core.[rw]mem_max` for a process with CAP_NET_ADMIN (Linux, socket(7))."""
    forced = {socket.SO_SNDBUF: 32, socket.SO_RCVBUF: 33}[option]
    try:
        sock.setsockopt(socket.SOL_SOCKET, forced, size)
    except OSError:
        sock.setsockopt(socket.SOL_SOCKET, option, size)


def local_addresses() -> list[str]:
    """The addresses that a client might reach: neither loopback nor link-local."""
    found = []
    for adapter in ifaddr.get_adapters():
        for entry in adapter.ips:
            text = entry.ip if isinstance(entry.ip, str) else entry.ip[0]
            address = ipaddress.ip_address(text.partition("%")[0])
            if not (address.is_loopback or address.is_link_local or address.is_unspecified):
                found.append(str(address))
    return list(dict.fromkeys(found))


class Mux:
    """All sessions behind one UDP port number; the sockets are open while there is a session.

    `udp_port` 0 takes any free port for each local address. Everything received is read here, at most
    `READS_PER_WAKE` datagrams before other callbacks have their turn. Beyond `STRAY_PER_S` checks and datagrams that
    belong to nobody reading pauses, so that the kernel drops the flood. Tables hold sessions' own paths and no others.
    """

    def __init__(self, udp_port: int, *, addresses: Callable[[], list[str]] = local_addresses):
        self._udp_port = udp_port
        self._addresses = addresses
        self._ports: dict[str, Port] = {}
        self._by_ufrag: dict[str, Endpoint] = {}
        self._paths: dict[Endpoint, OrderedDict[tuple[str, Address], Path]] = {}
        self._stray = Bucket(per_second=STRAY_PER_S, burst=STRAY_PER_S)
        self._resuming: dict[Port, asyncio.TimerHandle] = {}

    async def add(self, endpoint: Endpoint) -> list[tuple[str, int]]:
        """Take `endpoint` in; returns our addresses and ports, IPv6 first.

        Raises WhepError(503) if there is no address or the port is taken.
        """
        addresses = await asyncio.to_thread(self._addresses)
        self._paths[endpoint] = OrderedDict()
        self._by_ufrag[endpoint.credentials.ufrag] = endpoint
        try:
            self._open(addresses)
        except WhepError:
            self.remove(endpoint)
            raise
        ports = sorted(self._ports.values(), key=lambda port: ":" not in port.host)
        return [(port.host, port.number) for port in ports if port.host in addresses]

    def remove(self, endpoint: Endpoint) -> None:
        """Forget `endpoint`; unknown ones are ignored. The last one closes the sockets."""
        for path in self._paths.pop(endpoint, OrderedDict()).values():
            path.forget(endpoint)
        if self._by_ufrag.get(endpoint.credentials.ufrag) is endpoint:
            del self._by_ufrag[endpoint.credentials.ufrag]
        if not self._paths:
            self.close()

    def close(self) -> None:
        """Close all sockets; `add` opens them again."""
        for port in self._ports.values():
            self._close(port)
        self._ports.clear()

    def _open(self, addresses: list[str]) -> None:
        for host in [host for host in self._ports if host not in addresses]:
            if not self._ports[host].endpoints:
                self._close(self._ports.pop(host))
        problem = "the appliance has no network address to send from"
        for host in addresses:
            if host in self._ports:
                continue
            try:
                port = Port(host, self._udp_port)
            except OSError as error:
                problem = (
                    f"UDP port {self._udp_port} of {host} cannot be used for live video: {error.strerror}"
                )
                if error.errno == errno.EADDRINUSE:
                    problem += "; end the other program or set another live_port"
                # An IPv6 address that is still being checked for duplicates cannot be bound yet.
                _log.warning("%s", problem)
                continue
            self._ports[host] = port
            asyncio.get_running_loop().add_reader(port.socket, self._read, port)
        if not any(host in self._ports for host in addresses):
            raise WhepError(503, problem, "no_live_port")

    def _close(self, port: Port) -> None:
        resuming = self._resuming.pop(port, None)
        if resuming is not None:
            resuming.cancel()
        asyncio.get_running_loop().remove_reader(port.socket)
        port.socket.close()

    def _read(self, port: Port) -> None:
        receive = port.socket.recvfrom
        for _ in range(READS_PER_WAKE):
            try:
                datagram, address = receive(DATAGRAM_BYTES_MAX)
            except OSError:  # nothing more, or the error of an earlier send
                return
            if not self._taken(port, datagram, address) and not self._stray.take(self._now()):
                self._pause(port)
                return

    def _taken(self, port: Port, datagram: bytes, address: Address) -> bool:
        """Deal with a datagram (RFC 7983, 7); False for what is counted as stray."""
        if stun.is_stun(datagram):
            self._check(port, datagram, address)
            return False
        endpoint = port.endpoints.get(address)
        if endpoint is None or not datagram:
            return False
        if 20 <= datagram[0] <= 63:
            endpoint.dtls(datagram)
        elif 128 <= datagram[0] <= 191:
            endpoint.srtcp(datagram)
        else:
            return False
        return True

    def _check(self, port: Port, datagram: bytes, address: Address) -> None:
        try:
            message = stun.parse(datagram)
        except stun.StunError:
            return
        username = message.username
        endpoint = self._by_ufrag.get(username[0]) if username else None
        if endpoint is None:
            return
        verdict, answer = answer_check(message, endpoint.credentials, address[:2])
        if answer is not None:
            with suppress(OSError):
                port.socket.sendto(answer, address)
        if verdict in (Verdict.VALID, Verdict.NOMINATED):
            endpoint.checked(self._path(endpoint, port, address), nominated=verdict is Verdict.NOMINATED)

    def _path(self, endpoint: Endpoint, port: Port, address: Address) -> Path:
        """The known path, or a new one; the one least recently shown makes room, and another session's gives way."""
        paths, key = self._paths[endpoint], (port.host, address)
        path = paths.get(key)
        if path is not None and port.endpoints.get(address) is endpoint:
            paths.move_to_end(key)
            return path
        path = paths[key] = Path(port, address)
        port.endpoints[address] = endpoint
        if len(paths) > PATHS_PER_SESSION:
            paths.popitem(last=False)[1].forget(endpoint)
        return path

    def _pause(self, port: Port) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(port.socket)
        self._resuming[port] = loop.call_later(STRAY_PAUSE_S, self._resume, port)

    def _resume(self, port: Port) -> None:
        del self._resuming[port]
        asyncio.get_running_loop().add_reader(port.socket, self._read, port)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
