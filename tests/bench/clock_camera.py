"""A camera that encodes as it goes, with the time burned into each picture: `python -m bench.clock_camera`.

Two streams, `clock/main` (1296x720, 2 Mbit/s) and `clock/sub` (624x352, 300 kbit/s), 25 pictures a second, a keyframe
every two seconds, by libx264 without delay, as a camera's own encoder works. Prints one JSON line with `urls`, and when
its standard input ends another with `encode_ms`: for each stream the median from the burned time to what is sent.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from fractions import Fraction

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext

from bench.burned_clock import burn
from nvr.clock import SystemClock
from nvr.events import Role, StreamKey
from nvr.media.access_unit import AccessUnit, CodecConfig
from nvr.media.h264 import NAL_AUD, NAL_IDR, NAL_PPS, NAL_SPS, codec_config, nal_type
from nvr.media.hub import StreamHub
from nvr.media.nal import join_length_prefixed, split_annex_b
from nvr.restream.mounts import camera_server

FPS, GOP = 25, 50
SIZES = {Role.SUB: (624, 352, 300_000), Role.MAIN: (1296, 720, 2_000_000)}


class Lens:
    """One stream: a grey noise that keeps the encoder busy, below the clock."""

    def __init__(self, role: Role):
        self.hub = StreamHub(StreamKey("clock", role))
        self.encode_ms: list[float] = []
        width, height, bit_rate = SIZES[role]
        codec = self._codec = VideoCodecContext.create("libx264", "w")
        codec.width, codec.height, codec.pix_fmt = width, height, "yuv420p"
        codec.time_base, codec.framerate = Fraction(1, FPS), Fraction(FPS)
        codec.bit_rate, codec.gop_size, codec.max_b_frames, codec.thread_count = bit_rate, GOP, 0, 1
        rate = f"vbv-maxrate={bit_rate // 1000}:vbv-bufsize={bit_rate // 1000}"
        options = f"keyint={GOP}:scenecut=0:repeat-headers=1:{rate}"
        codec.options = {"preset": "ultrafast", "tune": "zerolatency", "x264-params": options}
        self._luma = np.random.default_rng(6).integers(96, 160, (height, width), np.uint8)
        self._chroma = np.full((height // 2, width), 128, np.uint8)

    def take(self, number: int) -> None:
        began_s, now_wall_s = time.monotonic(), time.time()
        luma = np.roll(self._luma, number, axis=1)
        burn(luma, now_wall_s)
        frame = av.VideoFrame.from_ndarray(np.concatenate((luma, self._chroma)), "yuv420p")
        frame.pts = number
        for packet in self._codec.encode(frame):
            self._publish(bytes(packet), number * 90_000 // FPS)
        self.encode_ms.append(1000 * (time.monotonic() - began_s))

    def _publish(self, data: bytes, pts_90k: int) -> None:
        nals = {nal_type(nal): nal for nal in split_annex_b(data)}
        if NAL_SPS in nals:
            self.hub.config = codec_config(nals[NAL_SPS], nals[NAL_PPS])
        config = self.hub.config
        assert isinstance(config, CodecConfig)
        rest = join_length_prefixed(
            nal for nal in split_annex_b(data) if nal_type(nal) not in (NAL_SPS, NAL_PPS, NAL_AUD)
        )
        self.hub.publish(AccessUnit(self.hub.key, config, rest, pts_90k, NAL_IDR in nals, time.monotonic()))


async def main() -> None:
    lenses = [Lens(role) for role in SIZES]
    for lens in lenses:
        lens.take(0)  # so that DESCRIBE knows the parameter sets
    server = camera_server({str(lens.hub.key): lens.hub for lens in lenses}, SystemClock())
    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    async with server.listening("127.0.0.1", 0) as port:
        print(
            json.dumps({"urls": [f"rtsp://127.0.0.1:{port}/{lens.hub.key}" for lens in lenses]}), flush=True
        )
        began_s, number = time.monotonic(), 1
        while not ended.done():
            for lens in lenses:
                lens.take(number)
            number += 1
            await asyncio.sleep(max(began_s + number / FPS - time.monotonic(), 0))
    medians = {str(lens.hub.key.role): round(statistics.median(lens.encode_ms), 1) for lens in lenses}
    print(json.dumps({"encode_ms": medians}), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
