"""A stream of the hub as WebRTC takes it: Annex B frames."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

from nvr.events import StreamKey
from nvr.media.hub import StreamHub, Subscription
from nvr.media.nal import to_annex_b
from webrtc.frames import EncodedFrame


class HubFrames:
    """A `webrtc.frames.FrameSource` over one stream of the hub.

    Frames end for good when the stream turns out to reorder (B-frames), which browsers show as garbage, or to be
    H.265.
    """

    def __init__(self, hub: StreamHub):
        self._hub = hub

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
        with self._hub.subscribe(from_gop=True) as units:
            async with aclosing(self._frames(units)) as frames:
                yield frames

    async def _frames(self, units: Subscription) -> AsyncGenerator[EncodedFrame, None]:
        while True:
            unit = await units.get()
            if self._hub.has_b_frames or unit.config.codec != "h264":
                return
            data = to_annex_b(unit.data, unit.config.parameter_sets if unit.is_key else ())
            yield EncodedFrame(data, unit.pts_90k, unit.is_key)
