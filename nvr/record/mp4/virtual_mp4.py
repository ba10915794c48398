"""Footage of a span as one seekable MP4 that exists only while it is sent. Pure.

The `moov` in front is made from the index; the `mdat` behind it is the recorded files' own bytes. The boxes that
stand between their fragments stay in it, where no sample points to them: so one range a file is sent instead of
one a second. Source: ISO/IEC 14496-12:2022, 8.6 and 8.7 sample tables.
"""

from __future__ import annotations

import hashlib
import struct
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nvr.media.access_unit import CodecConfig
from nvr.media.audio import AudioConfig
from nvr.record.model import TICKS, FileRange, Segment
from nvr.record.mp4.boxes import box, movie, table
from nvr.record.mp4.sample_tables import chunk_table, run_table, size_table
from nvr.record.mp4.samples import Samples, StoredFragment
from nvr.record.mp4.virtual_audio import Silence, VirtualAudio, collect

__all__ = ["FileRange", "Piece", "VirtualMp4"]

MAP_TOLERANCE_90K = TICKS // 50
"""How far media_to_wall may be off between its points."""
_MDAT_HEAD_BYTES = 16
_SILENT_PIECE_BYTES = 64 << 10
_Array = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive fragments of one file: `offset` is where the first of them starts in `path`."""

    segment: Segment
    path: Path
    offset: int
    fragments: Sequence[StoredFragment]

    @property
    def start_90k(self) -> int:
        """Wall time of its first picture."""
        return self.segment.wall_90k(self.fragments[0].media_90k)

    @property
    def end_90k(self) -> int:
        last = self.fragments[-1]
        return self.segment.wall_90k(last.media_90k + last.samples.duration_90k)


class VirtualMp4:
    """`pieces`, at least one, in order of time, all with the same parameter sets and audio, as an MP4 of `length`
    bytes.

    Gaps between them collapse. `start_s`: wall time of the first picture; `duration_s`: of the MP4. `media_to_wall`:
    points (media time, wall time), both in s, the first at media time 0; between two of them wall time passes like
    media time. `etag`: changes with the content. `audio`: of its audio track, None where it has none.
    """

    def __init__(self, pieces: Sequence[Piece], *, with_audio: bool = True):
        """`with_audio`: where the pieces have audio, so has the MP4."""
        config = pieces[0].segment.config
        fragments = [fragment for piece in pieces for fragment in piece.fragments]
        samples = Samples.joined([fragment.samples for fragment in fragments])
        counts = np.array([len(fragment.samples) for fragment in fragments], np.int64)
        first = np.cumsum(counts) - counts  # of each fragment's samples
        decode_90k = _decode_times(pieces, samples, counts, first)
        total_90k = decode_90k[-1] + int(samples.durations_90k[-1])
        durations_90k = np.diff(decode_90k, append=total_90k)
        lengths = np.array([fragment.bytes for fragment in fragments], np.int64)
        # Where the samples of each fragment start, counted from the first byte in the mdat: they end the fragment.
        ends = np.cumsum(lengths)
        payloads = np.add.reduceat(samples.sizes, first)
        audio: VirtualAudio | None = None
        if with_audio and pieces[0].segment.audio is not None:
            medias_90k = [fragment.media_90k for fragment in fragments]
            shifts_90k = (decode_90k[first] - np.array(medias_90k, np.int64)).tolist()
            audio = collect(pieces[0].segment.audio, fragments, shifts_90k, ends)
        payloads += np.array([fragment.audio_bytes for fragment in fragments], np.int64)
        chunk_offsets = ends - payloads
        silences = audio.silences if audio is not None else []
        if audio is not None:
            chunk_offsets = audio.shifted(chunk_offsets)
        ranges = _with_silences(
            [FileRange(p.path, p.offset, sum(f.bytes for f in p.fragments)) for p in pieces], silences
        )
        body_bytes = sum(span.length for span in ranges)
        tables = _sample_tables(samples, durations_90k, counts)
        head_bytes = len(_head(config, int(total_90k), tables, chunk_offsets, audio, 0)) + _MDAT_HEAD_BYTES
        head = _head(config, int(total_90k), tables, chunk_offsets, audio, head_bytes)
        codecs = [config.rfc6381]
        if (
            audio is not None and audio.config.codec == "aac"
        ):  # G.711 has no name there, and need not be played
            codecs.append(audio.config.rfc6381)
        self._head = head + struct.pack(">I4sQ", 1, b"mdat", _MDAT_HEAD_BYTES + body_bytes)
        self._ranges = ranges
        self._starts = list(accumulate((span.length for span in ranges), initial=head_bytes))
        self.length: int = head_bytes + body_bytes
        self.content_type: str = f'video/mp4; codecs="{", ".join(codecs)}"'
        self.audio: AudioConfig | None = audio.config if audio is not None else None
        self.start_s: float = pieces[0].segment.wall_90k(pieces[0].fragments[0].media_90k) / TICKS
        self.duration_s: float = int(total_90k) / TICKS
        self.media_to_wall: list[tuple[float, float]] = _wall_map(pieces, decode_90k[first])
        identity = hashlib.sha256(self._head)
        for span in ranges:
            identity.update(repr(span).encode())
        self.etag: str = identity.hexdigest()[:32]

    def plan(self, start: int, stop: int) -> Iterator[bytes | FileRange]:
        """Bytes `start` to before `stop` (within 0 and `length`), as bytes and ranges of files, in order."""
        head_bytes = len(self._head)
        if start < head_bytes:
            yield self._head[start : min(stop, head_bytes)]
            start = head_bytes
        index = bisect_right(self._starts, start) - 1
        while start < stop:
            span, span_start = self._ranges[index], self._starts[index]
            skip = start - span_start
            length = min(stop - span_start, span.length) - skip
            if isinstance(span, FileRange):
                yield FileRange(span.path, span.offset + skip, length)
            else:
                yield from _silent_bytes(span.pattern, skip, length)
            start += length
            index += 1


def _with_silences(ranges: list[FileRange], silences: Sequence[Silence]) -> list[FileRange | Silence]:
    """What follows the head, in order: the ranges, cut where a silence stands."""
    parts: list[FileRange | Silence] = []
    waiting = deque(silences)
    at = 0
    for span in ranges:
        while waiting and waiting[0].at < at + span.length:
            before = waiting[0].at - at
            if before:
                parts.append(FileRange(span.path, span.offset, before))
            parts.append(waiting.popleft())
            at += before
            span = FileRange(span.path, span.offset + before, span.length - before)
        parts.append(span)
        at += span.length
    return parts


def _silent_bytes(pattern: bytes, skip: int, length: int) -> Iterator[bytes]:
    """`length` bytes of an endless repetition, without the first `skip`, in small pieces."""
    step = len(pattern) * (_SILENT_PIECE_BYTES // len(pattern))
    while length > 0:
        first = skip % len(pattern)
        piece = (pattern * (step // len(pattern) + 1))[first : first + min(step, length)]
        yield piece
        skip, length = skip + len(piece), length - len(piece)


def _decode_times(pieces: Sequence[Piece], samples: Samples, counts: _Array, first: _Array) -> _Array:
    """Decode time of each sample in the MP4: media time goes on inside a piece and collapses between pieces."""
    starts_90k: list[int] = []
    begin_90k = 0
    for piece in pieces:
        offset_90k = begin_90k - piece.fragments[0].media_90k
        starts_90k += [fragment.media_90k + offset_90k for fragment in piece.fragments]
        begin_90k = starts_90k[-1] + piece.fragments[-1].samples.duration_90k
    passed_90k = np.cumsum(samples.durations_90k) - samples.durations_90k
    shifts_90k = np.array(starts_90k, np.int64) - passed_90k[first]
    times_90k: _Array = passed_90k + np.repeat(shifts_90k, counts)
    return times_90k


def _sample_tables(samples: Samples, durations_90k: _Array, counts: _Array) -> list[bytes]:
    keys = np.flatnonzero(samples.keys) + 1
    tables = [
        run_table(b"stts", durations_90k, ">u4"),
        table(b"stss", len(keys), keys.astype(">u4").tobytes()),
        chunk_table(counts),
        size_table(samples.sizes),
    ]
    if samples.offsets_90k.any():
        tables.insert(1, run_table(b"ctts", samples.offsets_90k, ">i4", version=1))
    return tables


def _head(
    config: CodecConfig,
    duration_90k: int,
    tables: Sequence[bytes],
    chunk_offsets: _Array,
    audio: VirtualAudio | None,
    offset: int,
) -> bytes:
    """`offset`: of the footage in the file, which `chunk_offsets` count from."""
    offsets = table(b"co64", len(chunk_offsets), (chunk_offsets + offset).astype(">u8").tobytes())
    brand = b"avc1" if config.codec == "h264" else b"hvc1"
    file_type = box(b"ftyp", b"isom", bytes(4), b"isom", b"iso2", brand, b"mp41")
    sound = audio.track(offset) if audio is not None else b""
    return file_type + movie(config, duration_90k, (*tables, offsets), audio=sound)


def _wall_map(pieces: Sequence[Piece], starts_90k: _Array) -> list[tuple[float, float]]:
    """`starts_90k`: decode time of each fragment in the MP4."""
    walls_90k = [p.segment.wall_90k(f.media_90k) for p in pieces for f in p.fragments]
    points: list[tuple[float, float]] = []
    ahead_90k = None
    for media_90k, wall_90k in zip(starts_90k.tolist(), walls_90k, strict=True):
        if ahead_90k is None or abs(wall_90k - media_90k - ahead_90k) > MAP_TOLERANCE_90K:
            ahead_90k = wall_90k - media_90k
            points.append((media_90k / TICKS, wall_90k / TICKS))
    return points
