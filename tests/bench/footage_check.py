"""Whether every row of an index plays: its file is there, its bytes have their checksums, PyAV decodes all of it."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path

import av

from nvr.events import Role, StreamKey
from nvr.record.layout import segment_path
from nvr.record.model import TICKS, FragmentEntry
from nvr.record.mp4 import fragment_list
from nvr.record.mp4.fmp4_reader import Damaged, read_fragment, read_segment_header

_ROWS = """
    SELECT segments.id, camera, role, start_90k, duration_90k, segments.bytes, header_bytes, is_open, fragments
    FROM segments JOIN streams ON streams.id = stream WHERE segments.id > ? ORDER BY segments.id
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `path`: relative to the recordings directory."""

    number: int
    stream: str
    path: str
    start_s: float
    end_s: float
    bytes: int
    header_bytes: int
    is_open: bool
    fragments: tuple[FragmentEntry, ...]


def read_rows(root: Path, after: int = 0) -> list[Row]:
    """Rows of the index with numbers above `after`; the service may be running. [] before there is an index."""
    if not (root / "index.db").exists():
        return []
    with closing(sqlite3.connect(f"file:{root}/index.db?mode=ro", uri=True, timeout=10)) as database:
        try:
            found = database.execute(_ROWS, (after,)).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):  # just being made
                return []
            raise
    rows = []
    for number, camera, role, start_90k, duration_90k, size, header_bytes, is_open, packed in found:
        key = StreamKey(camera, Role(role))
        path = segment_path(key, number, start_90k)
        start_s, end_s = start_90k / TICKS, (start_90k + duration_90k) / TICKS
        fragments = fragment_list.unpack(packed)
        rows.append(Row(number, str(key), path, start_s, end_s, size, header_bytes, bool(is_open), fragments))
    return rows


@dataclass
class FootageCheck:
    """Checks rows and collects what is wrong; equal files are decoded once."""

    bad_rows: list[str] = field(default_factory=list)
    unplayable: list[str] = field(default_factory=list)
    _played: set[bytes] = field(default_factory=set)

    def check(self, root: Path, rows: list[Row]) -> None:
        """Rows of segments that nobody writes any more."""
        for row in rows:
            try:
                content = (root / row.path).read_bytes()
                pictures = _fragments(root / row.path, row)
            except (OSError, Damaged) as error:
                self.bad_rows.append(f"{row.path}: {error}")
                continue
            digest = hashlib.sha1(content).digest()
            if digest in self._played:
                continue
            self._played.add(digest)
            try:
                decoded = _decode(root / row.path)
            except (av.FFmpegError, IndexError) as error:
                self.unplayable.append(f"{row.path}: {error}")
                continue
            if decoded != pictures:
                self.unplayable.append(f"{row.path}: {decoded} of {pictures} pictures decoded")


def _fragments(path: Path, row: Row) -> int:
    """How many pictures the row's fragments hold. Raises OSError, Damaged: not what the row says."""
    with FileIO(path, "r") as file:

        def read(offset: int, length: int) -> bytes:
            return os.pread(file.fileno(), length, offset)

        if os.fstat(file.fileno()).st_size < row.bytes:
            raise Damaged("file is shorter than its row")
        segment, header_bytes = read_segment_header(read)
        if segment.number != row.number or header_bytes != row.header_bytes or not row.fragments:
            raise Damaged("row of another file, or without footage")
        offset, pictures = header_bytes, 0
        for entry in row.fragments:
            fragment = read_fragment(read, offset, check=True)
            if fragment.entry != entry:
                raise Damaged(f"another fragment at byte {offset} than the row says")
            offset += fragment.bytes
            pictures += len(fragment.samples)
    return pictures


def _decode(path: Path) -> int:
    with av.open(str(path), "r") as container:
        return sum(1 for _ in container.decode(video=0))
