"""The pure parts that frames pass through."""

from __future__ import annotations

import asyncio

import pytest
from aiortc.mediastreams import MediaStreamError
from hypothesis import given
from hypothesis import strategies as st

from webrtc.frames import START_CODE, EncodedFrame
from webrtc.stock import CATCH_UP_SPEED, FrameTrack, RtpClock


def frame(pts_90k: int, *, is_key: bool = False) -> EncodedFrame:
    return EncodedFrame(START_CODE + b"\x41", pts_90k, is_key)


@pytest.mark.parametrize("data", [b"", b"\x00\x00\x01\x65", b"\x00\x00\x10\x00\x65", b"\x65\x88"])
def test_a_frame_is_annex_b(data: bytes) -> None:
    with pytest.raises(ValueError, match="Annex B"):
        EncodedFrame(data, 0, True)


@given(start=st.integers(-(1 << 40), 1 << 40), steps=st.lists(st.integers(1, 900_000)))
def test_a_run_of_frames_keeps_its_differences_whenever_it_is_read(start: int, steps: list[int]) -> None:
    clock = RtpClock()
    assert clock.rtp_time_90k(frame(start, is_key=True), 5.0) == 0
    total = 0
    for index, step in enumerate(steps):
        total += step
        assert clock.rtp_time_90k(frame(start + total, is_key=index % 7 == 0), 5.0) == total


@pytest.mark.parametrize("jump_90k", [-1, -(1 << 33), 900_001, 1 << 40])
def test_a_new_origin_continues_by_the_time_that_has_passed(jump_90k: int) -> None:
    clock = RtpClock()
    clock.rtp_time_90k(frame(1000, is_key=True), 10.0)
    assert clock.rtp_time_90k(frame(4600), 10.04) == 3600
    assert clock.rtp_time_90k(frame(4600 + jump_90k, is_key=True), 12.04) == 3600 + 180_000
    assert clock.rtp_time_90k(frame(4600 + jump_90k + 3600), 12.08) == 3600 + 180_000 + 3600


def test_time_never_stands_still_at_a_keyframe() -> None:
    clock = RtpClock()
    clock.rtp_time_90k(frame(0, is_key=True), 1.0)
    assert clock.rtp_time_90k(frame(0, is_key=True), 1.0) == 1


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
