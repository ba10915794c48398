"""What a tunnel is set up with, and the checks of what people type in. Pure.

One network for the tunnel: the hub has its first address, the appliance one that is chosen, phones the others.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

DEFAULT_PORT = 51820
KEY_BYTES = 32
MAX_PHONES = 64
MAX_NAME = 40
MAX_TEXT = 300
"""Longer ones are refused unread."""

_PRIVATE = tuple(
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
"""RFC 1918, RFC 6598, RFC 4193."""
_PREFIXES = {4: range(16, 30), 6: range(48, 121)}
"""Larger networks would take what else the appliance reaches; smaller ones have no room for phones."""
_HOST_NAME = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII
)
"""The last part begins with a letter: resolvers take "10.1" and "0x7f.1" for addresses."""
_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)


class SettingRefused(Exception):
    """`field`: which one is wrong: "endpoint", "hub_key", "network", "address" or "name". `code`: key of the page's
    locales (`error.<code>`). The message tells what is allowed and does not repeat what was given."""

    def __init__(self, field: str, code: str, message: str):
        super().__init__(message)
        self.field, self.code = field, code


class Endpoint(NamedTuple):
    """Where the hub listens: a DNS name or an IP address, and a UDP port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def ip(self) -> Address | None:
        """None: it is a name."""
        try:
            return ipaddress.ip_address(self.host)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Hub:
    """The hub, and the tunnel's addresses. `public_key`: the hub's, base64. `address`: the appliance's own."""

    endpoint: Endpoint
    public_key: str
    network: Network
    address: Address

    @property
    def hub_address(self) -> Address:
        return self.network[1]


@dataclass(frozen=True, slots=True)
class Phone:
    """Somebody who may come in. `public_key`: base64. `address` None: its row in state.db is damaged; it cannot come in
    until it is removed and added again."""

    name: str
    public_key: str
    address: Address | None
    created_wall_s: float
    created_by: str


@dataclass(frozen=True, slots=True)
class Active:
    """All that the interface is set up with while the tunnel is on."""

    private_key: str = field(repr=False)
    hub: Hub
    phones: tuple[Phone, ...]


def read_hub(*, endpoint: str, hub_key: str, network: str, address: str) -> Hub:
    """The settings as people type them. Raises SettingRefused."""
    where, key = read_endpoint(endpoint), read_key(hub_key)
    tunnel = read_network(network)
    own = read_own_address(address, tunnel)
    if where.ip is not None and where.ip in tunnel:
        raise _endpoint_refused("the hub's own address on the internet, not one of the tunnel's")
    return Hub(where, key, tunnel, own)


def read_endpoint(text: str) -> Endpoint:
    """host, host:port, an IPv6 address with or without brackets. Raises SettingRefused."""
    text = text.strip().lower()
    if len(text) > MAX_TEXT:
        raise _endpoint_refused()
    bare = _address(text)
    if bare is not None:
        host, port = text, ""
    elif text.startswith("["):
        host, _, rest = text[1:].partition("]")
        if not isinstance(_address(host), ipaddress.IPv6Address) or (rest and not rest.startswith(":")):
            raise _endpoint_refused()
        port = rest[1:] or ("" if not rest else "none")
    else:
        host, colon, port = text.partition(":")
        port = port or ("none" if colon else "")
    number = DEFAULT_PORT if not port else int(port) if _PORT.fullmatch(port) else 0
    if not 1 <= number <= 65535:
        raise _endpoint_refused()
    found = _address(host)
    if found is None:
        if not _HOST_NAME.fullmatch(host) or host == "localhost":
            raise _endpoint_refused()
        return Endpoint(host, number)
    if found.is_unspecified or found.is_loopback or found.is_multicast or found.is_link_local:
        raise _endpoint_refused("an address that this appliance can reach over the internet")
    return Endpoint(str(found), number)


def read_key(text: str) -> str:
    """A public key as `wg pubkey` prints it: 32 bytes in base64. Raises SettingRefused."""
    text = text.strip()
    refused = SettingRefused(
        "hub_key", "tunnel_key", "the hub's public key: 44 characters, as `wg pubkey` prints it"
    )
    if len(text) != 44 or not text.isascii():
        raise refused
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise refused from None
    # The zero point makes every shared secret zero; only one spelling of each key is taken.
    if len(raw) != KEY_BYTES or not any(raw) or base64.b64encode(raw).decode() != text:
        raise refused
    return text


def read_network(text: str) -> Network:
    """A private network, as 10.77.0.0/24. Raises SettingRefused."""
    refused = SettingRefused(
        "network",
        "tunnel_network",
        "a private network from /16 to /29, such as 10.77.0.0/24 (IPv6: fc00::/7)",
    )
    text = text.strip()
    if len(text) > MAX_TEXT or not text.isascii() or "/" not in text:
        raise refused
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise refused from None
    if network.prefixlen not in _PREFIXES[network.version]:
        raise refused
    if not any(network.version == n.version and network.network_address in n for n in _PRIVATE):
        raise refused
    return network


def read_own_address(text: str, network: Network) -> Address:
    """The appliance's, in `network` and not the hub's. Raises SettingRefused."""
    address = _address(text.strip()) if len(text) <= MAX_TEXT else None
    if address is None or not _is_usable(address, network):
        raise SettingRefused(
            "address", "tunnel_address", "an address of the tunnel's network; its first one is the hub's"
        )
    return address


def read_address(text: str) -> Address:
    """An IP address. Raises SettingRefused."""
    address = _address(text)
    if address is None:
        raise SettingRefused("address", "tunnel_address", "an IP address")
    return address


def read_phone_name(text: str) -> str:
    """At most MAX_NAME printable characters, a letter or digit among them: it is written into a line of the hub's
    configuration. Raises SettingRefused."""
    name = unicodedata.normalize("NFC", text.strip()) if len(text) <= MAX_TEXT else ""
    if not len(name) <= MAX_NAME or not name.isprintable() or not any(c.isalnum() for c in name):
        raise SettingRefused(
            "name", "tunnel_phone_name", f"at most {MAX_NAME} letters, digits, signs and spaces"
        )
    return name


def free_host(network: Network, own: Address, taken: Iterable[Address], after: int) -> int | None:
    """Which address a new phone gets, as its place in `network`: the next one behind `after` that nobody has, so that
    the address of somebody who was removed comes back as late as possible; None: all are taken."""
    hosts = network.num_addresses
    used = {own, *taken}
    # What the network has too many of is looked at no longer than all the taken ones can stand in the way.
    for step in range(1, min(hosts, len(used) + 4) + 1):
        place = (after + step) % hosts
        if _is_usable(network[place], network) and network[place] not in used:
            return place
    return None


def _is_usable(address: Address, network: Network) -> bool:
    return address in network and address not in (
        network.network_address,
        network[1],
        network.broadcast_address,
    )


def _address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return None if isinstance(address, ipaddress.IPv6Address) and address.scope_id else address


def _endpoint_refused(
    allowed: str = "name or address of the hub and its UDP port, as hub.example.org:51820",
) -> SettingRefused:
    return SettingRefused("endpoint", "tunnel_endpoint", allowed)
