"""Rows of index.db: written, deleted and read within somebody's transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from nvr.events import Role, StreamKey
from nvr.media.access_unit import CodecConfig
from nvr.media.audio import AudioConfig
from nvr.record.keep.retention import DAY_90K
from nvr.record.model import Candidate, Deletion, DeletionCause, FootageClass, Gap, Mark, Segment, SegmentRow
from nvr.record.mp4 import fragment_list

DELETIONS_DAYS = 400
"""How long it is known what was deleted."""
ROWS = """
    SELECT segments.*, streams.camera, streams.role,
           configs.codec, configs.vps, configs.sps, configs.pps, configs.width, configs.height, configs.reorders,
           audio_configs.codec AS audio_codec, rate_hz, channels, specific, frame_samples
    FROM segments JOIN streams ON streams.id = segments.stream JOIN configs ON configs.id = segments.config
    LEFT JOIN audio_configs ON audio_configs.id = segments.audio
"""
SPAN = """
    segments.stream = (SELECT id FROM streams WHERE camera = :camera AND role = :role)
    AND segments.start_90k < :end
    AND segments.start_90k >= COALESCE(
        (SELECT MAX(earlier.start_90k) FROM segments AS earlier
         WHERE earlier.stream = (SELECT id FROM streams WHERE camera = :camera AND role = :role)
           AND earlier.start_90k <= :start),
        :start)
    AND segments.start_90k + segments.duration_90k > :start
"""
"""Which segments of a stream reach into a span. They never overlap, so only the last that starts before it can."""


class Ids(NamedTuple):
    streams: dict[StreamKey, int]
    configs: dict[CodecConfig, int]
    audio: dict[AudioConfig, int]


def _stream_id(connection: sqlite3.Connection, ids: Ids, key: StreamKey) -> int:
    if key not in ids.streams:
        names = (key.camera, key.role.value)
        connection.execute("INSERT OR IGNORE INTO streams (camera, role) VALUES (?, ?)", names)
        found = connection.execute("SELECT id FROM streams WHERE camera = ? AND role = ?", names)
        ids.streams[key] = found.fetchone()[0]
    return ids.streams[key]


def _config_id(connection: sqlite3.Connection, ids: Ids, config: CodecConfig) -> int:
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


def _audio_id(connection: sqlite3.Connection, ids: Ids, config: AudioConfig | None) -> int | None:
    if config is None:
        return None
    if config not in ids.audio:
        values = (config.codec, config.rate_hz, config.channels, config.specific, config.frame_samples)
        connection.execute(
            "INSERT OR IGNORE INTO audio_configs (codec, rate_hz, channels, specific, frame_samples)"
            " VALUES (?, ?, ?, ?, ?)",
            values,
        )
        query = (
            "SELECT id FROM audio_configs WHERE codec = ? AND rate_hz = ? AND channels = ? AND specific = ?"
            " AND frame_samples = ?"
        )
        ids.audio[config] = connection.execute(query, values).fetchone()[0]
    return ids.audio[config]


def put_row(connection: sqlite3.Connection, ids: Ids, row: SegmentRow, *, only_unknown: bool) -> None:
    segment = row.segment
    before = connection.execute("SELECT bytes FROM segments WHERE id = ?", (segment.number,)).fetchone()
    if before is not None and only_unknown:
        return
    if segment.gap is not None:
        put_gap(connection, ids, segment.gap)
    stream = _stream_id(connection, ids, segment.key)
    connection.execute(
        "INSERT INTO segments (id, stream, config, start_90k, duration_90k, slew_ppm, bytes, header_bytes,"
        " footer_bytes, is_open, fragments, audio, shift_90k) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET start_90k = excluded.start_90k, slew_ppm = excluded.slew_ppm,"
        " shift_90k = excluded.shift_90k, duration_90k = excluded.duration_90k, bytes = excluded.bytes,"
        " footer_bytes = excluded.footer_bytes, is_open = excluded.is_open, fragments = excluded.fragments",
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
            _audio_id(connection, ids, segment.audio),
            segment.shift_90k,
        ),
    )
    grown = row.bytes - (before["bytes"] if before else 0)
    connection.execute("UPDATE streams SET bytes = bytes + ? WHERE id = ?", (grown, stream))


def move_row(connection: sqlite3.Connection, ids: Ids, row: SegmentRow, to: Segment) -> None:
    """Put a segment to another time: `to` says which, and what is missing before it there. What was known to be missing
    at its old place is forgotten."""
    stream = _stream_id(connection, ids, to.key)
    start_90k = row.segment.start_90k
    connection.execute(
        "DELETE FROM gaps WHERE stream = ? AND (end_90k = ? OR (start_90k >= ? AND end_90k <= ?))",
        (stream, start_90k, start_90k, row.end_90k),
    )
    connection.execute(
        "UPDATE segments SET start_90k = ?, duration_90k = ?, slew_ppm = ?, shift_90k = ? WHERE id = ?",
        (to.start_90k, to.wall_90k(row.media_90k) - to.start_90k, to.slew_ppm, to.shift_90k, to.number),
    )
    if to.gap is not None:
        put_gap(connection, ids, to.gap)


def delete_row(connection: sqlite3.Connection, number: int, cause: DeletionCause, now_90k: int) -> None:
    """Also forgets gaps before the stream's oldest footage, and what was deleted long ago."""
    row = connection.execute(
        "SELECT stream, start_90k, duration_90k, bytes FROM segments WHERE id = ?", (number,)
    ).fetchone()
    if row is None:
        return
    stream, start_90k, duration_90k, size = row
    connection.execute("UPDATE streams SET bytes = bytes - ? WHERE id = ?", (size, stream))
    connection.execute("DELETE FROM segments WHERE id = ?", (number,))
    connection.execute(
        "DELETE FROM gaps WHERE stream = ? AND start_90k <"
        " COALESCE((SELECT MIN(start_90k) FROM segments WHERE stream = ?), ?)",
        (stream, stream, start_90k),
    )
    day = now_90k // DAY_90K
    connection.execute(
        "INSERT INTO deletions VALUES (?, ?, ?, 1, ?, ?, ?) ON CONFLICT DO UPDATE SET segments = segments + 1,"
        " bytes = bytes + excluded.bytes, start_90k = MIN(start_90k, excluded.start_90k),"
        " end_90k = MAX(end_90k, excluded.end_90k)",
        (day, stream, cause, size, start_90k, start_90k + duration_90k),
    )
    connection.execute("DELETE FROM deletions WHERE day < ?", (day - DELETIONS_DAYS,))


def put_gap(connection: sqlite3.Connection, ids: Ids, gap: Gap) -> None:
    connection.execute(
        "INSERT INTO gaps VALUES (?, ?, ?, ?) ON CONFLICT (stream, start_90k) DO UPDATE SET"
        " end_90k = MAX(end_90k, excluded.end_90k)",
        (_stream_id(connection, ids, gap.key), gap.start_90k, gap.end_90k, gap.cause),
    )


def candidate_of(row: sqlite3.Row, key: StreamKey, kind: FootageClass = FootageClass.CONTINUOUS) -> Candidate:
    end_90k = row["start_90k"] + row["duration_90k"]
    return Candidate(row["id"], key, row["start_90k"], end_90k, row["bytes"], row["shift_90k"], kind)


def deletion_of(row: sqlite3.Row) -> Deletion:
    return Deletion(
        StreamKey(row["camera"], Role(row["role"])),
        row["day"],
        row["cause"],
        row["segments"],
        row["bytes"],
        row["start_90k"],
        row["end_90k"],
    )


def row_of(row: sqlite3.Row) -> SegmentRow:
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
    audio = None
    if row["audio"] is not None:
        audio = AudioConfig(
            row["audio_codec"], row["rate_hz"], row["channels"], row["specific"], row["frame_samples"]
        )
    segment = Segment(
        row["id"], key, config, row["start_90k"], row["slew_ppm"], audio=audio, shift_90k=row["shift_90k"]
    )
    return SegmentRow(
        segment,
        row["header_bytes"],
        row["footer_bytes"],
        bool(row["is_open"]),
        fragment_list.unpack(row["fragments"]),
    )


def marked(marks: Iterable[Mark]) -> Iterator[dict[str, str | int]]:
    """Named parameters for each mark and stream."""
    for mark in marks:
        for role in Role:
            yield {**span(StreamKey(mark.camera, role), mark.start_90k, mark.end_90k), "kind": mark.kind}


def span(key: StreamKey, start_90k: int, end_90k: int) -> dict[str, str | int]:
    """Named parameters of a query about a span of one stream."""
    return {"camera": key.camera, "role": key.role.value, "start": start_90k, "end": end_90k}
