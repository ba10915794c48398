"""One life of one stream, from whatever address nvr.toml gives it."""

from __future__ import annotations

from collections.abc import Callable

from nvr.camera import client
from nvr.camera.audio import PublishAudio
from nvr.camera.av_client import play_av
from nvr.clock import Clock
from nvr.config import Camera
from nvr.events import Role
from nvr.media.access_unit import MediaItem
from nvr.stream_address import parse_address


async def play(
    camera: Camera,
    role: Role,
    clock: Clock,
    publish: Callable[[MediaItem], None],
    healthy: Callable[[], None],
    *,
    publish_audio: PublishAudio | None = None,
    on_audio: Callable[[client.AudioProblem | None], None] = lambda _problem: None,
    received: memoryview | None = None,
) -> None:
    """`nvr.camera.client.play` for RTSP, `nvr.camera.av_client.play_av`, without audio, for all else; returns at the
    end of a file."""
    if parse_address(camera.url(role) or "").scheme == "rtsp":
        await client.play(
            camera,
            role,
            clock,
            publish,
            healthy,
            publish_audio=publish_audio,
            on_audio=on_audio,
            received=received,
        )
    else:
        await play_av(camera, role, clock, publish, healthy)
