"""What several disks say of one stream as one answer. Pure.

A stream is recorded on one disk at a time, so what they hold does not overlap; where it does all the same (a clock
that was wrong while a disk was away), what begins first counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from nvr.events import StreamKey
from nvr.record.index.timeline import MAX_INTERVALS, TOUCHING_90K, Hole, Recorded
from nvr.record.keep.retention import Span90k
from nvr.record.model import TICKS, Deletion, Interval
from nvr.record.mp4.virtual_mp4 import Piece

OVERLAP_90K = TICKS // 10


def join_spans(spans: Iterable[Span90k], touching_90k: int) -> list[Span90k]:
    """Disjoint and in order, joined where `touching_90k` or less lies between."""
    joined: list[Span90k] = []
    for start_90k, end_90k in sorted(spans):
        if joined and start_90k - joined[-1][1] <= touching_90k:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end_90k))
        else:
            joined.append((start_90k, end_90k))
    return joined


def join_recorded(found: Sequence[Recorded], asked_90k: int) -> Recorded:
    """As one disk would say it, in a bounded number of spans. `asked_90k`: length of what was asked for."""
    resolution_90k = max((recorded.resolution_90k for recorded in found), default=TOUCHING_90K)
    parts = [span for recorded in found for span in recorded.spans]
    spans = join_spans(parts, resolution_90k)
    if len(spans) > MAX_INTERVALS + 1:
        resolution_90k = max(asked_90k // MAX_INTERVALS, resolution_90k)
        spans = join_spans(parts, resolution_90k)
    return Recorded(resolution_90k, spans)


def join_intervals(found: Iterable[Interval]) -> list[Interval]:
    """Recorded intervals of several disks."""
    ticks = [(round(begin * TICKS), round(end * TICKS)) for begin, end in found]
    return [Interval(begin / TICKS, end / TICKS) for begin, end in join_spans(ticks, TOUCHING_90K)]


def join_holes(found: Iterable[Hole]) -> list[Hole]:
    """Disjoint and in order; where two overlap the one that begins first keeps its cause."""
    joined: list[Hole] = []
    for hole in sorted(found):
        begin_s = max(hole.start_s, joined[-1].end_s) if joined else hole.start_s
        if joined and hole.cause == joined[-1].cause and hole.start_s <= joined[-1].end_s:
            joined[-1] = joined[-1]._replace(end_s=max(joined[-1].end_s, hole.end_s))
        elif begin_s < hole.end_s:
            joined.append(hole._replace(start_s=begin_s))
    return joined


def join_deletions(found: Iterable[Deletion]) -> list[Deletion]:
    """Those of one stream, day and cause summed up; newest day first."""
    joined: dict[tuple[int, StreamKey, str], Deletion] = {}
    for deletion in found:
        name = (-deletion.day, deletion.key, deletion.cause)
        before = joined.get(name)
        joined[name] = (
            deletion
            if before is None
            else replace(
                before,
                segments=before.segments + deletion.segments,
                bytes=before.bytes + deletion.bytes,
                start_90k=min(before.start_90k, deletion.start_90k),
                end_90k=max(before.end_90k, deletion.end_90k),
            )
        )
    return [joined[name] for name in sorted(joined)]


def join_pieces(found: Iterable[Piece]) -> list[Piece]:
    """In order of time; of what overlaps, fragments that begin before the end of the piece before are left out, up to
    the next keyframe."""
    joined: list[Piece] = []
    for piece in sorted(found, key=lambda piece: piece.start_90k):
        rest = piece if not joined else _from(piece, joined[-1].end_90k - OVERLAP_90K)
        if rest is not None:
            joined.append(rest)
    return joined


def _from(piece: Piece, start_90k: int) -> Piece | None:
    offset = piece.offset
    for index, fragment in enumerate(piece.fragments):
        begin_90k = piece.segment.wall_90k(fragment.media_90k)
        if begin_90k >= start_90k and bool(fragment.samples.keys[0]):
            return replace(piece, offset=offset, fragments=piece.fragments[index:])
        offset += fragment.bytes
    return None
