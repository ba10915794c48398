"""What people type in for the tunnel: what is taken, and that everything else is refused by field and code."""

import base64
import ipaddress
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvr.tunnel import settings
from nvr.tunnel.keys import new_pair
from nvr.tunnel.settings import Endpoint, SettingRefused, free_host, read_hub, read_key

KEY = "2Hi1KkXRQ+F2p6RBx4erDnZpRHD5+1f/AR8jO1K21kk="
GOOD = {
    "endpoint": "hub.example.org:51820",
    "hub_key": KEY,
    "network": "10.77.0.0/24",
    "address": "10.77.0.2",
}


def refusal(**changed: str) -> tuple[str, str]:
    with pytest.raises(SettingRefused) as refused:
        read_hub(**(GOOD | changed))
    return refused.value.field, refused.value.code


def test_good_settings():
    hub = read_hub(**GOOD)
    assert hub.endpoint == Endpoint("hub.example.org", 51820)
    assert str(hub.hub_address) == "10.77.0.1"
    assert read_hub(**(GOOD | {"network": "10.77.0.9/24"})) == hub


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("hub.example.org", "hub.example.org", 51820),
        (" HUB.Example.org:443 ", "hub.example.org", 443),
        ("203.0.113.7", "203.0.113.7", 51820),
        ("203.0.113.7:1", "203.0.113.7", 1),
        ("[2001:db8::1]:65535", "2001:db8::1", 65535),
        ("[2001:db8::1]", "2001:db8::1", 51820),
        ("2001:db8:0::1", "2001:db8::1", 51820),
        ("xn--t-bja.vn:51820", "xn--t-bja.vn", 51820),
    ],
)
def test_endpoints(text, host, port):
    found = settings.read_endpoint(text)
    assert found == (host, port)
    assert settings.read_endpoint(str(found)) == found


@pytest.mark.parametrize(
    "text",
    [
        *"a:0 a:65536 a:123456 a:-1 a:٣ a: :1 [2001:db8::1]x [2001:db8::1]: [10.0.0.1]:1 10.1 1.2.3.4.5 0x7f.1".split(),
        *"127.0.0.1 0.0.0.0 :: ::1 224.0.0.1 fe80::1 fe80::1%eth0 169.254.1.1 localhost a..b -a a- thôn.vn".split(),
        *"a/b user@a a#b http://a:1 10.77.0.1 10.77.0.1:51820".split(),
        *("", "a b", "a\n[Peer]", "a" * 64 + ".vn", "a." * 127 + "vn", "a" * 10_000),
    ],
)
def test_no_endpoint(text):
    assert refusal(endpoint=text) == ("endpoint", "tunnel_endpoint")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        KEY[:-1],
        KEY + "=",
        KEY[:-2] + "==",
        "A" * 43 + "=",
        "A" * 42 + "B=",
        "é" * 44,
        f"{KEY[:20]}\n{KEY[21:]}",
        base64.b64encode(bytes(31)).decode(),
        base64.b64encode(bytes(33)).decode(),
    ],
)
def test_no_key(text):
    assert refusal(hub_key=text) == ("hub_key", "tunnel_key")


@pytest.mark.parametrize(
    "text",
    [
        *"10.77.0.0 10.77.0.0/30 10.77.0.0/15 10.0.0.0/8 0.0.0.0/0 8.8.8.0/24 172.32.0.0/16 192.169.0.0/24".split(),
        *"fd00::/32 fd00::/126 2001:db8::/64 ::/0 10.77.0.0/24/1 10.77.0.0/255.255.255.0x 10.77.0.0/-1".split(),
        *("", "x/24", "١٠.0.0.0/24", "9" * 400 + "/24"),
    ],
)
def test_no_network(text):
    assert refusal(network=text) == ("network", "tunnel_network")


@pytest.mark.parametrize(
    "text", ["", "x", *"10.77.0.0 10.77.0.1 10.77.0.255 10.77.1.2 fd00::2 10.77.0.2/24".split()]
)
def test_no_address(text):
    assert refusal(address=text) == ("address", "tunnel_address")


def test_an_ipv6_tunnel():
    hub = read_hub(**(GOOD | {"network": "fd77::/64", "address": "fd77::2"}))
    assert (str(hub.network), str(hub.hub_address)) == ("fd77::/64", "fd77::1")


@pytest.mark.parametrize(
    "name", ["", "  ", "a" * 41, "a\nb", "a\tb", "a\x00", "\u2028", "\u202eabc", "x" * 400]
)
def test_no_phone_name(name):
    with pytest.raises(SettingRefused) as refused:
        settings.read_phone_name(name)
    assert (refused.value.field, refused.value.code) == ("name", "tunnel_phone_name")


def test_names_are_of_one_spelling():
    assert settings.read_phone_name(" Minh Đức ") == "Minh Đức"
    assert settings.read_phone_name("e\u0302") == "\u00ea"


@given(st.text(), st.text(), st.text(), st.text())
def test_any_text_is_refused_by_name(endpoint, hub_key, network, address):
    with pytest.raises(SettingRefused) as refused:
        read_hub(endpoint=endpoint, hub_key=hub_key, network=network, address=address)
    assert refused.value.field in ("endpoint", "hub_key", "network", "address")


LABEL = st.from_regex(r"[a-z]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)


@given(st.lists(LABEL, min_size=1, max_size=5).map(".".join), st.integers(1, 65535))
def test_names_are_taken_as_they_are(host, port):
    if host != "localhost":
        assert settings.read_endpoint(f"{host}:{port}") == (host, port)


@given(st.text(min_size=1))
def test_what_is_taken_as_endpoint_fits_into_one_line(text):
    try:
        endpoint = settings.read_endpoint(text)
    except SettingRefused:
        return
    assert str(endpoint).isascii() and str(endpoint).isprintable() and " " not in str(endpoint)


NETWORKS = st.builds(
    lambda base, prefix: ipaddress.ip_network((base << 8 | 10 << 24, prefix), strict=False),
    st.integers(0, 0xFFFF),
    st.integers(26, 29),
)


@given(NETWORKS, st.integers(0, 300), st.data())
def test_free_addresses_are_free_until_there_is_none(network, after, data):
    own = network[data.draw(st.integers(2, network.num_addresses - 2))]
    taken = []
    while (place := free_host(network, own, taken, after)) is not None:
        address = network[place]
        assert address not in (own, network[0], network[1], network[-1], *taken)
        taken.append(address)
        after = place
    assert len(taken) == network.num_addresses - 4


def test_an_address_given_back_comes_last():
    network = ipaddress.ip_network("10.77.0.0/29")
    own, places, place = network[2], [], 2
    for _ in range(6):
        place = free_host(network, own, [], place)
        places.append(place)
    assert places == [3, 4, 5, 6, 3, 4]


def test_free_addresses_of_a_large_network():
    network = ipaddress.ip_network("fd77::/64")
    assert free_host(network, network[2], [network[3]], 2) == 4
    assert free_host(network, network[2], [], 2**64 - 2) == 3


def test_keys_are_what_wireguard_takes():
    pair = new_pair()
    assert pair.private != new_pair().private
    assert pair.private not in repr(pair)
    told = subprocess.run(["wg", "pubkey"], input=pair.private, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == pair.public == read_key(pair.public)
