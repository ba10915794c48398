"""The facade of recording: open a directory, give it streams, find and play what it holds."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import structlog

from nvr.clock import Clock
from nvr.errors import StorageError
from nvr.events import Fault, StreamKey
from nvr.faults import FaultBoard
from nvr.record.clock.clock_eras import ClockEras
from nvr.record.clock.stream_clock import StreamClock
from nvr.record.disk.correcting import Correcting
from nvr.record.disk.counters import Counters, MinimumWatch, OverflowWatch
from nvr.record.disk.directory import Directory
from nvr.record.disk.finder import Finder
from nvr.record.disk.forecast import Forecast
from nvr.record.disk.holds import PLACE as HOLDS
from nvr.record.disk.holds import Holds
from nvr.record.disk.identity import DiskIdentity, DiskMissing
from nvr.record.disk.intake import Intake, StreamInput
from nvr.record.disk.marking import Marking, Seen
from nvr.record.disk.pace import PACE, Pace
from nvr.record.disk.picture_days import PictureDays
from nvr.record.disk.pictures import PictureStore
from nvr.record.disk.rebuilding import Rebuilding
from nvr.record.disk.writer import Batch, Report
from nvr.record.errors import PLACE, DiskFull, storage_error
from nvr.record.keep.hold import Hold
from nvr.record.keep.retention import KEEP_AS_ROOM_ALLOWS, Budget, Keep
from nvr.record.keep.settled_clock import SettledClock
from nvr.record.layout import stream_folder
from nvr.record.model import Statistics, Usage
from nvr.record.threads import Threads

log = structlog.get_logger(__name__)

HOLD_SHARE = 0.25


class Recorder(Finder):
    """One recordings directory: records into it while `run` runs, and answers what it holds until `close`. `pictures`:
    those of incidents, beside the footage.

    Made by `open`. Only the event loop's thread may call anything here.
    """

    def __init__(
        self,
        root: Path,
        directory: Directory,
        threads: Threads,
        clock: Clock,
        faults: FaultBoard,
        pace: Pace,
        hold_share: float,
        forecast: Forecast,
        picture_days: PictureDays,
        place: str,
        eras: ClockEras,
        seen: Seen | None,
    ):
        self.forecast, self._place = forecast, place
        self.holds = Holds(
            root, directory, threads, clock, faults, hold_share, place.replace(PLACE, HOLDS, 1)
        )
        super().__init__(root, directory, threads)
        self._clock, self._faults, self._pace = clock, faults, pace
        self._intake = Intake(max_bytes=pace.memory_bytes)
        self._inputs: dict[StreamKey, StreamInput] = {}
        self._numbers = itertools.count(directory.next_number)
        self.pictures, self._picture_days = picture_days.pictures, picture_days
        self.ends_90k = directory.ends_90k
        self._worked_s = asyncio.get_running_loop().time()
        self._step_since_s: float | None = None
        self._is_over = False
        self._counters = Counters()
        self._listeners: list[Callable[[], None]] = []
        self._in_flight: tuple[Batch, asyncio.Future[Report]] | None = None
        self._disk_clock = directory.clock(eras, self._numbers.__next__)
        self._correcting = Correcting(
            root, directory, threads, clock, self._disk_clock, self._tell, pace.retry_s
        )
        self._rebuilding = Rebuilding(
            root,
            directory,
            threads,
            faults,
            self._numbers.__next__,
            pace.retry_s,
            self._correcting.again,
            place,
        )
        self.marking = Marking(directory, threads, seen, pace.retry_s)
        if not directory.writer.room.may_delete:
            self._rebuilding.needed.set()

    @classmethod
    async def open(
        cls,
        root: Path,
        *,
        clock: Clock,
        faults: FaultBoard,
        max_bytes: int | None,
        keep_free_bytes: int,
        pace: Pace = PACE,
        identity: DiskIdentity | None = None,
        keep: Keep = KEEP_AS_ROOM_ALLOWS,
        hold_share: float = HOLD_SHARE,
        place: str = PLACE,
        other_holds: Iterable[Hold] = (),
        eras: ClockEras | None = None,
        seen: Seen | None = None,
    ) -> Recorder:
        """Take the directory, mend what a crash left, and be ready.

        At most `max_bytes` (None: no limit) are used and `keep_free_bytes` stay free, by deleting the oldest footage
        that `keep` allows; what is older than its maximum is deleted too. Holds may take `hold_share` of the disk.
        `place`: of its faults ("disk…"; those of holds are at "holds…"). `other_holds`: of other disks; they count here
        too. `eras`: of all disks together (None: this is the only one). `seen`: what was seen in footage before.
        Raises DiskMissing: `identity` says that it is not on its disk; StorageError, with directory and remedy: it is
        missing (its last part alone is created), is no directory, cannot be written, is in use by another process, or
        its index is of a newer version.
        """
        budget = Budget(max_bytes, keep_free_bytes)
        threads = Threads()
        try:
            settled = SettledClock(clock, pace.settle_s)
            eras = eras or ClockEras(clock.state())
            directory = await Directory.open(
                root, threads, _now(clock), budget, identity, keep, settled, eras.boot_id, other_holds
            )
        except BaseException:
            threads.close()
            raise
        forecast = Forecast(directory, budget, keep)
        picture_days = PictureDays(PictureStore(root, directory.check), directory, keep, settled)
        recorder = cls(
            root,
            directory,
            threads,
            clock,
            faults,
            pace,
            hold_share,
            forecast,
            picture_days,
            place,
            eras,
            seen,
        )
        try:
            await recorder._correcting.begin()
        except BaseException:
            await recorder.close()
            raise
        return recorder

    async def run(self, healthy: Callable[[], None]) -> None:
        """Record until cancelled, then end and commit everything, waiting a few seconds for it at most.

        Disk errors are faults of its place while they last ("disk_full", "storage", "disk_slow",
        "record_overflow", "index_rebuilding", "keep_minimum"); it keeps trying. Calls `healthy` when a first commit has
        worked.
        Raises (in a group) DiskMissing when the disk was unmounted, StorageError when nothing has worked for a while
        and it is not merely full; then `close` and open it anew.
        """
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._rebuilding.run())
                group.create_task(self._correcting.run())
                group.create_task(self.marking.run())
                group.create_task(self.holds.watch())
                group.create_task(self.forecast.watch())
                group.create_task(self._picture_days.watch())
                await self._record(healthy)
        finally:
            self._is_over = True
            await self._finish()

    async def close(self) -> None:
        """Let go of the directory, after `run` has ended; a disk that does not answer is not waited for."""
        self._disk_clock.eras.leave(self._disk_clock)
        self.pictures.close()
        try:
            await self._directory.close(self._pace.finish_s)
        except TimeoutError:
            log.error("the disk does not answer; it is left as it is", path=str(self._root))
        finally:
            self._threads.close()

    def consumer(self, key: StreamKey, stream_clock: StreamClock | None = None) -> StreamInput:
        """What records the stream `key`. `stream_clock`: the stream's own, where it records on several disks in turn;
        it has been told what is `found` here. Raises ValueError: the camera's id is no plain name."""
        stream_folder(key)
        if key not in self._inputs:
            self._inputs[key] = StreamInput(
                key,
                self._intake,
                self._clock,
                end_90k=self._directory.ends_90k.get(key),
                next_number=self._numbers.__next__,
                disk=self._disk_clock,
                in_boot=self._directory.in_boot.get(key),
                stream_clock=stream_clock,
            )
        return self._inputs[key]

    @property
    def is_well(self) -> bool:
        """Whether it records, and what is given to it reaches the disk in time."""
        now_s = asyncio.get_running_loop().time()
        return not self._is_over and now_s - self._worked_s < self._pace.stuck_s and self.answers

    @property
    def answers(self) -> bool:
        """Whether the disk finishes what it is asked to, be it with an error."""
        now_s = asyncio.get_running_loop().time()
        return self._step_since_s is None or now_s - self._step_since_s < self._pace.stuck_s

    def on_commit(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever new footage can be found and played; it must neither block nor raise."""
        self._listeners.append(listener)

    def usage(self) -> Usage:
        """How full the directory is, as of the last commit."""
        return self._counters.usage(self._directory.writer.fill, self._clock.wall(), self._intake.dropped)

    def statistics(self) -> Statistics:
        """Counters since the start."""
        return self._counters.statistics(self._intake.dropped, self._intake.bytes)

    # Recording

    async def _record(self, healthy: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        worked_at = loop.time()
        committed_at = worked_at - self._pace.commit_s  # the first at once: it shows whether the disk works
        overflow = OverflowWatch(self._faults, self._pace.overflow_s, self._place)
        minimum = MinimumWatch(self._faults, self._pace.minimum_s, self._place)
        for code in ("record_overflow", "keep_minimum", "disk_slow"):
            self._faults.clear(self._place, code)  # of an earlier life, which nobody watches any more
        while True:
            await asyncio.sleep(self._pace.write_s)
            await self._correcting.look()
            for stream in self._inputs.values():
                stream.flush_stale()
            now = loop.time()
            commit = now - committed_at >= self._pace.commit_s
            if not commit and not self._intake.has_work:
                continue
            report = await self._step(self._intake.take(), commit=commit)
            # What fails altogether is one fault, not two.
            overflow.look(
                self._intake.dropped, loop.time(), is_known=not isinstance(report.error, DiskFull | None)
            )
            minimum.look(report.broken, loop.time())
            if commit:
                committed_at = now
            if report.is_committed:
                worked_at = loop.time()
                healthy()
            if self._index_is_damaged or report.is_index_corrupt:
                await self._replace_index()
            if report.error is None:
                continue
            given_up = (
                not isinstance(report.error, DiskFull) and loop.time() - worked_at > self._pace.reopen_s
            )
            if given_up or isinstance(report.error, DiskMissing):
                # Whoever opens it anew says what is wrong then.
                self._faults.clear(self._place, but=report.error.code)
                raise report.error
            await asyncio.sleep(self._pace.retry_s)

    async def _step(self, batch: Batch, *, commit: bool, finish: bool = False) -> Report:
        future = self._threads.on_disk(self._directory.step, batch, commit=commit, finish=finish)
        self._in_flight = batch, future
        self._step_since_s = asyncio.get_running_loop().time()
        # `wait` leaves the work alone when this task is cancelled; `_finish` takes its report.
        done, _ = await asyncio.wait([future], timeout=self._pace.slow_s)
        if not done:
            detail = f"{self._root}: the disk has not answered for {self._pace.slow_s:g} s"
            self._faults.raise_fault(Fault(self._place, "disk_slow", detail, {"path": str(self._root)}))
            await asyncio.wait([future])
        return self._settle()

    def _settle(self) -> Report:
        """Take in the report of the finished step."""
        if self._in_flight is None:
            return Report()
        (batch, future), self._in_flight = self._in_flight, None
        report = future.result()
        self._step_since_s = None
        if report.error is None:
            self._worked_s = asyncio.get_running_loop().time()
        self.ends_90k.update(report.ends_90k)
        self._intake.settle(batch, report.left, report.lost)
        for stream in self._inputs.values() if report.given_up else ():
            stream.give_up(report.given_up, "disk")
        self._faults.clear(self._place, "disk_slow")
        error = report.error
        if error is not None:
            self._faults.raise_fault(Fault(self._place, error.code, str(error), error.params))
        elif report.is_committed:
            self._faults.clear(self._place, DiskFull.code)
            self._faults.clear(self._place, StorageError.code)
        if report.fragments:
            self._counters.add(report)
            self._tell()
        return report

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()

    async def _finish(self) -> None:
        try:
            async with asyncio.timeout(self._pace.finish_s):
                if self._in_flight is not None:
                    await asyncio.wait([self._in_flight[1]])
                    self._settle()
                for stream in self._inputs.values():
                    stream.stop()
                await self._correcting.look()
                await self._step(self._intake.take(), commit=True, finish=True)
        except TimeoutError:
            log.error("the disk does not answer; the last seconds are not recorded", path=str(self._root))

    async def _replace_index(self) -> None:
        log.error("index is damaged and will be rebuilt", path=str(self._root))
        try:
            await self._directory.replace_index(_now(self._clock))
        except OSError as error:
            raise storage_error(self._root, error) from error
        self._index_is_damaged = False
        self._rebuilding.needed.set()


def _now(clock: Clock) -> datetime:
    return datetime.fromtimestamp(clock.wall(), UTC)
