"""Still pictures: made one by one by the analysis process; those of recorded moments are kept a little."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from nvr.errors import NvrError
from nvr.events import StreamKey
from nvr.media.access_unit import CodecConfig
from nvr.record.play.keyframe import Keyframe
from nvr.web.errors import ApiError

CACHE_BYTES = 8 << 20
AT_ONCE, WAITING = 2, 16

_Name = tuple[StreamKey, tuple[str, int], float]


class Stills:
    """`make` as `Services.still`. At most AT_ONCE are asked of it at a time and WAITING wait; CACHE_BYTES are kept.
    Whoever asks must have been allowed to see the camera."""

    def __init__(self, make: Callable[[CodecConfig, bytes], Awaitable[bytes | None]]):
        self._make = make
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._asking = 0
        self._kept: OrderedDict[_Name, bytes] = OrderedDict()
        self._bytes = 0

    async def get(self, key: StreamKey, keyframe: Keyframe) -> bytes | None:
        """The keyframe's JPEG; None: it cannot be decoded. Raises ApiError 503 `no_still`: not now."""
        name = (key, keyframe.name, keyframe.wall_s)
        if name not in self._kept:
            async with self._in_turn():
                if name not in self._kept:  # somebody else may have asked for the same
                    jpeg = await self._make(keyframe.config, keyframe.data)
                    if jpeg is None:
                        return None
                    self._keep(name, jpeg)
                    return jpeg
        self._kept.move_to_end(name)
        return self._kept[name]

    async def make(self, config: CodecConfig, data: bytes) -> bytes | None:
        """The JPEG of a keyframe that is recorded nowhere; not kept. None, ApiError: as `get`."""
        async with self._in_turn():
            return await self._make(config, data)

    @asynccontextmanager
    async def _in_turn(self) -> AsyncIterator[None]:
        if self._asking >= AT_ONCE + WAITING:
            raise ApiError(503, "no_still", "too many pictures are wanted at once")
        self._asking += 1
        try:
            async with self._turn:
                yield
        except NvrError as error:
            raise ApiError(503, "no_still", str(error)) from None
        finally:
            self._asking -= 1

    def _keep(self, name: _Name, jpeg: bytes) -> None:
        self._bytes += len(jpeg) - len(self._kept.get(name, b""))
        self._kept[name] = jpeg
        while self._bytes > CACHE_BYTES:
            self._bytes -= len(self._kept.popitem(last=False)[1])
