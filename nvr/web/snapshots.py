"""How a camera looks now, as a JPEG: whoever asks and however often, one is made in `KEPT_S`."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from nvr.clock import Clock
from nvr.detect.messages.protocol import MAX_STILL
from nvr.events import StreamKey
from nvr.media.hub import Hub
from nvr.web.errors import ApiError
from nvr.web.stills import Stills

KEPT_S = 2.0
FRESH_S = 10.0
"""A stream whose last picture is older does not show what is now."""


class Snapshots:
    """The last picture of each stream that was asked for. Whoever asks must have been allowed to see the camera."""

    def __init__(self, hub: Hub, stills: Stills, clock: Clock):
        self._hub, self._stills, self._clock = hub, stills, clock
        self._kept: dict[StreamKey, tuple[float, bytes]] = {}
        self._making: defaultdict[StreamKey, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def get(self, key: StreamKey) -> bytes:
        """The stream's last keyframe, at most 640 pixels wide and at most KEPT_S and one group of pictures old. Raises
        ApiError 503 `no_still`: the camera sends nothing, or no picture can be made now."""
        async with self._making[key]:
            made_s, jpeg = self._kept.get(key, (float("-inf"), b""))
            if self._clock.monotonic() - made_s >= KEPT_S:
                jpeg = await self._make(key)
                self._kept[key] = (self._clock.monotonic(), jpeg)
            return jpeg

    async def _make(self, key: StreamKey) -> bytes:
        gop = self._hub[key].gop
        if not gop or self._clock.monotonic() - gop[-1].received_mono_s > FRESH_S:
            raise ApiError(503, "no_still", "the camera sends no picture now")
        keyframe = gop[0]
        if len(keyframe.data) > MAX_STILL:
            raise ApiError(503, "no_still", "the camera's pictures are too large")
        jpeg = await self._stills.make(keyframe.config, keyframe.data)
        if jpeg is None:
            raise ApiError(503, "no_still", "the camera's picture cannot be decoded")
        return jpeg
