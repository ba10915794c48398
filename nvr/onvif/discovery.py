"""WS-Discovery: a platform on the same network asks who is there, and is told where the Device service is. Pure.

The asker's address is whatever its datagram says, so an answer may hit somebody who asked nothing. Therefore only what
is on a private network of ours is answered (`own_address`), with at most MAX_ANSWER bytes.

Sources: WS-Discovery (April 2005), 2.4 (unicast answers), 5; ONVIF Core Specification, 7.3 (types and scopes).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import AddressValueError, IPv4Address, IPv4Interface

from nvr.onvif.soap import DEVICE, ENVELOPE
from nvr.onvif.xml import BadXml, build, child, child_text, parse, split_tag

GROUP, PORT = "239.255.255.250", 3702
MAX_PROBE = 4096
MAX_ANSWER = 1400
_ID = re.compile(r"[A-Za-z0-9:./_#?=+-]{1,128}", re.ASCII)
"""A MessageID that is repeated: a URI, as everybody writes them."""
_DISCOVERY = "http://schemas.xmlsoap.org/ws/2005/04/discovery"
_ADDRESSING = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
_TYPES = {"NetworkVideoTransmitter": "dn", "Device": "tds"}
_PREFIXES = {
    "s": ENVELOPE,
    "a": _ADDRESSING,
    "d": _DISCOVERY,
    "dn": "http://www.onvif.org/ver10/network/wsdl",
    "tds": DEVICE,
}
_SERIALS = uuid.UUID("2b1c2c5e-6a3a-5d0b-9b0e-7f6c1d4e8a10")


@dataclass(frozen=True, slots=True)
class Probe:
    """Who is there? `types`: local names of what is looked for; `scopes`: of which it must be. Empty: anything."""

    message_id: str
    types: tuple[str, ...]
    scopes: tuple[str, ...]

    def is_for(self, scopes: Sequence[str]) -> bool:
        """Whether it asks for a device like us with these `scopes`; an asked scope may be the beginning of one, up to
        a slash (RFC 2396 matching, which is the default)."""
        asked = [scope.rstrip("/").lower() for scope in self.scopes]
        own = [scope.lower() + "/" for scope in scopes]
        return set(self.types) <= _TYPES.keys() and all(
            any(scope.startswith(wanted + "/") for scope in own) for wanted in asked
        )


def parse_probe(datagram: bytes) -> Probe | None:
    """None: it is no Probe, or larger than anybody needs. Takes anything."""
    if len(datagram) > MAX_PROBE:
        return None
    try:
        root = parse(datagram)
    except BadXml:
        return None
    probe = child(child(root, "Body"), "Probe")
    message_id = child_text(child(root, "Header"), "MessageID") or ""
    if root.tag != f"{{{ENVELOPE}}}Envelope" or probe is None or not _ID.fullmatch(message_id):
        return None
    if split_tag(probe.tag)[0] != _DISCOVERY:
        return None
    types = (child_text(probe, "Types") or "").split()
    # Prefixes are lost with the names' declarations; nobody else has types of these names.
    names = tuple(name.rpartition(":")[2] for name in types)
    return Probe(message_id, names, tuple((child_text(probe, "Scopes") or "").split()))


@dataclass(frozen=True, slots=True)
class Presence:
    """What we say of ourselves. `scopes`: the last are left out where an answer would be larger than MAX_ANSWER.
    `addresses`: URLs of the Device service. `instance`: greater for each run of the service."""

    serial: str
    scopes: Sequence[str]
    addresses: Sequence[str]
    instance: int


def probe_matches(probe: Probe, presence: Presence, *, message_id: str, number: int) -> bytes:
    """The answer. `message_id`: a UUID of this answer alone; `number`: how many answers this run has given."""
    scopes = list(presence.scopes)
    while True:
        made = _probe_matches(probe, replace(presence, scopes=scopes), message_id, number)
        if len(made) <= MAX_ANSWER or not scopes:
            return made
        scopes.pop()


def own_address(source: str, interfaces: Iterable[IPv4Interface]) -> str | None:
    """Our address on the network that `source` is on. None: on none of ours, or that is no private one, or `source`
    stands for more than one machine."""
    try:
        address = IPv4Address(source)
    except AddressValueError:
        return None
    for interface in interfaces:
        network = interface.network
        if address in network and address.is_private:
            shared = network.prefixlen < 31 and address in (
                network.broadcast_address,
                network.network_address,
            )
            return None if shared else str(interface.ip)
    return None


def _probe_matches(probe: Probe, presence: Presence, message_id: str, number: int) -> bytes:
    header = build(
        "s:Header",
        build("a:MessageID", f"urn:uuid:{message_id}"),
        build("a:RelatesTo", probe.message_id),
        build("a:To", f"{_ADDRESSING}/role/anonymous"),
        build("a:Action", f"{_DISCOVERY}/ProbeMatches"),
        build("d:AppSequence", InstanceId=presence.instance, MessageNumber=number),
    )
    match = build(
        "d:ProbeMatch",
        build("a:EndpointReference", build("a:Address", f"urn:uuid:{uuid.uuid5(_SERIALS, presence.serial)}")),
        build("d:Types", " ".join(f"{prefix}:{name}" for name, prefix in _TYPES.items())),
        build("d:Scopes", " ".join(presence.scopes)),
        build("d:XAddrs", " ".join(presence.addresses)),
        build("d:MetadataVersion", 1),
    )
    declared = {f"xmlns__{prefix}": uri for prefix, uri in _PREFIXES.items()}
    envelope = build("s:Envelope", header, build("s:Body", build("d:ProbeMatches", match)), **declared)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{envelope}'.encode()
