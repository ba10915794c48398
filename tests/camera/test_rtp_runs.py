"""Fragments of one size taken together: the same as one by one, whatever arrives however chopped."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvr.camera import h264_rtp, h265_rtp
from nvr.camera.depacketizer import Depacketizer
from nvr.camera.rtp import pack_header
from nvr.camera.rtsp import Buffer, RtspParser
from nvr.errors import CameraError
from nvr.events import Role, StreamKey
from nvr.media.access_unit import AccessUnit, MediaItem

KEY = StreamKey("gate", Role.MAIN)
SPS_264 = bytes.fromhex("6742c01eda0280bfe584000003000400000300c83c58ba80").rstrip(b"\0")
PPS_264 = bytes.fromhex("68ce0fc8")
SETS_265 = {
    "vps": bytes.fromhex("40010c01ffff016000000300900000030000030078959809"),
    "sps": bytes.fromhex(
        "42010101600000030090000003000003007ba003c08010e596566924caf0168080000003008000000c84"
    ),
    "pps": bytes.fromhex("4401c172b46240"),
}
Make = Callable[[Callable[[MediaItem], None]], Depacketizer]


def h264(publish: Callable[[MediaItem], None]) -> Depacketizer:
    return h264_rtp.H264Depacketizer(KEY, 96, publish, sps=SPS_264, pps=PPS_264)


def h265(publish: Callable[[MediaItem], None]) -> Depacketizer:
    return h265_rtp.H265Depacketizer(KEY, 96, publish, **SETS_265)


def payloads_of(make: Make, is_key: bool, size: int, room: int) -> list[bytes]:
    body = b"\x80" + random.Random(size).randbytes(size)
    if make is h264:
        return h264_rtp.packetize([(b"\x65" if is_key else b"\x61") + body], room)
    return h265_rtp.packetize([(b"\x26\x01" if is_key else b"\x02\x01") + body], room)


def framed(
    payloads: list[bytes], number: int, sequence: int, kind: int = 96, channel: int = 0
) -> list[bytes]:
    frames = []
    for index, payload in enumerate(payloads):
        header = pack_header(
            marker=index == len(payloads) - 1,
            payload_type=kind,
            sequence=sequence + index,
            timestamp=number * 3600,
            ssrc=7,
        )
        packet = header + payload
        frames.append(b"$" + bytes((channel,)) + len(packet).to_bytes(2, "big") + packet)
    return frames


class Receiver:
    """What a camera's connection makes of chunks of its stream."""

    def __init__(self, make: Make, *, with_runs: bool):
        self.items: list[MediaItem] = []
        self.failure: str | None = None
        self.in_runs = 0
        depacketizer = make(self.items.append)
        self.parser = RtspParser(lambda message: None)
        self.parser.sinks[0] = depacketizer.push
        if with_runs:

            def run(buffer: Buffer, start: int, end: int, at_s: float) -> int:
                taken = depacketizer.push_run(buffer, start, end, at_s)
                self.in_runs += taken
                return taken

            self.parser.runs[0] = run

    def feed(self, chunks: list[bytes]) -> Receiver:
        try:
            for index, chunk in enumerate(chunks):
                self.parser.feed(chunk, float(index))
        except CameraError as error:
            self.failure = f"{type(error).__name__}: {error}"
        return self

    @property
    def got(self) -> tuple[list[object], str | None, int]:
        items: list[object] = []
        for item in self.items:
            if isinstance(item, AccessUnit):
                items.append((bytes(item.data), item.pts_90k, item.is_key, item.received_mono_s))
            else:
                items.append((item.cause, item.at_mono_s))
        return items, self.failure, self.parser.pieces


@pytest.mark.parametrize("make", [h264, h265])
def test_most_packets_of_a_stream_come_in_runs(make: Make) -> None:
    frames: list[bytes] = []
    for number in range(40):
        frames += framed(payloads_of(make, number == 0, 11_000, 1400), number, 65_500 + len(frames))
    stream = b"".join(frames)
    one_by_one = Receiver(make, with_runs=False).feed([stream])
    together = Receiver(make, with_runs=True).feed([stream])
    assert together.got == one_by_one.got
    assert len(together.items) == 40 and together.failure is None
    assert together.in_runs >= len(frames) - 3 * 40


@given(
    make=st.sampled_from([h264, h265]),
    units=st.lists(
        st.tuples(st.integers(50, 1500), st.integers(20, 90), st.sampled_from([96, 96, 96, 97])), max_size=4
    ),
    lost=st.sets(st.integers(0, 60), max_size=3),
    between=st.lists(
        st.tuples(st.integers(0, 60), st.sampled_from([b"\r\n", b"$\x05\x00\x01x"])), max_size=3
    ),
    flips=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20), st.integers(1, 255)), max_size=3),
    cuts=st.sets(st.integers(0, 6_000), max_size=8),
)
def test_together_is_as_one_by_one(
    make: Make,
    units: list[tuple[int, int, int]],
    lost: set[int],
    between: list[tuple[int, bytes]],
    flips: list[tuple[int, int, int]],
    cuts: set[int],
) -> None:
    frames: list[bytes] = []
    for number, (size, room, kind) in enumerate(units):
        payloads = payloads_of(make, number % 3 == 0, size, room)
        frames += framed(payloads, number, 65_500 + len(frames), kind)
    frames = [frame for index, frame in enumerate(frames) if index not in lost]
    for at, piece in between:
        frames.insert(at, piece)
    for index, at, bits in flips:  # of the prefix, the RTP header, or the fragment's
        if index < len(frames) and at < len(frames[index]):
            frames[index] = frames[index][:at] + bytes((frames[index][at] ^ bits,)) + frames[index][at + 1 :]
    stream = b"".join(frames)
    edges = [0, *sorted(at for at in cuts if at < len(stream)), len(stream)]
    chunks = [stream[a:b] for a, b in itertools.pairwise(edges)]
    one_by_one = Receiver(make, with_runs=False).feed(chunks)
    assert Receiver(make, with_runs=True).feed(chunks).got == one_by_one.got


@pytest.mark.parametrize("make", [h264, h265])
@pytest.mark.parametrize("at", range(20))
def test_any_other_bit_before_the_data_is_noticed(make: Make, at: int) -> None:
    for bit in range(8):
        frames: list[bytes] = []
        for number in range(4):
            frames += framed(payloads_of(make, number % 2 == 0, 900, 100), number, 100 + len(frames))
        frame = frames[4]  # amid the fragments of the first picture
        frames[4] = frame[:at] + bytes((frame[at] ^ 1 << bit,)) + frame[at + 1 :]
        one_by_one = Receiver(make, with_runs=False).feed([b"".join(frames)])
        assert Receiver(make, with_runs=True).feed([b"".join(frames)]).got == one_by_one.got
