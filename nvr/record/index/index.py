"""index.db: which footage there is, as rows. A cache of what the files say; see schema/.

Methods without `async` belong to the disk's thread, which alone writes.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path

from nvr.events import Role, StreamKey
from nvr.media.access_unit import CodecConfig
from nvr.media.audio import AudioConfig
from nvr.record.index.oldest import oldest_of_classes
from nvr.record.index.rows import (
    ROWS,
    SPAN,
    Ids,
    candidate_of,
    delete_row,
    deletion_of,
    marked,
    move_row,
    put_gap,
    put_row,
    row_of,
    span,
)
from nvr.record.keep.marks import Marks
from nvr.record.keep.retention import DAY_90K, Doomed, Span90k, Until
from nvr.record.layout import path_of
from nvr.record.model import TICKS, Candidate, Deletion, Gap, Interval, Mark, Segment, SegmentRow
from nvr.store import Database

NAME = "index.db"
TOUCHING_90K = TICKS // 1000
_PAGE = 512
NOT_HELD: Mapping[str, Sequence[Span90k]] = {}
_MARK = f"UPDATE segments SET class = :kind WHERE class < :kind AND {SPAN}"  # noqa: S608


_RAISE = "UPDATE segments SET class = :kind WHERE id = :number AND class < :kind"


class Index:
    """The open index of one recordings directory."""

    def __init__(self, root: Path):
        """Open or create it. Raises StorageError, with a cause for which `is_corrupt` holds if it is damaged."""
        scripts = sorted(
            (resources.files("nvr.record.index") / "schema").iterdir(), key=lambda script: script.name
        )
        self.db = Database(root / NAME, [s.read_text("utf-8") for s in scripts if s.name.endswith(".sql")])
        self._streams: dict[StreamKey, int] = {}
        self._configs: dict[CodecConfig, int] = {}
        self._audio: dict[AudioConfig, int] = {}

    async def close(self) -> None:
        await self.db.close()

    # Writing

    def commit(
        self,
        rows: Sequence[SegmentRow],
        gaps: Iterable[Gap] = (),
        deleted: Iterable[str] = (),
        *,
        only_unknown: bool = False,
        marks: Marks | None = None,
    ) -> None:
        """Add or replace `rows` (add only with `only_unknown`), add `gaps`, forget `deleted` garbage, tell `marks` to
        segments: all of it or nothing, on the disk when this returns. Raises
        sqlite3.Error."""
        ids = Ids(dict(self._streams), dict(self._configs), dict(self._audio))

        def work(connection: sqlite3.Connection) -> None:
            for row in rows:
                put_row(connection, ids, row, only_unknown=only_unknown)
            for gap in gaps:
                put_gap(connection, ids, gap)
            connection.executemany("DELETE FROM garbage WHERE path = ?", [(path,) for path in deleted])
            if marks is not None:
                connection.executemany(_MARK, marked(marks.waiting()))
                connection.executemany(_RAISE, marks.classes(rows))

        self.db.write_now(work)
        # Only now: a rolled back id is another's later.
        self._streams, self._configs, self._audio = ids
        if marks is not None:
            marks.told()

    def discard(self, doomed: Sequence[Doomed], now_90k: int) -> None:
        """Make segments garbage: their rows are gone, their files can be deleted, and what went is remembered. Raises
        sqlite3.Error."""

        def work(connection: sqlite3.Connection) -> None:
            for candidate, cause in doomed:
                delete_row(connection, candidate.number, cause, now_90k)
                connection.execute("INSERT OR IGNORE INTO garbage VALUES (?)", (path_of(candidate),))

        self.db.write_now(work)

    def drop_rows(self, numbers: Iterable[int], now_90k: int) -> None:
        """Forget segments whose files are gone or hold nothing. Raises sqlite3.Error."""

        def work(connection: sqlite3.Connection) -> None:
            for number in numbers:
                delete_row(connection, number, "missing", now_90k)

        self.db.write_now(work)

    def mark(self, marks: Iterable[Mark]) -> None:
        """Raise segments to the class of `marks` that they reach into. Raises sqlite3.Error."""
        self.db.write_now(lambda connection: connection.executemany(_MARK, marked(marks)))

    def set_classes_known(self) -> None:
        """Remember that all footage has been told its class. Raises sqlite3.Error."""
        self._query("INSERT OR IGNORE INTO classes_known VALUES (1)")

    def set_rebuilding(self, is_rebuilding: bool) -> None:
        """Remember whether the files are still being read into a new index. Raises sqlite3.Error."""
        query = "INSERT OR IGNORE INTO rebuild VALUES (1)" if is_rebuilding else "DELETE FROM rebuild"
        self._query(query)

    def move(self, moved: Iterable[tuple[SegmentRow, Segment]]) -> None:
        """Put segments to other times, all or none: each row with what its segment is from now on. Raises
        sqlite3.Error."""

        def work(connection: sqlite3.Connection) -> None:
            ids = Ids(self._streams, self._configs, self._audio)
            for row, segment in moved:
                move_row(connection, ids, row, segment)

        self.db.write_now(work)

    def set_corrected(self, boot_id: str, last_number: int) -> None:
        """Remember that this clock correction has been applied to every row. Raises sqlite3.Error."""
        self._query("INSERT OR IGNORE INTO clock_corrections VALUES (?, ?)", (boot_id, last_number))

    # Reading on the disk's thread

    def is_corrected(self, boot_id: str, last_number: int) -> bool:
        """Whether `set_corrected` was called."""
        query = "SELECT 1 FROM clock_corrections WHERE boot_id = ? AND last_number = ?"
        return bool(self._query(query, (boot_id, last_number)))

    def numbered(self, first: int, last: int, count: int, *, newest_first: bool) -> list[SegmentRow]:
        """The first `count` segments with numbers from `first` to `last`, or the last ones, the newest first."""
        order = "DESC" if newest_first else "ASC"
        query = f"{ROWS} WHERE segments.id BETWEEN ? AND ? ORDER BY segments.id {order} LIMIT ?"
        return [row_of(row) for row in self._query(query, (first, last, count))]

    def newest(self) -> list[SegmentRow]:
        """The last segment of each stream in wall time."""
        query = (
            "SELECT (SELECT id FROM segments WHERE stream = streams.id ORDER BY start_90k DESC LIMIT 1) AS id"
            " FROM streams"
        )
        numbers = [row["id"] for row in self._query(query) if row["id"] is not None]
        return [row for number in numbers if (row := self.row(number)) is not None]

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
            "SELECT segments.id, start_90k, duration_90k, segments.bytes, shift_90k, camera, role FROM segments"
            " JOIN streams ON streams.id = stream WHERE NOT is_open ORDER BY segments.id LIMIT ?",
            (count,),
        )
        return [candidate_of(row, StreamKey(row["camera"], Role(row["role"]))) for row in rows]

    def closed(
        self, until: Until, held: Mapping[str, Sequence[Span90k]] = NOT_HELD, camera: str = ""
    ) -> Iterator[Candidate]:
        """Closed segments in order of time that end at `until` of their camera and class or before, read as they are
        asked for; of each span in `held` (as in `Rules`) only some. `camera`: only its own ("": all). Raises
        sqlite3.Error."""
        return oldest_of_classes(self._query, until, held, camera)

    def bytes_by_camera(self) -> dict[str, int]:
        """Of both streams."""
        return dict(map(tuple, self._query("SELECT camera, SUM(bytes) FROM streams GROUP BY camera")))

    def cameras(self) -> list[str]:
        """All that have been recorded."""
        return [row["camera"] for row in self._query("SELECT DISTINCT camera FROM streams ORDER BY camera")]

    def first_90k(self, from_90k: int) -> int | None:
        """Where the first segment starts that starts at `from_90k` or later."""
        rows = self._query(
            "SELECT MIN((SELECT start_90k FROM segments WHERE stream = streams.id AND start_90k >= ?"
            " ORDER BY start_90k LIMIT 1)) AS first FROM streams",
            (from_90k,),
        )
        first: int | None = rows[0]["first"]
        return first

    def classes_known_until_90k(self) -> int | None:
        """What was seen in footage that ends later may not have been told; None: there is no footage."""
        end_90k = max(self.ends_90k().values(), default=None)
        if end_90k is None:
            return None
        return end_90k - DAY_90K if self._one("SELECT COUNT(*) FROM classes_known") else 0

    def count(self) -> int:
        return self._one("SELECT COUNT(*) FROM segments")

    def row(self, number: int) -> SegmentRow | None:
        """One segment."""
        rows = self._query(f"{ROWS} WHERE segments.id = ?", (number,))
        return row_of(rows[0]) if rows else None

    def all_candidates(self) -> Iterator[Candidate]:
        """Every segment, closed or not, in order of numbers, read as they are asked for."""
        number = 0
        while rows := self._query(
            "SELECT segments.id, start_90k, duration_90k, segments.bytes, shift_90k, camera, role FROM segments"
            " JOIN streams ON streams.id = stream WHERE segments.id > ? ORDER BY segments.id LIMIT ?",
            (number, _PAGE),
        ):
            yield from (candidate_of(row, StreamKey(row["camera"], Role(row["role"]))) for row in rows)
            number = rows[-1]["id"]

    def open_rows(self) -> list[SegmentRow]:
        """Segments that nobody closed."""
        return [row_of(row) for row in self._query(f"{ROWS} WHERE is_open ORDER BY segments.id")]

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
        query = f"SELECT start_90k, duration_90k FROM segments WHERE {SPAN} ORDER BY start_90k"  # noqa: S608
        rows = await self._read(query, span(key, start_90k, end_90k))
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
        query = f"{ROWS} WHERE {SPAN} ORDER BY segments.start_90k"
        return [row_of(row) for row in await self._read(query, span(key, start_90k, end_90k))]

    async def gaps(self, key: StreamKey, start_90k: int, end_90k: int) -> list[Gap]:
        """Known gaps that reach into a span, in order of time. Raises sqlite3.Error."""
        query = (
            "SELECT start_90k, end_90k, cause FROM gaps JOIN streams ON streams.id = stream"
            " WHERE camera = :camera AND role = :role AND start_90k < :end AND end_90k > :start"
            " ORDER BY start_90k"
        )
        rows = await self._read(query, span(key, start_90k, end_90k))
        return [Gap(key, row["start_90k"], row["end_90k"], row["cause"]) for row in rows]

    async def bytes_within(self, spans: Mapping[str, Sequence[Span90k]]) -> int:
        """Bytes of all segments of both streams that reach into the disjoint `spans` of their cameras. Raises
        sqlite3.Error."""
        query = f"SELECT COALESCE(SUM(bytes), 0) FROM segments WHERE {SPAN}"  # noqa: S608
        asked = [
            span(StreamKey(camera, role), start_90k, end_90k)
            for camera, found in spans.items()
            for start_90k, end_90k in found
            for role in Role
        ]

        def work(connection: sqlite3.Connection) -> int:
            return sum(connection.execute(query, span).fetchone()[0] for span in asked)

        return await self.db.read(work)

    async def deletions(
        self, since_day: int, cameras: Iterable[str] | None = None, count: int = -1
    ) -> list[Deletion]:
        """What was deleted since a day (days since 1970 UTC), newest day first, of `cameras` (None: all), at most
        `count` (-1: all). Raises sqlite3.Error."""
        query = (
            "SELECT deletions.*, camera, role FROM deletions JOIN streams ON streams.id = stream"
            " WHERE day >= :since AND (:cameras = '' OR camera IN (SELECT value FROM json_each(:cameras)))"
            " ORDER BY day DESC, camera, role, cause LIMIT :count"
        )
        wanted = "" if cameras is None else json.dumps(list(cameras))
        rows = await self._read(query, {"since": since_day, "cameras": wanted, "count": count})
        return [deletion_of(row) for row in rows]

    async def _read(self, query: str, parameters: dict[str, str | int]) -> list[sqlite3.Row]:
        return await self.db.read(lambda connection: connection.execute(query, parameters).fetchall())
