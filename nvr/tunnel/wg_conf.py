"""Configuration texts of WireGuard: the appliance's own interface, a phone's, the hub's (wg(8), wg-quick(8)). Pure."""

from __future__ import annotations

from collections.abc import Iterable

from nvr.tunnel.settings import Address, Endpoint, Hub, Phone

KEEPALIVE_S = 25
"""Below the shortest time for which carriers keep a UDP mapping open (30 s)."""
MTU = 1280
"""The least that IPv6 allows. WireGuard adds 60 or 80 bytes; mobile networks carry 1,360 everywhere, but lose the
fragments of larger datagrams. Live video's packets are smaller."""
HUB_KEY_FILE = "/etc/wireguard/hub.key"
"""Where the hub keeps its private key: not in the text, so that the text can be pasted anew at any time."""


def interface_conf(private_key: str, hub: Hub, phones: Iterable[Phone], endpoint: Endpoint) -> str:
    """The appliance's own, for `wg syncconf`. Only the hub and phones that are known may speak: what comes from any
    other address is dropped by WireGuard. `endpoint`: the hub's, with an IP address."""
    allowed = [
        hub.hub_address,
        *(p.address for p in phones if p.address is not None and p.address in hub.network),
    ]
    return _text(
        *("[Interface]", f"PrivateKey = {private_key}", ""),
        *("[Peer]", f"PublicKey = {hub.public_key}", f"Endpoint = {endpoint}"),
        f"AllowedIPs = {', '.join(map(_alone, allowed))}",
        f"PersistentKeepalive = {KEEPALIVE_S}",
    )


def phone_conf(private_key: str, address: Address, hub: Hub) -> str:
    """What WireGuard's app on a phone reads as QR, and wg-quick as file. It can reach the appliance alone."""
    return _text(
        *("[Interface]", f"PrivateKey = {private_key}", f"Address = {_alone(address)}", f"MTU = {MTU}", ""),
        *("[Peer]", f"PublicKey = {hub.public_key}", f"Endpoint = {hub.endpoint}"),
        *(f"AllowedIPs = {_alone(hub.address)}", f"PersistentKeepalive = {KEEPALIVE_S}"),
    )


def hub_conf(hub: Hub, *, site: str, own_key: str, phones: Iterable[Phone]) -> str:
    """For wg-quick on the hub: everybody who may come in. `own_key`: the appliance's public key. It holds no secret:
    the hub's key is read from HUB_KEY_FILE there."""
    forwarding = "net.ipv4.ip_forward" if hub.network.version == 4 else "net.ipv6.conf.all.forwarding"
    lines = [
        *("[Interface]", f"Address = {hub.hub_address}/{hub.network.prefixlen}"),
        f"ListenPort = {hub.endpoint.port}",
        f"PostUp = wg set %i private-key {HUB_KEY_FILE}",
        f"PostUp = sysctl -q -w {forwarding}=1",
        *_peer(site, own_key, hub.address),
    ]
    for phone in phones:
        if phone.address is not None and phone.address in hub.network:
            lines += _peer(phone.name, phone.public_key, phone.address)
    return _text(*lines)


def _peer(name: str, public_key: str, address: Address) -> list[str]:
    comment = "".join(c if c.isprintable() else " " for c in name)
    return ["", f"# {comment}", "[Peer]", f"PublicKey = {public_key}", f"AllowedIPs = {_alone(address)}"]


def _alone(address: Address) -> str:
    return f"{address}/{address.max_prefixlen}"


def _text(*lines: str) -> str:
    return "\n".join(lines) + "\n"
