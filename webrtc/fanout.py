"""One source to all its viewers: packetized once, sent to each under its own keys and numbers."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence

from webrtc import rtcp, rtp
from webrtc.burst import Burst, Receiver, Way
from webrtc.frames import EncodedFrame, FrameSource
from webrtc.rtp import PART_PACKETS, Part, RtpClock
from webrtc.sent import SentPart
from webrtc.viewer import Place, Viewer, Voice

CATCH_UP_SPEED = 8
"""The cached GOP leaves at this multiple of real time: as one burst it would overrun the receiver's socket."""
PAUSE_MAX_S = 0.25
PART_GAP_S = 0.005
"""Between the parts of a picture: 61 Mbit/s. A keyframe of 100 kB takes 10 ms, and a phone's radio keeps up."""
RETRY_S = 0.01
"""After so long who was blocked is tried again: a keyframe for many fills the kernel's buffer for a moment."""
STALE_S = 3.0
"""A GOP without a new picture for so long is not shown: the camera is away, and it would pass for live."""
GOP_BYTES_MAX = 8 << 20
GOP_PARTS_MAX = 2000
LAG_MAX_90K = 4 * 90_000
"""A viewer who is this far behind when a keyframe comes goes on with that; nobody comes over to a longer GOP."""
REPORT_EVERY_S = 1.0


class Fanout:
    """Runs while its source has viewers.

    A new viewer starts with the cached GOP, at `CATCH_UP_SPEED`; one that reports a lost picture gets it again, as
    fast, its times squeezed in front of the next live picture; so does one that comes over from another source. One
    for whom the kernel has no room is tried again once, and then waits for the next keyframe, alone. The cache holds
    one GOP of at most `GOP_BYTES_MAX`; beyond that starts wait for a keyframe, for which the source is asked. So it is
    where a lost picture would cost a GOP of more than `LAG_MAX_90K`, or such a GOP keeps a viewer from coming over.

    `on_idle` is called when the last viewer has left.
    """

    def __init__(
        self,
        source: FrameSource,
        burst: Burst[Receiver],
        voice: Voice,
        *,
        idle_timeout_s: float,
        on_idle: Callable[[], None] = lambda: None,
    ):
        self.source = source
        self.ended: str | None = None
        """Why, once there is nothing more to show."""
        self._burst, self._voice = burst, voice
        self._idle_timeout_s = idle_timeout_s
        self._on_idle = on_idle
        self._viewers: list[Viewer] = []
        self._expected: list[Viewer] = []
        self._loop = asyncio.get_running_loop()
        self._clock = RtpClock()
        self._base_90k = secrets.randbits(31)
        self._next_seq = secrets.randbits(14)
        self._gop: list[Part] = []
        self._gop_bytes = 0
        self._last_at_s = self._reported_at_s = 0.0

    async def run(self) -> None:
        """Send what the source yields until it ends or yields nothing for the idle timeout."""
        try:
            async with self.source.subscribe() as frames:
                while True:
                    async with asyncio.timeout(self._idle_timeout_s):
                        frame = await anext(frames, None)
                    if frame is None:
                        self.ended = "the stream ended"
                        return
                    await self._push(frame)
        except TimeoutError:
            self.ended = f"no picture for {self._idle_timeout_s:g} s"
        finally:
            for viewer in self._viewers:
                viewer.wants_start.set()

    def expect(self, viewer: Viewer) -> None:
        """Have `viewer` come over, from where it is, as soon as there is a GOP to begin with; at once if nowhere."""
        self._expected.append(viewer)
        self._admit()

    def leave(self, viewer: Viewer) -> None:
        """Neither show `viewer` anything nor expect it any more; others are ignored."""
        for viewers in (self._viewers, self._expected):
            if viewer in viewers:
                viewers.remove(viewer)
                if not self._viewers and not self._expected:
                    self._on_idle()

    async def start(self, viewer: Viewer) -> None:
        """Send the cached GOP, or what is in the backlog, until the viewer is as far as the others.

        To be called by the viewer's own task when it `wants_start`.
        """
        viewer.wants_start.clear()
        is_anew = viewer.place is not Place.STARTING
        from_cache = is_anew and self._has_fresh_gop()
        if (
            is_anew
            and self._has_shown
            and not (from_cache and (self._is_gop_short or not viewer.has_started))
        ):
            self.source.ask_for_keyframe()
        if from_cache:
            viewer.place = Place.STARTING
            viewer.backlog.clear()
            viewer.backlog.extend(self._gop)
        # Otherwise who has begun goes on as well as it can, and who has not waits for a keyframe.
        squeezed = viewer.has_started and (from_cache or viewer.time_offset_90k is None)
        if viewer.place is Place.STARTING and viewer.time_offset_90k is None:
            self._place_in_time(viewer)
        time_90k = viewer.last_time_90k
        while self._is_starting(viewer):
            if not viewer.backlog:  # of a picture that is still being sent
                await asyncio.sleep(PART_GAP_S)
                continue
            part = viewer.backlog.popleft()
            viewer.join(part)
            # One tick after the other: the next live picture is later than all of them.
            time_90k += part.is_first
            self._deliver(part, [viewer], squeezed_90k=time_90k if squeezed else None)
            if not self._is_starting(viewer):
                return
            if part.is_last and not viewer.backlog:
                viewer.place = Place.LIVE
                viewer.wants_start.clear()
                return
            await asyncio.sleep(self._pause_s(part, viewer))

    def _retry(self, viewer: Viewer) -> None:
        if self._is_starting(viewer):
            viewer.wants_start.set()

    def _is_starting(self, viewer: Viewer) -> bool:
        return viewer.fanout is self and viewer.place is Place.STARTING and self.ended is None

    @property
    def _has_shown(self) -> bool:
        """Whether a picture has come. Before, one is on its way, or the source asked the camera itself."""
        return self._last_at_s > 0

    @property
    def _is_gop_short(self) -> bool:
        """Whether all of it is soon sent once more."""
        return bool(self._gop) and self._gop[-1].time_90k - self._gop[0].time_90k <= LAG_MAX_90K

    def _has_fresh_gop(self) -> bool:
        return bool(self._gop) and self._loop.time() - self._last_at_s <= STALE_S

    @staticmethod
    def _pause_s(part: Part, viewer: Viewer) -> float:
        """How long a starting viewer rests behind `part`."""
        rest_s = len(part.packets) / PART_PACKETS * PART_GAP_S
        step_90k = viewer.backlog[0].time_90k - part.time_90k if viewer.backlog else 0
        return min(max(step_90k / 90_000 / CATCH_UP_SPEED, rest_s), PAUSE_MAX_S)

    def _place_in_time(self, viewer: Viewer) -> None:
        """A viewer from another source: its time goes on by what has passed, and all of the backlog fits before."""
        elapsed_90k = round((self._last_at_s - viewer.last_at_s) * 90_000)
        pictures = sum(part.is_first for part in viewer.backlog)
        edge_90k = viewer.last_time_90k + max(elapsed_90k, pictures + 1)
        viewer.time_offset_90k = edge_90k - viewer.backlog[-1].time_90k

    def _admit(self) -> None:
        come = self._has_fresh_gop() and self._is_gop_short
        for viewer in [viewer for viewer in self._expected if come or viewer.fanout is None]:
            entry, before = viewer.entry_for(self.source), viewer.fanout
            if entry is None:
                continue
            self._expected.remove(viewer)
            self._viewers.append(viewer)
            viewer.enter(self, entry)
            if before is not None:
                before.leave(viewer)
        if not come and self._has_shown and any(v.entry_for(self.source) for v in self._expected):
            self.source.ask_for_keyframe()

    async def _push(self, frame: EncodedFrame) -> None:
        now_s = self._loop.time()
        time_90k = self._base_90k + self._clock.rtp_time_90k(frame, now_s)
        parts = rtp.packetize(frame, first_seq=self._next_seq, time_90k=time_90k, ssrc=self._voice.ssrc)
        for part in parts:
            self._next_seq = (part.first_seq + len(part.packets)) & 0xFFFF
            self._last_at_s = self._loop.time()
            if self._send(part) and not part.is_last:
                await asyncio.sleep(PART_GAP_S)
        if parts and now_s - self._reported_at_s >= REPORT_EVERY_S:
            self._reported_at_s = now_s
            self._report(now_s, time_90k)

    def _send(self, part: Part) -> bool:
        """Hand `part` to all viewers; False if none of them was there to take it at once."""
        self._remember(part)
        self._admit()
        for viewer in self._viewers:
            if viewer.place is Place.LIVE:
                continue
            if part.is_key and viewer.place is Place.WAITING:
                viewer.place = Place.STARTING
                viewer.wants_start.set()
            elif part.is_key and viewer.lag_90k > LAG_MAX_90K:
                viewer.backlog.clear()
            if viewer.place is Place.STARTING:
                viewer.backlog.append(part)
                if len(viewer.backlog) > GOP_PARTS_MAX:
                    viewer.place = Place.WAITING
                    viewer.backlog.clear()
        live = [viewer for viewer in self._viewers if viewer.place is Place.LIVE]
        self._deliver(part, live)
        return bool(live)

    def _remember(self, part: Part) -> None:
        if part.is_key:
            self._gop, self._gop_bytes = [part], part.payload_bytes
        elif self._gop:
            self._gop.append(part)
            self._gop_bytes += part.payload_bytes
            if self._gop_bytes > GOP_BYTES_MAX or len(self._gop) > GOP_PARTS_MAX:
                self._gop = []

    def _deliver(self, part: Part, viewers: Sequence[Viewer], squeezed_90k: int | None = None) -> None:
        """Send `part` to `viewers`, at `squeezed_90k` instead of its own time if given."""
        now_s = self._loop.time()
        groups: dict[tuple[Way, int, int | None, int, int], list[Viewer]] = {}
        for viewer in viewers:
            path, srtp = viewer.path, viewer.srtp
            if path is not None and srtp is not None:
                types = viewer.entry.payload_type, viewer.entry.rtx_payload_type
                key = (Way.to(path, srtp), *types, viewer.offset, viewer.time_offset_90k or 0)
                groups.setdefault(key, []).append(viewer)
        for (way, payload_type, _, offset, time_offset_90k), members in groups.items():
            own_90k = part.time_90k + time_offset_90k
            time_90k = own_90k if squeezed_90k is None else squeezed_90k
            sent = SentPart((part.first_seq + offset) & 0xFFFF, part, time_90k, members[0].entry)
            packets = rtp.readdress(
                part.packets,
                payload_type=payload_type,
                first_seq=sent.first_seq,
                time_90k=time_90k if time_90k != part.time_90k else None,
            )
            blocked = self._burst.send(way, packets, members)
            for viewer in members:
                if viewer in blocked and viewer.place is Place.LIVE:
                    # The same once more in a moment: what did arrive is dropped as a repetition.
                    viewer.place = Place.STARTING
                    viewer.unsure = part
                    viewer.backlog.append(part)
                    self._loop.call_later(RETRY_S, self._retry, viewer)
                    continue
                if viewer in blocked:
                    viewer.place = Place.WAITING
                    viewer.backlog.clear()
                viewer.count(sent, now_s)

    def _report(self, now_s: float, time_90k: int) -> None:
        for viewer in self._viewers:
            if viewer.has_started and viewer.time_offset_90k is not None:
                report = rtcp.sender_report(
                    ssrc=self._voice.ssrc,
                    cname=self._voice.cname,
                    now_s=now_s,
                    time_90k=time_90k + viewer.time_offset_90k,
                    packets=viewer.packets,
                    octets=viewer.octets,
                )
                viewer.peer.send_rtcp(report)
