"""What was seen lately, on its way to the segments: bounded, merged, and kept for footage that is committed later."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from nvr.events import StreamKey
from nvr.record.model import FootageClass, Mark, SegmentRow

MAX_NEW = 4096
"""Marks that wait for the disk's thread; beyond, the oldest are forgotten until the next start tells them again."""
MAX_SPANS = 128
"""Of a camera and class, which is two hours of every other minute at least; a segment lasts a minute."""
Spans = dict[tuple[str, FootageClass], list[tuple[int, int]]]


class Marks:
    """`add` on the event loop's thread, all else on the disk's."""

    def __init__(self) -> None:
        self._new: deque[Mark] = deque(maxlen=MAX_NEW)
        self._waiting: Spans = {}
        self._recent: Spans = {}

    def add(self, mark: Mark) -> None:
        """Neither blocks nor raises; the footage may be committed already or not."""
        self._new.append(mark)

    def __bool__(self) -> bool:
        """Whether any wait."""
        return bool(self._new or self._waiting)

    def waiting(self) -> list[Mark]:
        """Marks that committed segments have not been told yet, those that touch as one."""
        while self._new:
            mark = self._new.popleft()
            for spans in (self._waiting, self._recent):
                _insert(spans.setdefault((mark.camera, mark.kind), []), mark.start_90k, mark.end_90k)
        return [
            Mark(camera, start_90k, end_90k, kind)
            for (camera, kind), spans in self._waiting.items()
            for start_90k, end_90k in spans
        ]

    def told(self) -> None:
        """What `waiting` gave is committed."""
        self._waiting.clear()

    def classes(self, rows: Iterable[SegmentRow]) -> Iterator[dict[str, int]]:
        """`number` and class, `kind`, of those of `rows` in which something was seen lately."""
        for row in rows:
            kind = self._of(row.segment.key, row.segment.start_90k, row.end_90k)
            if kind is not FootageClass.CONTINUOUS:
                yield {"number": row.segment.number, "kind": kind}

    def _of(self, key: StreamKey, start_90k: int, end_90k: int) -> FootageClass:
        for kind in (FootageClass.PERSON, FootageClass.MOTION):
            spans = self._recent.get((key.camera, kind), ())
            if any(begin < end_90k and start_90k < end for begin, end in reversed(spans)):
                return kind
        return FootageClass.CONTINUOUS


def _insert(spans: list[tuple[int, int]], start_90k: int, end_90k: int) -> None:
    """Into disjoint spans in order, joined with what it touches."""
    touched = [span for span in spans if span[0] <= end_90k and start_90k <= span[1]]
    others = [span for span in spans if span not in touched]
    joined = (min([start_90k, *(s for s, _ in touched)]), max([end_90k, *(e for _, e in touched)]))
    spans[:] = sorted([*others, joined])[-MAX_SPANS:]
