"""Packetization, retransmission and RTP time, against aiortc's depacketizer and by themselves."""

from __future__ import annotations

import struct

import pytest
from aiortc.codecs.h264 import h264_depayload
from aiortc.rtp import RtpPacket, unwrap_rtx
from hypothesis import given
from hypothesis import strategies as st

from webrtc import rtp
from webrtc.entries import WIDEST_LEVEL, VideoEntry
from webrtc.frames import START_CODE, EncodedFrame
from webrtc.rtp import HEADER_BYTES, PACKET_BYTES_MAX, PART_PACKETS, RtpClock, packetize
from webrtc.sent import Sent, SentPart


def annex_b(units: list[bytes]) -> bytes:
    return b"".join(START_CODE + unit for unit in units)


@given(st.integers(1, 200_000), st.integers(0, 65_535))
def test_a_picture_s_packets_are_numbered_through_its_parts(size: int, first_seq: int) -> None:
    data = START_CODE + b"\x65" + b"\x55" * size
    parts = packetize(EncodedFrame(data, 0, True), first_seq=first_seq, time_90k=-5, ssrc=7)
    sent = [RtpPacket.parse(packet) for part in parts for packet in part.packets]
    for index, (packet, parsed) in enumerate(
        zip((p for part in parts for p in part.packets), sent, strict=True)
    ):
        assert len(packet) <= PACKET_BYTES_MAX
        assert (parsed.ssrc, parsed.timestamp, parsed.payload_type) == (7, 0xFFFFFFFB, 0)
        assert parsed.sequence_number == (first_seq + index) & 0xFFFF
        assert parsed.marker == (index == len(sent) - 1)
    assert b"".join(h264_depayload(packet.payload) for packet in sent) == data
    for part in parts:
        assert part.first_seq == int.from_bytes(part.packets[0][2:4], "big")
        assert part.payload_bytes == sum(len(packet) - HEADER_BYTES for packet in part.packets)
        assert part.is_key == part.is_first == (part is parts[0])
        assert part.is_last == (part is parts[-1])
        assert part.is_last or len(part.packets) == PART_PACKETS


def test_nothing_makes_no_part() -> None:
    assert packetize(EncodedFrame(START_CODE, 0, True), first_seq=0, time_90k=0, ssrc=1) == []


def test_a_viewer_s_packets_differ_in_type_number_and_time_alone() -> None:
    (picture,) = packetize(
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
    (picture,) = packetize(EncodedFrame(annex_b([b"\x41" * 30]), 0, False), first_seq=9, time_90k=5, ssrc=3)
    data = rtp.retransmission(picture.packets[0], payload_type=97, seq=70_000, ssrc=4, original_seq=500)
    sent = RtpPacket.parse(data)
    assert (sent.payload_type, sent.sequence_number, sent.ssrc, sent.marker) == (97, 70_000 & 0xFFFF, 4, 1)
    again = unwrap_rtx(sent, payload_type=102, ssrc=3)
    assert (again.sequence_number, again.timestamp, again.payload) == (500, 5, picture.packets[0][12:])


@given(st.integers(0, 65_535), st.lists(st.tuples(st.integers(1, PART_PACKETS), st.booleans()), max_size=60))
def test_what_was_sent_is_found_as_it_was_sent(first: int, sizes: list[tuple[int, bool]]) -> None:
    history, sent, seq = Sent(), {}, first
    for size, changes in sizes:
        entry = VideoEntry(96 + changes, "h264", WIDEST_LEVEL, "", None, ())
        # The source's own numbers say nothing of the viewer's.
        part = rtp.Part(
            tuple(struct.pack("!II", seq, index) for index in range(size)), 7, 0, True, True, False, 0
        )
        made = SentPart(seq & 0xFFFF, part, seq * 3, entry)
        history.add(made)
        sent |= {seq + index: (part.packets[index], made) for index in range(size)}
        seq += size
    for number, expected in sent.items():
        found = history.find(number & 0xFFFF)
        assert found == expected or (found is None and seq - number > Sent.PACKETS)
        assert found is None or seq - number <= 1024, "what libsrtp encrypts again"
    assert history.find(seq & 0xFFFF) is None


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
