"""Access units to RTP payloads, and back by depacketizers that were not written for it."""

from __future__ import annotations

import pytest
from aiortc.codecs.h264 import h264_depayload
from hypothesis import given
from hypothesis import strategies as st
from live_peers import encode

import x265
from nvr.camera.h265_rtp import H265Depacketizer
from nvr.camera.rtp import pack_header
from nvr.events import Role, StreamKey
from nvr.media.access_unit import AccessUnit, MediaItem
from nvr.media.nal import split_length_prefixed, to_annex_b
from webrtc.frames import START_CODE, Codec
from webrtc.packing import nal_units, payloads

BYTES_MAX = 1188
CODECS: list[Codec] = ["h264", "h265"]
sizes = st.one_of(st.integers(0, 40), st.integers(1100, 1300), st.integers(0, 20_000))
# No emulated start code inside, no zero at the end.
bodies = st.builds(lambda size, last: b"\x55" * size + bytes([last]), sizes, st.integers(1, 255))
h264_nals = st.builds(
    lambda kind, body: bytes([0x60 | kind]) + body, st.sampled_from([1, 5, 6, 7, 8, 9, 12]), bodies
)


def annex_b(units: list[bytes]) -> bytes:
    return b"".join(START_CODE + unit for unit in units)


@given(st.lists(h264_nals, min_size=1, max_size=12))
def test_h264_comes_back(units: list[bytes]) -> None:
    packed = payloads(annex_b(units), "h264", BYTES_MAX)
    assert all(len(payload) <= BYTES_MAX for payload in packed)
    data = b"".join(map(h264_depayload, packed))
    assert list(nal_units(data)) == [unit for unit in units if unit[0] & 0x1F not in (9, 12)]


h265_nals = st.builds(
    lambda kind, temporal, body: bytes([kind << 1, temporal]) + body,
    st.sampled_from([0, 1, 8, 9, 35, 36, 38, 39, 40]),
    st.integers(1, 7),
    bodies.map(lambda body: b"\x80" + body),
)


def received(packed: list[list[bytes]]) -> list[AccessUnit]:
    """What the recorder's own depacketizer makes of the payloads of some access units, in which nothing was lost."""
    items: list[MediaItem] = []
    depacketizer = H265Depacketizer(StreamKey("cam", Role.MAIN), 98, items.append)
    sequence = 65_530
    for number, unit in enumerate(packed):
        for index, payload in enumerate(unit):
            header = pack_header(
                marker=index == len(unit) - 1,
                payload_type=98,
                sequence=sequence,
                timestamp=number * 3600,
                ssrc=7,
            )
            packet = header + payload
            depacketizer.push(packet, 0, len(packet), number / 25)
            sequence += 1
    assert all(isinstance(item, AccessUnit) for item in items)
    return [item for item in items if isinstance(item, AccessUnit)]


KEY = x265.encode(frames=2)[0]
KEY_NALS = [*KEY.config.parameter_sets, *map(bytes, split_length_prefixed(KEY.data))]


@given(st.lists(h265_nals, min_size=1, max_size=12))
def test_h265_comes_back(units: list[bytes]) -> None:
    """Behind a real keyframe, so that there are parameter sets."""
    packed = [
        payloads(annex_b(some), "h265", BYTES_MAX) for some in (KEY_NALS, [*units, b"\x02\x01\x80\x55"])
    ]
    assert all(len(payload) <= BYTES_MAX for unit in packed for payload in unit)
    first, second = received(packed)
    assert (first.data, first.config) == (KEY.data, KEY.config)
    kept = [unit for unit in units if unit[0] >> 1 not in (35, 36, 38)]
    assert list(map(bytes, split_length_prefixed(second.data))) == [*kept, b"\x02\x01\x80\x55"]


def test_a_real_h265_stream_comes_back() -> None:
    units = x265.encode(frames=12, gop=6)
    packed = [
        payloads(to_annex_b(unit.data, unit.config.parameter_sets if unit.is_key else ()), "h265", 300)
        for unit in units
    ]
    got = received(packed)
    assert [(unit.data, unit.is_key, unit.config) for unit in got] == [
        (unit.data, unit.is_key, unit.config) for unit in units
    ]
    assert len(x265.decode(got)) == 12


@pytest.mark.parametrize("codec", CODECS)
@given(data=st.binary(max_size=3000).map(lambda data: START_CODE + data))
def test_any_annex_b_is_packed(codec: Codec, data: bytes) -> None:
    for payload in payloads(data, codec, BYTES_MAX):
        assert 0 < len(payload) <= BYTES_MAX


def test_parameter_sets_share_a_packet_and_fragments_are_equal() -> None:
    first = encode("high", 320, 240)[0]
    assert payloads(first.data, "h264", BYTES_MAX)[0][0] & 0x1F == 24, "STAP-A"
    packed = payloads(first.data + START_CODE + b"\x65" * 5000, "h264", BYTES_MAX)
    fragments = [payload for payload in packed if payload[0] & 0x1F == 28]
    assert len(fragments) > 3
    assert {len(fragment) for fragment in fragments[:-1]} == {BYTES_MAX}
    assert len(fragments[-1]) <= len(fragments[0])
    assert payloads(annex_b(KEY_NALS), "h265", BYTES_MAX)[0][0] >> 1 == 48, "an aggregation packet"


def test_empty_nal_units_are_left_out() -> None:
    assert payloads(START_CODE, "h264", BYTES_MAX) == []
    assert payloads(START_CODE + b"\x41\x9a" + START_CODE + START_CODE, "h264", BYTES_MAX) == [b"\x41\x9a"]
    assert payloads(START_CODE + b"\x02\x01", "h265", BYTES_MAX) == []
