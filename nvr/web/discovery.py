"""WS-Discovery on the local network: answers platforms that look for recorders, while there is a platform."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import uuid
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address, IPv4Interface

import ifaddr
import structlog

from nvr.onvif import device
from nvr.onvif.discovery import GROUP, PORT, Presence, own_address, parse_probe, probe_matches
from nvr.onvif.model import Appliance
from nvr.web.services import Services
from webrtc.bucket import Bucket

log = structlog.get_logger(__name__)

LOOK_S = 5.0
"""How often interfaces and platforms are looked at."""
READ_PER_S, READ_AT_ONCE = 10.0, 20.0
"""Datagrams that are read; the others are dropped. Each gets one answer at most."""


class Discovery(asyncio.DatagramProtocol):
    """Listens on the multicast group alone, on those interfaces where the web server does; IPv4."""

    def __init__(self, services: Services, appliance: Appliance):
        self._services, self._appliance = services, appliance
        self._bucket = Bucket(per_second=READ_PER_S, burst=READ_AT_ONCE)
        self._interfaces: list[IPv4Interface] = []
        self._transport: asyncio.DatagramTransport | None = None
        self._instance, self._answers = int(services.clock.wall()), 0

    async def run(self) -> None:
        """Until cancelled. What stands in the way is told once and tried again: platforms can be told our address."""
        told = ""
        while True:
            if self._services.platforms.any_enabled:
                try:
                    await self._serve()
                except OSError as error:
                    if str(error) != told:
                        log.warning("platforms cannot find this recorder by themselves", error=str(error))
                    told = str(error)
            await asyncio.sleep(LOOK_S)

    async def _serve(self) -> None:
        with _listening() as listening:
            self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: self, sock=listening
            )
            joined: set[IPv4Address] = set()
            try:
                while self._services.platforms.any_enabled:
                    await self._join(listening, joined)
                    await asyncio.sleep(LOOK_S)
            finally:
                self._transport.close()

    async def _join(self, listening: socket.socket, joined: set[IPv4Address]) -> None:
        """Join the group on interfaces that are new; the kernel has left it on those that went."""
        interfaces = await asyncio.to_thread(_ipv4_interfaces, self._services.config.web.host)
        addresses = {interface.ip for interface in interfaces}
        joined &= addresses
        for address in addresses - joined:
            membership = IPv4Address(GROUP).packed + address.packed
            # One that knows no multicast, or has a second address, on which it joined already.
            with contextlib.suppress(OSError):
                listening.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
            joined.add(address)
        self._interfaces = interfaces

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        own = own_address(addr[0], self._interfaces)
        if own is None or self._transport is None:
            return
        if not self._bucket.take(self._services.clock.monotonic()):
            return
        probe, scopes = parse_probe(data), device.scopes(self._appliance)
        if probe is None or not probe.is_for(scopes):
            return
        self._answers += 1
        web = self._services.config.web
        addresses = (
            f"http://{own}:{web.http_port}{device.PATH}",
            f"https://{own}:{web.https_port}{device.PATH}",
        )
        presence = Presence(self._appliance.serial, scopes, addresses, self._instance)
        answer = probe_matches(probe, presence, message_id=str(uuid.uuid4()), number=self._answers)
        self._transport.sendto(answer, addr)


@contextlib.contextmanager
def _listening() -> Iterator[socket.socket]:
    """Bound to the group, so that what is sent to us alone does not come; others on this machine may listen too."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.setblocking(False)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
        listening.bind((GROUP, PORT))
        yield listening


_IP_MULTICAST_ALL = 49
"""Of linux/in.h: 0: only of groups and interfaces that this socket joined."""


def _ipv4_interfaces(host: str) -> list[IPv4Interface]:
    """Of this machine, as far as a server at `host` is there. Blocks a moment."""
    try:
        listening = IPv4Address(host)
    except AddressValueError:
        return []
    found = [
        IPv4Interface(f"{ip.ip}/{ip.network_prefix}")
        for adapter in ifaddr.get_adapters()
        for ip in adapter.ips
        if isinstance(ip.ip, str)
    ]
    return [interface for interface in found if listening.is_unspecified or interface.ip == listening]
