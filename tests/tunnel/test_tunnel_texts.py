"""Configuration texts, WireGuard's answers, and what is made of them."""

import subprocess

from hypothesis import given
from hypothesis import strategies as st

from nvr.tunnel.health import LOST_S, LinkWatch, TunnelState
from nvr.tunnel.keys import new_pair
from nvr.tunnel.settings import Endpoint, Phone, SettingRefused, read_hub, read_phone_name
from nvr.tunnel.wg_conf import hub_conf, interface_conf, phone_conf
from nvr.tunnel.wg_dump import PeerDump, parse_dump

OWN, HUB_KEYS, LAN, DUC = new_pair(), new_pair(), new_pair(), new_pair()
HUB = read_hub(
    endpoint="hub.example.org:51820", hub_key=HUB_KEYS.public, network="10.77.0.0/24", address="10.77.0.2"
)
HUB6 = read_hub(
    endpoint="[2001:db8::1]:51820", hub_key=HUB_KEYS.public, network="fd77::/64", address="fd77::2"
)


def phone(name, keys, address, hub=HUB):
    place = hub.network[address] if address is not None else None
    return Phone(name, keys.public, place, 0.0, "Minh")


PHONES = (phone("Lan", LAN, 3), phone("Đức\u200b", DUC, 4), phone("hỏng", DUC, None))


def test_the_appliance_lets_in_whom_it_knows():
    conf = interface_conf(OWN.private, HUB, PHONES, Endpoint("203.0.113.7", 443))
    assert conf == (
        f"[Interface]\nPrivateKey = {OWN.private}\n\n"
        f"[Peer]\nPublicKey = {HUB_KEYS.public}\nEndpoint = 203.0.113.7:443\n"
        "AllowedIPs = 10.77.0.1/32, 10.77.0.3/32, 10.77.0.4/32\nPersistentKeepalive = 25\n"
    )


def test_a_phone_reaches_the_appliance_alone():
    assert phone_conf(LAN.private, HUB.network[3], HUB) == (
        f"[Interface]\nPrivateKey = {LAN.private}\nAddress = 10.77.0.3/32\nMTU = 1280\n\n"
        f"[Peer]\nPublicKey = {HUB_KEYS.public}\nEndpoint = hub.example.org:51820\nAllowedIPs = 10.77.0.2/32\n"
        "PersistentKeepalive = 25\n"
    )
    assert "AllowedIPs = fd77::2/128" in phone_conf(LAN.private, HUB6.network[3], HUB6)


def test_the_hub_knows_everybody():
    conf = hub_conf(HUB, site="Thôn\nĐông", own_key=OWN.public, phones=PHONES)
    assert conf == (
        "[Interface]\nAddress = 10.77.0.1/24\nListenPort = 51820\n"
        "PostUp = wg set %i private-key /etc/wireguard/hub.key\nPostUp = sysctl -q -w net.ipv4.ip_forward=1\n\n"
        f"# Thôn Đông\n[Peer]\nPublicKey = {OWN.public}\nAllowedIPs = 10.77.0.2/32\n\n"
        f"# Lan\n[Peer]\nPublicKey = {LAN.public}\nAllowedIPs = 10.77.0.3/32\n\n"
        f"# Đức \n[Peer]\nPublicKey = {DUC.public}\nAllowedIPs = 10.77.0.4/32\n"
    )
    conf6 = hub_conf(HUB6, site="x", own_key=OWN.public, phones=())
    assert "Address = fd77::1/64\n" in conf6
    assert "net.ipv6.conf.all.forwarding=1" in conf6


def test_phones_of_another_network_are_left_out():
    others = [phone("Lan", LAN, 3, HUB6)]
    assert "fd77" not in hub_conf(HUB, site="x", own_key=OWN.public, phones=others)
    assert "fd77" not in interface_conf(OWN.private, HUB, others, HUB.endpoint)


@given(st.text(min_size=1))
def test_no_name_writes_a_line_of_its_own(name):
    lines = hub_conf(HUB, site=name, own_key=OWN.public, phones=PHONES).split("\n")
    assert len(lines) == 21
    assert "\n".join(lines).splitlines() == lines[:-1]


@given(st.text())
def test_no_accepted_name_breaks_the_line(name):
    try:
        name = read_phone_name(name)
    except SettingRefused:
        return
    assert len(name.splitlines()) == 1


def test_wireguard_takes_what_it_reads(tmp_path):
    """`wg-quick strip` parses the file as the hub and the phone do."""
    for number, conf in enumerate(
        (
            hub_conf(HUB, site="Thôn Đông", own_key=OWN.public, phones=PHONES),
            phone_conf(LAN.private, HUB.address, HUB),
        )
    ):
        file = tmp_path / f"nvr{number}.conf"
        file.write_text(conf, "utf-8")
        file.chmod(0o600)
        told = subprocess.run(["wg-quick", "strip", str(file)], capture_output=True, text=True, check=True)
        assert "AllowedIPs" in told.stdout


DUMP = (
    f"{OWN.private}\t{OWN.public}\t35436\toff\n"
    f"{LAN.public}\t(none)\t(none)\t10.77.0.9/32\t0\t0\t0\toff\n"
    f"{HUB_KEYS.public}\t(none)\t203.0.113.7:51820\t10.77.0.1/32,10.77.0.3/32\t1796000000\t4820\t1234567890123\t25\n"
)


def test_the_dump_of_the_hub():
    assert parse_dump(DUMP, HUB_KEYS.public) == PeerDump("203.0.113.7:51820", 1796000000, 4820, 1234567890123)
    assert parse_dump(DUMP, LAN.public) == PeerDump("(none)", 0, 0, 0)
    assert parse_dump(DUMP, DUC.public) is None
    assert parse_dump("", HUB_KEYS.public) is None


@given(st.text(alphabet="\t\n0123456789abc-.:/=") | st.text())
def test_any_text_is_a_dump_of_nobody(text):
    assert parse_dump(text, HUB_KEYS.public) is None


@given(
    st.lists(
        st.text(alphabet=st.characters(exclude_characters="\t", exclude_categories=["Cs"])),
        min_size=7,
        max_size=7,
    )
)
def test_any_fields_of_the_hub_give_numbers(fields):
    peer = parse_dump("\n" + "\t".join([HUB_KEYS.public, *fields]), HUB_KEYS.public)
    assert peer is None or all(0 <= number <= 2**64 for number in peer[1:])


def seen(handshake_s, received=0):
    return PeerDump("203.0.113.7:51820", handshake_s, received, 7)


def test_a_link_from_its_first_second():
    watch = LinkWatch(100.0)
    assert watch.see(100.0, None).state is TunnelState.WAITING
    assert watch.see(100.0 + LOST_S, seen(0)).state is TunnelState.WAITING
    assert watch.see(101.0 + LOST_S, seen(0)).state is TunnelState.LOST
    link = watch.see(400.0, seen(1_796_000_000, 92))
    assert (link.state, link.handshake_age_s, link.received_bytes, link.sent_bytes) == (
        "connected",
        0.0,
        92,
        7,
    )
    assert watch.see(420.0, seen(1_796_000_000)).handshake_age_s == 20.0
    # The wall clock goes back, or forward by years: ages are those of the monotonic clock.
    assert watch.see(520.0, seen(1_000_000)).handshake_age_s == 0.0
    link = watch.see(521.0 + LOST_S, seen(1_000_000))
    assert (link.state, link.handshake_age_s) == (TunnelState.LOST, LOST_S + 1)
    assert watch.see(522.0 + LOST_S, None).state is TunnelState.LOST
    assert watch.see(523.0 + LOST_S, seen(5)).state is TunnelState.CONNECTED


@given(st.lists(st.tuples(st.floats(0, 1000), st.integers(0, 3))))
def test_connected_means_a_new_handshake_within_the_time(steps):
    watch, now_s, last, changed_s = LinkWatch(0.0), 0.0, 0, None
    for wait_s, handshake_s in steps:
        now_s += wait_s
        if handshake_s not in (0, last):
            last, changed_s = handshake_s, now_s
        link = watch.see(now_s, seen(handshake_s))
        recent = changed_s is not None and now_s - changed_s <= LOST_S
        assert (link.state is TunnelState.CONNECTED) == recent
