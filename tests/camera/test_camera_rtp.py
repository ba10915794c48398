"""RTP headers, sender reports and the time line."""

import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvr.camera.rtp import pack_header, parse_header, sender_report
from nvr.camera.timeline import Timeline
from nvr.errors import ProtocolViolation


@given(
    st.booleans(),
    st.integers(0, 127),
    st.integers(0, 65535),
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(0, 2**32 - 1), max_size=15),
    st.none() | st.lists(st.integers(0, 2**32 - 1), max_size=5),
    st.binary(max_size=20),
    st.integers(0, 20),
    st.binary(max_size=5),
)
def test_header_with_all_its_options(
    marker: bool,
    kind: int,
    sequence: int,
    timestamp: int,
    sources: list[int],
    extension: list[int] | None,
    payload: bytes,
    padding: int,
    around: bytes,
) -> None:
    plain = pack_header(marker=marker, payload_type=kind, sequence=sequence, timestamp=timestamp, ssrc=9)
    flags = 0x80 | len(sources) | (0x10 if extension is not None else 0) | (0x20 if padding else 0)
    packet = bytes([flags]) + plain[1:] + b"".join(s.to_bytes(4, "big") for s in sources)
    if extension is not None:
        packet += struct.pack(f">HH{len(extension)}I", 0xBEDE, len(extension), *extension)
    packet += payload
    if padding:
        packet += bytes(padding - 1) + bytes([padding])
    buffer = around + packet + around
    header = parse_header(buffer, len(around), len(around) + len(packet))
    assert header[:5] == (marker, kind, sequence, timestamp, 9)
    assert buffer[header.payload_start : header.payload_end] == payload


@pytest.mark.parametrize(
    ("packet", "problem"),
    [
        (b"", "shorter"),
        (bytes([0x80]) + bytes(10), "shorter"),
        (bytes([0x40]) + bytes(11), "version 1"),
        (bytes([0x81]) + bytes(11), "past the end"),
        (bytes([0x90]) + bytes(11), "past the end"),
        (bytes([0x90]) + bytes(11) + b"\0\0\0\1\0\0", "past the end"),
        (bytes([0xA0]) + bytes(12), "past the end"),
        (bytes([0xA0]) + bytes(11) + b"\x02", "past the end"),
    ],
)
def test_violations_are_named(packet: bytes, problem: str) -> None:
    with pytest.raises(ProtocolViolation, match=problem):
        parse_header(packet, 0, len(packet))


@given(st.binary(max_size=40))
def test_any_bytes_give_a_header_or_a_violation(packet: bytes) -> None:
    try:
        header = parse_header(packet, 0, len(packet))
    except ProtocolViolation:
        return
    assert 12 <= header.payload_start <= header.payload_end <= len(packet)


def test_sender_report() -> None:
    report = sender_report(
        ssrc=5, wall_s=1_800_000_000.5, timestamp=2**32 + 7, packets=3, payload_bytes=99, cname="village-nvr"
    )
    assert len(report) % 4 == 0
    first = struct.unpack(">BBHIIIIII", report[:28])
    assert first == (0x80, 200, 6, 5, 1_800_000_000 + 2_208_988_800, 1 << 31, 7, 3, 99)
    flags, kind, words, ssrc, item, length = struct.unpack(">BBHIBB", report[28:38])
    assert (flags, kind, ssrc, item) == (0x81, 202, 5, 1)
    assert report[38 : 38 + length] == b"village-nvr" and len(report) == 28 + 4 * (words + 1)
    assert report[38 + length] == 0


def place(*pictures: tuple[int, float]) -> list[tuple[int, bool]]:
    timeline = Timeline()
    return [timeline.place(timestamp & 0xFFFF_FFFF, at_s) for timestamp, at_s in pictures]


def test_timestamps_are_unwrapped_from_the_first_picture_on() -> None:
    start = 2**32 - 3600
    assert place((start, 1.0), (start + 3600, 1.04), (start + 7200, 1.08)) == [
        (0, False),
        (3600, False),
        (7200, False),
    ]


def test_b_frames_step_back_without_a_jump() -> None:
    pictures = [(0, 0.0), (10_800, 0.04), (3600, 0.08), (7200, 0.12)]
    assert place(*pictures) == [(0, False), (10_800, False), (3600, False), (7200, False)]


@pytest.mark.parametrize("jump_s", [-3600, -1.1, 10.2, 3600])
def test_after_a_jump_time_goes_on_by_arrival(jump_s: float) -> None:
    jumped = round(jump_s * 90_000)
    assert place((5000, 0.0), (8600, 0.04), (8600 + jumped, 0.1), (12_200 + jumped, 0.14)) == [
        (0, False),
        (3600, False),
        (3600 + 5400, True),
        (3600 + 5400 + 3600, False),
    ]


def test_a_jump_never_leads_back_into_b_frames() -> None:
    assert place((0, 0.0), (10_800, 0.01), (3600, 0.01), (90_000_000, 0.01))[-1] == (10_801, True)


def test_a_network_freeze_and_the_burst_after_it_are_no_jump() -> None:
    frozen = [(n * 3600, 4.0 if n < 100 else n / 25) for n in range(200)]
    assert not any(jumped for _, jumped in place((0, 0.0), *frozen))


def test_drift_of_the_camera_clock_is_no_jump() -> None:
    """A clock that is 0.1 % fast gains 86 s a day."""
    day = [(n * 90_090 * 10, n * 10.0) for n in range(8640)]
    assert not any(jumped for _, jumped in place(*day))


def test_a_clock_that_stands_still_is_noticed() -> None:
    assert any(jumped for _, jumped in place(*((0, n / 25) for n in range(1500))))


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.floats(0, 1e6)), min_size=1))
def test_whatever_the_camera_sends_time_goes_back_by_a_second_at_most(
    pictures: list[tuple[int, float]],
) -> None:
    placed = [pts for pts, _ in place(*sorted(pictures, key=lambda picture: picture[1]))]
    assert all(b - a >= -90_000 for a, b in itertools.pairwise(placed))
