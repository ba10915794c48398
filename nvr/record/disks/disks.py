"""All recordings disks as the rest of the appliance sees them: one answer to every question, whichever are there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from nvr.clock import Clock
from nvr.config import Config
from nvr.errors import StorageError
from nvr.events import StreamKey
from nvr.faults import FaultBoard
from nvr.media.hub import MediaConsumer
from nvr.record.clock.clock_eras import ClockEras
from nvr.record.disk.identity import DiskIdentity, InUse
from nvr.record.disk.marking import Seen
from nvr.record.disk.outlook import Outlook, outlook
from nvr.record.disk.pace import PACE, Pace
from nvr.record.disk.recorder import Recorder
from nvr.record.disks import joined
from nvr.record.disks.disk import Disk, Limits
from nvr.record.disks.disk_state import DiskState
from nvr.record.disks.joint_holds import JointHolds
from nvr.record.disks.route import Route
from nvr.record.disks.spread import TRUST, Trust, spread
from nvr.record.errors import PLACE
from nvr.record.index.timeline import Timeline, as_timeline
from nvr.record.keep.hold import Hold
from nvr.record.model import TICKS, Deletion, FootageClass, Interval, Mark, Usage
from nvr.record.mp4.virtual_mp4 import VirtualMp4
from nvr.record.play import playback
from nvr.record.play.keyframe import Keyframe
from nvr.record.play.originals import Original
from nvr.supervise import Backoff

LOOK_S = 0.25
RECONCILE_S = 60.0
ANSWER_S = 10.0
"""A disk that has not answered by then is left out of an answer that others have given."""

T = TypeVar("T")
Job = Callable[[Callable[[], None]], Awaitable[None]]


class Disks:
    """The recordings directories `roots`, at least one. Methods that need one raise StorageError while none is open.

    `state`: storage.state, where it is remembered which disk each is (None: it is not). `seen`: what was seen in
    footage before, for a disk that was not told. `jobs` must run.
    """

    def __init__(
        self,
        roots: Sequence[Path],
        *,
        clock: Clock,
        faults: FaultBoard,
        limits: Limits,
        state: Path | None = None,
        pace: Pace = PACE,
        trust: Backoff = TRUST,
        seen: Seen | None = None,
    ):
        self._clock, self._keep = clock, limits.keep
        self._eras = ClockEras(clock.state())
        self._routes: list[Route] = []
        self._told: dict[tuple[str, FootageClass], Mark] = {}
        self._told_to: list[Recorder] = []
        self._trust = [Trust(trust) for _ in roots]
        self._changed = asyncio.Event()
        in_use = InUse()
        self.disks = [
            Disk(
                root,
                clock=clock,
                faults=faults,
                limits=limits,
                identity=None if state is None else DiskIdentity(root, state, in_use),
                place=PLACE if len(roots) == 1 else f"{PLACE}:{root}",
                pace=pace,
                on_change=self._assign,
                other_holds=self._known_holds,
                eras=self._eras,
                seen=seen,
            )
            for root in roots
        ]
        self._holds = JointHolds(lambda: [r.holds for r in self._recorders], len(roots))

    @classmethod
    def configured(
        cls, config: Config, *, clock: Clock, faults: FaultBoard, seen: Seen | None = None
    ) -> Disks:
        """As nvr.toml says."""
        storage = config.storage
        limits = Limits.configured(config)
        return cls(
            storage.recordings, clock=clock, faults=faults, limits=limits, state=storage.state, seen=seen
        )

    def jobs(self) -> list[tuple[str, Job]]:
        """(place on the fault board, job): each disk by itself, so that none waits for another."""
        jobs: list[tuple[str, Job]] = [(disk.place, disk.run) for disk in self.disks]
        return jobs if len(jobs) == 1 else [*jobs, ("disks", self.watch)]

    async def watch(self, healthy: Callable[[], None]) -> None:
        """Move cameras away from disks that fail and back, and holds to disks that return; until cancelled."""
        healthy()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch_holds())
            while True:
                self._assign()
                await asyncio.sleep(LOOK_S)

    def consumer(self, key: StreamKey) -> MediaConsumer:
        """What to attach to the stream's hub, once."""
        route = Route(key, self._eras)
        self._routes.append(route)
        self._assign()
        return route

    def mark(self, mark: Mark) -> None:
        """Something was seen: both streams of the camera are of that class in that span, on every open disk. May be
        called at any rate; neither blocks nor raises."""
        key, recorders = (mark.camera, mark.kind), self._recorders
        if self._told_to != recorders:
            self._told_to = recorders
            self._told.clear()
        if self._told.get(key) != mark:
            self._told[key] = mark
            for recorder in recorders:
                recorder.marking.mark(mark)

    # Finding

    async def coverage(self, key: StreamKey, start_s: float, end_s: float) -> list[Interval]:
        """`Recorder.coverage`."""
        found = await self._ask(lambda recorder: recorder.coverage(key, start_s, end_s))
        return joined.join_intervals(interval for intervals in found for interval in intervals)

    async def timeline(self, key: StreamKey, start_s: float, end_s: float) -> Timeline:
        """Recorded and missing intervals of a span of any length. Raises StorageError."""
        start_90k, end_90k = int(start_s * TICKS), int(end_s * TICKS)
        found = await self._ask(lambda recorder: recorder.recorded(key, start_90k, end_90k))
        recorded = joined.join_recorded(found, end_90k - start_90k)
        holes = await self._ask(lambda recorder: recorder.holes(key, recorded.spans, start_90k, end_90k))
        is_partial = (
            len(found) < len(self._recorders)
            or any(disk.is_away for disk in self.disks)
            or any(recorder.is_rebuilding for recorder in self._recorders)
        )
        gaps = joined.join_holes(hole for part in holes for hole in part)
        return as_timeline(recorded, gaps, is_partial=is_partial)

    async def keyframe(self, key: StreamKey, at_s: float, max_bytes: int) -> Keyframe | None:
        """`Recorder.keyframe`."""
        found = await self._ask(lambda recorder: recorder.keyframe(key, at_s, max_bytes))
        return next((keyframe for keyframe in found if keyframe is not None), None)

    async def mp4(
        self, key: StreamKey, start_s: float, end_s: float, audio: playback.Audio = "all"
    ) -> list[VirtualMp4]:
        """`Recorder.mp4`, also over several disks."""
        if len(self._recorders) == 1:
            return await self._recorders[0].mp4(key, start_s, end_s, audio)
        found = await self._ask(lambda recorder: recorder.pieces(key, start_s, end_s))
        pieces = joined.join_pieces(piece for part in found for piece in part)
        return await asyncio.to_thread(playback.as_mp4s, pieces, audio)

    async def originals(self, key: StreamKey, start_s: float, end_s: float) -> list[Original]:
        """`Recorder.originals` of all disks that answer. Raises StorageError."""
        found = await self._ask(lambda recorder: recorder.originals(key, start_s, end_s))
        return sorted(
            (original for part in found for original in part), key=lambda original: original.segment.start_90k
        )

    async def deletions(self, since_day: int, cameras: Iterable[str] | None, count: int) -> list[Deletion]:
        """`Index.deletions`; what went of one stream on one day for one cause is one entry, also from several disks.
        Raises StorageError."""
        # What is among the first of all is among the first of its disk.
        found = await self._ask(lambda recorder: recorder.deletions(since_day, cameras, count))
        return joined.join_deletions(deletion for part in found for deletion in part)[:count]

    async def save_picture(self, picture_id: str, camera: str, jpeg: bytes, wall_s: float) -> None:
        """`PictureStore.save`, on the disk that the camera records on, else on any."""
        here = self._current(camera)
        failure: StorageError | None = None
        for disk in sorted(self.disks, key=lambda disk: disk is not here):
            if disk.recorder is None:
                continue
            try:
                async with asyncio.timeout(ANSWER_S):
                    return await disk.recorder.pictures.save(picture_id, camera, jpeg, wall_s)
            except StorageError as error:
                failure = failure or error
            except TimeoutError:
                failure = failure or self._silent(disk)
        raise failure or self._none_open()

    async def load_picture(self, picture_id: str, camera: str, wall_s: float) -> bytes | None:
        """`PictureStore.load`, from whichever disk has it."""
        found = await self._ask(lambda recorder: recorder.pictures.load(picture_id, camera, wall_s))
        return next((jpeg for jpeg in found if jpeg is not None), None)

    @property
    def holds(self) -> JointHolds:
        """The holds of all directories."""
        if not self._recorders:
            raise self._none_open()
        return self._holds

    # How full they are

    def usage(self) -> Usage | None:
        """Of all open disks together; None while none is."""
        found = [recorder.usage() for recorder in self._recorders]
        if not found:
            return None
        starts = [usage.oldest_wall_s for usage in found if usage.oldest_wall_s is not None]
        return Usage(
            sum(usage.used_bytes for usage in found),
            sum(usage.free_bytes for usage in found),
            min(starts, default=None),
            max(usage.days_kept for usage in found),
            sum(usage.dropped_fragments for usage in found),
        )

    def outlook(self) -> Outlook | None:
        """How many days are kept and possible, as of the last minute; None while that is not known."""
        shares = {
            number: disk.recorder.forecast.share
            for number, disk in enumerate(self.disks)
            if disk.recorder is not None and disk.recorder.forecast.share is not None
        }
        if not shares:
            return None
        homes = {
            route.key.camera: self.disks.index(route.disk) for route in self._routes if route.disk is not None
        }
        return outlook(shares, homes, self._keep, int(self._clock.wall() * TICKS))

    def states(self) -> list[DiskState]:
        """Each disk, in the order of nvr.toml."""
        found = self.outlook()
        states = []
        for number, disk in enumerate(self.disks):
            cameras = sorted({route.key.camera for route in self._routes if route.disk is disk})
            is_open = disk.recorder is not None
            states.append(
                DiskState(
                    str(disk.root),
                    "missing" if not is_open else "recording" if cameras else "idle",
                    disk.recorder.usage() if disk.recorder is not None else None,
                    found.disks.get(number) if found is not None else None,
                    tuple(cameras),
                )
            )
        return states

    # Which disk records what

    def _assign(self) -> None:
        now_s = self._clock.monotonic()
        usable = {
            number for number, disk in enumerate(self.disks) if self._trust[number].look(disk.is_well, now_s)
        }
        if not usable:  # a disk that fails is better than none
            usable = {number for number, disk in enumerate(self.disks) if disk.recorder is not None}
        cameras = sorted({route.key.camera for route in self._routes})
        homes = spread(cameras, [disk.size_bytes for disk in self.disks], usable)
        recorders = self._recorders
        for route in self._routes:
            route.meet(recorders)
            number = homes.get(route.key.camera)
            ends = [disk.ends_90k[route.key] for disk in self.disks if route.key in disk.ends_90k]
            route.aim(None if number is None else self.disks[number], max(ends, default=None))
        self._changed.set()

    async def _watch_holds(self) -> None:
        known: list[Recorder] = []
        while True:
            self._changed.clear()
            if known != self._recorders:
                known = self._recorders
                await self._holds.reconcile()
            try:
                async with asyncio.timeout(RECONCILE_S):
                    while known == self._recorders:
                        await self._changed.wait()
                        self._changed.clear()
            except TimeoutError:
                known = []  # what failed is tried again

    def _known_holds(self) -> list[Hold]:
        return self._holds.all

    def _current(self, camera: str) -> Disk | None:
        return next((route.disk for route in self._routes if route.key.camera == camera), None)

    # Asking several

    @property
    def _recorders(self) -> list[Recorder]:
        return [disk.recorder for disk in self.disks if disk.recorder is not None]

    async def _ask(self, question: Callable[[Recorder], Awaitable[T]]) -> list[T]:
        """The answers of those that can answer. Raises StorageError: none can."""
        if len(self.disks) == 1:
            return [await question(self.disks[0].open)]
        asked = [disk for disk in self.disks if disk.answers]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._answer(disk, question)) for disk in asked]
        results = [task.result() for task in tasks]
        found = [result[0] for result in results if not isinstance(result, StorageError)]
        if not found:
            raise next((r for r in results if isinstance(r, StorageError)), self._none_open())
        return found

    async def _answer(
        self, disk: Disk, question: Callable[[Recorder], Awaitable[T]]
    ) -> tuple[T] | StorageError:
        try:
            async with asyncio.timeout(ANSWER_S):
                return (await question(disk.open),)
        except StorageError as error:
            return error
        except TimeoutError:
            return self._silent(disk)

    def _silent(self, disk: Disk) -> StorageError:
        return StorageError(f"{disk.root}: the disk does not answer", remedy="See the faults on the page")

    def _none_open(self) -> StorageError:
        roots = ", ".join(str(disk.root) for disk in self.disks)
        return StorageError(
            f"{roots}: the recordings cannot be used now",
            remedy="See the faults on the page",
            params={"path": roots},
        )
