"""From index rows to files for playback. Reads disks: runs off the event loop."""

from __future__ import annotations

import os
from collections.abc import Sequence
from io import FileIO
from itertools import groupby
from pathlib import Path
from typing import Literal

import structlog

from nvr.record.layout import path_of
from nvr.record.model import SegmentRow
from nvr.record.mp4.fmp4_reader import Damaged, Read, parse_footer, read_fragment
from nvr.record.mp4.samples import StoredFragment
from nvr.record.mp4.virtual_mp4 import Piece, VirtualMp4

log = structlog.get_logger(__name__)


Audio = Literal["all", "aac", "none"]
"""Which audio an MP4 has. Chromium plays G.711 in MP4 (measured), other browsers need not."""


def read_pieces(root: Path, rows: Sequence[SegmentRow], start_90k: int, end_90k: int) -> list[Piece]:
    """What `rows`, in order of time, hold of a span.

    It starts with the last keyframe that is shown at `start_90k` or before, or else with the first after, and ends
    with the fragment that `end_90k` lies in. Files that cannot be read are left out.
    """
    return [piece for row in rows if (piece := _piece(root, row, start_90k, end_90k)) is not None]


def as_mp4s(pieces: Sequence[Piece], audio: Audio = "all") -> list[VirtualMp4]:
    """One MP4 for each run of equal parameter sets and audio."""
    return [
        VirtualMp4(list(run), with_audio=sound is not None and audio in ("all", sound.codec))
        for (_, sound), run in groupby(pieces, key=lambda piece: (piece.segment.config, piece.segment.audio))
    ]


def _piece(root: Path, row: SegmentRow, start_90k: int, end_90k: int) -> Piece | None:
    first = stop = 0
    for index, entry in enumerate(row.fragments):
        wall_90k = row.segment.wall_90k(entry.media_90k)
        if entry.is_key and wall_90k <= start_90k:
            first = index
        if wall_90k < end_90k:
            stop = index + 1
    if first >= stop:
        return None
    offset = row.header_bytes + sum(entry.bytes for entry in row.fragments[:first])
    path = root / path_of(row.segment)
    try:
        with FileIO(path, "r") as file:
            fragments = _fragments(
                lambda at, length: os.pread(file.fileno(), length, at), row, first, stop, offset
            )
    except (OSError, Damaged) as error:
        log.warning("footage file cannot be read", path=str(path), error=str(error))
        return None
    return Piece(row.segment, path, offset, fragments)


def _fragments(read: Read, row: SegmentRow, first: int, stop: int, offset: int) -> list[StoredFragment]:
    """Raises OSError, Damaged."""
    if row.footer_bytes:
        stored = parse_footer(read(row.footer_offset, row.footer_bytes))
        if [f[:2] for f in stored] != [(entry.media_90k, entry.bytes) for entry in row.fragments]:
            raise Damaged("the index of samples is that of another file")
        return stored[first:stop]
    fragments = []
    for entry in row.fragments[first:stop]:
        fragment = read_fragment(read, offset, check=False)
        if fragment.entry != entry:
            raise Damaged(f"another fragment at byte {offset} than the index says")
        fragments.append(fragment)
        offset += entry.bytes
    return fragments
