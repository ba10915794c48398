"""The audio track of a span of footage as MP4. Pure.

Audio keeps its place beside the pictures. Browsers play decoded audio without a pause, whatever its timestamps say
(measured in Chromium: a hole of 0.4 s puts all after it 0.4 s early). So where audio is missing, because a gap
collapses or the camera sent none, silence is put in, and where two clocks drift apart, a frame of it now and then, or
one is left out. Sources: ISO/IEC 14496-12:2022, 8.6.6 edit lists; ISO/IEC 14496-3:2019, 4.4.2 (silence in AAC).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nvr.media.audio import AudioConfig
from nvr.record.model import AUDIO_LEAD_90K, TICKS
from nvr.record.mp4.audio_boxes import audio_track, edit_list
from nvr.record.mp4.boxes import table
from nvr.record.mp4.sample_tables import chunk_table, run_table, size_table
from nvr.record.mp4.samples import StoredFragment

OFF_FRAMES = 0.6
"""AAC may be out of step by this share of a frame: 38 ms at 16 kHz;"""
OFF_90K = TICKS // 100
"""G.711 by this much."""
SILENT_AAC = {1: bytes.fromhex("00000007"), 2: bytes.fromhex("21000000001c")}
"""By channels: one or a pair of them with max_sfb 0, then the end of the frame."""
SILENT_G711 = {"alaw": 0xD5, "ulaw": 0xFF}
_Array = npt.NDArray[np.int64]


class Silence(NamedTuple):
    """`length` bytes, `pattern` again and again, that must stand in the MP4 before byte `at` of the footage. There,
    because Chromium drops audio that does not stand in the file in the order of playing."""

    at: int
    pattern: bytes
    length: int


@dataclass(slots=True)
class VirtualAudio:
    """An audio track; `silences` in order."""

    config: AudioConfig
    silences: list[Silence] = field(default_factory=list)
    _chunks: list[tuple[int, _Array, _Array]] = field(default_factory=list)
    _is_silence: list[bool] = field(default_factory=list)
    _played_90k: float = 0.0
    _end_90k: int = 0

    def shifted(self, offsets: _Array, is_silence: npt.NDArray[np.bool_] | None = None) -> _Array:
        """Bytes of the footage, counted with the silences that stand before them."""
        ats = np.array([silence.at for silence in self.silences], np.int64)
        before = np.concatenate([[0], np.cumsum([silence.length for silence in self.silences])])
        index = np.searchsorted(ats, offsets, "right")
        if is_silence is not None:
            index = index - is_silence  # a silence stands before what is at its place
        shifted: _Array = offsets + before[index].astype(np.int64)
        return shifted

    def track(self, offset: int) -> bytes:
        """The `trak`; the footage in the mdat begins at byte `offset` of the file."""
        plain = np.array([chunk[0] for chunk in self._chunks], np.int64)
        chunk_offsets = self.shifted(plain, np.array(self._is_silence, np.bool_)) + offset
        sizes = np.concatenate([chunk[1] for chunk in self._chunks])
        steps = np.arange(len(sizes))
        starts_90k = (
            np.maximum.accumulate(np.concatenate([chunk[2] for chunk in self._chunks]) - steps) + steps
        )
        durations_90k = np.diff(starts_90k, append=max(self._end_90k, int(starts_90k[-1]) + 1))
        tables = (
            run_table(b"stts", durations_90k, ">u4"),
            chunk_table(np.array([len(chunk[1]) for chunk in self._chunks], np.int64)),
            size_table(sizes),
            table(b"co64", len(chunk_offsets), chunk_offsets.astype(">u8").tobytes()),
        )
        start_90k, media_90k = int(starts_90k[0]), int(durations_90k.sum())
        pause = [(start_90k, -1)] if start_90k else []
        return audio_track(
            self.config, start_90k + media_90k, media_90k, tables, edit_list(*pause, (media_90k, 0))
        )

    @property
    def is_empty(self) -> bool:
        return not self._chunks

    def add(self, offset: int, sizes: _Array, starts_90k: _Array) -> None:
        """Samples that follow one another from byte `offset` of the footage on, wanted at `starts_90k`."""
        lengths_90k = self._lengths_90k(sizes)
        holes = np.flatnonzero(starts_90k[1:] - starts_90k[:-1] - lengths_90k[:-1] > self._most_off_90k) + 1
        for first, stop in zip([0, *holes.tolist()], [*holes.tolist(), len(sizes)], strict=True):
            part = slice(first, stop)
            self._add_run(offset + int(sizes[:first].sum()), sizes[part], starts_90k[part], lengths_90k[part])

    def _add_run(
        self, offset: int, sizes: _Array, starts_90k: _Array, lengths_90k: npt.NDArray[np.float64]
    ) -> None:
        if self.is_empty:
            first = int(np.searchsorted(starts_90k, 0))
        else:
            off_90k = float(starts_90k[0]) - self._played_90k
            if off_90k > self._most_off_90k:
                self._add_silence(offset, off_90k, int(starts_90k[0]))
            late_90k = -off_90k if off_90k < -self._most_off_90k else 0.0
            first = int(np.searchsorted(np.cumsum(lengths_90k), late_90k + lengths_90k[0] / 2))
            first = first if late_90k else 0
        if first >= len(sizes):
            return
        if self.is_empty:
            self._played_90k = float(starts_90k[first])
        self._chunks.append((offset + int(sizes[:first].sum()), sizes[first:], starts_90k[first:]))
        self._is_silence.append(False)
        self._played_90k += float(lengths_90k[first:].sum())
        self._end_90k = int(starts_90k[-1] + round(lengths_90k[-1]))

    def _add_silence(self, at: int, length_90k: float, until_90k: int) -> None:
        pattern = _silence(self.config)
        if not pattern:
            return
        sizes = self._silent_sizes(length_90k, len(pattern))
        begin_90k = min(self._end_90k, until_90k)
        starts_90k = begin_90k + np.arange(len(sizes)) * (until_90k - begin_90k) // len(sizes)
        self._chunks.append((at, sizes, starts_90k))
        self._is_silence.append(True)
        self.silences.append(Silence(at, pattern, int(sizes.sum())))
        self._played_90k += float(self._lengths_90k(sizes).sum())

    def _silent_sizes(self, length_90k: float, frame_bytes: int) -> _Array:
        if self.config.codec == "aac":
            return np.full(max(round(length_90k / self._frame_90k), 1), frame_bytes, np.int64)
        samples = max(round(length_90k * self.config.rate_hz / TICKS), 1)
        full, rest = divmod(samples, self.config.rate_hz // 10)
        sizes = np.full(full, self.config.rate_hz // 10 * frame_bytes, np.int64)
        return np.append(sizes, rest * frame_bytes) if rest else sizes

    def _lengths_90k(self, sizes: _Array) -> npt.NDArray[np.float64]:
        """How long a decoder makes samples of these sizes."""
        if self.config.codec == "aac":
            return np.full(len(sizes), self._frame_90k)
        return sizes.astype(np.float64) * (TICKS / self.config.rate_hz / self.config.channels)

    @property
    def _frame_90k(self) -> float:
        return self.config.frame_samples * TICKS / self.config.rate_hz

    @property
    def _most_off_90k(self) -> float:
        return OFF_FRAMES * self._frame_90k if self.config.codec == "aac" else OFF_90K


def collect(
    config: AudioConfig, fragments: Sequence[StoredFragment], shifts_90k: Sequence[int], ends: _Array
) -> VirtualAudio | None:
    """The track of `fragments`, None if they have no audio. `shifts_90k`: time in the MP4 minus media time, for each;
    `ends`: where each ends, in bytes of the footage. Audio before the MP4 is left out."""
    audio = VirtualAudio(config)
    for fragment, shift_90k, end in zip(fragments, shifts_90k, ends.tolist(), strict=True):
        run = fragment.audio
        if run is None:
            continue
        begin_90k = run.media_90k - AUDIO_LEAD_90K + shift_90k
        starts_90k = begin_90k + np.cumsum(run.durations_90k) - run.durations_90k
        audio.add(end - fragment.audio_bytes, run.sizes, starts_90k)
    return None if audio.is_empty else audio


def _silence(config: AudioConfig) -> bytes:
    """A silent AAC frame, or a silent sample of each channel; nothing where no frame of so many channels is known."""
    if config.codec == "aac":
        return SILENT_AAC.get(config.channels, b"")
    return bytes([SILENT_G711[config.codec]]) * config.channels
