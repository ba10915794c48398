"""A stream of the hub as WebRTC takes it: Annex B frames."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager

from nvr.events import Role, StreamKey
from nvr.media.audio import AudioConfig, AudioUnit
from nvr.media.hub import Hub, StreamHub, Subscription
from nvr.media.nal import to_annex_b
from webrtc.frames import AudioCodec, Codec, EncodedAudio, EncodedFrame

AUDIO_UNITS_MAX = 50
_AUDIO_CODECS: dict[str, AudioCodec] = {"alaw": "PCMA", "ulaw": "PCMU"}


def live_audio(hub: StreamHub) -> AudioCodec | None:
    """G.711 of one channel, where the camera's audio is on and has come; browsers take no AAC by WebRTC."""
    config = hub.audio
    return _AUDIO_CODECS.get(config.codec) if config is not None and config.channels == 1 else None


class HubFrames:
    """A `webrtc.frames.FrameSource` over one stream of the hub; `scene` are those of its camera, the main one first.

    Frames end for good when the stream turns out to reorder (B-frames), which browsers show as garbage, or to have
    another codec than it began with.
    """

    def __init__(self, hub: StreamHub, ask_for_keyframe: Callable[[StreamKey], None]):
        self._hub, self._ask = hub, ask_for_keyframe
        self.scene: Sequence[HubFrames] = (self,)

    @property
    def key(self) -> StreamKey:
        return self._hub.key

    @property
    def has_b_frames(self) -> bool:
        """Whether the stream sends B-frames and so cannot be shown live."""
        return self._hub.has_b_frames

    @property
    def codec(self) -> Codec | None:
        """None before the first picture, and with B-frames."""
        config = self._hub.config
        return None if config is None or self._hub.has_b_frames else config.codec

    @property
    def sps(self) -> bytes | None:
        """The stream's sequence parameter set without start code; None where `codec` is."""
        config = self._hub.config
        return None if config is None or self._hub.has_b_frames else config.sps

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[AsyncIterator[EncodedFrame]]:
        """Frames from the cached GOP's keyframe on; a slow reader is taken to the next keyframe."""
        with self._hub.subscribe(from_gop=True) as units:
            if not units.has_begun:
                self.ask_for_keyframe()
            async with aclosing(self._frames(units)) as frames:
                yield frames

    def ask_for_keyframe(self) -> None:
        self._ask(self.key)

    @property
    def audio(self) -> AudioCodec | None:
        """`live_audio`."""
        return live_audio(self._hub)

    @asynccontextmanager
    async def subscribe_audio(self) -> AsyncIterator[AsyncIterator[EncodedAudio]]:
        """The stream's audio from now on; a slow reader misses the oldest."""
        queue = _AudioQueue()
        self._hub.attach_audio(queue)
        try:
            async with aclosing(queue.units()) as units:
                yield units
        finally:
            self._hub.detach_audio(queue)

    async def _frames(self, units: Subscription) -> AsyncGenerator[EncodedFrame, None]:
        codec: Codec | None = None
        while True:
            unit = await units.get()
            if self._hub.has_b_frames or unit.config.codec != (codec or unit.config.codec):
                return
            codec = unit.config.codec
            data = to_annex_b(unit.data, unit.config.parameter_sets if unit.is_key else ())
            yield EncodedFrame(data, unit.pts_90k, unit.is_key, codec)


class _AudioQueue:
    """A bounded queue of audio: the oldest is dropped beyond `AUDIO_UNITS_MAX`, a second or more; so is all of another
    codec than the first."""

    def __init__(self) -> None:
        self._config: AudioConfig | None = None
        self._units: deque[AudioUnit] = deque(maxlen=AUDIO_UNITS_MAX)
        self._ready = asyncio.Event()

    def push_audio(self, unit: AudioUnit) -> None:
        self._config = self._config or unit.config
        if unit.config == self._config:
            self._units.append(unit)
            self._ready.set()

    async def units(self) -> AsyncGenerator[EncodedAudio, None]:
        while True:
            while not self._units:
                self._ready.clear()
                await self._ready.wait()
            unit = self._units.popleft()
            yield EncodedAudio(unit.data, unit.pts_90k)


def live_sources(hub: Hub, ask_for_keyframe: Callable[[StreamKey], None]) -> dict[StreamKey, HubFrames]:
    """A source for each stream, those of a camera in one scene. `ask_for_keyframe`: as `Services.ask_for_keyframe`."""
    sources = {stream.key: HubFrames(stream, ask_for_keyframe) for stream in hub}
    for key, source in sources.items():
        keys = (StreamKey(key.camera, role) for role in (Role.MAIN, Role.SUB))
        source.scene = tuple(sources[other] for other in keys if other in sources)
    return sources
