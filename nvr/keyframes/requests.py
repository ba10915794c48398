"""When a camera is asked for a keyframe: seldom, and not again for a while where it cannot do it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog

from nvr.clock import Clock
from nvr.config import Camera
from nvr.events import StreamKey
from nvr.keyframes.exchange import OnvifCamera, Unreachable
from nvr.media.hub import Hub
from nvr.onvif.client import CameraRefusal

log = structlog.get_logger(__name__)

EVERY_S = 2.0
"""One request a stream, however many wait."""
NEAR_S = 4.0
"""A keyframe that comes by itself within so long is waited for."""
REFUSED_S, UNREACHABLE_S = 600.0, 30.0
"""After so long a camera that cannot do it, or did not answer, is asked again."""


class KeyframeRequests:
    """For cameras that have an `onvif` address; of others, `ask` does nothing."""

    def __init__(self, cameras: Sequence[Camera], hub: Hub, clock: Clock):
        self._hub, self._clock = hub, clock
        self._cameras = {
            camera.id: OnvifCamera(camera, camera.onvif, clock)
            for camera in cameras
            if camera.onvif is not None
        }
        self._not_before_s: dict[StreamKey, float] = {}
        self._wanted: set[StreamKey] = set()
        self._busy: set[StreamKey] = set()
        self._wake = asyncio.Event()

    def ask(self, key: StreamKey) -> None:
        """Somebody waits for a keyframe of this stream. Returns at once; forgets it where the next is near, or the
        camera was asked a moment ago."""
        now_s = self._clock.monotonic()
        if key.camera not in self._cameras or key in self._busy or self._is_near(key):
            return
        if now_s >= self._not_before_s.get(key, now_s):
            self._not_before_s[key] = now_s + EVERY_S
            self._wanted.add(key)
            self._wake.set()

    async def run(self, healthy: Callable[[], None]) -> None:
        """Send what is asked for, until cancelled."""
        healthy()
        self._busy.clear()
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._wake.wait()
                self._wake.clear()
                wanted, self._wanted = self._wanted, set()
                self._busy |= wanted
                for key in wanted:
                    tasks.create_task(self._send(key))

    async def _send(self, key: StreamKey) -> None:
        try:
            await self._cameras[key.camera].send_keyframe(key.role)
            return
        except CameraRefusal as refusal:
            reason, wait_s = str(refusal), REFUSED_S
        except Unreachable as error:
            reason, wait_s = str(error), UNREACHABLE_S
        finally:
            self._busy.discard(key)
        self._not_before_s[key] = self._clock.monotonic() + wait_s
        log.warning(
            "a camera sends no keyframe when asked", stream=str(key), reason=reason, again_in_s=wait_s
        )

    def _is_near(self, key: StreamKey) -> bool:
        stream = self._hub[key]
        last = stream.last_gop
        return last is not None and last.duration_s <= NEAR_S and stream.gop_s <= NEAR_S
