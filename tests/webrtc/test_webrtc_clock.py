"""The pure parts that frames pass through."""

from __future__ import annotations

import asyncio

import pytest
from aiortc.mediastreams import MediaStreamError

from webrtc.frames import START_CODE, EncodedFrame
from webrtc.stock import CATCH_UP_SPEED, FrameTrack


def frame(pts_90k: int, *, is_key: bool = False) -> EncodedFrame:
    return EncodedFrame(START_CODE + b"\x41", pts_90k, is_key)


async def test_a_track_holds_one_frame_and_lets_its_writer_wait() -> None:
    track = FrameTrack()
    await track.put(frame(0, is_key=True))
    waiting = asyncio.create_task(track.put(frame(3600)))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not waiting.done()
    assert bytes(await track.recv()) == START_CODE + b"\x41"
    await waiting
    assert (track.frames_sent, track.bytes_sent) == (1, 5)


async def test_a_cached_gop_is_spread_out() -> None:
    """At least; the most depends on the machine."""
    track, loop = FrameTrack(), asyncio.get_running_loop()
    begin = loop.time()
    for index in range(26):
        await track.put(frame(index * 3600, is_key=index == 0))
        assert (await track.recv()).pts == index * 3600
    assert loop.time() - begin >= 1.0 / CATCH_UP_SPEED - 0.01


async def test_a_stopped_track_ends_its_reader() -> None:
    track = FrameTrack()
    track.stop()
    with pytest.raises(MediaStreamError):
        await track.recv()
