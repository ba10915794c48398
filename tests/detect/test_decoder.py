from __future__ import annotations

from dataclasses import replace

import av
import pytest
from detect_peers import encode
from hypothesis import given, settings
from hypothesis import strategies as st

import x265
from nvr.detect.worker.decode import Decoder
from nvr.media.access_unit import AccessUnit


@pytest.fixture(scope="module")
def units(waiting_cyclist: list[av.VideoFrame]) -> list[AccessUnit]:
    return encode(waiting_cyclist[:50], gop=10)


def feed(decoder: Decoder, units: list[AccessUnit]) -> list[tuple[int, float]]:
    """(width, time) of what comes out."""
    decoded = []
    for unit in units:
        decoded += decoder.decode(unit.data, is_key=unit.is_key, received_mono_s=unit.received_mono_s)
    return [(frame.width, received_s) for frame, received_s in decoded]


def test_each_picture_at_once_with_its_own_time(units: list[AccessUnit]) -> None:
    decoder = Decoder()
    decoder.configure(units[0].config)
    for unit in units:
        assert feed(decoder, [unit]) == [(640, unit.received_mono_s)]
    assert decoder.errors == 0


def test_b_frames_come_in_display_order_with_their_own_times(waiting_cyclist: list[av.VideoFrame]) -> None:
    units = encode(waiting_cyclist[:30], b_frames=2)
    assert units[0].config.reorders
    assert sorted(units, key=lambda unit: unit.pts_90k) != units
    by_time = {unit.received_mono_s: unit.pts_90k for unit in units}
    decoder = Decoder()
    decoder.configure(units[0].config)
    times = [received_s for _, received_s in feed(decoder, units)]
    order = [by_time[received_s] for received_s in times]
    assert len(order) >= 24
    assert order == sorted(order)


def test_of_b_frames_as_they_arrive_no_time_goes_back(waiting_cyclist: list[av.VideoFrame]) -> None:
    units = encode(waiting_cyclist[:30], b_frames=2)
    arriving = [replace(unit, received_mono_s=float(number)) for number, unit in enumerate(units)]
    decoder = Decoder()
    decoder.configure(units[0].config)
    times = [received_s for _, received_s in feed(decoder, arriving)]
    assert len(times) >= 24
    assert times == sorted(times)
    assert times[-1] <= len(units) - 1


@pytest.mark.parametrize("b_frames", [0, 2])
def test_h265(b_frames: int) -> None:
    units = x265.encode(frames=40, gop=10, b_frames=b_frames)
    decoder = Decoder()
    decoder.configure(units[0].config)
    seen = feed(decoder, list(units))
    assert len(seen) >= 35 and decoder.errors == 0
    assert seen == [(160, number / 25) for number in range(len(seen))]


def test_a_change_of_codec(units: list[AccessUnit]) -> None:
    decoder = Decoder()
    for part in (units[:10], x265.encode(frames=10), units[10:20]):
        decoder.configure(part[0].config)
        assert len(feed(decoder, list(part))) >= 8
    assert decoder.errors == 0


def test_nothing_before_the_first_keyframe(units: list[AccessUnit]) -> None:
    decoder = Decoder()
    assert feed(decoder, units[:3]) == []
    decoder.configure(units[0].config)
    assert [received_s for _, received_s in feed(decoder, units[5:15])] == [
        unit.received_mono_s for unit in units[10:15]
    ]


def test_after_an_error_the_next_keyframe(units: list[AccessUnit]) -> None:
    decoder = Decoder()
    decoder.configure(units[0].config)
    torn = replace(units[5], data=b"\xff\xff\xff\xff" + units[5].data)
    seen = [received_s for _, received_s in feed(decoder, [*units[:5], torn, *units[6:12]])]
    assert seen == [unit.received_mono_s for unit in [*units[:5], *units[10:12]]]
    assert decoder.errors == 1


def test_a_picture_too_large_is_refused() -> None:
    units = encode([av.VideoFrame(5120, 3200, "yuv420p")])
    assert units[0].config.width == 5120
    decoder = Decoder()
    decoder.configure(units[0].config)
    assert feed(decoder, units) == []
    assert decoder.errors == 1


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 29), st.binary(max_size=60), st.floats(0, 1)), max_size=12))
def test_any_bytes(units: list[AccessUnit], damage: list[tuple[int, bytes, float]]) -> None:
    """Damaged, cut, swapped and repeated access units never raise, and decoding recovers at a keyframe."""
    decoder = Decoder()
    decoder.configure(units[0].config)
    for index, junk, where in damage:
        unit = units[index]
        at = int(where * len(unit.data))
        data = unit.data[:at] + junk + unit.data[at + len(junk) :]
        decoder.decode(data, is_key=unit.is_key, received_mono_s=unit.received_mono_s)
    seen = feed(decoder, units[30:40])
    assert seen[-1] == (640, units[39].received_mono_s)
