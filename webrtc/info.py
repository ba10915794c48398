"""What is said of live sessions; loads nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from webrtc.frames import FrameSource


class SessionState(Enum):
    CONNECTING = "connecting"
    LIVE = "live"
    CLOSING = "closing"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a WHEP POST returns; `session_id` is unguessable (192 bits) and safe in a URL path. `ice_ufrag`: the
    client's, which names its ICE session."""

    session_id: str
    sdp: str
    ice_ufrag: str


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A session at one moment. `source` is the stream shown now. `since_s` is the event loop's clock (`loop.time()`)
    when it was answered. `ice_ufrag`: the client's."""

    session_id: str
    owner: str
    user: str
    ice_ufrag: str
    source: FrameSource
    state: SessionState
    since_s: float
    frames_sent: int
    bytes_sent: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """How a session's video fares. `source` is the stream shown now.

    `packets_sent` without the `packets_retransmitted`, which were asked for. From the client's last report, None before
    the first: `packets_lost` on the way, before retransmission; `fraction_lost` (0 to 1) since the report before;
    `round_trip_s`.
    """

    source: FrameSource
    frames_sent: int
    packets_sent: int
    packets_retransmitted: int
    packets_lost: int | None
    fraction_lost: float | None
    round_trip_s: float | None
