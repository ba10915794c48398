"""One client's connection: ICE-lite, DTLS (RFC 5764) by aiortc, SRTP.

Private names of aiortc 1.16.0, all of them: `RTCDtlsTransport._set_role`, `._srtp_profiles`, `._ssl`, `._tx_srtp`,
`._rx_srtp`; and of the ICE transport that it expects, `_recv`, `_send` and `role`, which `Peer` offers it.
`tests/webrtc/test_contract.py` holds what is counted on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, cast

from aiortc.rtcdtlstransport import (
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    SRTPProtectionProfile,
)
from cryptography.x509 import InvalidVersion
from OpenSSL import SSL

from webrtc import rtcp
from webrtc.bucket import Bucket
from webrtc.ice import Credentials
from webrtc.mux import Mux, Path
from webrtc.sdp import Transport
from webrtc.srtp import Srtp

_log = logging.getLogger(__name__)

DTLS_QUEUE = 32
"""Datagrams of a handshake that wait to be read; more are dropped, as DTLS expects of a network."""
DTLS_PER_S, DTLS_BURST = 20, 100
RTCP_PER_S = 500
SILENT_PATH_S = 5.0
"""A path that has not been checked for so long gives way to any other that has, also without nomination."""


class Peer:
    """`connected` is set once frames can flow, `over` when the connection failed, was closed or is to be closed.

    `path` is where to send; it follows the client. `srtp` is there from `connected` on. Feedback of the client goes
    to `on_feedback`.
    """

    role = "controlled"

    def __init__(
        self,
        mux: Mux,
        remote: Transport,
        *,
        certificate: RTCCertificate,
        profiles: list[SRTPProtectionProfile],
        consent_timeout_s: float,
    ):
        self.connected = asyncio.Event()
        self.over = asyncio.Event()
        self.credentials = Credentials.generate(remote.ufrag)
        self.path: Path | None = None
        self.srtp: Srtp | None = None
        self.on_feedback: Callable[[rtcp.Feedback], None] | None = None
        self.setup = "active" if remote.setup == "passive" else "passive"
        """Our `a=setup` (RFC 5763, 5)."""
        self._mux = mux
        self._remote = remote
        self._consent_timeout_s = consent_timeout_s
        self._reachable = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._path_checked_at_s = 0.0
        self._consent: asyncio.Timeout | None = None
        self._records: asyncio.Queue[bytes] = asyncio.Queue(DTLS_QUEUE)
        self._dtls_budget = Bucket(per_second=DTLS_PER_S, burst=DTLS_BURST)
        self._rtcp_budget = Bucket(per_second=RTCP_PER_S, burst=RTCP_PER_S)
        # Of an RTCIceTransport only these three names are used.
        self._dtls = RTCDtlsTransport(cast(Any, self), [certificate])
        self._dtls._srtp_profiles = profiles
        self._dtls._set_role("client" if self.setup == "active" else "server")
        self._dtls.on("statechange", self._on_dtls_state)

    @property
    def fingerprints(self) -> list[str]:
        """The values of `a=fingerprint`."""
        local = self._dtls.getLocalParameters().fingerprints
        return [f"{print_.algorithm} {print_.value}" for print_ in local if print_.algorithm == "sha-256"]

    async def open(self) -> list[tuple[str, int]]:
        """Be reachable; returns the addresses to answer with. Raises WhepError(503)."""
        return await self._mux.add(self)

    async def run(self) -> None:
        """Connect, then watch that the client keeps consenting (RFC 7675); sets `over` on the way out."""
        try:
            await self._reachable.wait()
            prints = [RTCDtlsFingerprint(*text.split(" ")) for text in self._remote.fingerprints]
            try:
                await self._dtls.start(RTCDtlsParameters(prints))
            except (ValueError, InvalidVersion, SSL.Error) as error:  # of the client's certificate
                _log.warning("a viewer's DTLS handshake failed: %s", error)
                return
            if self._dtls.state != "connected":
                return
            profile = cast(Any, self._dtls._ssl).get_selected_srtp_profile()
            self.srtp = Srtp(self._dtls._tx_srtp, self._dtls._rx_srtp, profile)
            self.connected.set()
            async with asyncio.timeout(self._consent_timeout_s) as self._consent:
                await self._loop.create_future()
        except TimeoutError:
            _log.debug("a viewer no longer answers for its address")
        finally:
            self._consent = None
            self.over.set()

    async def close(self) -> None:
        """Say goodbye and be unreachable; sets `over`. Does not wait for the client."""
        self.over.set()
        await self._dtls.stop()
        self._mux.remove(self)

    def send_rtp(self, packet: bytes) -> None:
        """Send one plain packet again; nothing happens where it cannot be sent."""
        data = self.srtp.protect_rtp(packet) if self.srtp else None
        if data is not None and self.path is not None:
            self.path.send(data)

    def send_rtcp(self, packet: bytes) -> None:
        """Send a plain compound; nothing happens where it cannot be sent."""
        if self.srtp is not None and self.path is not None:
            self.path.send(self.srtp.protect_rtcp(packet))

    # What the mux calls.

    def checked(self, path: Path, *, nominated: bool) -> None:
        now_s = self._loop.time()
        if self._consent is not None and not self._consent.expired():
            self._consent.reschedule(now_s + self._consent_timeout_s)
        if nominated or self.path is None or now_s - self._path_checked_at_s > SILENT_PATH_S:
            self.path = path
        if path is self.path:
            self._path_checked_at_s = now_s
        self._reachable.set()

    def dtls(self, datagram: bytes) -> None:
        if not self._records.full() and self._dtls_budget.take(self._loop.time()):
            self._records.put_nowait(datagram)

    def srtcp(self, datagram: bytes) -> None:
        if self.srtp is None or self.on_feedback is None or not self._rtcp_budget.take(self._loop.time()):
            return
        if len(datagram) < 2 or not 192 <= datagram[1] <= 223:
            return
        compound = self.srtp.unprotect_rtcp(datagram)
        if compound is None:
            return
        try:
            feedback = rtcp.parse(compound)
        except rtcp.RtcpError:
            return
        for item in feedback:
            self.on_feedback(item)

    # What aiortc's RTCDtlsTransport calls.

    async def _recv(self) -> bytes:
        return await self._records.get()

    async def _send(self, datagram: bytes) -> None:
        if self.path is None:
            raise ConnectionError
        self.path.send(datagram)

    def _on_dtls_state(self) -> None:
        if self._dtls.state in ("closed", "failed"):
            self.over.set()
