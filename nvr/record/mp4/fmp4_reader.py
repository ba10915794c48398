"""Reads the files that `fmp4.py` describes, for recovery and playback. Pure.

A file may be torn anywhere (power cut) or rotten (failing disk): nothing here trusts a length, and what does not
fit raises `Damaged`.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from nvr.clock import RANK
from nvr.events import Role, StreamKey
from nvr.media.access_unit import CodecConfig
from nvr.media.audio import MAX_CHANNELS, MAX_RATE_HZ, MAX_SPECIFIC_BYTES, AudioConfig
from nvr.record.model import Gap, Segment, SegmentClock
from nvr.record.mp4.audio_boxes import AUDIO_TRACK_ID
from nvr.record.mp4.boxes import SYNC_SAMPLE, TRACK_ID
from nvr.record.mp4.fmp4 import (
    AUDIO_TRUN_SAMPLE,
    FRAG,
    FRAG_BYTES,
    INDX,
    INDX_AUDIO,
    INDX_AUDIO_FRAGMENT,
    INDX_FRAGMENT,
    INDX_SAMPLE,
    KEY_BIT,
    TRUN_SAMPLE,
    USER_TYPE,
)
from nvr.record.mp4.samples import AudioSamples, Samples, StoredFragment

Read = Callable[[int, int], bytes]
"""(offset, length) -> the bytes of the file there; fewer only at its end."""

MAX_HEADER_BYTES = 64 << 10
_FIRST_READ = 4096
_USER_HEAD = struct.Struct(">I4s16s4s")
_GAP_CAUSES = frozenset({"loss", "reconnect", "timestamp", "overflow", "clock", "stall", "stopped", "disk"})


class Damaged(ValueError):
    """Bytes that are no file, fragment or index of ours, or are torn."""


class Scan(NamedTuple):
    """The intact fragments from a place in a file on, and where the last of them ends."""

    fragments: list[StoredFragment]
    end: int


def read_segment_header(read: Read) -> tuple[Segment, int]:
    """(the segment a file holds, where its first fragment starts). Raises Damaged."""
    data = read(0, MAX_HEADER_BYTES)
    for kind, start, end in _boxes(data, 0, len(data)):
        if kind == b"uuid" and data[start : start + 20] == USER_TYPE + b"SEGM":
            try:
                return _segment(json.loads(data[start + 20 : end])), end
            except (KeyError, TypeError, ValueError) as error:
                raise Damaged(f"segment description: {error}") from None
        if kind not in (b"ftyp", b"moov"):
            break
    raise Damaged("no header of a recorded file")


def _segment(facts: Any) -> Segment:
    key = StreamKey(str(facts["camera"]), Role(facts["role"]))
    start_90k, number = int(facts["start_90k"]), int(facts["number"])
    if facts["codec"] not in ("h264", "h265") or number < 0 or start_90k < 0:
        raise ValueError("unknown codec, or a negative number or time")
    config = CodecConfig(
        facts["codec"],
        bytes.fromhex(facts["sps"]),
        bytes.fromhex(facts["pps"]),
        int(facts["width"]),
        int(facts["height"]),
        bool(facts["reorders"]),
        vps=bytes.fromhex(facts.get("vps", "")),  # the first files had none
    )
    gap = None
    if facts["gap"] is not None:
        gap_start_90k, cause = facts["gap"]
        if cause not in _GAP_CAUSES:
            raise ValueError("unknown cause of a gap")
        gap = Gap(key, int(gap_start_90k), start_90k, cause)
    audio = _audio_config(facts["audio"]) if "audio" in facts else None
    clock = _segment_clock(facts.get("clock"))
    return Segment(number, key, config, start_90k, int(facts["slew_ppm"]), gap, audio, clock)


def _audio_config(facts: Any) -> AudioConfig:
    config = AudioConfig(
        facts["codec"],
        int(facts["rate_hz"]),
        int(facts["channels"]),
        bytes.fromhex(facts["specific"]),
        int(facts["frame_samples"]),
    )
    is_bounded = 0 < config.rate_hz <= 2 * MAX_RATE_HZ and 0 < config.channels <= MAX_CHANNELS
    if config.codec not in ("aac", "alaw", "ulaw") or not is_bounded:
        raise ValueError("unknown audio codec, or a strange rate or number of channels")
    if len(config.specific) > MAX_SPECIFIC_BYTES or (config.codec == "aac") != bool(config.specific):
        raise ValueError("strange AudioSpecificConfig")
    return config


def _segment_clock(facts: Any) -> SegmentClock | None:
    if facts is None:  # the first files had none
        return None
    if facts["source"] not in RANK or facts["cause"] not in (None, *_GAP_CAUSES):
        raise ValueError("unknown clock, or cause of a gap")
    after_90k, room_90k = facts["after_90k"], facts["room_90k"]
    return SegmentClock(
        str(facts["boot"]),
        facts["source"],
        int(facts["mono_90k"]),
        int(facts["slew_ppm"]),
        None if after_90k is None else int(after_90k),
        facts["cause"],
        None if room_90k is None else int(room_90k),
    )


def scan(read: Read, size: int, start: int, *, check: bool = True) -> Scan:
    """The fragments of a file of `size` bytes from `start` on, up to the first that is torn or no fragment at all;
    with `check`, also up to the first whose bytes do not have the CRC-32 they were written with."""
    fragments: list[StoredFragment] = []
    while True:
        try:
            fragment = read_fragment(read, start, check=check)
        except Damaged:
            return Scan(fragments, start)
        if start + fragment.bytes > size:
            return Scan(fragments, start)
        fragments.append(fragment)
        start += fragment.bytes


def read_fragment(read: Read, offset: int, *, check: bool) -> StoredFragment:
    """The fragment that starts at `offset`. Without `check` its payload is neither read nor known to be there.
    Raises Damaged."""
    head = read(offset, _FIRST_READ)
    length, crc = _user(head, b"FRAG", FRAG)
    if _box_end(head, 0, b"uuid") != FRAG_BYTES:
        raise Damaged("FRAG box of a strange size")
    if check:
        content = read(offset + FRAG_BYTES, length)
        if len(content) != length or zlib.crc32(content) != crc:
            raise Damaged("fragment is torn or its bytes have changed")
    prft_end = _box_end(head, FRAG_BYTES, b"prft")
    moof_end = _box_end(head, prft_end, b"moof")
    if moof_end > FRAG_BYTES + length:
        raise Damaged("moof is longer than its fragment")
    if moof_end + 8 > len(head):
        head = read(offset, moof_end + 8)
        if moof_end + 8 > len(head):
            raise Damaged("moof is torn")
    fragment = StoredFragment(*_moof(head, prft_end + 8, moof_end, FRAG_BYTES + length))
    mdat_end = _box_end(head, moof_end, b"mdat")
    if mdat_end != FRAG_BYTES + length or mdat_end - moof_end - 8 != fragment.payload_bytes:
        raise Damaged("samples do not fill their mdat")
    return fragment


def read_footer(read: Read, size: int) -> tuple[list[StoredFragment], int]:
    """(all fragments, size of the footer) of a closed file of `size` bytes. Raises Damaged: it has none."""
    mfro = read(size - 16, 16) if size >= 16 else b""
    if mfro[4:8] != b"mfro":
        raise Damaged("no random access box at the end")
    mfra_start = size - int.from_bytes(mfro[12:16], "big")
    length_at = mfra_start - 4
    index_bytes = int.from_bytes(read(length_at, 4), "big") if length_at > 0 else 0
    footer_bytes = index_bytes + size - mfra_start
    if not _USER_HEAD.size < index_bytes <= footer_bytes <= size:
        raise Damaged("no index of samples at the end")
    return parse_footer(read(size - footer_bytes, index_bytes)), footer_bytes


def parse_footer(data: bytes) -> list[StoredFragment]:
    """All fragments of a closed file, from its bytes behind the last of them. Raises Damaged."""
    crc, fragment_count, sample_count = _user(data, b"INDX", INDX)
    start = _USER_HEAD.size + INDX.size
    middle = start + fragment_count * INDX_FRAGMENT.itemsize
    end = middle + sample_count * INDX_SAMPLE.itemsize
    if end > len(data) or zlib.crc32(memoryview(data)[start:end]) != crc:
        raise Damaged("index of samples is torn or its bytes have changed")
    heads = np.frombuffer(data, INDX_FRAGMENT, fragment_count, start)
    rows = np.frombuffer(data, INDX_SAMPLE, sample_count, middle)
    size_key = rows["size_key"].astype(np.int64)
    samples = Samples(
        size_key & ~KEY_BIT,
        rows["duration"].astype(np.int64),
        rows["offset"].astype(np.int64),
        size_key >= KEY_BIT,
    )
    box_end = int.from_bytes(data[:4], "big") - 4
    audio = _audio_index(data, end, box_end, fragment_count)
    fragments, at = [], 0
    for (media_90k, length, count), run in zip(heads.tolist(), audio, strict=True):
        if not 0 < count <= sample_count - at:
            raise Damaged("index of samples does not add up")
        fragments.append(StoredFragment(media_90k, length, samples.cut(at, at + count), run))
        at += count
    return fragments


def _audio_index(data: bytes, start: int, end: int, fragment_count: int) -> list[AudioSamples | None]:
    """The audio of each fragment. Raises Damaged."""
    if end <= start:
        return [None] * fragment_count
    heads_at = start + INDX_AUDIO.size
    rows_at = heads_at + fragment_count * INDX_AUDIO_FRAGMENT.itemsize
    if rows_at > min(end, len(data)):
        raise Damaged("index of audio is torn")
    crc, count = INDX_AUDIO.unpack_from(data, start)
    stop = rows_at + count * AUDIO_TRUN_SAMPLE.itemsize
    if stop > min(end, len(data)) or zlib.crc32(memoryview(data)[heads_at:stop]) != crc:
        raise Damaged("index of audio is torn or its bytes have changed")
    heads = np.frombuffer(data, INDX_AUDIO_FRAGMENT, fragment_count, heads_at)
    runs: list[AudioSamples | None] = []
    at = rows_at
    for media_90k, samples in heads.tolist():
        if samples > (stop - at) // AUDIO_TRUN_SAMPLE.itemsize:
            raise Damaged("index of audio does not add up")
        runs.append(_audio_samples(data, at, samples, media_90k) if samples else None)
        at += samples * AUDIO_TRUN_SAMPLE.itemsize
    return runs


def _moof(data: bytes, start: int, end: int, length: int) -> tuple[int, int, Samples, AudioSamples | None]:
    """(decode time of the first sample, `length`, samples, audio)."""
    video: tuple[int, Samples] | None = None
    audio: AudioSamples | None = None
    for kind, inner, inner_end in _boxes(data, start, end):
        if kind != b"traf":
            continue
        track, media_90k, count, at = _track_run(data, inner, inner_end)
        if track == TRACK_ID and video is None:
            video = media_90k, _samples(data, at, count)
        elif track == AUDIO_TRACK_ID and audio is None:
            audio = _audio_samples(data, at, count, media_90k)
    if video is None:
        raise Damaged("moof without samples")
    return video[0], length, video[1], audio


def _track_run(data: bytes, start: int, end: int) -> tuple[int, int, int, int]:
    """(track, decode time, number of samples, where they start) of a traf."""
    track = media_90k = None
    for part, at, part_end in _boxes(data, start, end):
        if part == b"tfhd" and part_end - at == 8:
            track = int.from_bytes(data[at + 4 : part_end], "big")
        elif part == b"tfdt" and part_end - at == 12:
            media_90k = int.from_bytes(data[at + 4 : part_end], "big")
        elif part == b"trun" and part_end - at >= 12:
            count = int.from_bytes(data[at + 4 : at + 8], "big")
            row = AUDIO_TRUN_SAMPLE if track == AUDIO_TRACK_ID else TRUN_SAMPLE
            if count == 0 or part_end - at != 12 + count * row.itemsize or track is None or media_90k is None:
                raise Damaged("trun does not have the length of its samples")
            return track, media_90k, count, at + 12
    raise Damaged("traf without samples")


def _audio_samples(data: bytes, start: int, count: int, media_90k: int) -> AudioSamples:
    rows = np.frombuffer(data, AUDIO_TRUN_SAMPLE, count, start)
    return AudioSamples(media_90k, rows["size"].astype(np.int64), rows["duration"].astype(np.int64))


def _samples(data: bytes, start: int, count: int) -> Samples:
    rows = np.frombuffer(data, TRUN_SAMPLE, count, start)
    return Samples(
        rows["size"].astype(np.int64),
        rows["duration"].astype(np.int64),
        rows["offset"].astype(np.int64),
        rows["flags"] == SYNC_SAMPLE,
    )


def _user(data: bytes, kind: bytes, layout: struct.Struct) -> tuple[Any, ...]:
    """The fields at the start of a `uuid` box of ours."""
    if len(data) < _USER_HEAD.size + layout.size:
        raise Damaged(f"{kind.decode()} box is torn")
    if _USER_HEAD.unpack_from(data)[1:] != (b"uuid", USER_TYPE, kind):
        raise Damaged(f"no {kind.decode()} box")
    return layout.unpack_from(data, _USER_HEAD.size)


def _box_end(data: bytes, start: int, kind: bytes) -> int:
    """Where the box at `start`, which must be of this kind, ends; perhaps behind `data`."""
    length = int.from_bytes(data[start : start + 4], "big")
    if data[start + 4 : start + 8] != kind or length < 8:
        raise Damaged(f"no {kind.decode()} box")
    return start + length


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(kind, start, end) of the contents of the boxes that lie wholly in `data[start:end]`."""
    while start + 8 <= end:
        length = int.from_bytes(data[start : start + 4], "big")
        if length < 8 or start + length > end:
            return
        yield data[start + 4 : start + 8], start + 8, start + length
        start += length
