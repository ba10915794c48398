"""One stream's way to the disk that records it now."""

from __future__ import annotations

from nvr.events import StreamKey
from nvr.media.access_unit import AccessUnit, MediaItem
from nvr.media.audio import AudioUnit
from nvr.record.clock.clock_eras import ClockEras
from nvr.record.clock.stream_clock import StreamClock
from nvr.record.disk.intake import StreamInput
from nvr.record.disk.recorder import Recorder
from nvr.record.disks.disk import Disk


class Route:
    """Passes a stream's items to the recorder of its disk, if it is open; what arrives meanwhile is missing.

    The stream has one clock on all disks (`eras`: of all streams), so nothing it records overlaps. It changes from one
    open disk to another at a keyframe and loses nothing; where its disk is gone it goes on at once, and what is missing
    is a gap "disk" from where its stored footage ends.
    """

    def __init__(self, key: StreamKey, eras: ClockEras):
        self.key = key
        self._clock = StreamClock(eras)
        self._met: list[Recorder] = []
        self._stored_90k: int | None = None
        self._disk: Disk | None = None
        self._wanted: Disk | None = None
        self._recorder: Recorder | None = None
        self._input: StreamInput | None = None
        self._has_begun = False

    @property
    def disk(self) -> Disk | None:
        """Where it records now."""
        return self._disk if self._input is not None else None

    def push(self, item: MediaItem) -> None:
        if self._wanted is not self._disk and isinstance(item, AccessUnit) and item.is_key:
            self._move()
        if self._input is not None:
            self._input.push(item)

    def push_audio(self, unit: AudioUnit) -> None:
        if self._input is not None:
            self._input.push_audio(unit)

    def meet(self, recorders: list[Recorder]) -> None:
        """These disks are open: nothing begins before what was found there."""
        for recorder in recorders:
            if recorder not in self._met:
                self._clock.take_in(*recorder.found(self.key))
        self._met = recorders

    def aim(self, disk: Disk | None, stored_90k: int | None) -> None:
        """Record on `disk` from the next keyframe on. `stored_90k`: where its footage ends on all disks together."""
        self._wanted, self._stored_90k = disk, stored_90k
        if self._input is None or self._disk is None or self._disk.recorder is not self._recorder:
            self._move()

    def _move(self) -> None:
        """Now: nothing of the stream is being recorded, or a keyframe comes next."""
        old, old_disk = self._input, self._disk
        is_open = old_disk is not None and old_disk.recorder is self._recorder
        self._disk = self._wanted
        self._recorder = None if self._disk is None else self._disk.recorder
        if self._recorder is None or self._disk is None:
            self._input = None
            return
        cause = old.leave() if old is not None and is_open else None
        self._input = self._recorder.consumer(self.key, self._clock)
        if old is not None and is_open and old_disk is not None:
            lost = not old_disk.is_well
            self._input.resume("disk" if lost else cause, self._stored(old_disk) if lost else None)
        elif self._has_begun:
            self._clock.restart()
            self._input.resume("disk", self._stored_90k)
        self._has_begun = True

    def _stored(self, left: Disk) -> int | None:
        """What waits for a disk that does not take it may never reach it."""
        ends = [end for end in (self._stored_90k, left.ends_90k.get(self.key)) if end is not None]
        return max(ends, default=None)
