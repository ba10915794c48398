"""A hub's stream as fragments for Media Source: muxed once, and handed to all who watch it by a bounded queue each."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nvr.clock import Clock
from nvr.events import StreamKey
from nvr.media.access_unit import AccessUnit, MediaItem
from nvr.media.hub import Hub, StreamHub
from nvr.record.model import TICKS
from nvr.record.mp4.live import LiveFragment, LiveMuxer

BEHIND_MAX_90K = 3 * TICKS
WAITING_MAX_BYTES = 8 << 20
STALE_S = 3.0
"""A GOP whose last picture is older than this would pass for live."""


class FragmentQueue:
    """What one viewer has not been sent yet.

    Drop policy: when more than `BEHIND_MAX_90K` or `WAITING_MAX_BYTES` wait, all of it is dropped, and nothing more is
    taken until the next keyframe; `overflows` counts how often. The GOP that a viewer begins with does not count as
    time.
    """

    def __init__(self, first: LiveFragment | None):
        self._queue: deque[LiveFragment] = deque([first] if first else [])
        self._first = first
        self._bytes = len(first.data) if first else 0
        self._behind_90k = 0
        self._needs_key = first is None
        self._over = False
        self._ready = asyncio.Event()
        self.overflows = 0

    def push(self, fragment: LiveFragment) -> None:
        """Take the stream's next fragment, or drop it."""
        if self._needs_key and not fragment.is_key:
            return
        self._needs_key = False
        self._queue.append(fragment)
        self._bytes += len(fragment.data)
        self._behind_90k += fragment.duration_90k
        if self._behind_90k > BEHIND_MAX_90K or self._bytes > WAITING_MAX_BYTES:
            self.overflows += 1
            self._queue.clear()
            self._bytes = self._behind_90k = 0
            self._needs_key = True
        self._ready.set()

    def end(self) -> None:
        """Nothing more will come; what waits is dropped."""
        self._over = True
        self._queue.clear()
        self._ready.set()

    async def get(self) -> LiveFragment | None:
        """The next fragment, waiting for it if there is none; None: the stream has ended."""
        while not self._queue:
            if self._over:
                return None
            self._ready.clear()
            await self._ready.wait()
        fragment = self._queue.popleft()
        self._bytes -= len(fragment.data)
        if fragment is not self._first:
            self._behind_90k -= fragment.duration_90k
        return fragment


class FragmentSource:
    """One stream for all who watch it. A picture is muxed once for all of them, within the turn of the loop that brings
    it, and only while somebody watches; what waits for several viewers is in memory once."""

    def __init__(self, hub: StreamHub, clock: Clock, ask_for_keyframe: Callable[[StreamKey], None]):
        self._hub, self._clock, self._ask_for_keyframe = hub, clock, ask_for_keyframe
        self._muxer = LiveMuxer()
        self._viewers: list[FragmentQueue] = []

    @contextmanager
    def watch(self) -> Iterator[FragmentQueue]:
        """A queue that is filled for the duration of the block, from the cached GOP's keyframe on."""
        if not self._viewers:
            self._muxer = LiveMuxer()
            self._hub.attach(self)
        gop = self._fresh_gop()
        if not gop:
            self._ask_for_keyframe(self._hub.key)
        queue = FragmentQueue(self._muxer.start(gop))
        self._viewers.append(queue)
        try:
            yield queue
        finally:
            self._viewers.remove(queue)
            if not self._viewers:
                self._hub.detach(self)

    def push(self, item: MediaItem) -> None:
        """From the hub. A stream that turns out to have B-frames ends for all."""
        if self._hub.has_b_frames:
            for queue in self._viewers:
                queue.end()
            return
        fragment = self._muxer.push(item)
        if fragment is not None:
            for queue in self._viewers:
                queue.push(fragment)

    def _fresh_gop(self) -> tuple[AccessUnit, ...]:
        gop = self._hub.gop
        is_fresh = gop and self._clock.monotonic() - gop[-1].received_mono_s <= STALE_S
        return gop if is_fresh else ()


def fragment_sources(
    hub: Hub, clock: Clock, ask_for_keyframe: Callable[[StreamKey], None]
) -> dict[StreamKey, FragmentSource]:
    """A source for each stream. `ask_for_keyframe`: as `Services.ask_for_keyframe`."""
    return {stream.key: FragmentSource(stream, clock, ask_for_keyframe) for stream in hub}
