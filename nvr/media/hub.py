"""Fan-out of one stream to its consumers. One way: nothing a consumer does reaches the camera.

A `Consumer` is called synchronously for each item and must return at once (the recorder appends to its open
fragment, a `Subscription` to its queue). Only the event loop's thread may call anything here.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from nvr.events import StreamKey
from nvr.media.access_unit import AccessUnit, CodecConfig, Discontinuity, MediaItem
from nvr.media.audio import AudioConfig, AudioUnit

GOP_CACHE_BYTES = 8 << 20
GOP_CACHE_UNITS = 2000
"""A GOP that grows past one of these is not kept (a "smart GOP" camera may send a keyframe a minute; units of a few
bytes would take far more memory than their bytes)."""


class Consumer(Protocol):
    """Anything that takes a stream's items."""

    def push(self, item: MediaItem) -> None:
        """Take one item; must neither block nor raise."""
        ...


class AudioConsumer(Protocol):
    """Anything that takes a stream's audio."""

    def push_audio(self, unit: AudioUnit) -> None:
        """Take one unit; must neither block nor raise."""
        ...


class MediaConsumer(Consumer, AudioConsumer, Protocol):
    """Takes both."""


@dataclass(frozen=True, slots=True)
class GopNumbers:
    """One complete group of pictures: from a keyframe to before the next."""

    pictures: int
    duration_s: float
    octets: int

    @property
    def fps(self) -> float:
        return self.pictures / self.duration_s

    @property
    def kbit_s(self) -> float:
        return self.octets * 8 / 1000 / self.duration_s


class Subscription:
    """A bounded queue of access units for one slow consumer (a viewer, the detector).

    Drop policy: when `max_units` or `max_bytes` is exceeded the whole queue is dropped and nothing more is taken
    until the next keyframe; `dropped` counts the lost units. Discontinuities are not delivered: after one, the
    consumer sees a keyframe first.
    """

    def __init__(self, *, max_units: int = 150, max_bytes: int = 8 << 20):
        self._max_units, self._max_bytes = max_units, max_bytes
        self._queue: deque[AccessUnit] = deque()
        self._bytes = 0
        self._wait_for_key = True
        self._ready = asyncio.Event()
        self.dropped = 0

    def push(self, item: MediaItem) -> None:
        if isinstance(item, Discontinuity):
            self._wait_for_key = True
            return
        if self._wait_for_key:
            if not item.is_key:
                self.dropped += 1
                return
            self._wait_for_key = False
        self._queue.append(item)
        self._bytes += len(item.data)
        if len(self._queue) > self._max_units or self._bytes > self._max_bytes:
            self.dropped += len(self._queue)
            self._queue.clear()
            self._bytes = 0
            self._wait_for_key = True
        self._ready.set()

    @property
    def has_begun(self) -> bool:
        """Whether a keyframe came, and nothing was dropped since."""
        return not self._wait_for_key

    async def get(self) -> AccessUnit:
        """The next access unit, waiting for it if there is none."""
        while not self._queue:
            self._ready.clear()
            await self._ready.wait()
        unit = self._queue.popleft()
        self._bytes -= len(unit.data)
        return unit

    def __aiter__(self) -> AsyncIterator[AccessUnit]:
        return self._units()

    async def _units(self) -> AsyncIterator[AccessUnit]:
        while True:
            yield await self.get()


class StreamHub:
    """The fan-out point of one stream, with the access units since the last keyframe (the GOP cache).

    `last_gop`: of the last group that came whole, cached or not; None before, and when the stream is another.
    """

    def __init__(self, key: StreamKey):
        self.key = key
        self.config: CodecConfig | None = None
        self.has_b_frames = False
        self.audio: AudioConfig | None = None
        self.last_gop: GopNumbers | None = None
        self._consumers: list[Consumer] = []
        self._audio_consumers: list[AudioConsumer] = []
        self._gop: list[AccessUnit] = []
        self._gop_bytes = 0
        self._last_pts_90k: int | None = None
        self._key_90k: int | None = None
        self._pictures = self._octets = 0

    def publish(self, item: MediaItem) -> None:
        """Hand `item` to every consumer; called by the stream's camera task alone."""
        if isinstance(item, Discontinuity):
            self._gop.clear()
            self._gop_bytes = 0
            self._last_pts_90k = self._key_90k = None
        else:
            self._remember(item)
        for consumer in tuple(self._consumers):  # one may leave while it is served
            consumer.push(item)

    def publish_audio(self, unit: AudioUnit) -> None:
        """Hand `unit` to who asked for audio; called by the stream's camera task alone, in order with its pictures."""
        self.audio = unit.config
        for consumer in tuple(self._audio_consumers):
            consumer.push_audio(unit)

    def attach_audio(self, consumer: AudioConsumer) -> None:
        """Deliver every later audio unit to `consumer`, too or alone."""
        self._audio_consumers.append(consumer)

    def detach_audio(self, consumer: AudioConsumer) -> None:
        """Deliver no more audio to `consumer`; unknown consumers are ignored."""
        if consumer in self._audio_consumers:
            self._audio_consumers.remove(consumer)

    def _remember(self, unit: AccessUnit) -> None:
        if unit.config is not self.config:
            self.config = unit.config
            self.has_b_frames = False
            self.last_gop = self._key_90k = None
        if self._last_pts_90k is not None and unit.pts_90k < self._last_pts_90k:
            self.has_b_frames = True
        self._last_pts_90k = unit.pts_90k
        self._count(unit)
        if unit.is_key:
            self._gop = [unit]
            self._gop_bytes = len(unit.data)
        elif self._gop:
            self._gop.append(unit)
            self._gop_bytes += len(unit.data)
            if self._gop_bytes > GOP_CACHE_BYTES or len(self._gop) > GOP_CACHE_UNITS:
                self._gop = []

    def _count(self, unit: AccessUnit) -> None:
        if unit.is_key:
            if self._key_90k is not None and unit.pts_90k > self._key_90k:
                duration_s = (unit.pts_90k - self._key_90k) / 90_000
                self.last_gop = GopNumbers(self._pictures, duration_s, self._octets)
            self._key_90k, self._pictures, self._octets = unit.pts_90k, 0, 0
        self._pictures += 1
        self._octets += len(unit.data)

    @property
    def gop_s(self) -> float:
        """How long the present group of pictures is so far, cached or not; 0.0 where none has begun."""
        if self._key_90k is None or self._last_pts_90k is None:
            return 0.0
        return max(0.0, (self._last_pts_90k - self._key_90k) / 90_000)

    @property
    def gop(self) -> tuple[AccessUnit, ...]:
        """The cached access units from the last keyframe on; empty if none is known."""
        return tuple(self._gop)

    def attach(self, consumer: Consumer) -> None:
        """Deliver every later item to `consumer`."""
        self._consumers.append(consumer)

    def detach(self, consumer: Consumer) -> None:
        """Deliver nothing more to `consumer`; unknown consumers are ignored."""
        if consumer in self._consumers:
            self._consumers.remove(consumer)

    @contextmanager
    def subscribe(
        self, *, from_gop: bool = False, max_units: int = 150, max_bytes: int = 8 << 20
    ) -> Iterator[Subscription]:
        """A `Subscription` that ends with the block; `from_gop` starts it with the cached GOP."""
        subscription = Subscription(max_units=max_units, max_bytes=max_bytes)
        if from_gop:
            for unit in self._gop if len(self._gop) <= max_units else ():
                subscription.push(unit)
        self.attach(subscription)
        try:
            yield subscription
        finally:
            self.detach(subscription)


class Hub:
    """All streams of the site, made once at start from the configuration."""

    def __init__(self, keys: list[StreamKey]):
        self._streams = {key: StreamHub(key) for key in keys}

    def __getitem__(self, key: StreamKey) -> StreamHub:
        return self._streams[key]

    def __contains__(self, key: object) -> bool:
        return key in self._streams

    def __iter__(self) -> Iterator[StreamHub]:
        return iter(self._streams.values())
