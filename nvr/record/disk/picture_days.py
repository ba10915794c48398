"""How long incident pictures are kept, and that the ring counts them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from nvr.errors import StorageError
from nvr.record.disk.directory import Directory
from nvr.record.disk.pictures import PictureStore
from nvr.record.keep.hold import held_spans
from nvr.record.keep.retention import DAY_90K, Keep, Span90k
from nvr.record.keep.settled_clock import SettledClock
from nvr.record.model import TICKS, FootageClass

LOOK_S = 3600.0
COUNT_S = 10.0
KEPT_DAYS = 90


def is_over(
    camera: str,
    day: str,
    *,
    keep: Keep,
    held: Mapping[str, Sequence[Span90k]],
    oldest_90k: int | None,
    now_90k: int,
) -> bool:
    """Whether the pictures of `camera` of a day (YYYY-MM-DD, UTC) go: when all of the day is older than the maximum of
    the camera's incidents; without one when it is older than KEPT_DAYS and than the oldest footage (`oldest_90k`, None:
    there is none). What a hold reaches into stays."""
    start_90k = int(datetime.strptime(f"{day}+0000", "%Y-%m-%d%z").timestamp()) * TICKS
    end_90k = start_90k + DAY_90K
    if any(start < end_90k and start_90k < end for start, end in held.get(camera, ())):
        return False
    most = keep.of(camera, FootageClass.PERSON).most
    if most is not None:
        return end_90k <= now_90k - int(most * DAY_90K)
    if oldest_90k is not None and end_90k > oldest_90k:
        return False
    return end_90k <= now_90k - KEPT_DAYS * DAY_90K


class PictureDays:
    """Watches over the pictures of an open directory."""

    def __init__(self, pictures: PictureStore, directory: Directory, keep: Keep, clock: SettledClock):
        self.pictures, self._directory, self._keep, self._clock = pictures, directory, keep, clock

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            with suppress(StorageError):  # the writer meets the same disk, and says so
                await self.look()
            for _ in range(int(LOOK_S / COUNT_S)):
                self._directory.writer.picture_bytes = self.pictures.bytes
                await asyncio.sleep(COUNT_S)

    async def look(self) -> None:
        """Delete what is over, if the clock can be trusted, and count the rest. Raises StorageError."""
        now_90k = self._clock.now_90k
        held = held_spans(self._directory.holds.values(), now_90k / TICKS)
        oldest_90k = self._directory.writer.fill.oldest_90k
        # While the index is being rebuilt the oldest footage is not known.
        may_delete = self._clock.is_settled and self._directory.writer.room.may_delete

        def over(camera: str, day: str) -> bool:
            return is_over(camera, day, keep=self._keep, held=held, oldest_90k=oldest_90k, now_90k=now_90k)

        await self.pictures.tidy(over if may_delete else None)
        self._directory.writer.picture_bytes = self.pictures.bytes
