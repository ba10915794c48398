"""The only retry loop of the appliance, and the only place that catches every exception."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

import structlog

from nvr.clock import Clock
from nvr.errors import NvrError
from nvr.events import Fault
from nvr.faults import FaultBoard

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waiting times between attempts: doubling from `first_s` to `max_s`, with up to 25 % jitter taken off, so
    that 58 cameras behind one switch do not come back in one instant. After `reset_after_s` of health the next
    failure starts again at `first_s`."""

    first_s: float = 0.5
    max_s: float = 15.0
    reset_after_s: float = 10.0

    def delay_s(self, failures: int, jitter: float) -> float:
        """Seconds to wait after the `failures`-th failure in a row (from 1); `jitter` is 0.0 to 1.0."""
        base: float = min(self.first_s * 2.0 ** min(failures - 1, 20), self.max_s)
        return base * (1 - 0.25 * jitter)


class Supervisor:
    """Keeps long-running jobs running; their failures become faults on the board, never the end of another job."""

    def __init__(self, clock: Clock, faults: FaultBoard):
        self._clock, self._faults = clock, faults
        self._random = random.Random()  # noqa: S311  (spreads reconnects; nothing secret)

    async def keep_running(
        self,
        place: str,
        job: Callable[[Callable[[], None]], Awaitable[None]],
        backoff: Backoff = Backoff(),
    ) -> None:
        """Run `job(healthy)` again and again until cancelled.

        The job calls `healthy()` once it works (the camera plays, the port is open), which clears what its failures
        put on the board at `place`. An NvrError, also one out of a TaskGroup, becomes a fault with its code;
        anything else is a defect of ours: logged with its traceback and shown as `internal`; so is a CancelledError
        that nobody asked for. A job that returns is started again without a fault.
        """
        failures = 0
        shown: set[str] = set()

        def mended() -> None:
            # What the job itself put on the board is for the job to clear.
            for code in shown:
                self._faults.clear(place, code)
            shown.clear()

        while True:
            health = _Health(self._clock, mended)
            # A task of its own for each life: what ends there can then not be taken for an end of this one, nor can
            # a failure swallow its cancellation (as a TaskGroup's does before Python 3.13).
            async with asyncio.TaskGroup() as group:
                life = group.create_task(_live(job, health), name=place)
            failure = life.result()
            if failure is not None:
                fault = _as_fault(place, failure)
                shown.add(fault.code)
                self._faults.raise_fault(fault)
            failures = 1 if health.lasted_s >= backoff.reset_after_s else failures + 1
            await asyncio.sleep(backoff.delay_s(failures, self._random.random()))


async def _live(
    job: Callable[[Callable[[], None]], Awaitable[None]], healthy: Callable[[], None]
) -> BaseException | None:
    """Run `job` once; what it raised."""
    try:
        await job(healthy)
    except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  (this is the one place for it)
        return error
    return None


def _as_fault(place: str, error: BaseException) -> Fault:
    for cause in _causes(error):
        if isinstance(cause, NvrError):
            return Fault(place, cause.code, str(cause), cause.params)
    log.error("unexpected error", place=place, exc_info=error)
    return Fault(place, "internal", f"{place}: internal error {type(error).__name__}; please report the log")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error itself, or the single errors in an exception group."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _causes(inner)
    else:
        yield error


class _Health:
    """Remembers when one run of a job first reported that it works; then tells `on_first`."""

    def __init__(self, clock: Clock, on_first: Callable[[], None]):
        self._clock, self._on_first = clock, on_first
        self._since: float | None = None

    def __call__(self) -> None:
        if self._since is None:
            self._since = self._clock.monotonic()
            self._on_first()

    @property
    def lasted_s(self) -> float:
        return 0.0 if self._since is None else self._clock.monotonic() - self._since
