"""One source to all its viewers: packetized once, sent to each under its own keys and numbers."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from webrtc import rtcp, rtp
from webrtc.burst import Burst, Way
from webrtc.frames import EncodedFrame, FrameSource
from webrtc.rtp import PacketRing, Picture, RtpClock
from webrtc.viewer import Place, Viewer

CATCH_UP_SPEED = 8
"""The cached GOP leaves at this multiple of real time: as one burst it would overrun the receiver's socket."""
PAUSE_MAX_S = 0.25
RETRY_S = 0.01
"""After so long who was blocked is tried again: a keyframe for many fills the kernel's buffer for a moment."""
STALE_S = 3.0
"""A GOP without a new picture for so long is not shown: the camera is away, and it would pass for live."""
GOP_BYTES_MAX = 8 << 20
GOP_PICTURES_MAX = 2000
LAG_MAX_90K = 4 * 90_000
"""A viewer who is this far behind when a keyframe comes goes on with that."""
REPORT_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Voice:
    """What all streams of this appliance are sent under. Each viewer has one connection and sees one of them."""

    ssrc: int = field(default_factory=lambda: secrets.randbelow(1 << 31) * 2)
    cname: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def rtx_ssrc(self) -> int:
        return self.ssrc + 1


class Fanout:
    """Runs while its source has viewers.

    A new viewer starts with the cached GOP, at `CATCH_UP_SPEED`; one that reports a lost picture gets it again, as
    fast, its times squeezed in front of the next live picture; one for whom the kernel has no room is tried again
    once, and then waits for the next keyframe, alone. The cache holds one GOP of at most `GOP_BYTES_MAX`; beyond that
    starts wait for a keyframe.
    """

    def __init__(self, source: FrameSource, burst: Burst[Viewer], voice: Voice, *, idle_timeout_s: float):
        self.ended: str | None = None
        """Why, once there is nothing more to show."""
        self._source, self._burst, self._voice = source, burst, voice
        self._idle_timeout_s = idle_timeout_s
        self._viewers: list[Viewer] = []
        self._loop = asyncio.get_running_loop()
        self._clock = RtpClock()
        self._base_90k = secrets.randbits(31)
        self._next_seq = secrets.randbits(14)
        self._ring = PacketRing()
        self._gop: list[Picture] = []
        self._gop_bytes = 0
        self._last_at_s = self._reported_at_s = 0.0

    @property
    def viewers(self) -> Sequence[Viewer]:
        return self._viewers

    async def run(self) -> None:
        """Send what the source yields until it ends or yields nothing for the idle timeout."""
        try:
            async with self._source.subscribe() as frames:
                while True:
                    async with asyncio.timeout(self._idle_timeout_s):
                        frame = await anext(frames, None)
                    if frame is None:
                        self.ended = "the stream ended"
                        return
                    self._push(frame)
        except TimeoutError:
            self.ended = f"no picture for {self._idle_timeout_s:g} s"
        finally:
            for viewer in self._viewers:
                viewer.wants_start.set()

    async def serve(self, viewer: Viewer) -> None:
        """Show the stream to a connected viewer until it ends or this is cancelled."""
        self._viewers.append(viewer)
        viewer.peer.on_feedback = lambda feedback: self._hear(viewer, feedback)
        try:
            while self.ended is None:
                await viewer.wants_start.wait()
                if self.ended is None:
                    await self._start(viewer)
        finally:
            viewer.peer.on_feedback = None
            self._viewers.remove(viewer)

    def _push(self, frame: EncodedFrame) -> None:
        now_s = self._loop.time()
        time_90k = self._base_90k + self._clock.rtp_time_90k(frame, now_s)
        picture = rtp.packetize(frame, first_seq=self._next_seq, time_90k=time_90k, ssrc=self._voice.ssrc)
        if not picture.packets:
            return
        self._next_seq = (self._next_seq + len(picture.packets)) & 0xFFFF
        self._ring.add(picture)
        self._remember(picture)
        self._last_at_s = now_s
        for viewer in self._viewers:
            if viewer.place is Place.STARTING and not (picture.is_key and viewer.lag_90k > LAG_MAX_90K):
                viewer.backlog.append(picture)
                if len(viewer.backlog) > GOP_PICTURES_MAX:
                    viewer.place = Place.WAITING
            elif picture.is_key and viewer.place is not Place.LIVE:
                viewer.join(picture)
                viewer.place = Place.LIVE
        self._deliver(picture, [viewer for viewer in self._viewers if viewer.place is Place.LIVE])
        if now_s - self._reported_at_s >= REPORT_EVERY_S:
            self._reported_at_s = now_s
            self._report(now_s, time_90k)

    def _remember(self, picture: Picture) -> None:
        if picture.is_key:
            self._gop, self._gop_bytes = [picture], picture.encoded_bytes
        elif self._gop:
            self._gop.append(picture)
            self._gop_bytes += picture.encoded_bytes
            if self._gop_bytes > GOP_BYTES_MAX or len(self._gop) > GOP_PICTURES_MAX:
                self._gop = []

    async def _start(self, viewer: Viewer) -> None:
        """Send the cached GOP, or what was blocked and came since, until the viewer is as far as the others."""
        if not viewer.wants_start.is_set():
            return  # a keyframe came first
        viewer.wants_start.clear()
        again = False
        if viewer.place is Place.STARTING:
            await asyncio.sleep(RETRY_S)
        elif self._gop and self._loop.time() - self._last_at_s <= STALE_S:
            again = viewer.has_started
            viewer.join(self._gop[0])
            viewer.place = Place.STARTING
            viewer.backlog.extend(self._gop)
        # Otherwise who has begun goes on as well as it can, and who has not waits for a keyframe.
        while viewer.place is Place.STARTING:
            picture = viewer.backlog.popleft()
            # One tick after the other: the next live picture is later than all of them.
            self._deliver(picture, [viewer], viewer.last_time_90k + 1 if again else None)
            if viewer.place is Place.STARTING and viewer.backlog:
                step_s = (viewer.backlog[0].time_90k - picture.time_90k) / 90_000 / CATCH_UP_SPEED
                await asyncio.sleep(min(max(step_s, 0.0), PAUSE_MAX_S))
            elif viewer.place is Place.STARTING:
                viewer.place = Place.LIVE
        viewer.backlog.clear()

    def _deliver(self, picture: Picture, viewers: Sequence[Viewer], time_90k: int | None = None) -> None:
        """Send `picture` to `viewers`, at `time_90k` instead of its own time if given."""
        groups: dict[tuple[Way, int, int], list[Viewer]] = {}
        for viewer in viewers:
            path, srtp = viewer.path, viewer.srtp
            if path is not None and srtp is not None:
                key = (Way.to(path, srtp), viewer.payload_type, viewer.offset)
                groups.setdefault(key, []).append(viewer)
        for (way, payload_type, offset), members in groups.items():
            packets = rtp.readdress(
                picture.packets,
                payload_type=payload_type,
                first_seq=picture.first_seq + offset,
                time_90k=time_90k,
            )
            blocked = self._burst.send(way, packets, members)
            sent_at_90k = picture.time_90k if time_90k is None else time_90k
            for viewer in members:
                if viewer in blocked and viewer.place is Place.LIVE:
                    # The same once more in a moment: what did arrive is dropped as a repetition.
                    viewer.place = Place.STARTING
                    viewer.backlog.append(picture)
                    viewer.wants_start.set()
                    continue
                if viewer in blocked:
                    viewer.place = Place.WAITING
                viewer.count(picture, sent_at_90k, is_original=time_90k is None)

    def _hear(self, viewer: Viewer, feedback: rtcp.Feedback) -> None:
        match feedback:
            case rtcp.Nack(ssrc, seqs) if ssrc == self._voice.ssrc:
                self._send_again(viewer, seqs)
            case rtcp.PictureLoss(ssrc) if ssrc == self._voice.ssrc:
                if viewer.place is Place.LIVE and viewer.starts.take(self._loop.time()):
                    viewer.wants_start.set()

    def _send_again(self, viewer: Viewer, seqs: Sequence[int]) -> None:
        now_s = self._loop.time()
        for seq in seqs:
            age = ((viewer.next_seq or 0) - 1 - seq) & 0xFFFF
            packet = self._ring.get((seq - viewer.offset) & 0xFFFF)
            if packet is None or age >= viewer.run_packets or not viewer.retransmissions.take(now_s):
                continue
            if viewer.rtx_payload_type is None:
                (again,) = rtp.readdress([packet], payload_type=viewer.payload_type, first_seq=seq)
            else:
                again = rtp.retransmission(
                    packet,
                    payload_type=viewer.rtx_payload_type,
                    seq=viewer.rtx_seq,
                    ssrc=self._voice.rtx_ssrc,
                    original_seq=seq,
                )
                viewer.rtx_seq += 1
            viewer.peer.send_rtp(again)

    def _report(self, now_s: float, time_90k: int) -> None:
        for viewer in self._viewers:
            if viewer.has_started:
                report = rtcp.sender_report(
                    ssrc=self._voice.ssrc,
                    cname=self._voice.cname,
                    now_s=now_s,
                    time_90k=time_90k,
                    packets=viewer.packets,
                    octets=viewer.octets,
                )
                viewer.peer.send_rtcp(report)
