"""The service's side of the siren: the guard's process, and the lease on it while the siren is wanted.

The guard alone owns the relay. Whatever happens to this process, the siren ends with its lease at the latest.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import structlog

from hw.guard_client import GuardClient, GuardLost
from hw.inputs import InputState
from hw.wire import Status
from nvr import config
from nvr.alarm.guard_process import START_S, end, start_guard, switch_off
from nvr.errors import NvrError
from nvr.events import Fault
from nvr.faults import FaultBoard

log = structlog.get_logger(__name__)

LEASE_S = 3.0
RENEW_S = 1.0
ALIVE_S = 5.0
"""How often the guard hears at least that this process lives; it stops feeding the hardware watchdog otherwise."""
GUARD_SPARE_S = 2.0
"""The guard ends a sounding by itself this much after the alarm should have."""

GUARD_COOLDOWN_S = 2.0
"""After this much silence the guard counts a sounding anew: a person who starts it again gets its full time."""

PLACE = "siren"
FAULT_CODES = {
    "ambiguous": "siren_ambiguous",
    "denied": "siren_denied",
    "busy": "siren_busy",
    "unsuitable": "siren_unsuitable",
    "no_answer": "siren_no_answer",
    "bad_reply": "siren_bad_reply",
    "other_board": "siren_other_board",
    "refused": "siren_refused",
    "differs": "siren_differs",
}
"""Kinds of relay error (hw/relay.py) whose remedy is another than that of a board which is not there."""
NOTICES = ("siren_latches", "siren_silenced", "siren_tamper")
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
        self._on_input: Callable[[str, bool], None] = lambda _name, _active: None
        self._inputs: dict[str, InputState] = {}
        self._wanted = False
        self._changed = asyncio.Event()
        self._guard_works: Callable[[], None] = lambda: None
        self.status: Status | None = None

    def listen(
        self,
        *,
        on_change: Callable[[], None],
        on_ended: Callable[[str], None],
        on_input: Callable[[str, bool], None],
    ) -> None:
        """Call `on_change` when the status changes, `on_ended` with the reason when the guard ended or refused a
        sounding that is still wanted (maximum time, silenced by somebody else), `on_input` with name and state when
        an input of the board changed (hw/inputs.py)."""
        self._on_change, self._on_ended, self._on_input = on_change, on_ended, on_input

    @property
    def wanted(self) -> bool:
        return self._wanted

    @property
    def ready(self) -> bool:
        """Whether the siren would sound: guard and relay board answer, and the silence switch is off."""
        return self.status is not None and self.status.link == "up" and not self.silenced

    @property
    def silenced(self) -> bool:
        """Whether the silence switch at the siren is on."""
        return self.status is not None and any(i.name == "silence" and i.active for i in self.status.inputs)

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
        process = await start_guard(
            self._settings,
            *("--socket", str(self._socket)),
            *("--max-on-s", str(self._settings.max_seconds + GUARD_SPARE_S)),
            *("--cooldown-s", str(GUARD_COOLDOWN_S)),
            *(("--watchdog", str(self._settings.watchdog)) if self._settings.watchdog else ()),
            "--exit-with-client",
        )
        try:
            code = await process.wait()
        finally:
            if not await end(process):
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
            self._show_faults(status)
            self._pass_on_inputs(status)
            self._on_change()

    def _show_faults(self, status: Status) -> None:
        if status.link == "down" and status.error is None:
            return  # a new connection is being tried out
        faults = {fault.code: fault for fault in self._faults_of(status)}
        for code in {"siren", *FAULT_CODES.values(), *NOTICES} - faults.keys():
            self._faults.clear(PLACE, code)
        for fault in faults.values():
            self._faults.raise_fault(fault)

    def _faults_of(self, status: Status) -> Iterator[Fault]:
        port = self._settings.port
        if status.link == "down":
            code = FAULT_CODES.get(status.kind or "", "siren")
            detail = f"{port}: {status.error or 'relay board does not answer'}"
            yield Fault(PLACE, code, detail, {"port": port, "error": status.error or ""})
        if not status.fail_safe and not self._settings.timer_relay:
            detail = (
                f"{port}: this relay latches; put a timer relay in series with the siren and set timer_relay"
            )
            yield Fault(PLACE, "siren_latches", detail)
        if self.silenced:
            yield Fault(PLACE, "siren_silenced", "the silence switch at the siren is on")
        if any(state.name == "tamper" and state.active for state in status.inputs):
            yield Fault(PLACE, "siren_tamper", "the siren's box was opened, or the wire of its contact cut")

    def _pass_on_inputs(self, status: Status) -> None:
        """Tell what changed since the last status; a short press shows in its count."""
        for state in status.inputs:
            if state.active is None:
                continue  # the board does not answer: it stays as it was
            before, self._inputs[state.name] = self._inputs.get(state.name), state
            if before is None:
                continue
            seen = before.count if state.count >= before.count else 0  # a new guard counts from 0
            if state.count > seen:
                self._on_input(state.name, True)
            if not state.active and (before.active or state.count > seen):
                self._on_input(state.name, False)

    async def _hold_while_wanted(self, guard: GuardClient) -> None:
        held = True  # unknown at first: release once, whatever an earlier life of ours left behind
        loop = asyncio.get_running_loop()
        told_at_s = loop.time()
        while True:
            self._changed.clear()
            if self._wanted:
                answer = await guard.hold(LEASE_S)
                held, told_at_s = True, loop.time()
                if answer.refused and self._wanted:
                    self._on_ended(answer.refused)
            elif held:
                await guard.release()
                held, told_at_s = False, loop.time()
            elif loop.time() >= told_at_s + ALIVE_S:
                await guard.query()
                told_at_s = loop.time()
            try:
                async with asyncio.timeout(RENEW_S):
                    await self._changed.wait()
            except TimeoutError:
                continue


def _kill_silent(errors: Sequence[BaseException]) -> None:
    """A guard that hangs may do so with the siren on. The next one, ours or the one after, begins with OFF."""
    pids = {error.silent_pid for error in errors if isinstance(error, GuardLost)}
    for pid in (pid for pid in pids if pid is not None):
        log.warning("the siren's guard does not answer and is killed", pid=pid)
        with contextlib.suppress(OSError):  # it ended by itself
            os.kill(pid, signal.SIGKILL)
