"""What `webrtc/` counts on in aiortc and pylibsrtp: each private name it uses, and what that does."""

from __future__ import annotations

import ast
import asyncio
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import pylibsrtp
import pytest
from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AES128_CM_SHA1_80,
    RTCCertificate,
    RTCDtlsTransport,
    SRTPProtectionProfile,
)
from pylibsrtp import Policy, Session

from webrtc.srtp import TAG_BYTES, ffi, profiles_by_cost, protect_in_place

SOURCES = sorted((Path(__file__).parent.parent.parent / "webrtc").glob("*.py"))
PRIVATE = {
    "peer.py": {"_set_role", "_srtp_profiles", "_ssl", "_tx_srtp", "_rx_srtp"},
    "srtp.py": {"_srtp", "_binding"},
}
PROFILES = [SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80]


def test_the_versions_are_the_pinned_ones() -> None:
    assert {name: version(name) for name in ("aiortc", "aioice", "pylibsrtp")} == {
        "aiortc": "1.16.0",
        "aioice": "0.13.0",
        "pylibsrtp": "1.0.0",
    }


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_the_private_names_of_others_are_the_listed_ones(path: Path) -> None:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            own = isinstance(node.value, ast.Name) and node.value.id == "self"
            if node.attr.startswith("_") and not node.attr.startswith("__") and not own:
                found.add(node.attr)
        if isinstance(node, ast.ImportFrom):
            found |= {alias.name for alias in node.names if alias.name.startswith("_")}
    assert found == PRIVATE.get(path.name, set())


class Pipe:
    """The ICE transport as aiortc's DTLS sees it, to another one in memory."""

    def __init__(self, role: str):
        self.role = role
        self.other: Pipe | None = None
        self.received: asyncio.Queue[bytes] = asyncio.Queue()

    async def _recv(self) -> bytes:
        return await self.received.get()

    async def _send(self, datagram: bytes) -> None:
        assert self.other is not None
        self.other.received.put_nowait(datagram)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.openssl_profile.decode())
async def test_dtls_needs_three_names_of_its_transport_and_gives_two_srtp_sessions(
    profile: SRTPProtectionProfile,
) -> None:
    server_pipe, client_pipe = Pipe("controlled"), Pipe("controlling")
    server_pipe.other, client_pipe.other = client_pipe, server_pipe
    server = RTCDtlsTransport(cast(Any, server_pipe), [RTCCertificate.generateCertificate()])
    client = RTCDtlsTransport(cast(Any, client_pipe), [RTCCertificate.generateCertificate()])
    states: list[str] = []
    server.on("statechange", lambda: states.append(server.state))
    server._set_role("server")
    client._set_role("client")
    # The server's order decides; the client's own has both.
    server._srtp_profiles = [profile, *(other for other in PROFILES if other is not profile)]
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(server.start(client.getLocalParameters()))
        tasks.create_task(client.start(server.getLocalParameters()))
    assert states == ["connecting", "connected"]
    chosen = cast(Any, server._ssl).get_selected_srtp_profile()
    assert chosen == profile.openssl_profile
    packet = b"\x80\x60\x00\x01" + bytes(100)
    encrypted = server._tx_srtp.protect(packet)
    assert len(encrypted) == len(packet) + TAG_BYTES[chosen]
    assert client._rx_srtp.unprotect(encrypted) == packet
    for seq in range(2, 900):
        server._tx_srtp.protect(packet[:2] + seq.to_bytes(2, "big") + packet[4:])
    assert server._tx_srtp.protect(packet) == encrypted, "what the ring holds may be sent again"
    report = b"\x81\xc9\x00\x01\x00\x00\x00\x07"
    assert server._rx_srtp.unprotect_rtcp(client._tx_srtp.protect_rtcp(report)) == report
    await client.stop()
    async with asyncio.timeout(30):
        while states[-1] != "closed":
            await asyncio.sleep(0)


def sessions(profile: SRTPProtectionProfile) -> tuple[Session, Session]:
    key = bytes(range(profile.key_length + profile.salt_length))
    sending = Policy(key, Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile.libsrtp_profile)
    sending.allow_repeat_tx = True
    return Session(sending), Session(
        Policy(key, Policy.SSRC_ANY_INBOUND, srtp_profile=profile.libsrtp_profile)
    )


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.openssl_profile.decode())
def test_a_packet_is_encrypted_in_place_and_may_be_again(profile: SRTPProtectionProfile) -> None:
    sending, receiving = sessions(profile)
    packet = b"\x80\x60\x00\x09" + bytes(range(200))
    arena, lengths = ffi.new("char[]", 1000), ffi.new("int[]", [0, len(packet)])
    ffi.memmove(arena + 7, packet, len(packet))
    assert protect_in_place(sending._srtp[0], arena + 7, lengths + 1) == 0
    tag = TAG_BYTES[profile.openssl_profile]
    assert list(lengths) == [0, len(packet) + tag]
    encrypted = bytes(ffi.buffer(arena + 7, lengths[1]))
    assert bytes(ffi.buffer(arena, 7)) == bytes(7)
    assert sending.protect(packet) == encrypted, "the same bytes, so that no key stream is used twice"
    assert receiving.unprotect(encrypted) == packet


def test_a_packet_far_behind_is_refused_and_not_encrypted_with_a_wrong_index() -> None:
    sending, _ = sessions(SRTP_AES128_CM_SHA1_80)
    for seq in (0, 5000):
        sending.protect(b"\x80\x60" + seq.to_bytes(2, "big") + bytes(20))
    with pytest.raises(pylibsrtp.Error):
        sending.protect(b"\x80\x60\x00\x01" + bytes(20))


def test_both_profiles_are_offered_in_some_order() -> None:
    assert sorted(profile.openssl_profile for profile in profiles_by_cost()) == sorted(
        profile.openssl_profile for profile in PROFILES
    )
