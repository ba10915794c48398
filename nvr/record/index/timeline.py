"""What there is of one stream in any span, in a bounded number of intervals found in a bounded number of look-ups.

Instead of reading every segment, the walk asks the index for the last segment that begins within the resolution of
where the footage so far ends: a month costs about as much as a day.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import NamedTuple

from nvr.events import StreamKey
from nvr.record.model import TICKS, GapCause, Interval

MAX_INTERVALS = 2000
EXACT_90K = 2 * 86_400 * TICKS
"""Up to this length everything is shown as it is."""
TOUCHING_90K = TICKS // 1000
_GAPS_A_HOLE = 20

_LAST = (
    "SELECT start_90k, start_90k + duration_90k AS end_90k FROM segments"
    " WHERE stream = ? AND start_90k <= ? ORDER BY start_90k DESC LIMIT 1"
)
_NEXT = (
    "SELECT start_90k, start_90k + duration_90k AS end_90k FROM segments"
    " WHERE stream = ? AND start_90k > ? ORDER BY start_90k LIMIT 1"
)
_GAPS = (
    "SELECT start_90k, end_90k, cause FROM gaps WHERE stream = :stream AND start_90k >= COALESCE("
    "(SELECT MAX(start_90k) FROM gaps WHERE stream = :stream AND start_90k <= :start), :start)"
    " AND start_90k < :end AND end_90k > :start ORDER BY start_90k LIMIT :limit"
)


class Hole(NamedTuple):
    """Footage known to be missing; `cause` as in `Gap`, the one that explains most of it."""

    start_s: float
    end_s: float
    cause: GapCause


@dataclass(frozen=True, slots=True)
class Timeline:
    """`spans`: recorded; `gaps`: missing for a known cause; neither: nothing is known. Both are cut to what was asked
    for, in order, and at most MAX_INTERVALS + 1 each. What is missing for `resolution_s` or less counts as recorded.
    `is_partial`: footage may lie on a disk that is away."""

    resolution_s: float
    spans: list[Interval]
    gaps: list[Hole]
    is_partial: bool = False


Spans90k = list[tuple[int, int]]


class Recorded(NamedTuple):
    """Recorded spans (start, end) of a stream; holes up to `resolution_90k` are bridged."""

    resolution_90k: int
    spans: Spans90k


def as_timeline(recorded: Recorded, gaps: list[Hole], *, is_partial: bool = False) -> Timeline:
    """What was read, in seconds."""
    return Timeline(
        0.0 if recorded.resolution_90k == TOUCHING_90K else recorded.resolution_90k / TICKS,
        [Interval(begin / TICKS, stop / TICKS) for begin, stop in recorded.spans],
        gaps,
        is_partial,
    )


def read_timeline(connection: sqlite3.Connection, key: StreamKey, start_90k: int, end_90k: int) -> Timeline:
    """The timeline of a stream from `start_90k` to `end_90k`, by index.db. Raises sqlite3.Error."""
    recorded = read_recorded(connection, key, start_90k, end_90k)
    return as_timeline(recorded, read_gaps(connection, key, recorded.spans, start_90k, end_90k))


def read_recorded(connection: sqlite3.Connection, key: StreamKey, start_90k: int, end_90k: int) -> Recorded:
    """Where a stream was recorded, cut to the span. Raises sqlite3.Error."""
    coarse_90k = max((end_90k - start_90k) // MAX_INTERVALS, TOUCHING_90K)
    resolution_90k = TOUCHING_90K if end_90k - start_90k <= EXACT_90K else coarse_90k
    stream = _stream(connection, key)
    if stream is None:
        return Recorded(resolution_90k, [])
    walked = _walk(connection, stream, start_90k, end_90k, resolution_90k)
    if walked is None:
        resolution_90k = coarse_90k
        walked = _walk(connection, stream, start_90k, end_90k, resolution_90k)
    return Recorded(resolution_90k, walked or [])


def read_gaps(
    connection: sqlite3.Connection, key: StreamKey, spans: Spans90k, start_90k: int, end_90k: int
) -> list[Hole]:
    """What is known to be missing between `spans` and the ends. Raises sqlite3.Error."""
    stream = _stream(connection, key)
    return [] if stream is None else _known_gaps(connection, stream, spans, start_90k, end_90k)


def _stream(connection: sqlite3.Connection, key: StreamKey) -> int | None:
    query = "SELECT id FROM streams WHERE camera = ? AND role = ?"
    row = connection.execute(query, (key.camera, key.role.value)).fetchone()
    return None if row is None else int(row["id"])


def _walk(
    connection: sqlite3.Connection, stream: int, start_90k: int, end_90k: int, resolution_90k: int
) -> list[tuple[int, int]] | None:
    """Recorded spans (start, end), holes up to the resolution bridged; None: more than MAX_INTERVALS + 1 of them."""
    spans: list[tuple[int, int]] = []
    row = connection.execute(_LAST, (stream, start_90k)).fetchone()
    if row is None or row["end_90k"] <= start_90k:
        row = connection.execute(_NEXT, (stream, start_90k)).fetchone()
    while row is not None and row["start_90k"] < end_90k:
        begin_90k, stop_90k = max(row["start_90k"], start_90k), row["end_90k"]
        while stop_90k < end_90k:
            limit_90k = min(stop_90k + resolution_90k, end_90k - 1)
            reached_90k = connection.execute(_LAST, (stream, limit_90k)).fetchone()["end_90k"]
            if reached_90k <= stop_90k:
                break
            stop_90k = reached_90k
        spans.append((begin_90k, min(stop_90k, end_90k)))
        if len(spans) > MAX_INTERVALS + 1:
            return None
        row = connection.execute(_NEXT, (stream, stop_90k)).fetchone()
    return spans


def _known_gaps(
    connection: sqlite3.Connection, stream: int, spans: list[tuple[int, int]], start_90k: int, end_90k: int
) -> list[Hole]:
    """The holes between `spans`, and before and behind them, of which a cause is known."""
    edges = [start_90k, *(edge for span in spans for edge in span), end_90k]
    gaps = []
    for hole_start_90k, hole_end_90k in zip(edges[::2], edges[1::2], strict=True):
        if hole_end_90k <= hole_start_90k:
            continue
        bounds = {"stream": stream, "start": hole_start_90k, "end": hole_end_90k, "limit": _GAPS_A_HOLE}
        causes: dict[GapCause, int] = {}
        first_90k, last_90k = hole_end_90k, hole_start_90k
        for row in connection.execute(_GAPS, bounds):
            begin_90k, stop_90k = max(row["start_90k"], hole_start_90k), min(row["end_90k"], hole_end_90k)
            causes[row["cause"]] = causes.get(row["cause"], 0) + stop_90k - begin_90k
            first_90k, last_90k = min(first_90k, begin_90k), max(last_90k, stop_90k)
        if causes:
            cause = max(causes, key=lambda cause: causes[cause])
            gaps.append(Hole(first_90k / TICKS, last_90k / TICKS, cause))
    return gaps
