"""The service's side of the siren: the guard's process, and the lease on it while the siren is wanted.

The guard alone owns the relay. Whatever happens to this process, the siren ends with its lease at the latest.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from hw.guard_client import GuardClient, GuardLost
from hw.wire import Status
from nvr import config
from nvr.errors import NvrError
from nvr.events import Fault
from nvr.faults import FaultBoard

log = structlog.get_logger(__name__)

LEASE_S = 3.0
START_S = 5.0
"""How long a guard may take to open its socket."""
END_S = 2.0
"""How long it may take to switch off and end."""
RENEW_S = 1.0
GUARD_SPARE_S = 2.0
"""The guard ends a sounding by itself this much after the alarm should have."""

GUARD_COOLDOWN_S = 2.0
"""After this much silence the guard counts a sounding anew: a person who starts it again gets its full time."""

PLACE = "siren"
_OWNED = {
    3: "another process listens on its socket",
    4: "another process owns the relay's serial port",
}
"""Exit codes of the guard (hw/README.md) that also a healthy predecessor causes."""


class SirenUnavailable(NvrError):
    """The siren cannot be switched on: none is configured, or its relay or guard does not answer."""

    exit_code = 69
    code = "siren_unavailable"


class GuardFailed(NvrError):
    """The guard process ended or does not answer."""

    exit_code = 69
    code = "guard"


class SirenLine:
    """Holds the guard's lease while `want(True)` stands.

    Constructing it starts nothing: run `run_guard` and `run_lease`, each under the supervisor.
    """

    def __init__(self, settings: config.Siren, socket: Path, *, faults: FaultBoard):
        self._settings, self._socket, self._faults = settings, socket, faults
        self._on_change: Callable[[], None] = lambda: None
        self._on_ended: Callable[[str], None] = lambda _why: None
        self._wanted = False
        self._changed = asyncio.Event()
        self._guard_works: Callable[[], None] = lambda: None
        self.status: Status | None = None

    def listen(self, *, on_change: Callable[[], None], on_ended: Callable[[str], None]) -> None:
        """Call `on_change` when the status changes, `on_ended` with the reason when the guard ended or refused a
        sounding that is still wanted (maximum time, silenced by somebody else)."""
        self._on_change, self._on_ended = on_change, on_ended

    @property
    def wanted(self) -> bool:
        return self._wanted

    @property
    def ready(self) -> bool:
        """Whether the guard answers and its relay board is there."""
        return self.status is not None and self.status.link == "up"

    def want(self, on: bool) -> None:
        """Ask for the siren on or off; returns at once, the guard is told within this turn of the loop."""
        if on != self._wanted:
            self._wanted = on
            self._changed.set()

    async def run_guard(self, healthy: Callable[[], None]) -> None:
        """One life of the guard process. Raises GuardFailed when it ends.

        Returns quietly while another guard does the work: one that outlived a killed service serves this one too.
        It is healthy when `run_lease` has heard of a guard.
        """
        self._guard_works = healthy
        with contextlib.suppress(OSError):  # then the guard still switches off before it says what is wrong
            self._socket.parent.mkdir(parents=True, exist_ok=True)
        process = await _start_guard(
            self._settings,
            *("--socket", str(self._socket)),
            *("--max-on-s", str(self._settings.max_seconds + GUARD_SPARE_S)),
            *("--cooldown-s", str(GUARD_COOLDOWN_S)),
            "--exit-with-client",
        )
        try:
            code = await process.wait()
        finally:
            if not await _end(process):
                await switch_off(self._settings)
        if code in _OWNED and self.status is not None:
            return
        why = _OWNED.get(code, f"it ended with code {code}")
        raise GuardFailed(f"the siren's guard process does not run: {why}", remedy="It is tried again")

    async def run_lease(self, healthy: Callable[[], None]) -> None:
        """One connection to the guard: keeps its state and ours equal. Raises GuardFailed when it is lost."""
        try:
            async with asyncio.timeout(START_S):
                while not self._socket.exists():  # noqa: ASYNC110  (another process makes it)
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise GuardFailed(
                f"{self._socket}: no guard listens there", remedy="It is started again"
            ) from None
        try:
            async with GuardClient(self._socket) as guard:
                healthy()
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._follow(guard))
                    group.create_task(self._hold_while_wanted(guard))
        except* GuardLost as lost:
            _kill_silent(lost.exceptions)
            raise GuardFailed(str(lost.exceptions[0]), remedy="It is started again") from None
        finally:
            self.status = None
            self._on_change()

    async def _follow(self, guard: GuardClient) -> None:
        async for status in guard:
            self.status = status
            self._guard_works()
            if status.link == "up":
                self._faults.clear(PLACE, "siren")
            else:
                detail = f"{self._settings.port}: {status.error or 'relay board does not answer'}"
                self._faults.raise_fault(
                    Fault(
                        PLACE,
                        "siren",
                        detail,
                        {"port": str(self._settings.port), "error": status.error or ""},
                    )
                )
            self._on_change()

    async def _hold_while_wanted(self, guard: GuardClient) -> None:
        held = True  # unknown at first: release once, whatever an earlier life of ours left behind
        while True:
            self._changed.clear()
            if self._wanted:
                answer = await guard.hold(LEASE_S)
                held = True
                if answer.refused and self._wanted:
                    self._on_ended(answer.refused)
            elif held:
                await guard.release()
                held = False
            try:
                async with asyncio.timeout(RENEW_S):
                    await self._changed.wait()
            except TimeoutError:
                continue


async def switch_off(settings: config.Siren) -> None:
    """Switch the siren off where no guard can do it: the appliance cannot start, or the guard hung. Never raises; a
    board that is missing, or that a living guard owns, is left alone."""
    process = await _start_guard(settings, "--off")
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_S):
                await process.wait()
    finally:
        await _end(process)


async def _start_guard(settings: config.Siren, *options: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hw.guard"),
        *("--port", str(settings.port), "--channel", str(settings.channel)),
        *options,
        stdin=asyncio.subprocess.DEVNULL,
        # Its own session: Ctrl-C on the console must reach the service first, which releases the siren.
        start_new_session=True,
    )


async def _end(process: asyncio.subprocess.Process) -> bool:
    """End the process; False if it hung and had to be killed."""
    if process.returncode is not None:
        return True
    process.terminate()
    try:
        async with asyncio.timeout(END_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
        return False
    return True


def _kill_silent(errors: Sequence[BaseException]) -> None:
    """A guard that hangs may do so with the siren on. The next one, ours or the one after, begins with OFF."""
    pids = {error.silent_pid for error in errors if isinstance(error, GuardLost)}
    for pid in (pid for pid in pids if pid is not None):
        log.warning("the siren's guard does not answer and is killed", pid=pid)
        with contextlib.suppress(OSError):  # it ended by itself
            os.kill(pid, signal.SIGKILL)
