"""The oldest footage of each stream and class, read from the index as it is asked for."""

from __future__ import annotations

import heapq
import sqlite3
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence

from nvr.events import Role, StreamKey
from nvr.record.index.rows import candidate_of
from nvr.record.keep.retention import Span90k, Until
from nvr.record.model import Candidate, FootageClass

Query = Callable[[str, tuple[int | str, ...]], list[sqlite3.Row]]
_END_90K = 1 << 62
_FIRST_PAGE, _LAST_PAGE = 8, 512
# One look-up for each stream and class, however much is kept of them.
_FIRST = """
    SELECT segments.id, stream, start_90k, duration_90k, segments.bytes, shift_90k, kind, camera, role
    FROM streams CROSS JOIN (SELECT 0 AS kind UNION ALL SELECT 1 UNION ALL SELECT 2) CROSS JOIN segments
    ON segments.id = (SELECT oldest.id FROM segments AS oldest INDEXED BY segments_by_class
                      WHERE oldest.stream = streams.id AND oldest.class = kind AND NOT oldest.is_open
                      ORDER BY oldest.start_90k LIMIT 1)
    WHERE ?1 = '' OR camera = ?1
"""
_NEXT = """
    SELECT id, start_90k, duration_90k, bytes, shift_90k FROM segments INDEXED BY segments_by_class
    WHERE stream = ? AND class = ? AND start_90k > ? AND start_90k < ? AND NOT is_open ORDER BY start_90k LIMIT ?
"""


def oldest_of_classes(
    query: Query,
    until: Until,
    held: Mapping[str, Sequence[Span90k]],
    camera: str = "",
) -> Iterator[Candidate]:
    """Closed segments in order of time that end at `until` of their camera and class or before; of each span in `held`
    (as in `Rules`) only some. `camera`: only its own ("": all). Raises sqlite3.Error."""
    found = [_of_class(query, row, until, held) for row in query(_FIRST, (camera,))]
    return heapq.merge(*found, key=lambda candidate: (candidate.start_90k, candidate.number))


def _of_class(
    query: Query, first: sqlite3.Row, until: Until, held: Mapping[str, Sequence[Span90k]]
) -> Iterator[Candidate]:
    key, kind = StreamKey(first["camera"], Role(first["role"])), FootageClass(first["kind"])
    limit_90k, spans = until(key.camera, kind), held.get(key.camera, ())
    until_90k = _END_90K if limit_90k is None else limit_90k
    rows, count = [first], _FIRST_PAGE
    while rows:
        start_90k = rows[-1]["start_90k"]
        for row in rows:
            candidate = candidate_of(row, key, kind)
            if candidate.end_90k > until_90k:
                return
            yield candidate
            held_until_90k = _held_until(spans, candidate)
            if held_until_90k is not None:
                # Segments of a stream never overlap, so all that start before that are held too.
                start_90k = held_until_90k - 1
                break
        values = (first["stream"], kind, start_90k, until_90k, count)
        rows, count = query(_NEXT, values), min(count * 4, _LAST_PAGE)


def _held_until(spans: Sequence[Span90k], candidate: Candidate) -> int | None:
    """Where that of disjoint `spans` in order ends that reaches into it last."""
    place = bisect_left(spans, (candidate.end_90k, 0))
    return spans[place - 1][1] if place and spans[place - 1][1] > candidate.start_90k else None
