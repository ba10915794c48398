"""One viewer's connection, sent by stock aiortc: the part that our own fan-out will replace.

Names of aiortc, aioice and pylibsrtp that are not their documented interface, all of them:
- `aiortc.rtp.DYNAMIC_PAYLOAD_TYPES` (module constant, rebound by `prepare_aiortc`).
No underscored name of theirs is used. `tests/webrtc/test_contract.py` holds both statements, and the behaviour of
aiortc that this file counts on.
"""

from __future__ import annotations

import asyncio
import fractions
import logging
from typing import Any

import aiortc.rtp
import av
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from webrtc.answer import answer_for_client, offer_for_sender
from webrtc.errors import WhepError
from webrtc.frames import EncodedFrame
from webrtc.rtp import RtpClock
from webrtc.sdp import H264Entry, Offer

TIME_BASE = fractions.Fraction(1, 90_000)
CATCH_UP_SPEED = 8
"""The cached GOP leaves at this multiple of real time: as one burst it would overrun the receiver's socket, and
aiortc keeps only the last 128 packets for retransmission."""
CLOSE_TIMEOUT_S = 5.0


def prepare_aiortc() -> None:
    """Process-wide settings of aiortc and aioice; idempotent.

    - Chromium numbers part of its H.264 entries below 64 (RFC 5761 allows it with a=rtcp-mux). aiortc takes a
      client's payload type over only if it is in this range, and would otherwise send under its own number.
    - Below WARNING both libraries log SDP with its ICE passwords.
    """
    aiortc.rtp.DYNAMIC_PAYLOAD_TYPES = range(35, 128)
    for name in ("aiortc", "aioice"):
        logging.getLogger(name).setLevel(logging.WARNING)


class FrameTrack(MediaStreamTrack):
    """Hands encoded frames to aiortc. Holds one frame; the writer waits while it is taken."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self.frames_sent = 0
        self.bytes_sent = 0
        self._queue: asyncio.Queue[EncodedFrame] = asyncio.Queue(1)
        self._clock = RtpClock()
        self._not_before_s = 0.0
        self._last_time_90k = 0

    async def put(self, frame: EncodedFrame) -> None:
        await self._queue.put(frame)

    async def recv(self) -> av.Packet[Any]:
        """The next frame as an Annex B packet; aiortc packetizes packets without touching a codec."""
        if self.readyState != "live":
            raise MediaStreamError
        frame = await self._queue.get()
        loop = asyncio.get_running_loop()
        time_90k = self._clock.rtp_time_90k(frame, loop.time())
        step_s = (time_90k - self._last_time_90k) / 90_000 / CATCH_UP_SPEED
        self._last_time_90k = time_90k
        self._not_before_s = max(loop.time(), self._not_before_s + step_s)
        if self._not_before_s > loop.time():
            await asyncio.sleep(self._not_before_s - loop.time())
        packet = av.Packet(frame.data)
        packet.pts = time_90k
        packet.time_base = TIME_BASE
        self.frames_sent += 1
        self.bytes_sent += len(frame.data)
        return packet


class StockPeer:
    """`connected` is set once frames can flow, `over` when the connection failed, was closed or is to be closed."""

    def __init__(self) -> None:
        self.connected = asyncio.Event()
        self.over = asyncio.Event()
        self._track = FrameTrack()
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._negotiating = asyncio.Lock()
        self._connection.on("connectionstatechange", self._on_state)
        # aiortc stops a track whose sending ended, for whatever reason.
        self._track.on("ended", self.over.set)

    async def answer(self, offer: Offer, entry: H264Entry) -> str:
        """The answer for the client, with all our host candidates; once.

        Raises WhepError(503) if the machine has no network address or the peer was closed meanwhile.
        """
        connection = self._connection
        async with self._negotiating:
            if self.over.is_set():
                raise WhepError(503, "the session was ended while it was being set up")
            transceiver = connection.addTransceiver(self._track, direction="sendonly")
            await connection.setRemoteDescription(
                RTCSessionDescription(offer_for_sender(offer, entry), "offer")
            )
            await connection.setLocalDescription(await connection.createAnswer())
            # Only a receiving direction would make aiortc start a decoder.
            if transceiver.currentDirection != "sendonly":
                raise RuntimeError(f"aiortc negotiated {transceiver.currentDirection} instead of sendonly")
            text = connection.localDescription.sdp
        if self.over.is_set():
            raise WhepError(503, "the session was ended while it was being set up")
        if "\r\na=candidate:" not in text:
            raise WhepError(503, "the appliance has no network address to send from")
        return answer_for_client(offer, entry, text)

    @property
    def frames_sent(self) -> int:
        return self._track.frames_sent

    @property
    def bytes_sent(self) -> int:
        """Bytes of H.264, without packet headers and retransmissions."""
        return self._track.bytes_sent

    async def send(self, frame: EncodedFrame) -> None:
        """Send one frame; waits while an earlier one is still being paced."""
        await self._track.put(frame)

    async def close(self) -> None:
        """Close the connection and its sockets; sets `over`. Gives up on a peer that hangs after 5 s."""
        self.over.set()
        try:
            # aiortc would forget sockets that a negotiation still running opens after its close.
            async with asyncio.timeout(CLOSE_TIMEOUT_S), self._negotiating:
                await self._connection.close()
        except TimeoutError:
            logging.getLogger(__name__).warning(
                "a viewer's connection did not close within %g s", CLOSE_TIMEOUT_S
            )

    def _on_state(self) -> None:
        match self._connection.connectionState:
            case "connected":
                self.connected.set()
            case "failed" | "closed":
                self.over.set()
