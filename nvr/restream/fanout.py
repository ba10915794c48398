"""One stream as RTP packets, made once for all its receivers.

Sources: RFC 3550 (sequence numbers, reports), RFC 2326, 12.33 (RTP-Info).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Protocol, TypeVar

from nvr.clock import Clock
from nvr.media.access_unit import AccessUnit, CodecConfig, Discontinuity, MediaItem
from nvr.media.audio import AudioUnit
from nvr.media.hub import StreamHub
from nvr.restream.gop_log import Cursor, GopLog, Piece
from nvr.restream.media_time import MediaTime
from nvr.restream.packets import AudioTrack, RtpTrack, Start, video_packets, video_track

REPORT_EVERY_S = 5.0
VIDEO, AUDIO = "video", "audio"


class Receiver(Protocol):
    """Who gets the packets."""

    @property
    def cursor(self) -> Cursor: ...

    def pump(self) -> None:
        """Send what the cursor has, as far as that can be done now."""
        ...

    def outdated(self) -> None:
        """The stream is no longer what was described."""
        ...


R = TypeVar("R", bound=Receiver)


class Fanout:
    """Packetizes one stream; attached to its hub only while there are receivers.

    `from_gop`: who joins begins with the last keyframe; else with the next, as cameras have it.
    """

    def __init__(self, hub: StreamHub, clock: Clock, *, from_gop: bool):
        self.hub = hub
        self._clock, self._from_gop = clock, from_gop
        self._receivers: dict[Receiver, None] = {}

    def __len__(self) -> int:
        return len(self._receivers)

    def join(self, make: Callable[[Cursor], R]) -> R:
        """A receiver with a place in the stream."""
        if not self._receivers:
            self._begin()
        receiver = make(Cursor(self._log if self._from_gop else GopLog(is_whole=False)))
        self._receivers[receiver] = None
        return receiver

    def leave(self, receiver: Receiver) -> None:
        """No more for it; unknown ones are ignored."""
        if receiver not in self._receivers:
            return
        del self._receivers[receiver]
        if not self._receivers:
            self.hub.detach(self)
            self.hub.detach_audio(self)

    def reports(self) -> list[Piece]:
        """Of each track that has sent anything."""
        reports: list[Piece] = []
        if self._codec is not None:
            reports.append(self._report(VIDEO, self._video, self._newest_90k))
            if self._audio is not None:
                reports.append(self._report(AUDIO, self._audio.rtp, self._newest_90k))
        return reports

    def begins_at(self, track: str, cursor: Cursor) -> tuple[int, int] | None:
        """(sequence number, RTP time) of the first packet that a receiver at `cursor` gets; None: nobody knows yet."""
        piece = cursor.peek()
        if piece is None or piece.track != VIDEO or track != VIDEO:
            return None
        head = piece.packets[0]
        return int.from_bytes(head[2:4], "big"), int.from_bytes(head[4:8], "big")

    def push(self, item: MediaItem) -> None:
        """Consumer of the hub."""
        if isinstance(item, Discontinuity):
            if item.cause in ("reconnect", "timestamp"):
                self._time.interrupt()
            self._waits_for_key = True
            return
        if self._waits_for_key and not item.is_key:
            return
        if self._is_another(item.config):
            for receiver in tuple(self._receivers):
                receiver.outdated()
            return
        self._take(item)
        self._pump()

    def push_audio(self, unit: AudioUnit) -> None:
        """Consumer of the hub."""
        if self._audio is None or self._waits_for_key:
            return
        if unit.config != self._audio.config:
            for receiver in tuple(self._receivers):
                receiver.outdated()
            return
        time_90k = self._time.of_sound(unit.pts_90k)
        if time_90k is not None:
            self._add(Piece(AUDIO, self._audio.packets(unit, time_90k)))
            self._pump()

    def _begin(self) -> None:
        self._video = video_track(_random_start())
        self._audio = AudioTrack(self.hub.audio, _random_start()) if self.hub.audio is not None else None
        self._codec: CodecConfig | None = None
        self._time = MediaTime()
        self._newest_90k = 0
        self._waits_for_key = True
        self._report_due_s = float("inf")
        self._log = GopLog(is_whole=False)
        if self._from_gop:
            for unit in self.hub.gop:
                self._take(unit)
        # Who begins with what was before gets a report of his own.
        self._report_due_s = self._clock.monotonic() + (REPORT_EVERY_S if self._codec is not None else 0.0)
        self.hub.attach(self)
        self.hub.attach_audio(self)

    def _is_another(self, config: CodecConfig) -> bool:
        """Whether decoders must be told anew; another size comes in band, with the keyframe."""
        return self._codec is not None and self._codec.codec != config.codec

    def _take(self, unit: AccessUnit) -> None:
        self._codec = unit.config
        self._waits_for_key = False
        if unit.is_key or self._log.is_full:
            self._turn(GopLog(is_whole=unit.is_key))
        time_90k = self._time.of_picture(unit)
        self._newest_90k = time_90k
        self._add(Piece(VIDEO, video_packets(self._video, unit, self._video.timestamp(time_90k))))
        now_s = self._clock.monotonic()
        if now_s >= self._report_due_s:
            self._report_due_s = now_s + REPORT_EVERY_S
            for piece in self.reports():
                self._add(piece)

    def _add(self, piece: Piece) -> None:
        if piece.packets:
            self._log.add(piece)

    def _turn(self, log: GopLog) -> None:
        self._log = log
        for receiver in self._receivers:
            receiver.cursor.turn(log)

    def _pump(self) -> None:
        for receiver in tuple(self._receivers):  # one may leave while it is served
            receiver.pump()

    def _report(self, name: str, track: RtpTrack, time_90k: int) -> Piece:
        age_s = self._clock.monotonic() - self._time.sampled_mono_s(time_90k)
        report = track.report(track.timestamp(time_90k), self._clock.wall() - age_s)
        return Piece(name, [report], is_report=True)


def _random_start() -> Start:
    return Start(secrets.randbits(32), secrets.randbits(16), secrets.randbits(32))
