"""Sample tables of files made for playback. Pure. Source: ISO/IEC 14496-12:2022, 8.6.1, 8.7."""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt

from nvr.record.mp4.boxes import full_box, table

_Array = npt.NDArray[np.int64]


def size_table(sizes: _Array) -> bytes:
    """`stsz`."""
    return full_box(b"stsz", 0, 0, struct.pack(">II", 0, len(sizes)), sizes.astype(">u4").tobytes())


def chunk_table(counts: _Array) -> bytes:
    """`stsc` of chunks with so many samples each."""
    first, per_chunk = _runs(counts)
    to_chunks = np.stack([first + 1, per_chunk, np.ones_like(first)], axis=1).astype(">u4")
    return table(b"stsc", len(first), to_chunks.tobytes())


def run_table(kind: bytes, values: _Array, dtype: str, version: int = 0) -> bytes:
    """A table of (how often, value) for runs of equal values."""
    first, of_run = _runs(values)
    lengths = np.diff(first, append=len(values))
    rows = np.empty(len(first), [("count", ">u4"), ("value", dtype)])
    rows["count"], rows["value"] = lengths, of_run
    return table(kind, len(first), rows.tobytes(), version)


def _runs(values: _Array) -> tuple[_Array, _Array]:
    """(index where each run of equal values starts, its value)."""
    first = np.concatenate([[0], np.flatnonzero(np.diff(values)) + 1]).astype(np.int64)
    return first, values[first]
