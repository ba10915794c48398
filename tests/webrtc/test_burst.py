"""The same packets to several receivers, over real sockets, with and without the kernel's help."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from aiortc.rtcdtlstransport import SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80, SRTPProtectionProfile
from pylibsrtp import Policy, Session

from webrtc.burst import SLAB_PACKETS, Burst, Way, can_segment
from webrtc.mux import Path, Port
from webrtc.srtp import TAG_BYTES, Srtp

PROFILES = [SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80]


@dataclass(eq=False)
class Viewer:
    """A receiver with a socket and keys of its own."""

    path: Path | None
    srtp: Srtp | None
    socket: socket.socket
    decrypting: Session

    def received(self) -> list[bytes]:
        out = []
        while True:
            try:
                out.append(self.decrypting.unprotect(self.socket.recv(2048)))
            except BlockingIOError:
                return out


@pytest.fixture
def port(host: str) -> Iterator[Port]:
    made = Port(host, 0)
    yield made
    made.socket.close()


@pytest.fixture
def viewers(port: Port, profile: SRTPProtectionProfile) -> Iterator[list[Viewer]]:
    made = [viewer(port, profile) for _ in range(11)]
    yield made
    for one in made:
        one.socket.close()


def viewer(port: Port, profile: SRTPProtectionProfile) -> Viewer:
    receiving = socket.socket(port.socket.family, socket.SOCK_DGRAM)
    receiving.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    receiving.setblocking(False)
    receiving.bind((port.host, 0))
    key = os.urandom(profile.key_length + profile.salt_length)
    policy = Policy(key, Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile.libsrtp_profile)
    policy.allow_repeat_tx, policy.window_size = True, 1024  # as aiortc sets them (test_contract.py)
    sending = Session(policy)
    decrypting = Session(Policy(key, Policy.SSRC_ANY_INBOUND, srtp_profile=profile.libsrtp_profile))
    srtp = Srtp(sending, decrypting, profile.openssl_profile)
    return Viewer(Path(port, receiving.getsockname()), srtp, receiving, decrypting)


def packets(sizes: list[int], first: int = 0) -> list[bytes]:
    return [
        b"\x80\x60" + (first + index).to_bytes(2, "big") + bytes(8) + os.urandom(size - 12)
        for index, size in enumerate(sizes)
    ]


cases = pytest.mark.parametrize(
    ("host", "profile", "segments"),
    [
        ("127.0.0.1", PROFILES[0], True),
        ("127.0.0.1", PROFILES[1], True),
        ("::1", PROFILES[0], True),
        ("127.0.0.1", PROFILES[0], False),
        ("::1", PROFILES[1], False),
    ],
)


@cases
def test_every_viewer_gets_every_packet_under_its_own_keys(
    port: Port, viewers: list[Viewer], profile: SRTPProtectionProfile, segments: bool
) -> None:
    burst = Burst[Viewer](segments=segments)
    way = Way(port, TAG_BYTES[profile.openssl_profile], segments=True)
    first = 0
    for sizes in (
        [40],
        [40, 1200, 1200, 700],
        [1200] * 100 + [13],
        [13, 700, 1200, 13, 13, 13],
        [1200] * (2 * SLAB_PACKETS + 1),
        [60] * 60,
    ):
        sent = packets(sizes, first)
        first += len(sizes)
        assert burst.send(way, sent, viewers) == []
        for one in viewers:
            assert one.received() == sent
    assert all(one.path and one.path.segments for one in viewers)


@cases
def test_a_viewer_who_cannot_be_reached_keeps_nobody_else_from_the_picture(
    port: Port, viewers: list[Viewer], profile: SRTPProtectionProfile, segments: bool
) -> None:
    burst = Burst[Viewer](segments=segments)
    way = Way(port, TAG_BYTES[profile.openssl_profile], segments=True)
    lost = [viewers[0], viewers[4], viewers[10]]
    lost[0].path = Path(port, (port.host, 0))  # the kernel sends nothing to port 0
    lost[1].path = None
    lost[2].srtp = None
    sent = packets([40, *[1200] * 300])
    assert set(burst.send(way, sent, viewers)) == set(lost)
    for one in viewers:
        assert one.received() == ([] if one in lost else sent)


@cases
def test_a_packet_too_old_to_encrypt_is_not_sent(
    port: Port, viewers: list[Viewer], profile: SRTPProtectionProfile, segments: bool
) -> None:
    burst = Burst[Viewer](segments=segments)
    way = Way(port, TAG_BYTES[profile.openssl_profile], segments=True)
    (ahead, *_) = viewers
    assert ahead.srtp is not None
    ahead.srtp.protect_rtp(packets([40], 5000)[0])
    assert burst.send(way, packets([40, 40]), viewers[:2]) == [ahead]


@pytest.mark.parametrize(("host", "profile"), [("127.0.0.1", PROFILES[0])])
def test_a_way_that_cannot_be_segmented_is_sent_on_packet_by_packet(
    port: Port, viewers: list[Viewer], profile: SRTPProtectionProfile
) -> None:
    """Here for want of checksums, as with some tunnels."""
    port.socket.setsockopt(socket.SOL_SOCKET, 11, 1)  # SO_NO_CHECK; then UDP_SEGMENT fails (udp_send_skb)
    burst = Burst[Viewer](segments=True)
    way = Way(port, TAG_BYTES[profile.openssl_profile], segments=True)
    sent = packets([40, 1200, 1200, 1200, 800])
    assert burst.send(way, sent, viewers) == []
    for one in viewers:
        assert one.received() == sent
    assert not any(one.path and one.path.segments for one in viewers)
    sent = packets([40, 1200, 1200], 5)
    assert burst.send(way._replace(segments=False), sent, viewers) == []
    for one in viewers:
        assert one.received() == sent


def test_this_kernel_segments() -> None:
    """If this fails, the tests above say nothing of segments."""
    assert can_segment()
