"""Platforms find the recorder by multicast; what they say and read is the wsdiscovery package's (PyPI)."""

from __future__ import annotations

import asyncio
import socket
import uuid
from collections.abc import Iterator

import pytest
from web_site import Site
from wsdiscovery.actions.probematch import ProbeResolveMatch
from wsdiscovery.envelope import SoapEnvelope
from wsdiscovery.message import createSOAPMessage, parseSOAPMessage
from wsdiscovery.namespaces import NS_ACTION_PROBE, NS_ADDRESS_ALL
from wsdiscovery.qname import QName

from nvr.events import Actor
from nvr.onvif.discovery import GROUP, MAX_ANSWER, PORT

BY = Actor("Lan", "")
TRANSMITTER = QName("http://www.onvif.org/ver10/network/wsdl", "NetworkVideoTransmitter", "dn")


@pytest.fixture
def asking() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.setblocking(False)
        asking.bind(("127.0.0.1", 0))
        asking.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        yield asking


def probe(kind: QName) -> tuple[str, bytes]:
    envelope = SoapEnvelope()
    message_id = uuid.uuid4().urn
    envelope.setAction(NS_ACTION_PROBE)
    envelope.setTo(NS_ADDRESS_ALL)
    envelope.setMessageId(message_id)
    envelope.setTypes([kind])
    return message_id, createSOAPMessage(envelope).encode()


async def answers(asking: socket.socket, site: Site, kind: QName, seconds: float) -> list[ProbeResolveMatch]:
    """Of this site: others on this machine may answer too."""
    loop, found = asyncio.get_running_loop(), []
    message_id, datagram = probe(kind)
    await loop.sock_sendto(asking, datagram, (GROUP, PORT))
    try:
        async with asyncio.timeout(seconds):
            while not found:
                data, (address, port) = await loop.sock_recvfrom(asking, 65_536)
                envelope = parseSOAPMessage(data, address)
                if envelope is None or envelope.getRelatesTo() != message_id:
                    continue  # somebody else's, and no answer at all
                found = [m for m in envelope.getProbeResolveMatches() if ours(m, site)]
                assert not found or (port == PORT and len(data) <= MAX_ANSWER)
    except TimeoutError:
        pass
    return found


def ours(match: ProbeResolveMatch, site: Site) -> bool:
    return match.getXAddrs()[0] == f"{site.http_url}/onvif/device_service"


async def test_a_platform_finds_the_recorder(site: Site, asking: socket.socket) -> None:
    await site.services.platforms.add("xa", [], by=BY)
    found: list[ProbeResolveMatch] = []
    async with asyncio.timeout(90):
        while not found:  # it looks for platforms every few seconds
            found = await answers(asking, site, TRANSMITTER, 1.0)
    (match,) = found
    assert match.getXAddrs()[1] == f"{site.url}/onvif/device_service"
    assert match.getEPR().startswith("urn:uuid:")
    assert TRANSMITTER.getFullname() in [kind.getFullname() for kind in match.getTypes()]
    scopes = [scope.getValue() for scope in match.getScopes()]
    assert "onvif://www.onvif.org/Profile/Streaming" in scopes
    assert any(scope.startswith("onvif://www.onvif.org/name/") for scope in scopes)
    assert await answers(asking, site, QName("http://printers", "Printer", "p"), 0.5) == []


async def test_without_platforms_nobody_answers(site: Site, asking: socket.socket) -> None:
    assert await answers(asking, site, TRANSMITTER, 0.5) == []
