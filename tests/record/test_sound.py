"""Audio in recorded files and in what is played of them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from record_running import Start
from record_sound import beep_times, sound, sounds, together
from record_streams import GATE, cut, encode, file_bytes, packets, reader, take_units
from test_fmp4 import CONFIG, decode_orders
from test_virtual_mp4 import record

from nvr.media.access_unit import AccessUnit, Discontinuity
from nvr.media.audio import AudioCodec, AudioConfig, AudioUnit, aac_config, aac_lc_specific, g711_config
from nvr.record.index import fsck
from nvr.record.model import Fragment
from nvr.record.mp4.fmp4_reader import Damaged, read_footer, read_segment_header, scan
from nvr.record.mp4.virtual_mp4 import VirtualMp4
from played import whole

CODECS: list[AudioCodec] = ["aac", "alaw", "ulaw"]
CONFIGS = [aac_config(aac_lc_specific(16_000, 1), 16_000), g711_config("alaw"), g711_config("ulaw", 2)]


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[AccessUnit], list[AccessUnit | AudioUnit], AudioConfig]:
    """(pictures, those and audio in some order of arrival, the audio's configuration)."""
    units = draw(decode_orders())
    config = draw(st.sampled_from(CONFIGS))
    first_90k, last_90k = units[0].pts_90k, max(unit.pts_90k for unit in units)
    mixed: list[AccessUnit | AudioUnit] = list(units)
    at_90k = first_90k
    for _ in range(draw(st.integers(0, 30))):
        at_90k += draw(st.integers(0, 20_000))
        if at_90k > last_90k:
            break
        data = draw(st.binary(min_size=2, max_size=20))
        length_90k = draw(st.integers(1, 6000))
        unit = AudioUnit(GATE, config, data, at_90k, length_90k, 0.0)
        mixed.insert(draw(st.integers(1, len(mixed))), unit)
        at_90k += length_90k
    audio = sorted((u for u in mixed if isinstance(u, AudioUnit)), key=lambda unit: unit.pts_90k)
    in_order = iter(audio)  # audio does not overtake itself
    return units, [next(in_order) if isinstance(u, AudioUnit) else u for u in mixed], config


def written(fragments: Sequence[Fragment]) -> list[tuple[bytes, int]]:
    """(data, pts from the start of the movie) of the audio in fragments."""
    found = []
    for fragment in fragments:
        if fragment.audio is not None:
            at_90k = fragment.audio.media_90k
            for data, length_90k in zip(fragment.audio.data, fragment.audio.durations_90k, strict=True):
                found.append((data, at_90k))
                at_90k += length_90k
    return found


def shape(content: bytes) -> tuple[list[list[int]], list[list[int] | None]]:
    """(video sizes, audio sizes) of each fragment that is found by looking at them one by one."""
    start = read_segment_header(reader(content))[1]
    fragments = scan(reader(content), len(content), start).fragments
    audio = [None if f.audio is None else f.audio.sizes.tolist() for f in fragments]
    return [f.samples.sizes.tolist() for f in fragments], audio


@settings(max_examples=80, deadline=None)
@given(streams())
def test_a_player_reads_both_tracks(
    stream: tuple[list[AccessUnit], list[AccessUnit | AudioUnit], AudioConfig],
) -> None:
    units, mixed, config = stream
    for _, run in groupby(cut(mixed), key=lambda fragment: fragment.segment.number):
        fragments = list(run)
        segment = fragments[0].segment
        content, _ = file_bytes(fragments)
        assert read_segment_header(reader(content))[0] == segment
        assert segment.audio in (None, config)
        assert [p.data for p in packets(content)] == [data for f in fragments for data in f.data]
        expected = written(fragments)
        if segment.audio is not None and expected:
            assert [(s.data, s.pts_90k) for s in sounds(content)] == expected
        stored, _ = read_footer(reader(content), len(content))
        assert shape(content)[1] == [None if f.audio is None else f.audio.sizes.tolist() for f in stored]
    assert [data for f in cut(mixed) for data in f.data] == [unit.data for unit in units]


@settings(max_examples=80, deadline=None)
@given(streams(), st.data())
def test_a_torn_file_gives_all_whole_fragments_of_both(
    stream: tuple[list[AccessUnit], list[AccessUnit | AudioUnit], AudioConfig], data: st.DataObject
) -> None:
    _, mixed, _ = stream
    first = next(list(run) for _, run in groupby(cut(mixed), key=lambda f: f.segment.number))
    content, ends = file_bytes(first)
    start = read_segment_header(reader(content))[1]
    length = data.draw(st.integers(start, len(content)))
    count = sum(end <= length for end in ends)
    video, audio = shape(content[:length])
    assert video == [[len(unit) for unit in f.data] for f in first[:count]]
    assert audio == [None if f.audio is None else [len(unit) for unit in f.audio.data] for f in first[:count]]
    torn = content[: ends[count - 1]] if count else b""
    expected = written(first[:count])
    if expected:
        assert [(s.data, s.pts_90k) for s in sounds(torn)] == expected


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_no_changed_byte_of_the_index_goes_unnoticed(data: st.DataObject) -> None:
    content, ends = file_bytes(cut(together(encode(frames=50), sound("aac", 2.0))))
    good, footer_bytes = read_footer(reader(content), len(content))
    at = data.draw(st.integers(ends[-1], len(content) - 1))
    rotten = bytearray(content)
    rotten[at] ^= data.draw(st.integers(1, 255))
    try:
        found, size = read_footer(reader(bytes(rotten)), len(rotten))
    except Damaged:
        return
    assert size == footer_bytes  # what changed is the box of keyframes for others
    assert [f.entry for f in found] == [f.entry for f in good]
    assert [f.audio_bytes for f in found] == [f.audio_bytes for f in good]


def test_without_audio_files_are_what_they_were() -> None:
    sps = bytes.fromhex("6764000bacd9428cf9f0110000030001000003003208f142")
    config, kind = replace(CONFIG, sps=sps, pps=b"\x68\xeb\xe3"), (0x41, 0x65)
    units = [
        AccessUnit(
            GATE, config, bytes([0, 0, 0, 3, kind[n % 25 == 0], 0x88, n]), n * 3600, n % 25 == 0, n / 25
        )
        for n in range(60)
    ]
    content, _ = file_bytes(cut(units))
    digest = "cb875828d2e0ab37839670bf943b8360cec8f705b7233105072c6ed581eef5f0"  # before there was audio
    assert hashlib.sha256(content).hexdigest() == digest


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("late_s", [0.0, 0.4])
def test_no_unit_is_lost_where_files_change(codec: AudioCodec, late_s: float) -> None:
    audio = sound(codec, 70.0)
    fragments = cut(together(take_units(encode(), 75), audio, late_s=late_s))
    assert [data for data, _ in written(fragments)] == [unit.data for unit in audio]
    assert {fragment.segment.number for fragment in fragments} == {1, 2}


def test_new_audio_begins_a_new_file_at_the_next_keyframe() -> None:
    audio = [*sound("aac", 4.0), *(replace(u, pts_90k=u.pts_90k + 360_000) for u in sound("alaw", 4.0))]
    audio = [replace(u, received_mono_s=u.pts_90k / 90_000) for u in audio]
    fragments = cut(together(take_units(encode(), 10), audio))
    by_number = {f.segment.number: f.segment.audio for f in fragments}
    assert [config and config.codec for config in by_number.values()] == ["aac", "alaw"]
    assert all(f.segment.gap is None for f in fragments)


def test_audio_that_comes_later_or_ends_with_the_connection() -> None:
    late = [u for u in sound("aac", 6.0) if u.pts_90k > 270_000]
    later = take_units(encode(), 4, start_mono_s=50.0)
    fragments = cut(
        [*together(take_units(encode(), 6), late), Discontinuity(GATE, "reconnect", 49.0), *later]
    )
    tracks = {f.segment.number: f.segment.audio is not None for f in fragments}
    assert list(tracks.values()) == [False, True, False]


@pytest.mark.parametrize("codec", CODECS)
def test_played_span_is_in_step_over_files_gaps_and_holes(tmp_path: Path, codec: AudioCodec) -> None:
    audio = [u for u in sound(codec, 70.0) if not 300_000 < u.pts_90k < 345_000]
    again = [replace(u, received_mono_s=u.received_mono_s + 100) for u in sound(codec, 10.0)]
    items = [
        *together(take_units(encode(), 70), audio, late_s=0.15),
        Discontinuity(GATE, "reconnect", 100.0),
        *together(take_units(encode(), 10, start_mono_s=100.0), again, late_s=0.15),
    ]
    mp4 = VirtualMp4(record(tmp_path, items))
    content = whole(mp4)
    assert len(content) == mp4.length
    assert mp4.audio is not None and mp4.audio.codec == codec
    # By its timestamps…
    beeps = beep_times(content)
    assert [round(at) for at in beeps][:80] == list(range(80))
    assert all(abs(at - round(at)) < 0.04 for at in beeps)
    # …and as a browser plays it, that takes one decoded frame after the other.
    with av.open(io.BytesIO(content)) as container:
        stream = container.streams.audio[0]
        played_s = 0.0
        for frame in container.decode(stream):
            assert frame.pts is not None and frame.time_base is not None
            assert abs(played_s - float(frame.pts * frame.time_base)) < 0.045
            played_s += frame.samples / frame.sample_rate
    # Chromium drops what does not stand in the file in the order of playing.
    with av.open(io.BytesIO(content)) as container:
        places = [p.pos for p in container.demux(container.streams.audio[0]) if p.size]
    assert places == sorted(places)


def test_long_silence_is_made_piece_by_piece(tmp_path: Path) -> None:
    audio = [u for u in sound("alaw", 40.0) if not 90_000 < u.pts_90k < 30 * 90_000]
    mp4 = VirtualMp4(record(tmp_path, together(take_units(encode(), 40), audio)))
    content = whole(mp4)
    assert whole(mp4, 0, 5000) + whole(mp4, 5000, 200_001) + whole(mp4, 200_001) == content
    assert [round(at) for at in beep_times(content)] == [0, 1, *range(30, 40)]


def test_audio_can_be_left_out(tmp_path: Path) -> None:
    pieces = record(tmp_path, together(take_units(encode(), 5), sound("aac", 5.0)))
    silent = VirtualMp4(pieces, with_audio=False)
    assert silent.audio is None
    with av.open(io.BytesIO(whole(silent))) as container:
        assert not container.streams.audio
    assert [p.data for p in packets(whole(silent))] == [p.data for p in packets(whole(VirtualMp4(pieces)))]


async def test_recorded_indexed_rebuilt_and_played(start: Start) -> None:
    recording = await start()
    consumer = recording.recorder.consumer(GATE)
    begin_s = recording.clock.monotonic() - 6
    units = take_units(encode(), 6, start_mono_s=begin_s)
    audio = [replace(u, received_mono_s=u.received_mono_s + begin_s) for u in sound("aac", 6.0)]
    for item in together(units, audio):
        if isinstance(item, AudioUnit):
            consumer.push_audio(item)
        else:
            consumer.push(item)
    consumer.push(Discontinuity(GATE, "reconnect", recording.clock.monotonic()))
    await recording.until(lambda: recording.recorder.statistics().frames.get(GATE, 0) == len(units))
    before = whole((await recording.footage())[0])
    assert [s.data for s in sounds(before)] == [u.data for u in audio]
    assert (await recording.recorder.mp4(GATE, 0, 1e11, "none"))[0].audio is None
    await recording.stop()
    with fsck.taken(recording.root):
        index = fsck.open_index(recording.root)
        assert index is not None
        assert fsck.check(recording.root, index, lambda *_: None, full=True).problems == []
        await index.close()
        rebuilt = fsck.rebuild(recording.root, _now(), lambda *_: None)
        await rebuilt.close()
    again = await start()
    assert whole((await again.footage())[0]) == before


def _now() -> datetime:
    return datetime.now(UTC)
