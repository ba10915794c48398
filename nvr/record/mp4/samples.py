"""Samples of recorded fragments as arrays. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nvr.record.model import AudioRun, Fragment, FragmentEntry


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Samples in decode order; arrays of equal length: `sizes` in bytes, `durations_90k` in decode time,
    `offsets_90k` presentation minus decode time, `keys` whether keyframe."""

    sizes: npt.NDArray[np.int64]
    durations_90k: npt.NDArray[np.int64]
    offsets_90k: npt.NDArray[np.int64]
    keys: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def duration_90k(self) -> int:
        return int(self.durations_90k.sum())

    @classmethod
    def of(cls, fragment: Fragment) -> Samples:
        return cls(
            np.array([len(data) for data in fragment.data], np.int64),
            np.array(fragment.durations_90k, np.int64),
            np.array(fragment.offsets_90k, np.int64),
            np.array(fragment.keys, np.bool_),
        )

    @classmethod
    def joined(cls, parts: Sequence[Samples]) -> Samples:
        """`parts`, at least one, in this order."""
        return cls(
            np.concatenate([part.sizes for part in parts]),
            np.concatenate([part.durations_90k for part in parts]),
            np.concatenate([part.offsets_90k for part in parts]),
            np.concatenate([part.keys for part in parts]),
        )

    def cut(self, start: int, stop: int) -> Samples:
        """Samples `start` to before `stop`."""
        part = slice(start, stop)
        return Samples(self.sizes[part], self.durations_90k[part], self.offsets_90k[part], self.keys[part])


@dataclass(frozen=True, slots=True, eq=False)
class AudioSamples:
    """Audio samples in order, the first at `media_90k` (as in `AudioRun`); arrays of equal length."""

    media_90k: int
    sizes: npt.NDArray[np.int64]
    durations_90k: npt.NDArray[np.int64]

    @classmethod
    def of(cls, run: AudioRun | None) -> AudioSamples | None:
        if run is None:
            return None
        sizes = np.array([len(data) for data in run.data], np.int64)
        return cls(run.media_90k, sizes, np.array(run.durations_90k, np.int64))


class StoredFragment(NamedTuple):
    """A fragment as it lies in a file: decode time of its first sample, size with all boxes, samples, audio if it has
    any. The last bytes of a fragment are those of its samples, then those of its audio."""

    media_90k: int
    bytes: int
    samples: Samples
    audio: AudioSamples | None = None

    @property
    def audio_bytes(self) -> int:
        return 0 if self.audio is None else int(self.audio.sizes.sum())

    @property
    def payload_bytes(self) -> int:
        """Bytes of all samples."""
        return int(self.samples.sizes.sum()) + self.audio_bytes

    @property
    def entry(self) -> FragmentEntry:
        """The fragment as the index keeps it."""
        is_key = bool(self.samples.keys[0])
        return FragmentEntry(self.media_90k, self.samples.duration_90k, self.bytes, is_key)
