"""JPEG files of decoded frames, by libavcodec on the calling thread."""

from __future__ import annotations

from fractions import Fraction

import av
from av.codec.context import Flags
from av.video.reformatter import Interpolation

_TIME_BASE = Fraction(1, 25)


def encode_jpeg(frame: av.VideoFrame, width: int, height: int, quantizer: int) -> bytes:
    """The frame scaled to `width` x `height` (both even) as JPEG. `quantizer`: 2 (best) to 31; 4 is about what other
    encoders call quality 80, 10 about 60."""
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj420p"
    encoder.time_base = _TIME_BASE
    encoder.thread_count = 1
    encoder.flags |= Flags.qscale
    encoder.qmin = encoder.qmax = quantizer
    scaled = frame.reformat(
        width, height, "yuvj420p", interpolation=Interpolation.AREA, dst_color_range="JPEG", threads=1
    )
    scaled.pts = 0
    scaled.time_base = encoder.time_base
    return b"".join(bytes(packet) for packet in (*encoder.encode(scaled), *encoder.encode(None)))
