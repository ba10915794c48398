"""H.264 and H.265 access units of one camera to pictures, by libavcodec on one thread.

Only the sandboxed process may import this: libavcodec parses what a stranger's camera sent.
"""

from __future__ import annotations

import contextlib
import math
from typing import Literal

import av
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext

from nvr.detect.messages.protocol import CloserLook, Parameters, PictureWanted
from nvr.media import h264, h265
from nvr.media.access_unit import Codec, CodecConfig
from nvr.media.nal import START_CODE, to_annex_b

MAX_PIXELS = 4096 * 3072
"""Larger pictures are refused by the decoder before it takes memory for them."""
MAX_REORDERED = 32
"""Pictures a decoder may hold back (both codecs allow 16 frames)."""


class Decoder:
    """Decodes one camera's access units in order.

    What cannot be decoded is dropped together with everything up to the next keyframe; `errors` counts how often.
    Memory that runs out raises MemoryError.
    """

    def __init__(self) -> None:
        self._config: CodecConfig | None = None
        self._context: VideoCodecContext | None = None
        self._received_s: dict[int, float] = {}
        self._count = 0
        self._last_s = -math.inf
        self.errors = 0

    def configure(self, config: CodecConfig) -> None:
        """Take new parameter sets; decoding goes on at the next keyframe."""
        self._config = config
        self._reset()

    def decode(
        self, data: bytes, *, is_key: bool, received_mono_s: float
    ) -> list[tuple[av.VideoFrame, float]]:
        """The pictures that `data` (an access unit as in `AccessUnit.data`) completes, in display order, each
        with the arrival time of its own access unit (of B-frames' streams: of the latest one shown so far, because
        units arrive in another order and a picture's time never goes back). Empty before the first keyframe and after
        an error."""
        if self._config is None or (self._context is None and not is_key):
            return []
        try:
            stream = to_annex_b(data, self._config.parameter_sets if is_key else ())
            context = self._context = self._context or _open(self._config)
            packet = av.Packet(stream)
            packet.pts = packet.dts = self._count
            self._received_s[self._count] = received_mono_s
            self._count += 1
            frames = context.decode(packet)
        except av.MemoryError:
            raise
        except (av.FFmpegError, ValueError):
            self.errors += 1
            self._reset()
            return []
        while len(self._received_s) > MAX_REORDERED:
            del self._received_s[next(iter(self._received_s))]
        decoded = []
        for frame in frames:
            # Without a time of its own a picture is at least as old as the oldest that is waiting.
            received_s = self._received_s.pop(frame.pts, received_mono_s) if frame.pts is not None else None
            self._last_s = max(self._last_s, received_mono_s if received_s is None else received_s)
            if not frame.is_corrupt:
                decoded.append((frame, self._last_s))
        return decoded

    @property
    def pixels(self) -> int:
        """Of the pictures that it holds in memory; 0: it holds none."""
        return 0 if self._context is None else self._context.width * self._context.height

    def release(self) -> None:
        """Give up the memory; decoding goes on at the next keyframe."""
        self._reset()

    @staticmethod
    def warm_up() -> None:
        """Let libavcodec load what it needs for the first picture."""
        delimiters: dict[Codec, bytes] = {"h264": b"\x09\xf0", "h265": b"\x46\x01\x50"}
        for codec, delimiter in delimiters.items():
            nothing = CodecConfig(codec, b"", b"", 16, 16, reorders=False)
            with contextlib.suppress(av.FFmpegError):
                _open(nothing).decode(av.Packet(START_CODE + delimiter))

    def _reset(self) -> None:
        self._context = None
        self._received_s.clear()


def config_of(message: Parameters | PictureWanted | CloserLook) -> CodecConfig:
    """What its parameter sets say. Raises ValueError: they are malformed."""
    if message.codec == "h264":
        return h264.codec_config(message.sps, message.pps)
    return h265.codec_config(message.vps, message.sps, message.pps)


def decode_still(config: CodecConfig, data: bytes, *, rough: bool = False) -> av.VideoFrame | None:
    """The picture of one keyframe by itself; None: it cannot be decoded. `rough`: edges of blocks may show, for less
    time. Raises MemoryError."""
    try:
        context = _open(config)
        if rough:
            context.options = context.options | {"skip_loop_filter": "all"}
        stream = to_annex_b(data, config.parameter_sets)
        frames = [*context.decode(av.Packet(stream)), *context.decode(None)]
    except av.MemoryError:
        raise
    except (av.FFmpegError, ValueError):
        return None
    return next((frame for frame in frames if not frame.is_corrupt), None)


def _open(config: CodecConfig) -> VideoCodecContext:
    name: Literal["h264", "hevc"] = "h264" if config.codec == "h264" else "hevc"
    context = VideoCodecContext.create(name, "r")
    context.thread_count = 1
    context.options = {"max_pixels": str(MAX_PIXELS)}
    if not config.reorders:
        context.flags |= Flags.low_delay
    return context
