"""Keeps the tunnel as state.db wants it: up or down, with these phones, towards the hub's present address."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable, Iterable
from socket import SOCK_DGRAM, gaierror

import ifaddr

from nvr.clock import Clock
from nvr.events import Fault
from nvr.faults import FaultBoard
from nvr.tunnel.errors import TunnelOverlap, TunnelUnresolved
from nvr.tunnel.health import LOST_S, Link, LinkWatch, TunnelState
from nvr.tunnel.interface import NAME, Interface, interface
from nvr.tunnel.settings import Active, Endpoint, Hub, Network
from nvr.tunnel.store import TunnelStore

PLACE = "tunnel"
LOOK_S = 5.0
RESOLVE_S = 20.0
ANEW_S = 60.0
"""While the hub does not answer, its name is looked up again so often: its address may have changed."""


class Tunnel:
    """Constructing it starts nothing: run `run` under the supervisor. `store`: what is wanted, and how that is changed.
    `on_change`: the tunnel's state is another now; must neither block nor raise."""

    def __init__(
        self, store: TunnelStore, *, clock: Clock, faults: FaultBoard, on_change: Callable[[], None]
    ):
        self.store = store
        self._clock, self._faults, self._on_change = clock, faults, on_change
        self._changed = asyncio.Event()
        self._link = Link(TunnelState.OFF)
        self._userspace = False
        store.on_change(self._changed.set)

    @property
    def link(self) -> Link:
        """As of the last LOOK_S seconds."""
        if self._link.state is TunnelState.OFF and self.store.enabled:
            return Link(TunnelState.DOWN)
        return self._link

    @property
    def userspace(self) -> bool:
        """Whether wireguard-go does the work."""
        return self._userspace

    async def run(self, healthy: Callable[[], None]) -> None:
        """Until cancelled. Raises TunnelError; then nothing is up."""
        self._tell_damage()
        while True:
            self._changed.clear()
            if (wanted := self.store.active) is not None:
                await whereabouts(wanted.hub)  # nothing is made where it would be of no use
                await self._be_up(healthy)
            else:
                healthy()
                await self._changed.wait()

    async def _be_up(self, healthy: Callable[[], None]) -> None:
        """Until it is switched off."""
        try:
            async with interface() as made:
                self._userspace = made.userspace
                watched, watch = "", LinkWatch(0.0)
                while (wanted := self.store.active) is not None:
                    self._changed.clear()
                    if wanted.hub.public_key != watched:
                        watch, watched = LinkWatch(self._clock.monotonic()), wanted.hub.public_key
                    self._tell_damage()
                    await self._configure(made, wanted)
                    healthy()
                    await self._look_after(made, wanted.hub, watch)
        finally:
            self._userspace = False
            self._set(Link(TunnelState.OFF))
            self._faults.clear(PLACE, "tunnel_lost")

    async def _configure(self, made: Interface, wanted: Active) -> None:
        endpoint = await whereabouts(wanted.hub)
        await made.configure(wanted.private_key, wanted.hub, wanted.phones, endpoint)

    async def _look_after(self, made: Interface, hub: Hub, watch: LinkWatch) -> None:
        """Until the settings change, or the hub has not answered for so long that its name is to be looked up."""
        begun_s = self._clock.monotonic()
        while not self._changed.is_set():
            link = watch.see(self._clock.monotonic(), await made.hub_status(hub))
            self._set(link)
            if link.state is TunnelState.LOST:
                self._tell_lost(hub)
                if self._clock.monotonic() - begun_s > ANEW_S:
                    return
            else:
                self._faults.clear(PLACE, "tunnel_lost")
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _set(self, link: Link) -> None:
        changed = link.state is not self._link.state
        self._link = link
        if changed:
            self._on_change()

    def _tell_lost(self, hub: Hub) -> None:
        detail = f"the hub {hub.endpoint} has not answered for {LOST_S:.0f} s"
        params: dict[str, str | int | float] = {"endpoint": str(hub.endpoint), "minutes": round(LOST_S / 60)}
        self._faults.raise_fault(Fault(PLACE, "tunnel_lost", detail, params))

    def _tell_damage(self) -> None:
        if self.store.problem:
            self._faults.raise_fault(Fault(PLACE, "tunnel_unusable", self.store.problem))
        else:
            self._faults.clear(PLACE, "tunnel_unusable")


async def whereabouts(hub: Hub) -> Endpoint:
    """Where the hub is now. Raises TunnelOverlap, TunnelUnresolved."""
    check_overlap(hub.network, await asyncio.to_thread(other_networks))
    return await resolve(hub.endpoint)


def check_overlap(network: Network, others: Iterable[Network]) -> None:
    """Raises TunnelOverlap: `network` has addresses of one of the `others`."""
    for other in others:
        if network.version == other.version and network.overlaps(other):
            raise TunnelOverlap(
                f"the tunnel's network {network} overlaps {other}, in which the appliance is already",
                remedy="Choose another network for the tunnel, in the hub's configuration too",
                params={"network": str(network), "other": str(other)},
            )


def other_networks() -> list[Network]:
    """Those that this machine is in by its interfaces, but for the tunnel's. Blocks a moment."""
    found: list[Network] = []
    for adapter in ifaddr.get_adapters():
        if adapter.name == NAME:
            continue
        for entry in adapter.ips:
            text = entry.ip if isinstance(entry.ip, str) else entry.ip[0]
            found.append(
                ipaddress.ip_network(f"{text.partition('%')[0]}/{entry.network_prefix}", strict=False)
            )
    return found


async def resolve(endpoint: Endpoint) -> Endpoint:
    """With an IP address in place of a name, IPv4 if there is one: less of it is lost on the way in networks of
    mobile carriers. Raises TunnelUnresolved."""
    if endpoint.ip is not None:
        return endpoint
    try:
        async with asyncio.timeout(RESOLVE_S):
            found = await asyncio.get_running_loop().getaddrinfo(
                endpoint.host, endpoint.port, type=SOCK_DGRAM
            )
    except (gaierror, TimeoutError, UnicodeError) as error:
        raise TunnelUnresolved(
            f"the hub's name {endpoint.host} has no address now: {error}",
            remedy="Check the appliance's internet connection and the name's spelling",
            params={"host": endpoint.host},
        ) from None
    addresses = sorted((address[0] for *_, address in found), key=lambda text: ":" in str(text))
    return Endpoint(str(addresses[0]), endpoint.port)
