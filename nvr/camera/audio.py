"""The audio beside one connection's video: depacketized, placed on the pictures' time line, published. Pure."""

from __future__ import annotations

from collections.abc import Callable

from nvr.camera.audio_rtp import AudioDepacketizer
from nvr.camera.audio_sdp import AudioTrack
from nvr.camera.av_sync import TICKS, AudioPlacement
from nvr.camera.rtp import parse_sender_time
from nvr.camera.rtsp import Buffer
from nvr.events import StreamKey
from nvr.media.access_unit import AccessUnit, MediaItem
from nvr.media.audio import AudioConfig, AudioUnit

PublishAudio = Callable[[AudioUnit], None]


class AudioFeed:
    """Publishes one track's units from the first picture on.

    `push` and `take_report` take the track's RTP and RTCP packets, `take_video_report` the video's RTCP packets;
    `see` every item of the video, before or after it is published. `pts_of`: as `Depacketizer.pts_of` of the video.
    """

    def __init__(
        self, stream: StreamKey, track: AudioTrack, publish: PublishAudio, pts_of: Callable[[int], int | None]
    ):
        self._stream, self._publish_unit, self._pts_of = stream, publish, pts_of
        self._rate_hz = track.config.rate_hz
        self._placement = AudioPlacement(track.clock_hz)
        depacketizer = AudioDepacketizer(
            track.payload_type, track.config, self._placement.place, self._publish, headers=track.headers
        )
        self.push = depacketizer.push

    def see(self, item: MediaItem) -> None:
        if isinstance(item, AccessUnit):
            self._placement.note_picture(item.pts_90k, item.received_mono_s)
        elif item.cause == "timestamp":
            self._placement.restart()

    def take_video_report(self, buffer: Buffer, start: int, end: int, at_s: float) -> None:
        found = parse_sender_time(bytes(buffer[start:end]))
        pts_90k = self._pts_of(found.timestamp) if found is not None else None
        if found is not None and pts_90k is not None:
            self._placement.report_video(found.ntp_s, pts_90k, at_s)

    def take_report(self, buffer: Buffer, start: int, end: int, at_s: float) -> None:
        found = parse_sender_time(bytes(buffer[start:end]))
        if found is not None:
            self._placement.report_audio(found.ntp_s, found.timestamp, at_s)

    def _publish(self, config: AudioConfig, data: bytes, pts_90k: int, samples: int, at_s: float) -> None:
        duration_90k = samples * TICKS // self._rate_hz
        if pts_90k >= 0 and duration_90k > 0:
            self._publish_unit(AudioUnit(self._stream, config, data, pts_90k, duration_90k, at_s))
