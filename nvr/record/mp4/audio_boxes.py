"""ISO base media file format: the audio track of recorded files and of files made for playback. Pure.

Sources: ISO/IEC 14496-12:2022 (8.3 to 8.6, 12.2 audio media), ISO/IEC 14496-14:2020, 5.6 (`mp4a`, `esds`), ISO/IEC
14496-1:2010, 7.2.6 (descriptors), QuickTime File Format (`alaw`, `ulaw`).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from nvr.media.audio import AudioConfig
from nvr.record.model import TICKS
from nvr.record.mp4.boxes import MATRIX, box, full_box, media_box, table

AUDIO_TRACK_ID = 2
_ES, _DECODER, _SPECIFIC, _SYNC_LAYER = 3, 4, 5, 6
_MPEG4_AUDIO, _AUDIO_STREAM = 0x40, 0x15


def audio_sample_entry(config: AudioConfig) -> bytes:
    """The track's `mp4a`, `alaw` or `ulaw` box."""
    rate_hz = config.rate_hz if config.rate_hz < 1 << 16 else 0  # 16.16; the decoder knows better
    head = bytes(6) + b"\x00\x01" + bytes(8) + struct.pack(">HHIHH", config.channels, 16, 0, rate_hz, 0)
    if config.codec != "aac":
        return box(config.codec.encode(), head)
    specific = _descriptor(_SPECIFIC, config.specific)
    decoder = _descriptor(_DECODER, struct.pack(">BBxHII", _MPEG4_AUDIO, _AUDIO_STREAM, 0, 0, 0), specific)
    stream = _descriptor(
        _ES, struct.pack(">HB", AUDIO_TRACK_ID, 0), decoder, _descriptor(_SYNC_LAYER, b"\x02")
    )
    return box(b"mp4a", head, full_box(b"esds", 0, 0, stream))


def _descriptor(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    if len(content) > 0x7F:
        raise ValueError("descriptor is too long")  # an AudioSpecificConfig has 64 bytes at most
    return bytes((tag, len(content))) + content


def edit_list(*edits: tuple[int, int]) -> bytes:
    """(duration in the movie, start in the media or -1 for a pause) each, in 1/90000 s."""
    rows = b"".join(struct.pack(">QqI", duration, media, 0x10000) for duration, media in edits)
    return box(b"edts", table(b"elst", len(edits), rows, version=1))


def audio_track(
    config: AudioConfig, duration_90k: int, media_90k: int, sample_tables: Iterable[bytes], edits: bytes = b""
) -> bytes:
    """A `trak`; `duration_90k` in the movie, with its edits, `media_90k` without."""
    tkhd = struct.pack(">QQIIQ8xHHHH", 0, 0, AUDIO_TRACK_ID, 0, duration_90k, 0, 1, 0x100, 0)
    tables = box(b"stbl", table(b"stsd", 1, audio_sample_entry(config)), *sample_tables)
    header = full_box(b"smhd", 0, 0, bytes(4))
    media = media_box(b"soun", b"audio", media_90k, header, tables, TICKS)
    return box(b"trak", full_box(b"tkhd", 1, 3, tkhd, MATRIX, bytes(8)), edits, media)
