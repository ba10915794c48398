"""RTCP against aiortc's, and garbage."""

from __future__ import annotations

import pytest
from aiortc import rtp as peer
from hypothesis import given
from hypothesis import strategies as st

from webrtc import rtcp
from webrtc.rtcp import Nack, PictureLoss, ReceptionReport, RtcpError


def report(lost: int) -> peer.RtcpReceiverInfo:
    return peer.RtcpReceiverInfo(
        ssrc=7, fraction_lost=128, packets_lost=lost, highest_sequence=70_000, jitter=45, lsr=9, dlsr=8
    )


SENDER = peer.RtcpSenderInfo(ntp_timestamp=1, rtp_timestamp=2, packet_count=3, octet_count=4)


@pytest.mark.parametrize("lost", [-3, 0, 1000])
@pytest.mark.parametrize("sends", [True, False])
def test_reception_reports(lost: int, sends: bool) -> None:
    reports = [report(lost), report(lost)]
    packet = (
        peer.RtcpSrPacket(ssrc=1, sender_info=SENDER, reports=reports)
        if sends
        else peer.RtcpRrPacket(ssrc=1, reports=reports)
    )
    expected = ReceptionReport(7, 128, lost, 70_000, 45, 9, 8)
    assert rtcp.parse(bytes(packet)) == [expected, expected]


@given(st.lists(st.integers(0, 65_535), min_size=1, max_size=40, unique=True))
def test_a_nack_names_the_numbers_that_another_implementation_asked_for(lost: list[int]) -> None:
    packet = peer.RtcpRtpfbPacket(fmt=1, ssrc=1, media_ssrc=7, lost=sorted(lost))
    (nack,) = rtcp.parse(bytes(packet))
    assert nack == Nack(7, tuple(sorted(lost)))


def test_a_compound_is_read_in_order_and_other_packets_are_passed_over() -> None:
    remb = peer.RtcpPsfbPacket(fmt=15, ssrc=1, media_ssrc=0, fci=peer.pack_remb_fci(3_000_000, [7]))
    fir = peer.RtcpPsfbPacket(fmt=4, ssrc=1, media_ssrc=0, fci=(8).to_bytes(4, "big") + bytes(4))
    pli = peer.RtcpPsfbPacket(fmt=1, ssrc=1, media_ssrc=7)
    sdes = peer.RtcpSdesPacket(chunks=[peer.RtcpSourceInfo(ssrc=1, items=[(1, b"name")])])
    packets = [peer.RtcpRrPacket(ssrc=1, reports=[]), sdes, remb, pli, fir, peer.RtcpByePacket(sources=[1])]
    assert rtcp.parse(b"".join(map(bytes, packets))) == [PictureLoss(7), PictureLoss(8)]


def test_an_empty_datagram_says_nothing() -> None:
    assert rtcp.parse(b"") == []


@given(
    st.one_of(st.binary(max_size=400), st.binary(max_size=400).map(lambda tail: b"\x81\xce\x00\x02" + tail))
)
def test_garbage_raises_one_error_only(data: bytes) -> None:
    try:
        rtcp.parse(data)
    except RtcpError:
        return
    assert len(data) % 4 == 0


def test_a_compound_is_bounded() -> None:
    one = bytes(peer.RtcpRrPacket(ssrc=1, reports=[]))
    with pytest.raises(RtcpError, match="more than"):
        rtcp.parse(one * 33)


@pytest.mark.parametrize("cname", ["", "a", "ab", "abc", "abcdefgh"])
def test_a_sender_report_is_read_by_another_implementation(cname: str) -> None:
    data = rtcp.sender_report(
        ssrc=7, cname=cname, now_s=1.5, time_90k=(1 << 32) + 9, packets=1 << 33, octets=5
    )
    sender, source = peer.RtcpPacket.parse(data)
    assert isinstance(sender, peer.RtcpSrPacket)
    assert isinstance(source, peer.RtcpSdesPacket)
    info = sender.sender_info
    assert (info.ntp_timestamp, info.rtp_timestamp, info.packet_count, info.octet_count) == (3 << 31, 9, 0, 5)
    assert source.chunks == [peer.RtcpSourceInfo(ssrc=7, items=[(1, cname.encode())])]


def test_a_bye_is_read_by_another_implementation() -> None:
    (packet,) = peer.RtcpPacket.parse(rtcp.bye(7))
    assert isinstance(packet, peer.RtcpByePacket)
    assert packet.sources == [7]


@given(st.floats(0, 1e6), st.floats(0, 50), st.floats(0, 50))
def test_a_round_trip_is_what_a_receiver_s_report_leaves(sent_s: float, held_s: float, way_s: float) -> None:
    data = rtcp.sender_report(ssrc=7, cname="a", now_s=sent_s, time_90k=0, packets=0, octets=0)
    (sender, _) = peer.RtcpPacket.parse(data)
    middle = sender.sender_info.ntp_timestamp >> 16 & 0xFFFFFFFF  # type: ignore[union-attr]
    report = ReceptionReport(7, 0, 0, 0, 0, middle, round(held_s * 65_536))
    found = rtcp.round_trip_s(report, sent_s + held_s + way_s)
    if middle:
        assert found == pytest.approx(way_s, abs=1e-3) or (found is None and way_s < 1e-3)


def test_a_round_trip_that_cannot_be_is_none() -> None:
    assert rtcp.round_trip_s(ReceptionReport(7, 0, 0, 0, 0, 0, 0), 100.0) is None
    assert rtcp.round_trip_s(ReceptionReport(7, 0, 0, 0, 0, 1000 << 16, 0), 100.0) is None
