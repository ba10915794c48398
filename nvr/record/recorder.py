"""The facade of recording: open a directory, give it streams, find and play what it holds."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import structlog

from nvr.clock import Clock
from nvr.errors import StorageError
from nvr.events import Fault, StreamKey
from nvr.faults import FaultBoard
from nvr.media.hub import Consumer
from nvr.record import playback
from nvr.record.correcting import Correcting
from nvr.record.correction import ClockEras
from nvr.record.counters import Counters, MinimumWatch, OverflowWatch
from nvr.record.directory import Directory, Threads
from nvr.record.errors import PLACE, DiskFull, is_corrupt, storage_error
from nvr.record.forecast import Forecast
from nvr.record.holds import Holds
from nvr.record.identity import DiskIdentity, DiskMissing
from nvr.record.index import Index
from nvr.record.intake import Intake, StreamInput
from nvr.record.keyframe import Keyframe, read_keyframe
from nvr.record.layout import stream_folder
from nvr.record.model import TICKS, Gap, Interval, Statistics, Usage
from nvr.record.pace import PACE, Pace
from nvr.record.pictures import PictureStore
from nvr.record.rebuilding import Rebuilding
from nvr.record.retention import KEEP_AS_ROOM_ALLOWS, Budget, Keep
from nvr.record.settled_clock import SettledClock
from nvr.record.timeline import Timeline, read_timeline
from nvr.record.virtual_mp4 import VirtualMp4
from nvr.record.writer import Batch, Report

log = structlog.get_logger(__name__)

HOLD_SHARE = 0.25


class Recorder:
    """One recordings directory: records into it while `run` runs, and answers what it holds until `close`.

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
        eras: ClockEras,
    ):
        self.forecast = forecast
        self.holds = Holds(root, directory, threads, clock, faults, hold_share)
        self._root, self._directory, self._threads = root, directory, threads
        self._clock, self._faults, self._pace = clock, faults, pace
        self._intake = Intake(max_bytes=pace.memory_bytes)
        self._inputs: dict[StreamKey, StreamInput] = {}
        self._numbers = itertools.count(directory.next_number)
        self._pictures = PictureStore(root)
        self._counters = Counters()
        self._listeners: list[Callable[[], None]] = []
        self._in_flight: tuple[Batch, asyncio.Future[Report]] | None = None
        self._index_is_damaged = False
        self._eras = eras
        self._correcting = Correcting(
            root, directory, threads, clock, eras, self._numbers.__next__, self._tell, pace.retry_s
        )
        again = self._correcting.again
        self._rebuilding = Rebuilding(
            root, directory, threads, faults, self._numbers.__next__, pace.retry_s, again
        )
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
    ) -> Recorder:
        """Take the directory, mend what a crash left, and be ready.

        At most `max_bytes` (None: no limit) are used and `keep_free_bytes` stay free, by deleting the oldest footage
        that `keep` allows; what is older than its maximum is deleted too. Holds may take `hold_share` of the disk.
        Raises DiskMissing: `identity` says that it is not on its disk; StorageError, with directory and remedy: it is
        missing (its last part alone is created), is no directory, cannot be written, is in use by another process, or
        its index is of a newer version.
        """
        budget = Budget(max_bytes, keep_free_bytes)
        threads = Threads()
        try:
            settled = SettledClock(clock, pace.settle_s)
            eras = ClockEras(clock.state())
            directory = await Directory.open(
                root, threads, _now(clock), budget, identity, keep, settled, eras
            )
        except BaseException:
            threads.close()
            raise
        forecast = Forecast(directory, clock, budget, keep)
        return cls(root, directory, threads, clock, faults, pace, hold_share, forecast, eras)

    async def run(self, healthy: Callable[[], None]) -> None:
        """Record until cancelled, then end and commit everything, waiting a few seconds for it at most.

        Disk errors are faults of the place "disk" while they last ("disk_full", "storage", "disk_slow",
        "record_overflow", "index_rebuilding", "keep_minimum"); it keeps trying. Calls `healthy` when a first commit has
        worked.
        Raises (in a group) DiskMissing when the disk was unmounted, StorageError when nothing has worked for a while
        and it is not merely full; then `close` and open it anew.
        """
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._rebuilding.run())
                group.create_task(self._correcting.run())
                group.create_task(self.holds.watch())
                group.create_task(self.forecast.watch())
                await self._record(healthy)
        finally:
            await self._finish()

    async def close(self) -> None:
        """Let go of the directory, after `run` has ended; a disk that does not answer is not waited for."""
        self._pictures.close()
        try:
            async with asyncio.timeout(self._pace.finish_s):
                await self._directory.close()
        except TimeoutError:
            log.error("the disk does not answer; it is left as it is", path=str(self._root))
        self._threads.close()

    def consumer(self, key: StreamKey) -> Consumer:
        """What records the stream `key`, to be attached to its hub. Raises ValueError: the camera's id is no plain
        name."""
        stream_folder(key)
        if key not in self._inputs:
            self._inputs[key] = StreamInput(
                key,
                self._intake,
                self._clock,
                end_90k=self._directory.ends_90k.get(key),
                next_number=self._numbers.__next__,
                eras=self._eras,
                in_boot=self._directory.in_boot.get(key),
            )
        return self._inputs[key]

    def on_commit(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever new footage can be found and played; it must neither block nor raise."""
        self._listeners.append(listener)

    async def coverage(self, key: StreamKey, start_s: float, end_s: float) -> list[Interval]:
        """Recorded intervals of a span, in order, cut to it, those that touch joined; committed footage only.

        Raises StorageError: the index cannot be read.
        """
        with self._reading() as index:
            return await index.coverage(key, int(start_s * TICKS), int(end_s * TICKS))

    async def gaps(self, key: StreamKey, start_s: float, end_s: float) -> list[Gap]:
        """Footage known to be missing in a span, and why, in order of time. Raises StorageError."""
        with self._reading() as index:
            return await index.gaps(key, int(start_s * TICKS), int(end_s * TICKS))

    async def timeline(self, key: StreamKey, start_s: float, end_s: float) -> Timeline:
        """Recorded and missing intervals of a span of any length. Raises StorageError."""
        with self._reading() as index:
            return await index.db.read(
                lambda connection: read_timeline(connection, key, int(start_s * TICKS), int(end_s * TICKS))
            )

    async def keyframe(self, key: StreamKey, at_s: float, max_bytes: int) -> Keyframe | None:
        """The keyframe shown at `at_s` or before, of the segment that has footage of that moment; None: nothing was
        recorded then, or it has more than `max_bytes`. Raises StorageError."""
        at_90k = int(at_s * TICKS)
        with self._reading() as index:
            rows = await index.rows(key, at_90k, at_90k + 1)
        if not rows:
            return None
        return await self._threads.reading(read_keyframe, self._root, rows[0], at_90k, max_bytes)

    async def mp4(self, key: StreamKey, start_s: float, end_s: float) -> list[VirtualMp4]:
        """Committed footage of a span as MP4s, one for each run of equal parameter sets; [] if there is none.

        The first starts with the keyframe shown at `start_s` or before (the first after, if nothing was recorded
        then); the last ends up to a second behind `end_s`. Raises StorageError: the index cannot be read.
        """
        start_90k, end_90k = int(start_s * TICKS), int(end_s * TICKS)
        with self._reading() as index:
            rows = await index.rows(key, start_90k, end_90k)
        return await self._threads.reading(playback.build, self._root, rows, start_90k, end_90k)

    def usage(self) -> Usage:
        """How full the directory is, as of the last commit."""
        fill = self._directory.writer.fill
        oldest_s = None if fill.oldest_90k is None else fill.oldest_90k / TICKS
        days = 0.0 if oldest_s is None else max(self._clock.wall() - oldest_s, 0.0) / 86_400
        return Usage(fill.used_bytes, fill.free_bytes, oldest_s, days, self._intake.dropped)

    def statistics(self) -> Statistics:
        """Counters since the start."""
        counters = self._counters
        return Statistics(
            frames=dict(counters.frames),
            fragments=counters.fragments,
            dropped_fragments=self._intake.dropped,
            commits=counters.commits,
            last_commit_s=counters.last_commit_s,
            queued_bytes=self._intake.bytes,
        )

    @property
    def pictures(self) -> PictureStore:
        """Incident pictures beside the footage."""
        return self._pictures

    # Recording

    async def _record(self, healthy: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        committed_at = worked_at = loop.time()
        overflow = OverflowWatch(self._faults, self._pace.overflow_s)
        minimum = MinimumWatch(self._faults, self._pace.minimum_s)
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
            overflow.look(self._intake.dropped, loop.time())
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
            if isinstance(report.error, DiskMissing):
                self._faults.clear(PLACE)  # what the disk suffered before is no more to be mended
                raise report.error
            if not isinstance(report.error, DiskFull) and loop.time() - worked_at > self._pace.reopen_s:
                raise report.error
            await asyncio.sleep(self._pace.retry_s)

    async def _step(self, batch: Batch, *, commit: bool, finish: bool = False) -> Report:
        future = self._threads.on_disk(self._directory.step, batch, commit=commit, finish=finish)
        self._in_flight = batch, future
        # `wait` leaves the work alone when this task is cancelled; `_finish` takes its report.
        done, _ = await asyncio.wait([future], timeout=self._pace.slow_s)
        if not done:
            detail = f"{self._root}: the disk has not answered for {self._pace.slow_s:g} s"
            self._faults.raise_fault(Fault(PLACE, "disk_slow", detail, {"path": str(self._root)}))
            await asyncio.wait([future])
        return self._settle()

    def _settle(self) -> Report:
        """Take in the report of the finished step."""
        if self._in_flight is None:
            return Report()
        (batch, future), self._in_flight = self._in_flight, None
        report = future.result()
        self._intake.settle(batch, report.left, report.lost)
        for stream in self._inputs.values() if report.given_up else ():
            stream.give_up(report.given_up, "disk")
        self._faults.clear(PLACE, "disk_slow")
        if report.error is not None:
            error = report.error
            self._faults.raise_fault(Fault(PLACE, error.code, str(error), error.params))
        elif report.is_committed:
            self._faults.clear(PLACE, DiskFull.code)
            self._faults.clear(PLACE, StorageError.code)
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
                await self._step(self._intake.take(), commit=True, finish=True)
        except TimeoutError:
            log.error("the disk does not answer; the last seconds are not recorded", path=str(self._root))

    # The index

    @contextmanager
    def _reading(self) -> Iterator[Index]:
        index = self._directory.index
        if index is None:
            raise StorageError(f"{self._root}: the index is being replaced", remedy="Try again in a moment")
        try:
            yield index
        except sqlite3.Error as error:
            self._index_is_damaged = self._index_is_damaged or is_corrupt(error)
            raise storage_error(self._root, error) from error

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
