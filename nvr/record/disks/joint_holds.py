"""The holds of all recordings directories as one.

A hold lies beside the footage on every disk, so it stands whichever disks are there. One that was made or ended while a
disk was away is brought to it when it returns; that a hold was ended is remembered on the other disks until then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence

import structlog

from nvr.errors import StorageError
from nvr.record.disk.holds import HoldQuota, Holds
from nvr.record.keep.hold import Hold

log = structlog.get_logger(__name__)


class JointHolds:
    """`open_ones()`: the holds of the disks that are open; `count`: how many disks there are in all."""

    def __init__(self, open_ones: Callable[[], Sequence[Holds]], count: int):
        self._open_ones, self._count = open_ones, count
        self._changing = asyncio.Lock()

    @property
    def all(self) -> list[Hold]:
        """The newest first, those that expired too."""
        return sorted(self._known().values(), key=lambda hold: hold.made_s, reverse=True)

    @property
    def held_bytes(self) -> int:
        return sum(holds.held_bytes for holds in self._open_ones())

    @property
    def quota_bytes(self) -> int:
        return sum(holds.quota_bytes for holds in self._open_ones())

    async def sizes(self, ids: Collection[str]) -> dict[str, int]:
        """`Holds.sizes`, on all disks together; what a disk that cannot be read has is missing."""
        found: dict[str, int] = {}
        for holds in self._open_ones():
            for id_, size in (await holds.sizes(ids)).items():
                found[id_] = found.get(id_, 0) + size
        return found

    async def add(self, hold: Hold) -> None:
        """When this returns, nothing of it will be deleted from a disk that is there, and the hold itself is safe.

        Raises HoldQuota: one of the disks has no room for it, and then it is on none; StorageError: no disk took it.
        """
        async with self._changing:
            done: list[Holds] = []
            failure: StorageError | None = None
            for holds in self._open_ones():
                try:
                    await holds.add(hold)
                except HoldQuota:
                    for other in done:
                        await other.remove(hold.id, remember=False)
                    raise
                except StorageError as error:
                    log.warning("hold is not on one disk yet", error=str(error))
                    failure = error
                else:
                    done.append(holds)
            if failure is not None and not done:
                raise failure

    async def remove(self, hold: Hold) -> None:
        """The ring may have its footage again. Raises StorageError: no disk took it."""
        async with self._changing:
            found = self._open_ones()
            failures = await self._everywhere(found, lambda holds: holds.remove(hold.id, self._count > 1))
            if failures and len(failures) == len(found):
                raise failures[0]
            await self._forget_ended(found, failures)

    async def reconcile(self) -> None:
        """Bring every open disk up to what the others know; what fails is tried the next time."""
        async with self._changing:
            found = self._open_ones()
            ended = {id_ for holds in found for id_ in holds.ended}
            wanted = {id_: hold for id_, hold in self._known().items() if id_ not in ended}

            async def bring(holds: Holds) -> None:
                for id_ in ended.intersection(hold.id for hold in holds.all):
                    await holds.remove(id_, remember=True)
                for id_ in wanted.keys() - holds.written:
                    await holds.bring(wanted[id_])

            failures = await self._everywhere(found, bring)
            await self._forget_ended(found, failures)

    async def _forget_ended(self, found: Sequence[Holds], failures: Sequence[StorageError]) -> None:
        """Once every disk there is knows."""
        if not failures and len(found) == self._count and any(holds.ended for holds in found):
            await self._everywhere(found, lambda holds: holds.forget_ended())

    def _known(self) -> dict[str, Hold]:
        return {hold.id: hold for holds in self._open_ones() for hold in holds.all}

    @staticmethod
    async def _everywhere(
        found: Sequence[Holds], work: Callable[[Holds], Awaitable[None]]
    ) -> list[StorageError]:
        failures = []
        for holds in found:
            try:
                await work(holds)
            except StorageError as error:
                log.warning("holds of one disk cannot be changed yet", error=str(error))
                failures.append(error)
        return failures
