"""The G.711 of one source to all who listen: passed through as the camera made it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence

from webrtc import rtcp
from webrtc.audio_rtp import AudioClock, packetize
from webrtc.burst import Burst, Receiver, Way
from webrtc.frames import EncodedAudio, FrameSource
from webrtc.mux import Path
from webrtc.peer import Peer
from webrtc.rtp import readdress
from webrtc.srtp import Srtp
from webrtc.viewer import Voice

REPORT_EVERY_S = 1.0


class Listener:
    """One viewer's audio, sent under `payload_type`, from `start` to `stop`."""

    def __init__(self, peer: Peer, payload_type: int, fanout_of: Callable[[], AudioFanout]):
        self.payload_type = payload_type
        self.offset: int | None = None
        """Of the sequence numbers; None before the first packet."""
        self.packets = self.octets = 0
        self.send_rtcp = peer.send_rtcp
        self._peer = peer
        self._fanout_of = fanout_of
        self._fanout: AudioFanout | None = None

    @property
    def path(self) -> Path | None:
        return self._peer.path

    @property
    def srtp(self) -> Srtp | None:
        return self._peer.srtp

    def start(self) -> None:
        self._fanout = self._fanout_of()
        self._fanout.join(self)

    def stop(self) -> None:
        if self._fanout is not None:
            self._fanout.leave(self)


class AudioFanout:
    """Runs while somebody listens. What the kernel has no room for is lost: sound that comes late is no use.

    `on_idle` is called when the last listener has left.
    """

    def __init__(
        self, source: FrameSource, burst: Burst[Receiver], voice: Voice, *, on_idle: Callable[[], None]
    ):
        self.source = source
        self.ended: str | None = None
        self._burst, self._voice, self._on_idle = burst, voice, on_idle
        self._listeners: list[Listener] = []
        self._loop = asyncio.get_running_loop()
        self._clock = AudioClock()
        self._base_8k = secrets.randbits(31)
        self._next_seq = secrets.randbits(16)
        self._reported_at_s = 0.0

    async def run(self) -> None:
        """Send what the source yields until it ends."""
        async with self.source.subscribe_audio() as units:
            async for unit in units:
                self._push(unit)
        self.ended = "the audio ended"

    def join(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def leave(self, listener: Listener) -> None:
        """Others are ignored."""
        if listener in self._listeners:
            self._listeners.remove(listener)
            if not self._listeners:
                self._on_idle()

    def _push(self, unit: EncodedAudio) -> None:
        now_s = self._loop.time()
        time_8k = self._base_8k + self._clock.time_8k(unit, now_s)
        packets = packetize(unit.data, first_seq=self._next_seq, time_8k=time_8k, ssrc=self._voice.audio_ssrc)
        first_seq, self._next_seq = self._next_seq, (self._next_seq + len(packets)) & 0xFFFF
        groups: dict[tuple[Way, int, int], list[Listener]] = {}
        for listener in self._listeners:
            path, srtp = listener.path, listener.srtp
            if path is None or srtp is None:
                continue
            if listener.offset is None:
                # In the lower half at first, as `Viewer.join` says.
                listener.offset = first_seq & 0x8000
            groups.setdefault((Way.to(path, srtp), listener.payload_type, listener.offset), []).append(
                listener
            )
        for (way, payload_type, offset), members in groups.items():
            sent = readdress(packets, payload_type=payload_type, first_seq=first_seq + offset)
            self._burst.send(way, sent, members)
            for listener in members:
                listener.packets += len(packets)
                listener.octets += len(unit.data)
        if now_s - self._reported_at_s >= REPORT_EVERY_S:
            self._reported_at_s = now_s
            # The last sample was heard as it came.
            self._report(self._listeners, now_s, time_8k + len(unit.data))

    def _report(self, listeners: Sequence[Listener], now_s: float, time_8k: int) -> None:
        for listener in listeners:
            if listener.packets:
                report = rtcp.sender_report(
                    ssrc=self._voice.audio_ssrc,
                    cname=self._voice.cname,
                    now_s=now_s,
                    time_90k=time_8k,
                    packets=listener.packets,
                    octets=listener.octets,
                )
                listener.send_rtcp(report)
