"""Real H.265 for the tests: libx265 streams as access units."""

from __future__ import annotations

import fractions
from functools import cache

import av
import numpy as np

from nvr.events import Role, StreamKey
from nvr.media.access_unit import AccessUnit, CodecConfig
from nvr.media.h265 import NAL_AUD, NAL_PPS, NAL_SPS, NAL_VPS, codec_config, nal_type
from nvr.media.nal import join_length_prefixed, split_annex_b, to_annex_b

GATE = StreamKey("gate", Role.MAIN)
FPS = 25
STEP_90K = 90_000 // FPS
_LEFT_OUT = (NAL_VPS, NAL_SPS, NAL_PPS, NAL_AUD)


@cache
def encode(
    *,
    frames: int = 50,
    gop: int = 25,
    b_frames: int = 0,
    open_gop: bool = False,
    size: tuple[int, int] = (160, 96),
    pix_fmt: str = "yuv420p",
    more: str = "",
) -> tuple[AccessUnit, ...]:
    """`frames` pictures at 25/s with a moving bar, in decode order, pts from 0; received at their pts."""
    width, height = size
    codec = av.CodecContext.create("libx265", "w")
    codec.width, codec.height, codec.pix_fmt = width, height, pix_fmt
    codec.time_base = fractions.Fraction(1, FPS)
    codec.options = {
        "preset": "ultrafast",
        "x265-params": f"log-level=none:keyint={gop}:min-keyint={gop}:scenecut=0:bframes={b_frames}:b-adapt=0"
        f":open-gop={int(open_gop)}:repeat-headers=1:pools=none:frame-threads=1:rc-lookahead=5{more}",
    }
    packets = []
    for index in range(frames):
        picture = np.full((height * 3 // 2, width), 128, np.uint8)
        left = index * 4 % (width - 16)
        picture[:height, left : left + 16] = 235
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p").reformat(format=pix_fmt)
        frame.pts = index
        packets += codec.encode(frame)
    packets += codec.encode(None)
    config: CodecConfig | None = None
    units = []
    for packet in packets:
        nals = split_annex_b(bytes(packet))
        sets = {nal_type(nal): nal for nal in nals}
        if config is None:
            config = codec_config(sets[NAL_VPS], sets[NAL_SPS], sets[NAL_PPS])
        assert packet.pts is not None
        data = join_length_prefixed(nal for nal in nals if nal_type(nal) not in _LEFT_OUT)
        pts_90k = packet.pts * STEP_90K
        units.append(AccessUnit(GATE, config, data, pts_90k, packet.is_keyframe, pts_90k / 90_000))
    return tuple(units)


def decode(units: list[AccessUnit]) -> list[av.VideoFrame]:
    """The pictures that a decoder makes of `units`."""
    codec = av.CodecContext.create("hevc", "r")
    frames: list[av.VideoFrame] = []
    for unit in units:
        data = to_annex_b(unit.data, unit.config.parameter_sets if unit.is_key else ())
        frames += codec.decode(av.Packet(data))
    return frames + codec.decode(None)
