"""ISO base media file format: boxes shared by recorded files and files made for playback. Pure.

Sources: ISO/IEC 14496-12:2022 (4.2 boxes, 8.2 to 8.6 movie, track and sample tables), ISO/IEC 14496-15:2022 (5.3.3
AVC and 8.3.3 HEVC decoder configuration record, 5.4.2 and 8.4.1 sample entries).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from nvr.media import h265
from nvr.media.access_unit import CodecConfig
from nvr.record.model import TICKS

TRACK_ID = 1
SYNC_SAMPLE = 0x0200_0000
"""Sample flags (8.8.3.1): depends on no other sample."""
NON_SYNC_SAMPLE = 0x0101_0000
"""Sample flags: depends on others, is no random access point."""
_HIGH_PROFILE = 100
_COMPLETE = 0x80
"""No parameter sets of this kind are in the samples (array_completeness)."""
LANGUAGE_UNDETERMINED = 0x55C4
MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x4000_0000)


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box of this four-character type."""
    return b"".join((struct.pack(">I4s", 8 + sum(map(len, parts)), kind), *parts))


def full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """A box with version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def table(kind: bytes, count: int, rows: bytes, version: int = 0) -> bytes:
    """A full box that holds a number of rows and the rows."""
    return full_box(kind, version, 0, struct.pack(">I", count), rows)


def sample_entry(config: CodecConfig) -> bytes:
    """The track's `avc1` or `hvc1` box: parameter sets here, not in the samples."""
    size = struct.pack(">HHIIIH", config.width, config.height, 0x0048_0000, 0x0048_0000, 0, 1)
    head = bytes(6) + b"\x00\x01" + bytes(16) + size + bytes(32) + struct.pack(">Hh", 24, -1)
    if config.codec == "h264":
        return box(b"avc1", head, box(b"avcC", _avc_record(config)))
    return box(b"hvc1", head, box(b"hvcC", _hevc_record(config)))


def _avc_record(config: CodecConfig) -> bytes:
    return b"".join(
        (
            b"\x01",
            config.sps[1:4],
            b"\xff\xe1",  # lengths of 4 bytes, one SPS
            struct.pack(">H", len(config.sps)),
            config.sps,
            b"\x01",
            struct.pack(">H", len(config.pps)),
            config.pps,
            # High profile is 4:2:0 with 8 bits (A.2.4); for the rarer ones the SPS itself says it.
            b"\xfd\xf8\xf8\x00" if config.sps[1] == _HIGH_PROFILE else b"",
        )
    )


def _hevc_record(config: CodecConfig) -> bytes:
    facts = h265.read_sps(config.sps)
    sets = (
        struct.pack(">BHH", _COMPLETE | kind, 1, len(nal)) + nal
        for kind, nal in ((h265.NAL_VPS, config.vps), (h265.NAL_SPS, config.sps), (h265.NAL_PPS, config.pps))
    )
    head = struct.pack(
        ">B12sHBBBBHBB",
        1,
        facts.profile_tier_level,
        0xF000,  # min_spatial_segmentation_idc: unknown
        0xFC,  # parallelismType: unknown
        0xFC | facts.chroma_format,
        0xF8 | facts.bit_depth_luma - 8,
        0xF8 | facts.bit_depth_chroma - 8,
        0,  # avgFrameRate: unknown
        facts.sub_layers << 3 | facts.temporal_nesting << 2 | 3,  # lengths of 4 bytes
        3,
    )
    return head + b"".join(sets)


def media_box(
    kind: bytes, name: bytes, duration_90k: int, header: bytes, sample_table: bytes, timescale: int
) -> bytes:
    """An `mdia` box; `kind`: of its handler; `header`: `vmhd` or `smhd`."""
    mdhd = struct.pack(">QQIQHH", 0, 0, timescale, duration_90k, LANGUAGE_UNDETERMINED, 0)
    data_here = box(b"dinf", table(b"dref", 1, full_box(b"url ", 0, 1)))
    return box(
        b"mdia",
        full_box(b"mdhd", 1, 0, mdhd),
        full_box(b"hdlr", 0, 0, struct.pack(">I4s12x", 0, kind), name + b"\x00"),
        box(b"minf", header, data_here, sample_table),
    )


def movie(
    config: CodecConfig,
    duration_90k: int,
    sample_tables: Iterable[bytes],
    extends: bytes = b"",
    audio: bytes = b"",
    edits: bytes = b"",
) -> bytes:
    """A `moov` with one video track, and the `trak` of an audio track or nothing; `sample_tables` follow the video's
    sample description, `edits` are its `edts` box or nothing."""
    dimensions = struct.pack(">II", config.width << 16, config.height << 16)
    mvhd = struct.pack(">QQIQIH10x", 0, 0, TICKS, duration_90k, 0x10000, 0x100)
    tkhd = struct.pack(">QQIIQ8xHHHH", 0, 0, TRACK_ID, 0, duration_90k, 0, 0, 0, 0)
    sample_table = box(b"stbl", table(b"stsd", 1, sample_entry(config)), *sample_tables)
    media = media_box(b"vide", b"video", duration_90k, full_box(b"vmhd", 0, 1, bytes(8)), sample_table, TICKS)
    next_track = struct.pack(">I", TRACK_ID + (2 if audio else 1))
    return box(
        b"moov",
        full_box(b"mvhd", 1, 0, mvhd, MATRIX, bytes(24), next_track),
        box(b"trak", full_box(b"tkhd", 1, 3, tkhd, MATRIX, dimensions), edits, media),
        audio,
        extends,
    )
