"""SRTP of one session (RFC 3711, RFC 7714) by pylibsrtp, and which profile is the cheapest on this machine.

Private names of pylibsrtp 1.0.0, all of them: the module `_binding` with `ffi`, `lib.srtp_protect`, and
`Session._srtp`. With them a packet is encrypted where it lies, at 0.8 µs instead of 2.1 µs for `Session.protect`.
`tests/webrtc/test_contract.py` holds what is counted on.
"""

from __future__ import annotations

import time
from typing import Any

import pylibsrtp
from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AES128_CM_SHA1_80,
    SRTP_PROFILES,
    SRTPProtectionProfile,
)
from pylibsrtp import Policy, Session
from pylibsrtp import _binding as binding

ffi: Any = binding.ffi
protect_in_place: Any = binding.lib.srtp_protect
"""`srtp_protect(context, packet, length)` of libsrtp 2: encrypts in place, appends the tag, updates `*length`;
0 is success."""

TAG_BYTES = {SRTP_AEAD_AES_128_GCM.openssl_profile: 16, SRTP_AES128_CM_SHA1_80.openssl_profile: 10}
"""What encryption adds to an RTP packet, by the name of the profile in OpenSSL."""


class Srtp:
    """The two directions of a session. `context` is for `protect_in_place`; `tag_bytes` is what it appends."""

    def __init__(self, transmitting: Session, receiving: Session, profile: bytes):
        self._transmitting, self._receiving = transmitting, receiving
        self.context: Any = transmitting._srtp[0]
        self.tag_bytes = TAG_BYTES[profile]

    def protect_rtp(self, packet: bytes) -> bytes | None:
        """None if the packet is too old to be sent again (RFC 3711, 3.3.2)."""
        try:
            return self._transmitting.protect(packet)
        except pylibsrtp.Error:
            return None

    def protect_rtcp(self, packet: bytes) -> bytes:
        return self._transmitting.protect_rtcp(packet)

    def unprotect_rtcp(self, packet: bytes) -> bytes | None:
        """None if the packet is not authentic or was seen before."""
        try:
            return self._receiving.unprotect_rtcp(packet)
        except (pylibsrtp.Error, ValueError):  # ValueError: longer than any RTCP
            return None


def profiles_by_cost() -> list[SRTPProtectionProfile]:
    """The profiles we offer, the one that costs the least CPU on this machine first.

    It is AES-GCM where the processor has AES and carry-less multiplication, and not elsewhere (a Raspberry Pi 4).
    A few milliseconds of CPU; to be called once, off the event loop.
    """
    usable = [
        profile for profile in (SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80) if profile in SRTP_PROFILES
    ]
    return sorted(usable, key=_cost_s)


def _cost_s(profile: SRTPProtectionProfile) -> float:
    key = bytes(profile.key_length + profile.salt_length)
    policy = Policy(key, Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile.libsrtp_profile)
    session = Session(policy)
    rounds, seq = [], 0
    for _ in range(5):
        begin = time.thread_time()
        for _ in range(50):
            session.protect(b"\x80\x60" + seq.to_bytes(2, "big") + bytes(1196))
            seq += 1
        rounds.append(time.thread_time() - begin)
    return min(rounds)
