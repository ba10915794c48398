"""Who is told that we are here, in how many bytes. tests/web/test_web_discovery.py asks over the network."""

from __future__ import annotations

import uuid
from ipaddress import IPv4Interface
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nvr.onvif.device import scopes
from nvr.onvif.discovery import (
    MAX_ANSWER,
    MAX_PROBE,
    Presence,
    Probe,
    own_address,
    parse_probe,
    probe_matches,
)
from nvr.onvif.model import Appliance
from nvr.onvif.xml import parse
from peers.onvif_client import PROBE

SCOPES = scopes(Appliance("Xã Đông", "0123", "1", "nvr", ZoneInfo("UTC")))
LAN = [IPv4Interface("192.168.1.64/24"), IPv4Interface("8.8.8.8/24"), IPv4Interface("10.9.0.1/31")]


def probe(types: str = "", scopes: str = "", message_id: str = "uuid:1") -> Probe | None:
    return parse_probe(PROBE.format(id=message_id, types=types, scopes=scopes).encode())


@pytest.mark.parametrize(
    ("types", "asked", "is_for"),
    [
        ("", "", True),
        ("dn:NetworkVideoTransmitter", "", True),
        ("x:Device dn:NetworkVideoTransmitter", "onvif://www.onvif.org/Profile/Streaming", True),
        ("wsdp:Device", "onvif://www.onvif.org/type onvif://www.onvif.org/", True),
        ("dn:NetworkVideoDisplay", "", False),
        ("", "onvif://www.onvif.org/type/ptz", False),
        ("", "onvif://www.onvif.org/Profile/Stream", False),
    ],
)
def test_what_is_looked_for(types: str, asked: str, is_for: bool) -> None:
    found = probe(types, asked)
    assert found is not None
    assert found.is_for(SCOPES) is is_for


@pytest.mark.parametrize(
    ("source", "own"),
    [
        ("192.168.1.9", "192.168.1.64"),
        ("10.9.0.0", "10.9.0.1"),
        ("192.168.2.9", None),
        ("192.168.1.255", None),
        ("192.168.1.0", None),
        ("8.8.8.9", None),
        ("9.9.9.9", None),
        ("fe80::1", None),
        ("x", None),
    ],
)
def test_who_is_answered(source: str, own: str | None) -> None:
    assert own_address(source, LAN) == own


def test_a_probe_without_an_id_or_of_another_protocol_is_none() -> None:
    assert probe(message_id="") is None
    assert probe(message_id="x" * 129) is None
    assert probe(message_id="&amp;") is None
    assert probe(types="x" * MAX_PROBE) is None
    assert parse_probe(PROBE.replace("2005/04/discovery", "2009/01").encode()) is None
    assert parse_probe(PROBE.replace("d:Probe", "d:Bye").encode()) is None


@given(st.text(max_size=60))
@example("Ở" * 60)
def test_an_answer_has_a_bounded_size(name: str) -> None:
    urls = [
        "http://192.168.100.100:65535/onvif/device_service",
        "https://192.168.100.100:65535/onvif/device_service",
    ]
    own = scopes(Appliance(name, "0123", "1", "nvr", ZoneInfo("UTC")))
    asked = probe(message_id="x" * 128)
    assert asked is not None
    presence = Presence("0123456789ABCDEF", own, urls, 1_800_000_000)
    answer = probe_matches(asked, presence, message_id=str(uuid.UUID(int=1)), number=10**9)
    parse(answer)
    assert len(answer) <= MAX_ANSWER


@given(st.binary(max_size=300))
@example(PROBE.encode())
def test_anything_is_a_probe_or_none(datagram: bytes) -> None:
    found = parse_probe(datagram)
    assert found is None or found.is_for(SCOPES) in (True, False)
