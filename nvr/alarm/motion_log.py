"""The minutes in which something moved in a camera's picture, kept in state.db for the timeline."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable

from nvr.clock import Clock
from nvr.errors import StorageError
from nvr.events import Motion
from nvr.store import Database

WRITE_EVERY_S = 30.0
KEPT_HOURS = 366 * 24
MAX_PENDING = 4096
"""Camera-hours that wait for a disk that cannot be written; beyond, the oldest are forgotten."""
HOUR_S, MINUTE_S = 3600, 60

Interval = tuple[float, float]


class MotionLog:
    """Takes in `Motion` at any rate and writes once in WRITE_EVERY_S; what is not written yet is found too."""

    def __init__(self, db: Database, clock: Clock):
        self._db, self._clock = db, clock
        self._pending: dict[tuple[str, int], int] = {}

    def note(self, motion: Motion) -> None:
        """Remember that something moved; neither blocks nor raises."""
        wall_s = self._clock.wall() - (self._clock.monotonic() - motion.captured_mono_s)
        hour, second = divmod(int(wall_s), HOUR_S)
        key = (motion.camera, hour)
        self._pending[key] = self._pending.get(key, 0) | 1 << second // MINUTE_S
        if len(self._pending) > MAX_PENDING:
            del self._pending[next(iter(self._pending))]

    async def run(self, healthy: Callable[[], None]) -> None:
        """Write until cancelled; call `flush` afterwards. Raises StorageError; what was not written stays pending."""
        healthy()
        while True:
            await asyncio.sleep(WRITE_EVERY_S)
            await self.flush()

    async def flush(self) -> None:
        """Write what is pending. Raises StorageError."""
        batch = dict(self._pending)
        if not batch:
            return
        # By a clock that may be years ahead everything would look old.
        oldest = int(self._clock.wall()) // HOUR_S - KEPT_HOURS if self._clock.state().is_trusted else 0

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "INSERT INTO motion VALUES (?, ?, ?)"
                " ON CONFLICT (camera, hour) DO UPDATE SET minutes = minutes | excluded.minutes",
                [(camera, hour, minutes) for (camera, hour), minutes in batch.items()],
            )
            connection.executemany(
                "DELETE FROM motion WHERE camera = ? AND hour < ?", {(camera, oldest) for camera, _ in batch}
            )

        try:
            await self._db.write(work)
        except sqlite3.OperationalError as error:
            raise StorageError(
                f"state.db cannot be written: {error}", remedy="Check the system disk's space and health"
            ) from error
        for key, minutes in batch.items():
            if self._pending.get(key) == minutes:
                del self._pending[key]

    async def intervals(
        self, camera: str, start_s: float, end_s: float, resolution_s: float
    ) -> list[Interval]:
        """Whole minutes with motion that reach into a span, in order; those that touch are joined, and so are those
        with `resolution_s` or less between them. Raises sqlite3.Error."""
        query = "SELECT hour, minutes FROM motion WHERE camera = ? AND hour BETWEEN ? AND ? ORDER BY hour"
        bounds = (camera, int(start_s) // HOUR_S, int(end_s) // HOUR_S)
        hours: dict[int, int] = dict(
            await self._db.read(lambda c: [(row[0], row[1]) for row in c.execute(query, bounds)])
        )
        for (name, hour), minutes in self._pending.items():
            if name == camera and bounds[1] <= hour <= bounds[2]:
                hours[hour] = hours.get(hour, 0) | minutes
        return _joined(
            (
                run
                for hour in sorted(hours)
                for run in _runs(hour, hours[hour], coarse=resolution_s >= HOUR_S)
            ),
            start_s,
            end_s,
            resolution_s,
        )


def _runs(hour: int, minutes: int, *, coarse: bool) -> Iterable[tuple[int, int]]:
    """Seconds (start, end) of the minutes with motion; with `coarse` from the first to the last as one."""
    begin_s = hour * HOUR_S
    if coarse:
        first = (minutes & -minutes).bit_length() - 1
        yield begin_s + first * MINUTE_S, begin_s + minutes.bit_length() * MINUTE_S
        return
    minute = 0
    while minutes >> minute:
        if minutes >> minute & 1:
            yield begin_s + minute * MINUTE_S, begin_s + (minute + 1) * MINUTE_S
        minute += 1


def _joined(
    runs: Iterable[tuple[int, int]], start_s: float, end_s: float, resolution_s: float
) -> list[Interval]:
    joined: list[Interval] = []
    for begin_s, stop_s in runs:
        if stop_s <= start_s or begin_s >= end_s:
            continue
        if joined and begin_s - joined[-1][1] <= resolution_s:
            joined[-1] = (joined[-1][0], float(stop_s))
        else:
            joined.append((float(begin_s), float(stop_s)))
    return joined
