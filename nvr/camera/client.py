"""One life of one connection to a camera: RTSP over TCP, with RTP in it or over UDP, until it fails.

No retry here: `nvr.supervise` calls `play` again. Packets are parsed inside `data_received`, without a task
switch, so that 58 cameras cost a tenth of a core.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import structlog

from nvr.camera import audio_sdp, sdp
from nvr.camera.audio import AudioFeed, PublishAudio
from nvr.camera.depacketizer import Depacketizer
from nvr.camera.h264_rtp import H264Depacketizer
from nvr.camera.h265_rtp import H265Depacketizer
from nvr.camera.link import receive_buffer
from nvr.camera.sdp import VideoTrack
from nvr.camera.session import Session
from nvr.clock import Clock
from nvr.config import Camera
from nvr.errors import CameraError, CameraRefused, ProtocolViolation, StreamStalled, UnsupportedStream
from nvr.events import Role, StreamKey
from nvr.media.access_unit import AccessUnit, Discontinuity, MediaItem

log = structlog.get_logger(__name__)


async def play(
    camera: Camera,
    role: Role,
    clock: Clock,
    publish: Callable[[MediaItem], None],
    healthy: Callable[[], None],
    *,
    publish_audio: PublishAudio | None = None,
    on_audio: Callable[[AudioProblem | None], None] = lambda _problem: None,
    received: memoryview | None = None,
    stall_s: float = 5.0,
    connect_s: float = 10.0,
    answer_s: float = 10.0,
    parameter_sets_s: float = 10.0,
    keyframe_s: float = 60.0,
) -> None:
    """Connect, set up the video and play; never returns.

    Publishes Discontinuity("reconnect") first, then the access units from the first keyframe on; calls
    `healthy()` once, with the first of them. Each connection counts `pts_90k` from 0.

    Where the camera's `audio` is on and `publish_audio` given, the first audio that can be recorded is set up too, and
    its units are published from the first picture on; `on_audio` is told why there is none, or None: there is. The
    video is played in any case. Where it is off the camera is not asked for audio.

    `received`: a `receive_buffer` that other connections of the same event loop use too. One for all stays in the
    processor's cache.

    Time limits: `connect_s` to connect, `answer_s` for each answer, `stall_s` without any packet of the video,
    `parameter_sets_s` of packets without parameter sets, `keyframe_s` of packets without a keyframe.

    Raises a CameraError that names camera and stream: CameraUnreachable (no connection, no answer, connection
    lost), CameraRefused (login, path, too many viewers; `params["reason"]` is "login", "path", "busy" or
    "other"), UnsupportedStream, ProtocolViolation, StreamStalled. ValueError if the camera has no such stream.
    On any end, also by cancellation, the session is torn down, waiting at most a second for it.
    """
    url = camera.url(role)
    if url is None:
        raise ValueError(f"camera {camera.id} has no {role} stream")
    key = StreamKey(camera.id, role)
    try:
        session = Session(camera, role, url, clock, answer_s, received or receive_buffer())
        try:
            await session.connect(connect_s)
            description = await session.describe()
            track = sdp.video_track(description)
            depacketizer = _depacketizer(key, track, publish)
            feed: AudioFeed | None = None
            if camera.audio and publish_audio is not None:
                found = audio_sdp.audio_track(description)
                if isinstance(found, audio_sdp.AudioTrack):
                    feed = AudioFeed(key, found, publish_audio, depacketizer.pts_of)
                    publish = _seen_by(feed, publish)
                else:
                    on_audio(_no_audio(camera, role, found))

            def publish_first(item: MediaItem) -> None:
                publish(item)
                if isinstance(item, AccessUnit):
                    depacketizer.publish = publish
                    healthy()

            depacketizer.publish = publish_first
            on_report = feed.take_video_report if feed is not None else None
            await session.set_up(
                track.control, depacketizer.push, run=depacketizer.push_run, on_report=on_report
            )
            if feed is not None and isinstance(found, audio_sdp.AudioTrack):
                on_audio(await _set_up_audio(camera, role, session, found, feed))
            publish(Discontinuity(key, "reconnect", clock.monotonic()))
            await session.start()
            log.info("camera plays", stream=str(key))
            await _watch(camera, session, depacketizer, clock, stall_s, parameter_sets_s, keyframe_s)
        finally:
            await session.close()
    except CameraError as error:
        params = {"camera": camera.id, "stream": role.value, **error.params}
        text = f'Camera "{camera.id}" ({role.value}): {error.message}'
        raise type(error)(text, remedy=error.remedy, params=params) from None


@dataclass(frozen=True, slots=True)
class AudioProblem:
    """Why a camera's audio is not recorded although it is switched on; `code`, `params` as in `Fault`."""

    code: Literal["audio_missing", "audio_unsupported"]
    detail: str
    params: dict[str, str | int | float]


def _no_audio(camera: Camera, role: Role, found: audio_sdp.NoAudio) -> AudioProblem:
    params: dict[str, str | int | float] = {"camera": camera.id, "stream": role.value}
    place = f'Camera "{camera.id}" ({role.value})'
    if found.codec:
        remedy = "Set the audio encoding of this stream to AAC or G.711 in the camera's settings"
        detail = f"{place}: the audio is {found.codec}; only the video is recorded. {remedy}"
        return AudioProblem("audio_unsupported", detail, {**params, "codec": found.codec})
    remedy = "Switch the audio of this stream on in the camera's settings, or set `audio = false` in nvr.toml"
    return AudioProblem("audio_missing", f"{place}: the stream has no audio. {remedy}", params)


def _seen_by(feed: AudioFeed, publish: Callable[[MediaItem], None]) -> Callable[[MediaItem], None]:
    def publish_seen(item: MediaItem) -> None:
        feed.see(item)
        publish(item)

    return publish_seen


async def _set_up_audio(
    camera: Camera, role: Role, session: Session, track: audio_sdp.AudioTrack, feed: AudioFeed
) -> AudioProblem | None:
    """What the camera refuses here costs the audio alone. Raises CameraUnreachable."""
    try:
        await session.set_up(track.control, feed.push, clock_hz=track.clock_hz, on_report=feed.take_report)
    except (CameraRefused, UnsupportedStream, ProtocolViolation) as error:
        log.warning("camera refuses its audio", stream=str(StreamKey(camera.id, role)), detail=error.message)
        return _no_audio(camera, role, audio_sdp.NoAudio())
    return None


def _depacketizer(key: StreamKey, track: VideoTrack, publish: Callable[[MediaItem], None]) -> Depacketizer:
    if track.codec == "h264":
        return H264Depacketizer(key, track.payload_type, publish, sps=track.sps, pps=track.pps)
    return H265Depacketizer(key, track.payload_type, publish, vps=track.vps, sps=track.sps, pps=track.pps)


async def _watch(
    camera: Camera,
    session: Session,
    depacketizer: Depacketizer,
    clock: Clock,
    stall_s: float,
    parameter_sets_s: float,
    keyframe_s: float,
) -> None:
    """Keep the session alive and wait for its failure."""
    started_s = clock.monotonic()
    keepalive_s = started_s + session.keepalive_every_s
    while True:
        now_s = clock.monotonic()
        stalls_s = (depacketizer.last_packet_s or started_s) + stall_s
        if now_s >= stalls_s:
            remedy = "Check the camera's network and its load"
            if camera.transport == "udp" and depacketizer.first_packet_s is None:
                remedy = 'Let UDP from the camera through to this machine, or set `transport = "tcp"`'
            raise StreamStalled(f"no video for {stall_s:g} s", remedy=remedy)
        if now_s >= keepalive_s:
            session.keep_alive()
            keepalive_s = now_s + session.keepalive_every_s
        due_s = min(stalls_s, keepalive_s)
        if depacketizer.first_packet_s is not None:
            if depacketizer.config is None:
                given_up_s = depacketizer.first_packet_s + parameter_sets_s
                if now_s >= given_up_s:
                    raise UnsupportedStream(
                        f"no {depacketizer.codec} parameter sets (SPS, PPS) in {parameter_sets_s:g} s of video",
                        remedy="Update the camera's firmware or use another of its streams",
                        params={"codec": depacketizer.codec},
                    )
                due_s = min(due_s, given_up_s)
            given_up_s = (depacketizer.last_unit_s or depacketizer.first_packet_s) + keyframe_s
            if now_s >= given_up_s:
                raise UnsupportedStream(
                    f"no keyframe in {keyframe_s:g} s of video",
                    remedy="Set the keyframe interval of this stream to 1 to 4 seconds in the camera",
                    params={"codec": depacketizer.codec},
                )
            due_s = min(due_s, given_up_s)
        await session.failure(due_s - now_s)
