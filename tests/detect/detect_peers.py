"""A camera's encoder and the sending end of its stream."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from fractions import Fraction
from itertools import cycle

import av

from nvr.events import Role, StreamKey
from nvr.media.access_unit import AccessUnit, CodecConfig
from nvr.media.h264 import NAL_PPS, NAL_SPS, codec_config, nal_type
from nvr.media.hub import StreamHub
from nvr.media.nal import join_length_prefixed, split_annex_b

KEY = StreamKey("gate", Role.MAIN)


def encode(
    frames: Sequence[av.VideoFrame], *, fps: int = 25, gop: int = 25, b_frames: int = 0
) -> list[AccessUnit]:
    """The frames as H.264 access units, one received every 1/fps s from 0 s on."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = frames[0].width, frames[0].height, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, fps), Fraction(fps)
    encoder.gop_size, encoder.thread_count = gop, 1
    encoder.max_b_frames = b_frames
    encoder.options = {"preset": "veryfast", "crf": "20"} | (
        {"x264-params": f"bframes={b_frames}:b-adapt=0"} if b_frames else {"tune": "zerolatency"}
    )
    units: list[AccessUnit] = []
    config: CodecConfig | None = None
    for index in range(len(frames) + 1):
        frame = None
        if index < len(frames):
            frame = frames[index].reformat(format="yuv420p")
            frame.pts, frame.time_base, frame.pict_type = index, encoder.time_base, 0
        for packet in encoder.encode(frame):
            nals = split_annex_b(bytes(packet))
            kinds = {nal_type(nal): nal for nal in nals}
            if NAL_SPS in kinds:
                config = codec_config(kinds[NAL_SPS], kinds[NAL_PPS])
            assert config is not None
            data = join_length_prefixed(nal for nal in nals if nal_type(nal) in (1, 5))
            count = len(units)
            pts_90k = int(packet.pts) * 90000 // fps
            units.append(AccessUnit(KEY, config, data, pts_90k, packet.is_keyframe, count / fps))
    return units


class SimulatedCamera:
    """Publishes access units to a hub's stream at their pace, with the time of now."""

    def __init__(self, stream: StreamHub, *, fps: int = 25):
        self._stream, self._fps = stream, fps
        self._count = 0

    async def loop(self, units: Sequence[AccessUnit]) -> None:
        """Publish them again and again until cancelled."""
        for unit in cycle(units):
            await self._publish(unit)

    async def _publish(self, unit: AccessUnit) -> None:
        pts_90k = self._count * 90000 // self._fps
        self._count += 1
        self._stream.publish(
            AccessUnit(unit.stream, unit.config, unit.data, pts_90k, unit.is_key, time.monotonic())
        )
        await asyncio.sleep(1 / self._fps)
