"""Watches over the wall clock: says when it cannot be trusted or has jumped, and remembers across a power cut how late
it was and who confirmed it (`clock.json` in the state directory)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nvr.clock import FLOOR_S, Clock, Source
from nvr.errors import StorageError
from nvr.events import Fault
from nvr.faults import FaultBoard
from nvr.whole_file import write_whole

log = structlog.get_logger(__name__)

PLACE = "clock"
NAME = "clock.json"
LOOK_S = 1.0
WRITE_S = 60.0
JUMP_S = 60.0
SHOWN_S = 3600.0
"""How long a jump stays on the board."""


class KnownTime(BaseModel):
    """`wall_s`: the newest wall time known to be true. `source`: what had set the clock in the boot `boot_id`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    wall_s: float = Field(ge=0.0, le=1e11, allow_inf_nan=False)
    boot_id: str = Field(max_length=64)
    source: Source


def read_known_time(state: Path) -> KnownTime | None:
    """What the state directory says, None: nothing, or nothing that can be understood."""
    try:
        return KnownTime.model_validate_json((state / NAME).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        log.error("the last known time cannot be read", path=str(state / NAME), error=str(error))
        return None


def write_known_time(state: Path, known: KnownTime) -> None:
    """On the disk when this returns. Raises StorageError."""
    try:
        write_whole(state / NAME, known.model_dump_json().encode())
    except OSError as error:
        raise StorageError(
            f"{state / NAME}: cannot be written: {error.strerror}",
            remedy="Check that the system's disk is healthy and has room",
            params={"path": str(state / NAME)},
        ) from error


class RememberingClock(Clock, Protocol):
    """A clock that can be told what is known of it."""

    def remember(self, least_wall_s: float, known: Source) -> None:
        """As `SystemClock.remember`."""
        ...


def recall(clock: RememberingClock, state: Path) -> None:
    """Tell the clock what the state directory knows. Blocks."""
    known = read_known_time(state)
    if known is not None:
        clock.remember(
            known.wall_s, known.source if known.boot_id == clock.state().boot_id and known.boot_id else "none"
        )


class Timekeeping:
    """`on_change` is called when the source of the time has changed."""

    def __init__(
        self, clock: RememberingClock, state: Path, faults: FaultBoard, on_change: Callable[[], None]
    ):
        self._clock, self._state, self._faults, self._on_change = clock, state, faults, on_change
        self._writing = asyncio.Lock()
        self._jumped: tuple[Fault, float] | None = None

    async def run(self, healthy: Callable[[], None]) -> None:
        """Watch until cancelled."""
        healthy()
        clock = self._clock
        before, before_offset_s = clock.state(), clock.wall() - clock.monotonic()
        write_at_s = clock.monotonic()
        while True:
            state, mono_s = clock.state(), clock.monotonic()
            offset_s = clock.wall() - mono_s
            jump_s = offset_s - before_offset_s
            if abs(jump_s) > JUMP_S and before.is_trusted and state.is_trusted:
                detail = f"the clock was put {'forward' if jump_s > 0 else 'back'} by {abs(jump_s):.0f} s"
                fault = Fault(PLACE, "clock_jumped", detail, {"seconds": round(jump_s)})
                self._jumped = fault, mono_s + SHOWN_S
            if state.source != before.source:
                log.info("clock", source=state.source, before=before.source, error_s=state.error_s)
                self._on_change()
                write_at_s = mono_s
            before, before_offset_s = state, offset_s
            self._show(state.is_trusted, mono_s)
            if mono_s >= write_at_s:
                await self._write()
                write_at_s = mono_s + WRITE_S
            await asyncio.sleep(LOOK_S)

    async def confirm(self) -> bool:
        """An administrator says that the time shown is right; False: it cannot be. Raises StorageError."""
        boot_id, wall_s = self._clock.state().boot_id, self._clock.wall()
        if wall_s < FLOOR_S:
            return False
        if self._clock.state().source != "ntp":
            async with self._writing:
                known = KnownTime(wall_s=wall_s, boot_id=boot_id, source="person")
                await asyncio.to_thread(write_known_time, self._state, known)
            self._clock.remember(wall_s, "person")
        self._show(self._clock.state().is_trusted, self._clock.monotonic())
        self._on_change()
        return True

    async def flush(self) -> None:
        """Write down what time it is, if that is known. Raises StorageError."""
        state = self._clock.state()
        if state.is_trusted:
            async with self._writing:
                known = KnownTime(wall_s=self._clock.wall(), boot_id=state.boot_id, source=state.source)
                await asyncio.to_thread(write_known_time, self._state, known)

    async def _write(self) -> None:
        try:
            await self.flush()
        except StorageError as error:
            self._faults.raise_fault(Fault(PLACE, error.code, str(error), error.params))
        else:
            self._faults.clear(PLACE, StorageError.code)

    def _show(self, is_trusted: bool, mono_s: float) -> None:
        if is_trusted:
            self._faults.clear(PLACE, "clock_untrusted")
        else:
            detail = "nobody knows whether the clock is right; schedule, holds and days of footage wait"
            self._faults.raise_fault(Fault(PLACE, "clock_untrusted", detail))
        if self._jumped is not None:
            fault, until_s = self._jumped
            if mono_s < until_s:
                self._faults.raise_fault(fault)
            else:
                self._faults.clear(PLACE, fault.code)
                self._jumped = None
