"""From the event loop to the disk's thread: the streams' consumers and their one queue."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from nvr.clock import Clock
from nvr.events import StreamKey
from nvr.media.access_unit import MediaItem
from nvr.media.audio import AudioUnit
from nvr.record.clock.clock_eras import DiskClock
from nvr.record.clock.stream_clock import BootFootage, StreamClock
from nvr.record.disk.gap_list import GapList
from nvr.record.disk.writer import Batch
from nvr.record.model import Fragment, Gap, GapCause
from nvr.record.mp4.segment import SegmentBuilder

MAX_BYTES = 64 << 20


class Intake:
    """The fragments of all streams that wait for the disk.

    Bounded by `max_bytes` for everything not yet written, fragments that are still open included. Drop policy: what
    does not fit is dropped at once with the rest of its segment, stored as a gap with the cause "overflow" and
    counted in `dropped`; the stream goes on with a new segment at its next keyframe.
    """

    def __init__(self, *, max_bytes: int = MAX_BYTES):
        self.dropped = 0
        self.open_bytes = 0
        self._max_bytes = max_bytes
        self._queue: deque[Fragment] = deque()
        self._queued_bytes = 0
        self._gaps = GapList()
        self._ended: list[int] = []

    @property
    def bytes(self) -> int:
        """Bytes of access units in memory."""
        return self._queued_bytes + self.open_bytes

    @property
    def is_full(self) -> bool:
        return self.bytes > self._max_bytes

    @property
    def has_work(self) -> bool:
        """Whether `take` has anything to give."""
        return bool(self._queue or self._ended or self._gaps)

    def offer(self, fragment: Fragment) -> bool:
        """Queue `fragment`; False: there is no room and it is dropped."""
        size = fragment.payload_bytes
        if self.bytes + size > self._max_bytes:
            self.dropped += 1
            self._gaps.add(Gap(fragment.segment.key, *fragment.missing, "overflow"))
            return False
        self._queue.append(fragment)
        self._queued_bytes += size
        return True

    def end(self, number: int) -> None:
        """The segment `number` gets no further fragments."""
        self._ended.append(number)

    def take(self) -> Batch:
        """All there is. Its bytes count until `settle`."""
        batch = Batch(tuple(self._queue), self._gaps.take(), tuple(self._ended))
        self._queue.clear()
        self._ended.clear()
        return batch

    def settle(self, batch: Batch, left: Iterable[Fragment], lost: int) -> None:
        """`batch` was worked on: `left` must be tried again before all others, `lost` fragments were dropped."""
        self.dropped += lost
        self._queued_bytes -= sum(fragment.payload_bytes for fragment in batch.fragments)
        waiting = list(left)
        self._queued_bytes += sum(fragment.payload_bytes for fragment in waiting)
        self._queue.extendleft(reversed(waiting))


class StreamInput:
    """The consumer of one stream: cuts what arrives and queues it. Cheap, and raises nothing."""

    def __init__(
        self,
        key: StreamKey,
        intake: Intake,
        clock: Clock,
        *,
        end_90k: int | None,
        next_number: Callable[[], int],
        disk: DiskClock | None = None,
        in_boot: BootFootage | None = None,
        stream_clock: StreamClock | None = None,
    ):
        self._intake, self._clock = intake, clock
        self._builder = SegmentBuilder(
            key, end_90k=end_90k, next_number=next_number, disk=disk, in_boot=in_boot, clock=stream_clock
        )
        self._number: int | None = None
        self._open_bytes = 0

    def push(self, item: MediaItem) -> None:
        self._queue(self._builder.push(item, self._wall_minus_mono_s))
        if self._intake.is_full and self._builder.open_bytes:
            self._intake.dropped += 1
            self._builder.abandon("overflow")
            self._note_state()

    def push_audio(self, unit: AudioUnit) -> None:
        self._builder.push_audio(unit)
        self._note_state()

    def flush_stale(self) -> None:
        """Queue the open fragment if the camera pauses."""
        self._queue(self._builder.flush_stale(self._clock.monotonic(), self._wall_minus_mono_s))

    def stop(self) -> None:
        """Queue what there is; the recorder ends."""
        self._queue(self._builder.stop("stopped", self._wall_minus_mono_s))

    def leave(self) -> GapCause | None:
        """Queue what there is; the stream goes on on another disk. The answer: as `SegmentBuilder.pending_cause`."""
        cause = self._builder.pending_cause
        self._queue(self._builder.stop("disk", self._wall_minus_mono_s))
        return cause

    def resume(self, cause: GapCause | None, missing_90k: int | None) -> None:
        """`SegmentBuilder.resume`."""
        self._builder.resume(cause, missing_90k)

    def give_up(self, numbers: set[int], cause: GapCause) -> None:
        """If one of these segments is being filled: it cannot be."""
        if self._builder.segment_number in numbers:
            self._builder.abandon(cause)
            self._note_state()

    @property
    def _wall_minus_mono_s(self) -> float:
        return self._clock.wall() - self._clock.monotonic()

    def _queue(self, fragment: Fragment | None) -> None:
        if fragment is not None:
            number = fragment.segment.number
            if not self._intake.offer(fragment) and self._builder.segment_number == number:
                self._builder.abandon("overflow")
            if self._builder.segment_number != number:
                self._end(number)  # the fragment was the last of its segment, perhaps also the first
        self._note_state()

    def _note_state(self) -> None:
        number = self._builder.segment_number
        if number != self._number and self._number is not None:
            self._end(self._number)
        self._number = number
        self._intake.open_bytes += self._builder.open_bytes - self._open_bytes
        self._open_bytes = self._builder.open_bytes

    def _end(self, number: int) -> None:
        self._intake.end(number)
        if number == self._number:
            self._number = None
