"""index.db: which footage there is, as rows. A cache of what the files say; see schema/.

Methods without `async` belong to the disk's thread, which alone writes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from nvr.events import Role, StreamKey
from nvr.media.access_unit import CodecConfig
from nvr.record import fragment_list
from nvr.record.layout import segment_path
from nvr.record.model import TICKS, Candidate, Gap, Interval, Segment, SegmentRow
from nvr.store import Database

NAME = "index.db"
TOUCHING_90K = TICKS // 1000
_ROWS = """
    SELECT segments.*, streams.camera, streams.role,
           configs.codec, configs.vps, configs.sps, configs.pps, configs.width, configs.height, configs.reorders
    FROM segments JOIN streams ON streams.id = segments.stream JOIN configs ON configs.id = segments.config
"""
# Segments of a stream never overlap: only the last that starts before a span can reach into it.
_SPAN = """
    segments.stream = (SELECT id FROM streams WHERE camera = :camera AND role = :role)
    AND segments.start_90k < :end
    AND segments.start_90k >= COALESCE(
        (SELECT MAX(earlier.start_90k) FROM segments AS earlier
         WHERE earlier.stream = (SELECT id FROM streams WHERE camera = :camera AND role = :role)
           AND earlier.start_90k <= :start),
        :start)
    AND segments.start_90k + segments.duration_90k > :start
"""


class Index:
    """The open index of one recordings directory."""

    def __init__(self, root: Path):
        """Open or create it. Raises StorageError, with a cause for which `is_corrupt` holds if it is damaged."""
        folder = resources.files("nvr.record") / "schema"
        scripts = sorted(folder.iterdir(), key=lambda script: script.name)
        self.db = Database(root / NAME, [script.read_text("utf-8") for script in scripts])
        self._streams: dict[StreamKey, int] = {}
        self._configs: dict[CodecConfig, int] = {}

    async def close(self) -> None:
        await self.db.close()

    # Writing

    def commit(
        self,
        rows: Iterable[SegmentRow],
        gaps: Iterable[Gap] = (),
        deleted: Iterable[str] = (),
        *,
        only_unknown: bool = False,
    ) -> None:
        """Add or replace `rows` (add only with `only_unknown`), add `gaps`, forget `deleted` garbage: all of it or
        nothing, on the disk when this returns. Raises sqlite3.Error."""
        ids = _Ids(dict(self._streams), dict(self._configs))

        def work(connection: sqlite3.Connection) -> None:
            for row in rows:
                _put_row(connection, ids, row, only_unknown=only_unknown)
            for gap in gaps:
                _put_gap(connection, ids, gap)
            connection.executemany("DELETE FROM garbage WHERE path = ?", [(path,) for path in deleted])

        self.db.write_now(work)
        self._streams, self._configs = (
            ids.streams,
            ids.configs,
        )  # only now: a rolled back id is another's later

    def discard(self, candidates: Sequence[Candidate]) -> None:
        """Make segments garbage: their rows are gone, their files can be deleted. Raises sqlite3.Error."""

        def work(connection: sqlite3.Connection) -> None:
            for number, _, path in candidates:
                # What is older than the oldest footage is of no more use, so neither are gaps in it.
                connection.execute(
                    "DELETE FROM gaps WHERE (stream, start_90k) IN (SELECT gaps.stream, gaps.start_90k FROM gaps"
                    " JOIN segments ON segments.stream = gaps.stream"
                    " WHERE segments.id = ? AND gaps.start_90k < segments.start_90k)",
                    (number,),
                )
                _delete_row(connection, number)
                connection.execute("INSERT OR IGNORE INTO garbage VALUES (?)", (path,))

        self.db.write_now(work)

    def drop_rows(self, numbers: Iterable[int]) -> None:
        """Forget segments whose files are gone or hold nothing. Raises sqlite3.Error."""

        def work(connection: sqlite3.Connection) -> None:
            for number in numbers:
                _delete_row(connection, number)

        self.db.write_now(work)

    def set_rebuilding(self, is_rebuilding: bool) -> None:
        """Remember whether the files are still being read into a new index. Raises sqlite3.Error."""
        query = "INSERT OR IGNORE INTO rebuild VALUES (1)" if is_rebuilding else "DELETE FROM rebuild"
        self._query(query)

    # Reading on the disk's thread

    def is_rebuilding(self) -> bool:
        return self._one("SELECT COUNT(*) FROM rebuild") > 0

    def used_bytes(self) -> int:
        return self._one("SELECT COALESCE(SUM(bytes), 0) FROM streams")

    def oldest_90k(self) -> int | None:
        """Where the oldest footage starts."""
        rows = self._query("SELECT start_90k FROM segments ORDER BY id LIMIT 1")
        return int(rows[0][0]) if rows else None

    def last_number(self) -> int:
        return self._one("SELECT COALESCE(MAX(id), 0) FROM segments")

    def oldest(self, count: int) -> list[Candidate]:
        """The first `count` closed segments in the order in which they were begun."""
        rows = self._query(
            "SELECT segments.id, start_90k, segments.bytes, camera, role FROM segments"
            " JOIN streams ON streams.id = stream WHERE NOT is_open ORDER BY segments.id LIMIT ?",
            (count,),
        )
        return [
            Candidate(
                row["id"],
                row["bytes"],
                segment_path(StreamKey(row["camera"], Role(row["role"])), row["id"], row["start_90k"]),
            )
            for row in rows
        ]

    def open_rows(self) -> list[SegmentRow]:
        """Segments that nobody closed."""
        return [_row(row) for row in self._query(f"{_ROWS} WHERE is_open ORDER BY segments.id")]

    def garbage(self) -> list[str]:
        return [row["path"] for row in self._query("SELECT path FROM garbage")]

    def ends_90k(self) -> dict[StreamKey, int]:
        """Where the footage of each stream ends."""
        rows = self._query(
            "SELECT camera, role, (SELECT start_90k + duration_90k FROM segments WHERE stream = streams.id"
            " ORDER BY start_90k DESC LIMIT 1) AS end FROM streams"
        )
        return {
            StreamKey(row["camera"], Role(row["role"])): row["end"] for row in rows if row["end"] is not None
        }

    def numbers(self, key: StreamKey, since_90k: int) -> set[int]:
        """Numbers of the stream's segments that start at `since_90k` or later."""
        rows = self._query(
            "SELECT segments.id FROM segments JOIN streams ON streams.id = stream"
            " WHERE camera = ? AND role = ? AND start_90k >= ?",
            (key.camera, key.role.value, since_90k),
        )
        return {row["id"] for row in rows}

    def _query(self, query: str, parameters: tuple[int | str, ...] = ()) -> list[sqlite3.Row]:
        return self.db.write_now(lambda connection: connection.execute(query, parameters).fetchall())

    def _one(self, query: str) -> int:
        return int(self._query(query)[0][0])

    # Reading from the event loop

    async def coverage(self, key: StreamKey, start_90k: int, end_90k: int) -> list[Interval]:
        """Recorded intervals within a span, in order, those that touch joined. Raises sqlite3.Error."""
        query = f"SELECT start_90k, duration_90k FROM segments WHERE {_SPAN} ORDER BY start_90k"  # noqa: S608
        rows = await self._read(query, _span(key, start_90k, end_90k))
        spans: list[list[int]] = []
        for row_start_90k, duration_90k in rows:
            begin_90k, stop_90k = max(row_start_90k, start_90k), min(row_start_90k + duration_90k, end_90k)
            if spans and begin_90k - spans[-1][1] <= TOUCHING_90K:
                spans[-1][1] = stop_90k
            else:
                spans.append([begin_90k, stop_90k])
        return [Interval(start / TICKS, end / TICKS) for start, end in spans]

    async def rows(self, key: StreamKey, start_90k: int, end_90k: int) -> list[SegmentRow]:
        """Segments that have footage in a span, in order of time. Raises sqlite3.Error."""
        query = f"{_ROWS} WHERE {_SPAN} ORDER BY segments.start_90k"
        return [_row(row) for row in await self._read(query, _span(key, start_90k, end_90k))]

    async def gaps(self, key: StreamKey, start_90k: int, end_90k: int) -> list[Gap]:
        """Known gaps that reach into a span, in order of time. Raises sqlite3.Error."""
        query = (
            "SELECT start_90k, end_90k, cause FROM gaps JOIN streams ON streams.id = stream"
            " WHERE camera = :camera AND role = :role AND start_90k < :end AND end_90k > :start"
            " ORDER BY start_90k"
        )
        rows = await self._read(query, _span(key, start_90k, end_90k))
        return [Gap(key, row["start_90k"], row["end_90k"], row["cause"]) for row in rows]

    async def _read(self, query: str, parameters: dict[str, str | int]) -> list[sqlite3.Row]:
        return await self.db.read(lambda connection: connection.execute(query, parameters).fetchall())


class _Ids(NamedTuple):
    streams: dict[StreamKey, int]
    configs: dict[CodecConfig, int]


def _span(key: StreamKey, start_90k: int, end_90k: int) -> dict[str, str | int]:
    return {"camera": key.camera, "role": key.role.value, "start": start_90k, "end": end_90k}


def _stream_id(connection: sqlite3.Connection, ids: _Ids, key: StreamKey) -> int:
    if key not in ids.streams:
        names = (key.camera, key.role.value)
        connection.execute("INSERT OR IGNORE INTO streams (camera, role) VALUES (?, ?)", names)
        found = connection.execute("SELECT id FROM streams WHERE camera = ? AND role = ?", names)
        ids.streams[key] = found.fetchone()[0]
    return ids.streams[key]


def _config_id(connection: sqlite3.Connection, ids: _Ids, config: CodecConfig) -> int:
    if config not in ids.configs:
        columns = (config.codec, config.vps, config.sps, config.pps)
        connection.execute(
            "INSERT OR IGNORE INTO configs (codec, vps, sps, pps, width, height, reorders)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*columns, config.width, config.height, config.reorders),
        )
        query = "SELECT id FROM configs WHERE codec = ? AND vps = ? AND sps = ? AND pps = ?"
        ids.configs[config] = connection.execute(query, columns).fetchone()[0]
    return ids.configs[config]


def _put_row(connection: sqlite3.Connection, ids: _Ids, row: SegmentRow, *, only_unknown: bool) -> None:
    segment = row.segment
    before = connection.execute("SELECT bytes FROM segments WHERE id = ?", (segment.number,)).fetchone()
    if before is not None and only_unknown:
        return
    if segment.gap is not None:
        _put_gap(connection, ids, segment.gap)
    stream = _stream_id(connection, ids, segment.key)
    connection.execute(
        "INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
        " duration_90k = excluded.duration_90k, bytes = excluded.bytes, footer_bytes = excluded.footer_bytes,"
        " is_open = excluded.is_open, fragments = excluded.fragments",
        (
            segment.number,
            stream,
            _config_id(connection, ids, segment.config),
            segment.start_90k,
            row.end_90k - segment.start_90k,
            segment.slew_ppm,
            row.bytes,
            row.header_bytes,
            row.footer_bytes,
            row.is_open,
            fragment_list.pack(row.fragments),
        ),
    )
    grown = row.bytes - (before["bytes"] if before else 0)
    connection.execute("UPDATE streams SET bytes = bytes + ? WHERE id = ?", (grown, stream))


def _delete_row(connection: sqlite3.Connection, number: int) -> None:
    """Also forgets gaps before it: what is older is deleted too, or was."""
    row = connection.execute(
        "SELECT stream, start_90k, bytes FROM segments WHERE id = ?", (number,)
    ).fetchone()
    if row is not None:
        connection.execute("UPDATE streams SET bytes = bytes - ? WHERE id = ?", (row["bytes"], row["stream"]))
        connection.execute(
            "DELETE FROM gaps WHERE stream = ? AND start_90k < ?", (row["stream"], row["start_90k"])
        )
        connection.execute("DELETE FROM segments WHERE id = ?", (number,))


def _put_gap(connection: sqlite3.Connection, ids: _Ids, gap: Gap) -> None:
    connection.execute(
        "INSERT INTO gaps VALUES (?, ?, ?, ?) ON CONFLICT (stream, start_90k) DO UPDATE SET"
        " end_90k = MAX(end_90k, excluded.end_90k)",
        (_stream_id(connection, ids, gap.key), gap.start_90k, gap.end_90k, gap.cause),
    )


def _row(row: sqlite3.Row) -> SegmentRow:
    config = CodecConfig(
        row["codec"],
        row["sps"],
        row["pps"],
        row["width"],
        row["height"],
        bool(row["reorders"]),
        vps=row["vps"],
    )
    key = StreamKey(row["camera"], Role(row["role"]))
    segment = Segment(row["id"], key, config, row["start_90k"], row["slew_ppm"])
    return SegmentRow(
        segment,
        row["header_bytes"],
        row["footer_bytes"],
        bool(row["is_open"]),
        fragment_list.unpack(row["fragments"]),
    )
