"""Gaps that wait to be stored, as few as possible. Pure."""

from __future__ import annotations

from nvr.events import StreamKey
from nvr.record.model import Gap, GapCause


class GapList:
    """Joins a stream's gaps of one cause where they touch, so that a disk that fails for hours fills no memory."""

    def __init__(self) -> None:
        self._gaps: list[Gap] = []
        self._last: dict[tuple[StreamKey, GapCause], int] = {}

    def __len__(self) -> int:
        return len(self._gaps)

    def add(self, gap: Gap) -> None:
        index = self._last.get((gap.key, gap.cause))
        if index is not None and self._gaps[index].end_90k == gap.start_90k:
            joined = Gap(gap.key, self._gaps[index].start_90k, gap.end_90k, gap.cause)
            self._gaps[index] = joined
        elif gap.end_90k > gap.start_90k:
            self._last[gap.key, gap.cause] = len(self._gaps)
            self._gaps.append(gap)

    def take(self) -> list[Gap]:
        """All of them; the list is empty then."""
        gaps, self._gaps = self._gaps, []
        self._last.clear()
        return gaps
