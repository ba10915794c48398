"""Which stream of a camera can be shown live, and the refusals where none can: the same by WebRTC and by fragments."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from nvr.config import Camera
from nvr.events import StreamKey
from nvr.media.access_unit import Codec
from nvr.web.answers import b_frames
from nvr.web.errors import ApiError
from nvr.web.services import Services
from webrtc.errors import WhepError

Obstacle = Literal["h265", "b_frames"]
_RETRY_S = {"no_picture": 5.0, "too_many_viewers": 10.0, "live_stopped": 5.0}
"""After which refusals a client may try again by itself, and when. A user's own limit and a port that is taken end when
somebody does something about it."""


def best_live(
    services: Services, camera: Camera, wanted: StreamKey, codecs: Collection[Codec] | None
) -> StreamKey:
    """`wanted`, or the best stream of the camera below it, that can be shown now.

    `codecs`: what the viewer decodes; None: H.265 is left to the live server, which knows the offer. Raises ApiError
    409: none can be shown; why, of `wanted`.
    """
    below = camera.streams[camera.streams.index(wanted) :]
    obstacles = [_obstacle(services, key, codecs) for key in below]
    for key, obstacle in zip(below, obstacles, strict=True):
        if obstacle is None and _delivers(services, key):
            return key
    check_live(services, wanted)
    raise obstacle_error(wanted, obstacles[0] or "b_frames")


def live_below(
    services: Services, camera: Camera, shown: StreamKey, codecs: Collection[Codec]
) -> StreamKey | None:
    """The best stream of the camera below the one that is shown, of those that can be shown now."""
    below = camera.streams[camera.streams.index(shown) + 1 :]
    able = (k for k in below if _delivers(services, k) and _obstacle(services, k, codecs) is None)
    return next(able, None)


def check_live(services: Services, key: StreamKey) -> None:
    """Raises ApiError 409: the stream delivers nothing now."""
    if not _delivers(services, key):
        raise ApiError(
            409,
            "no_picture",
            f'camera "{key.camera}" delivers no picture on its {key.role} stream',
            retry_after_s=_RETRY_S["no_picture"],
        )


def refusal(error: WhepError) -> ApiError:
    """What the live server refuses, in its own words."""
    return ApiError(error.status, error.code, str(error), retry_after_s=_RETRY_S.get(error.code))


def obstacle_error(key: StreamKey, obstacle: Obstacle) -> ApiError:
    """What is wrong with the stream, and what to do about it in the camera."""
    if obstacle == "h265":
        return ApiError(
            409,
            "h265",
            f'camera "{key.camera}" sends H.265 on its {key.role} stream, which this player cannot show live; '
            "choose H.264 for its sub stream and enter that as `sub` in nvr.toml",
        )
    return ApiError(
        409,
        "b_frames",
        f'camera "{key.camera}" sends B-frames on its {key.role} stream, which browsers cannot show live; '
        "switch B-frames off in the camera (profile Baseline, or no smart codec), or watch its other stream",
    )


def _delivers(services: Services, key: StreamKey) -> bool:
    return services.streams.get(key).state == "live" and services.hub[key].config is not None


def _obstacle(services: Services, key: StreamKey, codecs: Collection[Codec] | None) -> Obstacle | None:
    """A codec counts before its B-frames, as in `answers.live_obstacle`."""
    config = services.hub[key].config
    if codecs is None and config is not None and config.codec == "h265":
        return None
    if codecs is not None and config is not None and config.codec not in codecs:
        return "h265"
    return "b_frames" if b_frames(services, key) else None
