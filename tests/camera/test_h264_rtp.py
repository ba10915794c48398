"""RFC 6184: access units through packets and back, with loss, odd cameras, and any bytes."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rtp_line import PacketLine, assert_nothing_damaged

from nvr.camera.depacketizer import MAX_ACCESS_UNIT_BYTES
from nvr.camera.encoder import Programme
from nvr.camera.h264_rtp import H264Depacketizer, packetize
from nvr.errors import CameraError, ProtocolViolation, UnsupportedStream
from nvr.events import Role, StreamKey
from nvr.media.nal import join_length_prefixed, split_length_prefixed

KEY = StreamKey("gate", Role.MAIN)
SPS = bytes.fromhex("6742c01eda0280bfe584000003000400000300c83c58ba80").rstrip(b"\0")  # 640x360
OTHER_SPS = bytes.fromhex("6764001eace80a063f3c20000003002000000643e28554")
PPS = bytes.fromhex("68ce0fc8")
OTHER_PPS = bytes.fromhex("68ce3c80")
FIRST = 0x80  # first_mb_in_slice is 0


def nal(kind: int, body: bytes = b"\x88body", reference: int = 0x60) -> bytes:
    return bytes([reference | kind]) + body


IDR, SLICE = nal(5), nal(1)


class Line(PacketLine):
    def __init__(self, sps: bytes = SPS, pps: bytes = PPS, sequence: int = 65_530):
        super().__init__(lambda publish: H264Depacketizer(KEY, 96, publish, sps=sps, pps=pps), sequence)


def stap(*nals: bytes) -> bytes:
    return b"\x78" + b"".join(len(n).to_bytes(2, "big") + n for n in nals)


nal_units = st.builds(
    lambda kind, reference, size: bytes([reference | kind]) + random.Random(size).randbytes(size),
    st.sampled_from([1, 5, 6, 12]),
    st.sampled_from([0, 0x20, 0x60]),
    st.one_of(st.integers(1, 60), st.integers(1, 5000)),
)


@given(st.lists(nal_units, min_size=1, max_size=6), st.integers(3, 1500))
def test_round_trip_for_any_nal_sizes(nals: list[bytes], max_payload: int) -> None:
    nals = [nal(5, b"\x80start"), *nals]
    payloads = packetize(nals, max_payload)
    assert all(len(payload) <= max_payload for payload in payloads)
    line = Line()
    line.unit(1, *payloads)
    assert [unit.data for unit in line.units] == [join_length_prefixed(nals)]
    assert line.units[0].is_key and line.units[0].received_mono_s == line.now_s


@given(
    st.lists(st.lists(st.integers(5, 900), min_size=1, max_size=3), min_size=4, max_size=14),
    st.booleans(),
    st.data(),
)
def test_nothing_damaged_is_ever_published(
    sizes: list[list[int]], in_band: bool, data: st.DataObject
) -> None:
    """Whatever packets are lost: each unit is whole, and follows its predecessor or is a keyframe."""
    line = Line()
    sent: list[bytes] = []
    packets: list[tuple[int, bytes, bool]] = []
    for number, lengths in enumerate(sizes):
        kind = 5 if number % 4 == 0 else 1
        slices = [nal(kind, bytes([0x80 if i == 0 else 0x40]) + bytes(n)) for i, n in enumerate(lengths)]
        sent.append(join_length_prefixed(slices))
        payloads = packetize([SPS, PPS, *slices] if in_band and kind == 5 else slices, 300)
        packets += [(number, payload, i == len(payloads) - 1) for i, payload in enumerate(payloads)]
    lost = data.draw(st.sets(st.integers(0, len(packets) - 1)))
    assert_nothing_damaged(line, sent, packets, lost)


def test_aggregates_and_parameter_sets_in_band() -> None:
    line = Line(sps=b"", pps=b"")
    line.unit(1, stap(nal(9), SPS, PPS, nal(6, b"sei")), IDR)
    line.unit(2, stap(SLICE, nal(1, b"\x40more")))
    assert line.nals(0) == [nal(6, b"sei"), IDR]
    assert line.nals(1) == [SLICE, nal(1, b"\x40more")]
    assert (line.units[0].config.width, line.units[0].config.height) == (640, 360)
    assert [unit.is_key for unit in line.units] == [True, False]


def test_the_config_object_stays_while_the_sets_do() -> None:
    line = Line()
    line.unit(1, IDR)
    line.unit(2, SPS + b"\x00", PPS, IDR)
    line.unit(3, OTHER_SPS, PPS, IDR)
    line.unit(4, OTHER_SPS, PPS, IDR)
    line.unit(5, OTHER_SPS, OTHER_PPS, IDR)
    configs = [unit.config for unit in line.units]
    assert configs[0] is configs[1] and configs[2] is configs[3]
    assert configs[1] is not configs[2] and configs[3] is not configs[4]
    assert [config.sps for config in configs[1:4]] == [SPS, OTHER_SPS, OTHER_SPS]
    assert line.depacketizer.config is configs[4]


def test_a_fragmented_parameter_set_is_taken() -> None:
    line = Line(sps=b"", pps=b"")
    line.unit(1, *packetize([SPS, PPS], 10), IDR)
    assert line.nals(0) == [IDR] and line.units[0].config.sps == SPS


def test_a_second_picture_parameter_set_stays_in_the_data() -> None:
    second = b"\x68\x5a\x80"  # ue(1)
    line = Line()
    line.unit(1, SPS, PPS, second, IDR)
    line.unit(2, SPS, PPS, second, IDR)
    assert line.nals(0) == line.nals(1) == [second, IDR]
    assert line.units[0].config is line.units[1].config


def test_without_parameter_sets_nothing_is_published() -> None:
    line = Line(sps=b"", pps=b"")
    line.unit(1, IDR)
    line.unit(2, SPS, IDR)
    assert line.items == [] and line.depacketizer.config is None
    assert line.depacketizer.first_packet_s == pytest.approx(100.001)


def test_broken_parameter_sets_are_a_violation() -> None:
    with pytest.raises(ProtocolViolation, match="parameter sets"):
        Line(sps=SPS[:6]).unit(1, IDR)


def test_nothing_before_the_first_keyframe_and_time_starts_with_it() -> None:
    line = Line()
    for number in (5, 6):
        line.unit(number, SLICE)
    line.unit(7, IDR)
    line.unit(8, SLICE)
    assert [unit.pts_90k for unit in line.units] == [0, 3600] and line.causes == []


def test_joining_in_the_middle_of_a_keyframe_waits_for_the_next() -> None:
    fragments = packetize([nal(5, bytes(1000))], 300)
    line = Line()
    line.unit(1, *fragments[1:], nal(5, b"\x40second slice"))
    assert line.items == []
    line.unit(2, IDR)
    assert len(line.units) == 1


def test_units_end_where_the_timestamp_changes_even_without_marker() -> None:
    line = Line()
    line.packet(IDR, 0)
    line.packet(SLICE, 3600)
    assert [unit.pts_90k for unit in line.units] == [0]
    assert line.units[0].received_mono_s == pytest.approx(100.001)
    line.packet(SLICE, 7200)
    assert [unit.pts_90k for unit in line.units] == [0, 3600]


def test_a_missing_end_bit_is_forgiven_because_no_packet_is_missing() -> None:
    fragments = packetize([nal(5, b"\x80" + bytes(1000))], 300)
    last = bytes([fragments[-1][0], fragments[-1][1] & ~0x40]) + fragments[-1][2:]
    line = Line()
    line.unit(1, *fragments[:-1], last, SLICE)
    assert line.nals(0) == [nal(5, b"\x80" + bytes(1000)), SLICE]


def test_a_fragment_without_its_start_damages_the_unit() -> None:
    line = Line()
    line.unit(1, IDR)
    line.unit(2, packetize([nal(1, bytes(1000))], 300)[1])
    line.unit(3, SLICE)
    line.unit(4, IDR)
    assert [unit.pts_90k for unit in line.units] == [0, 3 * 3600] and line.causes == ["loss"]


def test_one_loss_is_told_once_and_units_without_slices_are_none() -> None:
    line = Line()
    line.unit(1, IDR)
    line.unit(2, SLICE, skip=1)
    line.unit(3, SLICE, skip=1)
    line.unit(4, nal(6, b"sei"))
    line.unit(5, IDR)
    assert [type(item).__name__ for item in line.items] == ["AccessUnit", "Discontinuity", "AccessUnit"]


def test_a_clock_jump_is_told_and_time_goes_on() -> None:
    line = Line()
    line.unit(1, IDR)
    line.unit(10_000_000, IDR)
    assert line.causes == ["timestamp"]
    assert line.units[1].pts_90k == round(0.001 * 90_000)


def test_packets_of_other_types_and_reserved_structures_are_ignored() -> None:
    line = Line()
    line.unit(1, IDR)
    line.packet(b"audio", 5, kind=8)
    line.packet(b"", 7200)
    line.unit(2, nal(0), nal(30), nal(31), b"", IDR)
    assert line.nals(1) == [IDR] and line.causes == []


@pytest.mark.parametrize("kind", [25, 26, 27, 29])
def test_interleaved_mode_is_unsupported(kind: int) -> None:
    with pytest.raises(UnsupportedStream, match="interleaved"):
        Line().unit(1, nal(kind))


@pytest.mark.parametrize("payload", [b"\x7c", b"\x78\x00", b"\x78\x00\x05ab", stap(SLICE) + b"\x01"])
def test_cut_structures_are_violations(payload: bytes) -> None:
    with pytest.raises(ProtocolViolation, match="RTP packet 65530"):
        Line().unit(1, payload)


def test_a_picture_without_end_is_a_violation() -> None:
    line = Line()
    with pytest.raises(ProtocolViolation, match="more than"):
        for _ in range(MAX_ACCESS_UNIT_BYTES // 60_000 + 2):
            line.packet(nal(5, bytes(60_000)), 0)
    many = Line()
    with pytest.raises(ProtocolViolation, match="more than"):
        for _ in range(100):
            many.packet(stap(*[b"\x65"] * 1000), 0)


payloads = st.one_of(
    st.binary(max_size=12),
    st.sampled_from([IDR, SLICE, SPS, PPS, stap(SPS, PPS, IDR), *packetize([nal(5, bytes(20))], 10)]),
)


@given(st.lists(st.tuples(payloads, st.integers(0, 3), st.booleans(), st.sampled_from([0, 0, 0, 1]))))
def test_any_payload_gives_units_or_a_camera_error(packets: list[tuple[bytes, int, bool, int]]) -> None:
    line = Line()
    try:
        for payload, number, marker, skip in packets:
            line.packet(payload, number * 3600, marker=marker, skip=skip)
    except CameraError as error:
        assert error.message
    for unit in line.units:
        assert list(split_length_prefixed(unit.data))


def test_a_real_stream_survives(programme: Programme) -> None:
    for stream in programme.streams.values():
        line = Line(sps=stream.config.sps, pps=stream.config.pps)
        for number, (data, _) in enumerate(stream.units):
            line.unit(number, *packetize(split_length_prefixed(data), 100))
        assert [(unit.data, unit.is_key) for unit in line.units] == list(stream.units)
