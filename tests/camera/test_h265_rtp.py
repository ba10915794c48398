"""RFC 7798: access units through packets and back, with loss, odd cameras, and any bytes."""

import asyncio
import itertools
import random
from dataclasses import replace

import pytest
from camera_peers import Collector, camera
from hypothesis import given
from hypothesis import strategies as st
from rtp_line import PacketLine, assert_nothing_damaged

import x265
from nvr.camera.client import play
from nvr.camera.h265_rtp import H265Depacketizer, packetize
from nvr.clock import SystemClock
from nvr.errors import CameraError, ProtocolViolation, UnsupportedStream
from nvr.events import Role, StreamKey
from nvr.media.hub import StreamHub
from nvr.media.nal import join_length_prefixed, split_length_prefixed
from nvr.restream.mounts import camera_server

KEY = StreamKey("gate", Role.MAIN)
CONFIG = x265.encode(frames=2)[0].config
CONFIG_B = x265.encode(frames=30, gop=10, b_frames=2)[0].config
OTHER = x265.encode(frames=2, size=(320, 192))[0].config
SETS = CONFIG.parameter_sets


def nal(kind: int, body: bytes = b"\x88body", layer: int = 0) -> bytes:
    return bytes([kind << 1 | layer >> 5, (layer & 31) << 3 | 1]) + body


IDR, SLICE, RASL, CRA, BLA, AUD, SEI = (nal(kind) for kind in (19, 1, 9, 21, 16, 35, 39))


class Line(PacketLine):
    def __init__(self, sets: tuple[bytes, ...] = SETS, sequence: int = 65_530):
        vps, sps, pps = sets
        super().__init__(
            lambda publish: H265Depacketizer(KEY, 96, publish, vps=vps, sps=sps, pps=pps), sequence
        )


def aggregate(*nals: bytes) -> bytes:
    return b"\x60\x01" + b"".join(len(n).to_bytes(2, "big") + n for n in nals)


nal_units = st.builds(
    lambda kind, layer, size: bytes([kind << 1, layer]) + random.Random(size).randbytes(size),
    st.sampled_from([0, 1, 19, 38, 39, 40]),
    st.sampled_from([1, 2, 3]),
    st.one_of(st.integers(1, 60), st.integers(1, 5000)),
)


@given(st.lists(nal_units, min_size=1, max_size=6), st.integers(4, 1500))
def test_round_trip_for_any_nal_sizes(nals: list[bytes], max_payload: int) -> None:
    nals = [nal(19, b"\x80start"), *nals]
    payloads = packetize(nals, max_payload)
    assert all(len(payload) <= max_payload for payload in payloads)
    line = Line()
    line.unit(1, *payloads)
    assert [unit.data for unit in line.units] == [join_length_prefixed(nals)]
    assert line.units[0].is_key


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
        kind = 19 if number % 4 == 0 else 1
        slices = [nal(kind, bytes([0x80 if i == 0 else 0x40]) + bytes(n)) for i, n in enumerate(lengths)]
        sent.append(join_length_prefixed(slices))
        payloads = packetize([*SETS, *slices] if in_band and kind == 19 else slices, 300)
        packets += [(number, payload, i == len(payloads) - 1) for i, payload in enumerate(payloads)]
    lost = data.draw(st.sets(st.integers(0, len(packets) - 1)))
    assert_nothing_damaged(line, sent, packets, lost)


def test_aggregates_and_parameter_sets_in_band() -> None:
    line = Line(sets=(b"", b"", b""))
    line.unit(1, aggregate(AUD, *SETS, SEI), IDR)
    line.unit(2, aggregate(SLICE, nal(1, b"\x40more")))
    assert line.nals(0) == [SEI, IDR]
    assert line.nals(1) == [SLICE, nal(1, b"\x40more")]
    assert [unit.is_key for unit in line.units] == [True, False]
    assert line.units[0].config == CONFIG


def test_the_config_object_stays_while_the_sets_do() -> None:
    line = Line()
    line.unit(1, IDR)
    line.unit(2, *(nal + b"\x00" for nal in SETS), IDR)
    line.unit(3, *OTHER.parameter_sets, IDR)
    line.unit(4, *packetize(OTHER.parameter_sets, 20), IDR)
    configs = [unit.config for unit in line.units]
    assert configs[0] is configs[1] and configs[2] is configs[3]
    assert configs[0] == CONFIG and configs[2] == OTHER


def test_a_second_picture_parameter_set_stays_in_the_data() -> None:
    second = nal(34, b"\x5a\x80")  # ue(1)
    line = Line()
    line.unit(1, *SETS, second, IDR)
    line.unit(2, *SETS, second, IDR)
    assert line.nals(0) == line.nals(1) == [second, IDR]
    assert line.units[0].config is line.units[1].config


def test_without_parameter_sets_nothing_is_published() -> None:
    line = Line(sets=(b"", b"", b""))
    line.unit(1, IDR)
    line.unit(2, *SETS[1:], IDR)
    assert line.items == [] and line.depacketizer.config is None


def test_broken_parameter_sets_are_a_violation() -> None:
    with pytest.raises(ProtocolViolation, match=r"H\.265 parameter sets"):
        Line(sets=(SETS[0], SETS[1][:8], SETS[2])).unit(1, IDR)


def test_pictures_that_refer_to_missing_ones_are_left_out() -> None:
    """RASL pictures: at the start, after a loss, and always behind BLA; not within a whole stream."""
    line = Line()
    line.unit(1, CRA)
    line.unit(2, RASL)
    line.unit(3, SLICE)
    line.unit(4, CRA)
    line.unit(5, RASL)
    line.unit(6, SLICE, skip=1)
    line.unit(7, CRA)
    line.unit(8, RASL)
    line.unit(9, BLA)
    line.unit(10, RASL)
    line.unit(11, SLICE)
    assert line.times == [0, 2, 3, 4, 6, 8, 10] and line.causes == ["loss"]


def test_further_layers_are_left_out() -> None:
    line = Line()
    line.unit(1, IDR, nal(19, layer=1), nal(33, layer=33))
    assert line.nals(0) == [IDR] and line.units[0].config == CONFIG


def test_joining_in_the_middle_of_a_keyframe_waits_for_the_next() -> None:
    fragments = packetize([nal(19, bytes(1000))], 300)
    line = Line()
    line.unit(1, *fragments[1:], nal(19, b"\x40second slice"))
    assert line.items == []
    line.unit(2, IDR)
    assert len(line.units) == 1


def test_a_missing_end_bit_is_forgiven_because_no_packet_is_missing() -> None:
    fragments = packetize([nal(19, b"\x80" + bytes(1000))], 300)
    last = fragments[-1][:2] + bytes([fragments[-1][2] & ~0x40]) + fragments[-1][3:]
    line = Line()
    line.unit(1, *fragments[:-1], last, SLICE)
    assert line.nals(0) == [nal(19, b"\x80" + bytes(1000)), SLICE]


def test_a_fragment_without_its_start_damages_the_unit() -> None:
    line = Line()
    line.unit(1, IDR)
    line.unit(2, packetize([nal(1, bytes(1000))], 300)[1])
    line.unit(3, SLICE)
    line.unit(4, IDR)
    assert line.times == [0, 3] and line.causes == ["loss"]


def test_paci_is_unsupported_and_reserved_structures_are_ignored() -> None:
    line = Line()
    line.unit(0, IDR)
    line.unit(1, nal(51), nal(63), b"", SLICE)
    assert line.nals(1) == [SLICE] and line.causes == []
    with pytest.raises(UnsupportedStream, match="PACI"):
        line.unit(2, nal(50))


@pytest.mark.parametrize("payload", [b"\x26", b"\x62\x01", b"\x60\x01\x00", b"\x60\x01\x00\x05ab"])
def test_cut_structures_are_violations(payload: bytes) -> None:
    with pytest.raises(ProtocolViolation, match="RTP packet 65530"):
        Line().unit(1, payload)


payloads = st.one_of(
    st.binary(max_size=12),
    st.sampled_from(
        [IDR, SLICE, CRA, RASL, *SETS, aggregate(*SETS, IDR), *packetize([nal(19, bytes(20))], 10)]
    ),
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


@pytest.mark.parametrize("open_gop", [False, True])
def test_a_real_stream_survives_and_may_be_entered_anywhere(open_gop: bool) -> None:
    units = x265.encode(frames=40, gop=10, b_frames=2, open_gop=open_gop)
    for first in (0, 15):
        line = Line()
        for unit in units[first:]:
            for index, payload in enumerate(payloads := packetize(split_length_prefixed(unit.data), 100)):
                line.packet(payload, unit.pts_90k, marker=index == len(payloads) - 1)
        if first == 0:
            assert [(unit.data, unit.is_key) for unit in line.units] == [(u.data, u.is_key) for u in units]
        assert line.units[0].is_key
        assert len(x265.decode(line.units)) == len(line.units)


async def test_our_server_and_client_agree() -> None:
    clock, units = SystemClock(), x265.encode(frames=30, gop=10, b_frames=2)
    hub, collector = StreamHub(KEY), Collector()
    hub.config = units[0].config

    async def publish() -> None:
        for number in itertools.count():
            turn, place = divmod(number, len(units))
            pts_90k = units[place].pts_90k + turn * len(units) * x265.STEP_90K
            hub.publish(replace(units[place], pts_90k=pts_90k, received_mono_s=clock.monotonic()))
            await asyncio.sleep(0.005)

    async with (
        camera_server({"cam": hub}, clock).listening("127.0.0.1", 0) as port,
        asyncio.TaskGroup() as tasks,
    ):
        url = f"rtsp://127.0.0.1:{port}/cam"
        jobs = [
            tasks.create_task(publish()),
            tasks.create_task(play(camera(url), Role.MAIN, clock, collector.publish, collector.on_healthy)),
        ]
        await collector.wait_for(60)
        for job in jobs:
            job.cancel()
    assert {unit.config for unit in collector.units} == {CONFIG_B}
    assert len(x265.decode(collector.units)) == len(collector.units)
