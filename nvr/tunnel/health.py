"""Whether the hub answers, from what WireGuard tells every few seconds. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from nvr.tunnel.wg_dump import PeerDump

LOST_S = 180.0
"""After so long without a handshake WireGuard itself sends nothing more with the old keys (REJECT_AFTER_TIME); with
traffic, and keepalives are such, it makes one every 120 s."""


class TunnelState(StrEnum):
    """As the page shows it: switched off; not up (a fault says why); no answer yet; connected; no answer for LOST_S."""

    OFF = "off"
    DOWN = "down"
    WAITING = "waiting"
    CONNECTED = "connected"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Link:
    """`handshake_age_s` None: there was none since the interface was made."""

    state: TunnelState
    handshake_age_s: float | None = None
    received_bytes: int = 0
    sent_bytes: int = 0


class LinkWatch:
    """Judges one interface from when it was made, at `made_mono_s`.

    A handshake's age is counted from when it was first seen here: WireGuard tells wall time, and that jumps when a
    board without a battery learns the time.
    """

    def __init__(self, made_mono_s: float):
        self._since_s = made_mono_s
        self._handshake_s = 0
        self._seen_s: float | None = None

    def see(self, now_mono_s: float, peer: PeerDump | None) -> Link:
        """What `peer` means now; None: the interface does not know the hub."""
        if peer is not None and peer.handshake_s not in (0, self._handshake_s):
            self._handshake_s, self._seen_s = peer.handshake_s, now_mono_s
        age_s = None if self._seen_s is None else now_mono_s - self._seen_s
        received, sent = (peer.received_bytes, peer.sent_bytes) if peer is not None else (0, 0)
        return Link(self._state(now_mono_s, age_s), age_s, received, sent)

    def _state(self, now_mono_s: float, age_s: float | None) -> TunnelState:
        if age_s is None:
            return TunnelState.LOST if now_mono_s - self._since_s > LOST_S else TunnelState.WAITING
        return TunnelState.LOST if age_s > LOST_S else TunnelState.CONNECTED
