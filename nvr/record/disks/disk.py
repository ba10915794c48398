"""One recordings directory as long as the appliance runs: also while its disk is missing or being mended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from nvr.clock import Clock
from nvr.config import Config
from nvr.errors import StorageError
from nvr.events import StreamKey
from nvr.faults import FaultBoard
from nvr.record.clock.clock_eras import ClockEras
from nvr.record.disk.identity import DiskIdentity
from nvr.record.disk.marking import Seen
from nvr.record.disk.pace import PACE, Pace
from nvr.record.disk.recorder import HOLD_SHARE, Recorder
from nvr.record.errors import PLACE
from nvr.record.keep.hold import Hold
from nvr.record.keep.retention import GB, KEEP_AS_ROOM_ALLOWS, Budget, Keep


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of each disk is used: at most `max_bytes` (None: no limit), `keep_free_bytes` stay free, held footage
    takes at most `hold_share` (0 to 1); and how long footage is kept."""

    max_bytes: int | None = None
    keep_free_bytes: int = 0
    hold_share: float = HOLD_SHARE
    keep: Keep = KEEP_AS_ROOM_ALLOWS

    @classmethod
    def configured(cls, config: Config) -> Limits:
        """As nvr.toml says."""
        storage = config.storage
        return cls(
            None if storage.max_gb is None else int(storage.max_gb * GB),
            int(storage.keep_free_gb * GB),
            storage.hold_percent / 100,
            Keep.configured(config),
        )

    @property
    def budget(self) -> Budget:
        return Budget(self.max_bytes, self.keep_free_bytes)


class Disk:
    """`place`: of its faults. `recorder`: while the directory is open. `size_bytes`: of its file system, and
    `ends_90k`: where its footage ends, both as of when it was open last."""

    def __init__(
        self,
        root: Path,
        *,
        clock: Clock,
        faults: FaultBoard,
        limits: Limits,
        identity: DiskIdentity | None = None,
        place: str = PLACE,
        pace: Pace = PACE,
        on_change: Callable[[], None] = lambda: None,
        other_holds: Callable[[], Iterable[Hold]] = tuple,
        eras: ClockEras | None = None,
        seen: Seen | None = None,
    ):
        self.root, self.place = root, place
        self._clock, self._faults, self._limits = clock, faults, limits
        self._identity, self._pace = identity, pace
        self._on_change, self._other_holds = on_change, other_holds
        self._eras, self._seen = eras, seen
        self._was_seen = False
        self.recorder: Recorder | None = None
        self.size_bytes: int | None = None
        self.ends_90k: dict[StreamKey, int] = {}

    async def run(self, healthy: Callable[[], None]) -> None:
        """One life of the recorder, from opening the directory on. Raises StorageError."""
        if self._identity is not None:
            self._was_seen = self._was_seen or await asyncio.to_thread(self._identity.is_remembered)
        recorder = await Recorder.open(
            self.root,
            clock=self._clock,
            faults=self._faults,
            max_bytes=self._limits.max_bytes,
            keep_free_bytes=self._limits.keep_free_bytes,
            pace=self._pace,
            identity=self._identity,
            keep=self._limits.keep,
            hold_share=self._limits.hold_share,
            place=self.place,
            other_holds=self._other_holds(),
            eras=self._eras,
            seen=self._seen,
        )
        try:
            self.recorder, self._was_seen = recorder, True
            self.ends_90k = recorder.ends_90k
            self.size_bytes = min(recorder.total_bytes, self._limits.max_bytes or recorder.total_bytes)
            self._on_change()
            await recorder.run(healthy)
        finally:
            self.recorder = None
            self._on_change()
            await recorder.close()

    @property
    def is_away(self) -> bool:
        """Whether it is known to hold footage that cannot be found now."""
        return self._was_seen and self.recorder is None

    @property
    def is_well(self) -> bool:
        """Whether what is given to it is recorded."""
        return self.recorder is not None and self.recorder.is_well

    @property
    def answers(self) -> bool:
        """Whether it can be asked for footage."""
        return self.recorder is not None and self.recorder.answers

    @property
    def open(self) -> Recorder:
        """Raises StorageError: it is not open."""
        if self.recorder is None:
            raise StorageError(
                f"{self.root}: the recordings cannot be used now",
                remedy="See the faults on the page",
                params={"path": str(self.root)},
            )
        return self.recorder
