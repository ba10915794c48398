"""A stream of the hub as WebRTC takes it: Annex B frames, converted once for all viewers."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

from nvr.events import StreamKey
from nvr.media.access_unit import AccessUnit
from nvr.media.hub import StreamHub, Subscription
from nvr.media.nal import to_annex_b
from webrtc.frames import EncodedFrame

CACHED_FRAMES = 32
"""Viewers of one stream are rarely further apart; one that is has its frames converted again."""


class HubFrames:
    """A `webrtc.frames.FrameSource` over one stream of the hub.

    Frames end for good when the stream turns out to reorder (B-frames), which browsers show as garbage, or to be
    H.265.
    """

    def __init__(self, hub: StreamHub):
        self._hub = hub
        # Keyed by identity; the unit is kept in the value so that its id stays its own.
        self._converted: OrderedDict[int, tuple[AccessUnit, EncodedFrame]] = OrderedDict()
        self._viewers = 0

    @property
    def key(self) -> StreamKey:
        return self._hub.key

    @property
    def has_b_frames(self) -> bool:
        """Whether the stream sends B-frames and so cannot be shown live."""
        return self._hub.has_b_frames

    @property
    def sps(self) -> bytes | None:
        """The stream's H.264 sequence parameter set without start code; None before the first picture."""
        config = self._hub.config
        return config.sps if config is not None and config.codec == "h264" else None

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[AsyncIterator[EncodedFrame]]:
        """Frames from the cached GOP's keyframe on; a slow reader is taken to the next keyframe."""
        self._viewers += 1
        try:
            with self._hub.subscribe(from_gop=True) as units:
                async with aclosing(self._frames(units)) as frames:
                    yield frames
        finally:
            self._viewers -= 1
            if self._viewers == 0:
                self._converted.clear()

    async def _frames(self, units: Subscription) -> AsyncGenerator[EncodedFrame, None]:
        while True:
            unit = await units.get()
            if self._hub.has_b_frames or unit.config.codec != "h264":
                return
            yield self._convert(unit)

    def _convert(self, unit: AccessUnit) -> EncodedFrame:
        known = self._converted.get(id(unit))
        if known is not None:
            return known[1]
        data = to_annex_b(unit.data, unit.config.parameter_sets if unit.is_key else ())
        frame = EncodedFrame(data, unit.pts_90k, unit.is_key)
        self._converted[id(unit)] = (unit, frame)
        if len(self._converted) > CACHED_FRAMES:
            self._converted.popitem(last=False)
        return frame
