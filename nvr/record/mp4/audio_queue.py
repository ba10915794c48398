"""Audio of one stream until the fragment that it belongs to is complete. Pure."""

from __future__ import annotations

from collections import deque
from itertools import pairwise

from nvr.media.audio import AudioConfig, AudioUnit
from nvr.record.model import AUDIO_LEAD_90K, TICKS, AudioRun

MAX_UNITS = 2_000
MAX_BYTES = 1 << 20
"""More is let go, the oldest first: the video does not come, or nobody knows its time."""
MOST_OVERLAP_90K = TICKS // 50
RESTART_90K = 10 * TICKS


class AudioQueue:
    """Takes units in order; what overlaps the unit before is dropped. `config`: of the newest, None: there is no audio.
    `bytes`: of what waits."""

    def __init__(self) -> None:
        self.config: AudioConfig | None = None
        self.bytes = 0
        self._units: deque[tuple[int, AudioUnit]] = deque()
        self._end_90k: int | None = None

    def push(self, unit: AudioUnit) -> None:
        start_90k, end_90k = unit.pts_90k, self._end_90k
        if end_90k is not None and start_90k < end_90k:
            if start_90k < end_90k - RESTART_90K:
                self._units.clear()
                self.bytes = 0
            elif start_90k < end_90k - min(unit.duration_90k // 2, MOST_OVERLAP_90K):
                return
            else:
                start_90k = end_90k
        self.config = unit.config
        self._end_90k = start_90k + unit.duration_90k
        self._units.append((start_90k, unit))
        self.bytes += len(unit.data)
        while len(self._units) > MAX_UNITS or self.bytes > MAX_BYTES:
            self._drop()

    def restart(self) -> None:
        """There is no audio any more; should there be some, its time counts anew."""
        self.config = self._end_90k = None
        self.bytes = 0
        self._units.clear()

    def begin(self, base_90k: int, *, goes_on: bool) -> AudioConfig | None:
        """A segment begins with a picture of this pts; `goes_on`: nothing is missing before it. The answer is the
        configuration of its audio track."""
        least_90k = base_90k - AUDIO_LEAD_90K if goes_on else base_90k
        while self._units and (self._units[0][0] < least_90k or self._units[0][1].config != self.config):
            self._drop()
        return self.config

    def take(self, config: AudioConfig | None, base_90k: int, end_90k: int) -> AudioRun | None:
        """All that waits for the segment with this track and begins before `end_90k`."""
        starts_90k: list[int] = []
        units: list[AudioUnit] = []
        while self._units and self._units[0][0] < end_90k and self._units[0][1].config == config:
            start_90k, unit = self._units[0]
            starts_90k.append(start_90k)
            units.append(unit)
            self._drop()
        if not units:
            return None
        starts_90k.append(starts_90k[-1] + units[-1].duration_90k)
        return AudioRun(
            max(starts_90k[0] - base_90k + AUDIO_LEAD_90K, 0),
            tuple(unit.data for unit in units),
            tuple(later - earlier for earlier, later in pairwise(starts_90k)),
        )

    def _drop(self) -> None:
        _, unit = self._units.popleft()
        self.bytes -= len(unit.data)
