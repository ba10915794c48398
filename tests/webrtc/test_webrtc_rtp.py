"""Packetization, retransmission and RTP time, against aiortc's depacketizer and by themselves."""

from __future__ import annotations

import struct

import pytest
from aiortc.codecs.h264 import h264_depayload
from aiortc.rtp import RtpPacket, unwrap_rtx
from hypothesis import given
from hypothesis import strategies as st
from live_peers import encode

from webrtc import rtp
from webrtc.frames import START_CODE, EncodedFrame
from webrtc.rtp import HEADER_BYTES, PACKET_BYTES_MAX, PacketRing, RtpClock, packetize

# No emulated start code inside, no zero at the end.
nals = st.builds(
    lambda kind, size, last: bytes([0x60 | kind]) + b"\x55" * size + bytes([last]),
    st.sampled_from([1, 5, 6, 7, 8, 9, 12]),
    st.one_of(st.integers(0, 40), st.integers(1100, 1300), st.integers(0, 20_000)),
    st.integers(1, 255),
)


def annex_b(units: list[bytes]) -> bytes:
    return b"".join(START_CODE + unit for unit in units)


@given(st.lists(nals, min_size=1, max_size=12))
def test_a_depacketizer_gets_the_nal_units_back(units: list[bytes]) -> None:
    picture = packetize(EncodedFrame(annex_b(units), 0, True), first_seq=65_530, time_90k=-5, ssrc=7)
    assert all(len(packet) <= PACKET_BYTES_MAX for packet in picture.packets)
    data = b""
    for index, packet in enumerate(picture.packets):
        parsed = RtpPacket.parse(packet)
        assert (parsed.ssrc, parsed.timestamp, parsed.payload_type) == (7, 0xFFFFFFFB, 0)
        assert parsed.sequence_number == (65_530 + index) & 0xFFFF
        assert parsed.marker == (index == len(picture.packets) - 1)
        data += h264_depayload(parsed.payload)
    kept = [unit for unit in units if unit[0] & 0x1F not in (9, 12)]
    assert list(rtp.nal_units(data)) == kept
    assert picture.payload_bytes == sum(len(packet) - HEADER_BYTES for packet in picture.packets)


@given(st.binary(max_size=3000).map(lambda data: START_CODE + data))
def test_any_annex_b_is_packetized(data: bytes) -> None:
    for payload in rtp.payloads(data):
        assert 0 < len(payload) <= PACKET_BYTES_MAX - HEADER_BYTES


def test_parameter_sets_share_a_packet_and_fragments_are_equal() -> None:
    first = encode("high", 320, 240)[0]
    assert rtp.payloads(first.data)[0][0] & 0x1F == 24, "STAP-A"
    payloads = rtp.payloads(first.data + START_CODE + b"\x65" * 5000)
    fragments = [payload for payload in payloads if payload[0] & 0x1F == 28]
    assert len(fragments) > 3
    assert {len(fragment) for fragment in fragments[:-1]} == {PACKET_BYTES_MAX - HEADER_BYTES}
    assert len(fragments[-1]) <= len(fragments[0])


def test_empty_nal_units_are_left_out() -> None:
    assert rtp.payloads(START_CODE) == []
    assert rtp.payloads(START_CODE + b"\x41\x9a" + START_CODE + START_CODE) == [b"\x41\x9a"]
    assert packetize(EncodedFrame(START_CODE, 0, True), first_seq=0, time_90k=0, ssrc=1).packets == ()


def test_a_viewer_s_packets_differ_in_type_number_and_time_alone() -> None:
    picture = packetize(
        EncodedFrame(annex_b([b"\x65" * 3000]), 0, True), first_seq=9, time_90k=90_000, ssrc=3
    )
    as_sent = rtp.readdress(picture.packets, payload_type=102, first_seq=65_535)
    later = rtp.readdress(picture.packets, payload_type=102, first_seq=65_535, time_90k=90_001)
    for index, (plain, sent, moved) in enumerate(zip(picture.packets, as_sent, later, strict=True)):
        parsed, parsed_moved = RtpPacket.parse(sent), RtpPacket.parse(moved)
        assert parsed.payload_type == parsed_moved.payload_type == 102
        assert parsed.sequence_number == (65_535 + index) & 0xFFFF
        assert (parsed.timestamp, parsed_moved.timestamp) == (90_000, 90_001)
        assert plain[8:] == sent[8:] == moved[8:]
        assert plain[1] >> 7 == sent[1] >> 7


def test_a_retransmission_is_unwrapped_by_another_implementation() -> None:
    picture = packetize(EncodedFrame(annex_b([b"\x41" * 30]), 0, False), first_seq=9, time_90k=5, ssrc=3)
    data = rtp.retransmission(picture.packets[0], payload_type=97, seq=70_000, ssrc=4, original_seq=500)
    sent = RtpPacket.parse(data)
    assert (sent.payload_type, sent.sequence_number, sent.ssrc, sent.marker) == (97, 70_000 & 0xFFFF, 4, 1)
    again = unwrap_rtx(sent, payload_type=102, ssrc=3)
    assert (again.sequence_number, again.timestamp, again.payload) == (500, 5, picture.packets[0][12:])


@given(st.integers(0, 65_535), st.lists(st.integers(1, 300), min_size=1, max_size=12))
def test_the_ring_gives_the_last_packets_and_no_others(first: int, sizes: list[int]) -> None:
    ring, sent, seq = PacketRing(), {}, first
    for size in sizes:
        packets = tuple(struct.pack("!II", seq, index) for index in range(size))
        ring.add(rtp.Picture(packets, seq & 0xFFFF, 0, False, 0, 0))
        sent |= {seq + index: packet for index, packet in enumerate(packets)}
        seq += size
    for number, packet in sent.items():
        assert ring.get(number & 0xFFFF) == (packet if seq - number <= ring.SIZE else None)
    assert ring.get(seq & 0xFFFF) is None


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
