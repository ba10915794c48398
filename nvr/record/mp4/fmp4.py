"""Our recorded files: fragmented MP4 that any player opens. Pure. `fmp4_reader.py` reads them.

::

    file      = ftyp moov uuid(SEGM) fragment* [uuid(INDX) mfra]
    fragment  = uuid(FRAG) prft moof(mfhd traf(tfhd tfdt trun) [traf(audio)]) mdat(video [audio])
    SEGM      camera, role, number, wall time, clock, parameter sets as JSON: an index can be rebuilt from it
    FRAG      length and CRC-32 of the three boxes behind it: tells a torn or rotten fragment
    INDX      every sample of a closed file, so that playback need not read each moof

Players skip `uuid` boxes. The bytes of a fragment's samples are its last bytes. A file has an audio track where
its segment has audio; without, nothing in it tells that there could be one. Sources: ISO/IEC 14496-12:2022,
8.8 movie fragments, 8.8.9 to 8.8.11 random access, 8.16.5 producer reference time.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Sequence

import numpy as np

from nvr.record.model import AUDIO_LEAD_90K, TICKS, Fragment, Segment
from nvr.record.mp4.audio_boxes import AUDIO_TRACK_ID, audio_track, edit_list
from nvr.record.mp4.boxes import NON_SYNC_SAMPLE, SYNC_SAMPLE, TRACK_ID, box, full_box, movie, table
from nvr.record.mp4.samples import AudioSamples, Samples, StoredFragment

USER_TYPE = bytes.fromhex("6c7b1b2e3f5a4d0e9c1d8e5fa7c34b90")
FRAG = struct.Struct(">II")
"""Length and CRC-32 of what follows the box."""
FRAG_BYTES = 8 + len(USER_TYPE) + 4 + FRAG.size
PRFT_BYTES = 32
TRUN_SAMPLE = np.dtype([("duration", ">u4"), ("size", ">u4"), ("flags", ">u4"), ("offset", ">i4")])
INDX = struct.Struct(">III")
"""CRC-32 of what follows in the box, number of fragments, number of samples."""
INDX_FRAGMENT = np.dtype([("media", ">u8"), ("bytes", ">u4"), ("samples", ">u4")])
INDX_SAMPLE = np.dtype([("size_key", ">u4"), ("duration", ">u4"), ("offset", ">i4")])
KEY_BIT = 0x8000_0000
AUDIO_TRUN_SAMPLE = np.dtype([("duration", ">u4"), ("size", ">u4")])
INDX_AUDIO = struct.Struct(">II")
"""Behind the video's samples, where the segment has audio: CRC-32 of what follows in the box, number of samples."""
INDX_AUDIO_FRAGMENT = np.dtype([("media", ">u8"), ("samples", ">u4")])
_TRAF_BYTES = 8 + 16 + 20 + 20
_MOOF_BYTES = 8 + 16 + _TRAF_BYTES
_NTP_OFFSET_S = 2_208_988_800
_CAPTURED = 24
"""prft flags: the wall time is that of capture."""
EMPTY_TABLES = (
    table(b"stts", 0, b""),
    table(b"stsc", 0, b""),
    full_box(b"stsz", 0, 0, bytes(8)),
    table(b"stco", 0, b""),
)
"""Of a track whose samples are all in fragments."""
TREX = full_box(b"trex", 0, 0, struct.pack(">5I", TRACK_ID, 1, 0, 0, 0))
"""Of such a video track, for `mvex`."""


def user_box(kind: bytes, payload: bytes) -> bytes:
    """A `uuid` box of ours, with its own four-character kind."""
    return box(b"uuid", USER_TYPE, kind, payload)


def segment_header(segment: Segment) -> bytes:
    """What a file starts with, before its first fragment."""
    extends = [TREX]
    config, gap, audio, clock = segment.config, segment.gap, segment.audio, segment.clock
    track = edits = b""
    facts: dict[str, object] = {
        "camera": segment.key.camera,
        "role": segment.key.role.value,
        "number": segment.number,
        "start_90k": segment.start_90k,
        "slew_ppm": segment.slew_ppm,
        "gap": [gap.start_90k, gap.cause] if gap else None,
        "codec": config.codec,
        "vps": config.vps.hex(),
        "sps": config.sps.hex(),
        "pps": config.pps.hex(),
        "width": config.width,
        "height": config.height,
        "reorders": config.reorders,
    }
    if audio is not None:
        extends.append(full_box(b"trex", 0, 0, struct.pack(">5I", AUDIO_TRACK_ID, 1, 0, 0, SYNC_SAMPLE)))
        track = audio_track(audio, 0, 0, EMPTY_TABLES)
        edits = edit_list((AUDIO_LEAD_90K, -1), (0, 0))
        facts["audio"] = {
            "codec": audio.codec,
            "rate_hz": audio.rate_hz,
            "channels": audio.channels,
            "specific": audio.specific.hex(),
            "frame_samples": audio.frame_samples,
        }
    if clock is not None:
        facts["clock"] = {
            "boot": clock.boot_id,
            "source": clock.source,
            "mono_90k": clock.mono_90k,
            "slew_ppm": clock.slew_ppm,
            "after_90k": clock.after_90k,
            "cause": clock.cause,
            "room_90k": clock.room_90k,
        }
    return b"".join(
        (
            box(b"ftyp", b"iso6", bytes(4), b"iso6", b"mp41"),
            movie(config, 0, EMPTY_TABLES, box(b"mvex", *extends), track, edits),
            user_box(b"SEGM", json.dumps(facts, separators=(",", ":")).encode()),
        )
    )


def fragment_header(fragment: Fragment, samples: Samples, audio: AudioSamples | None = None) -> bytes:
    """What stands in a fragment before its samples' bytes; `samples` is `Samples.of(fragment)`, `audio`
    `AudioSamples.of(fragment.audio)`."""
    video_bytes = payload = int(samples.sizes.sum())
    seconds, ticks = divmod(fragment.segment.wall_90k(fragment.media_90k), TICKS)
    ntp = (seconds + _NTP_OFFSET_S & 0xFFFF_FFFF) << 32 | (ticks << 32) // TICKS
    rows = np.empty(len(samples), TRUN_SAMPLE)
    rows["duration"] = samples.durations_90k
    rows["size"] = samples.sizes
    rows["flags"] = np.where(samples.keys, SYNC_SAMPLE, NON_SYNC_SAMPLE)
    rows["offset"] = samples.offsets_90k
    data_offset = _MOOF_BYTES + rows.nbytes + 8
    audio_traf = b""
    if audio is not None:
        payload += int(audio.sizes.sum())
        data_offset += _TRAF_BYTES + AUDIO_TRUN_SAMPLE.itemsize * len(audio.sizes)
        audio_traf = _audio_traf(audio, data_offset + video_bytes)
    traf = box(
        b"traf",
        full_box(b"tfhd", 0, 0x2_0000, struct.pack(">I", TRACK_ID)),  # offsets count from the moof
        full_box(b"tfdt", 1, 0, struct.pack(">Q", fragment.media_90k)),
        full_box(b"trun", 1, 0xF01, struct.pack(">II", len(samples), data_offset), rows.tobytes()),
    )
    boxes = b"".join(
        (
            full_box(b"prft", 1, _CAPTURED, struct.pack(">IQQ", TRACK_ID, ntp, fragment.media_90k)),
            box(b"moof", full_box(b"mfhd", 0, 0, struct.pack(">I", fragment.number + 1)), traf, audio_traf),
            struct.pack(">I4s", 8 + payload, b"mdat"),
        )
    )
    crc = zlib.crc32(boxes)
    for data in fragment.data:
        crc = zlib.crc32(data, crc)
    if fragment.audio is not None:
        for data in fragment.audio.data:
            crc = zlib.crc32(data, crc)
    return user_box(b"FRAG", FRAG.pack(len(boxes) + payload, crc)) + boxes


def _audio_traf(audio: AudioSamples, data_offset: int) -> bytes:
    rows = np.empty(len(audio.sizes), AUDIO_TRUN_SAMPLE)
    rows["duration"] = audio.durations_90k
    rows["size"] = audio.sizes
    return box(
        b"traf",
        full_box(b"tfhd", 0, 0x2_0000, struct.pack(">I", AUDIO_TRACK_ID)),
        full_box(b"tfdt", 1, 0, struct.pack(">Q", audio.media_90k)),
        full_box(b"trun", 0, 0x301, struct.pack(">II", len(rows), data_offset), rows.tobytes()),
    )


def footer(header_bytes: int, fragments: Sequence[StoredFragment]) -> bytes:
    """What ends a closed file whose `fragments` start behind `header_bytes`: our index of all samples, and the
    standard one of keyframes for other players."""
    heads = np.empty(len(fragments), INDX_FRAGMENT)
    heads["media"] = [fragment.media_90k for fragment in fragments]
    heads["bytes"] = [fragment.bytes for fragment in fragments]
    heads["samples"] = [len(fragment.samples) for fragment in fragments]
    samples = Samples.joined([fragment.samples for fragment in fragments])
    rows = np.empty(len(samples), INDX_SAMPLE)
    rows["size_key"] = samples.sizes | np.where(samples.keys, KEY_BIT, 0)
    rows["duration"] = samples.durations_90k
    rows["offset"] = samples.offsets_90k
    content = heads.tobytes() + rows.tobytes()
    index = INDX.pack(zlib.crc32(content), len(heads), len(rows)) + content + _audio_index(fragments)
    index_bytes = FRAG_BYTES - FRAG.size + len(index) + 4
    # The box's own length ends it, so that it is found from the end of the file.
    return user_box(b"INDX", index + struct.pack(">I", index_bytes)) + _random_access(header_bytes, fragments)


def _audio_index(fragments: Sequence[StoredFragment]) -> bytes:
    """Nothing where no fragment has audio."""
    runs = [fragment.audio for fragment in fragments if fragment.audio is not None]
    if not runs:
        return b""
    heads = np.zeros(len(fragments), INDX_AUDIO_FRAGMENT)
    heads["media"] = [fragment.audio.media_90k if fragment.audio else 0 for fragment in fragments]
    heads["samples"] = [len(fragment.audio.sizes) if fragment.audio else 0 for fragment in fragments]
    rows = np.empty(int(heads["samples"].sum()), AUDIO_TRUN_SAMPLE)
    rows["duration"] = np.concatenate([run.durations_90k for run in runs])
    rows["size"] = np.concatenate([run.sizes for run in runs])
    content = heads.tobytes() + rows.tobytes()
    return INDX_AUDIO.pack(zlib.crc32(content), len(rows)) + content


def _random_access(header_bytes: int, fragments: Sequence[StoredFragment]) -> bytes:
    rows, offset = [], header_bytes
    for fragment in fragments:
        if fragment.samples.keys[0]:
            shown_90k = fragment.media_90k + int(fragment.samples.offsets_90k[0])
            moof_offset = offset + FRAG_BYTES + PRFT_BYTES
            rows.append(struct.pack(">QQBBB", max(shown_90k, 0), moof_offset, 1, 1, 1))
        offset += fragment.bytes
    tfra = full_box(b"tfra", 1, 0, struct.pack(">III", TRACK_ID, 0, len(rows)), *rows)
    return box(b"mfra", tfra, full_box(b"mfro", 0, 0, struct.pack(">I", 8 + len(tfra) + 16)))
