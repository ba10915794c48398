"""The alarm at work: sightings, people and the schedule in, siren, loudspeaker and incidents out.

The siren is decided and told first, in the same turn of the loop; everything that touches the disk is queued
behind it (journal.py), so that a disk that stands still delays neither the siren nor a disarm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import structlog

from nvr.alarm.deeds import GUARD_ENDED, RESTARTED, deed_of, time_as_actor
from nvr.alarm.handling import Outcome
from nvr.alarm.incidents import Incident
from nvr.alarm.journal import Journal
from nvr.alarm.judge import Judge
from nvr.alarm.machine import Alarm, Limits, restored, step
from nvr.alarm.notices import Notice, NoticeKind
from nvr.alarm.outputs import Loudspeaker, Outputs
from nvr.alarm.places import Places
from nvr.alarm.plan import Plan
from nvr.alarm.readiness import Readiness
from nvr.alarm.siren import SirenLine, SirenUnavailable
from nvr.alarm.standing import SCHEDULE, Standing
from nvr.alarm.states import Event, State
from nvr.alarm.view import AlarmView, Inside, view_of
from nvr.clock import Clock
from nvr.config import Config
from nvr.events import Actor, Mode, Response, Sighting
from nvr.faults import FaultBoard

log = structlog.get_logger(__name__)

INPUTS = {
    "panic": Actor("panic button"),
    "silence": Actor("silence switch"),
    "tamper": Actor("tamper contact"),
    "door": Actor("door contact"),
}
"""Who acts through an input of the relay board."""
TICK_S = 0.5
TEST_S = (1.0, 5.0)
QUIET_MINUTES = (1, 60)
"""The shortest and the longest test of the siren, and quiet test."""


class AlarmRunner:
    """Owns the alarm's state. Methods that are not async never wait, and take effect before they return."""

    def __init__(
        self,
        config: Config,
        journal: Journal,
        siren: SirenLine | None,
        *,
        clock: Clock,
        faults: FaultBoard,
        on_change: Callable[[], None],
        plan: Plan | None = None,
        speaker: Loudspeaker | None = None,
    ):
        self._journal, self._clock, self._on_change = journal, clock, on_change
        self._exit_s, self._instead = config.alarm.exit_seconds, Response(config.alarm.instead)
        limits = (config.siren.max_seconds, config.siren.cooldown_seconds) if config.siren else (0.0, 0.0)
        self._limits = Limits(*limits)
        self._places = Places(config.camera, config.site.zone)
        self._judge = Judge(self._places)
        self._outputs = Outputs(siren, speaker, self._instead)
        self._readiness = Readiness(config, self._places, self._outputs, faults)
        self._standing = Standing(plan or Plan(config), clock=clock, journal=journal)
        self._alarm = Alarm()
        self._cause: Sighting | None = None
        self._quiet: tuple[float, Actor] | None = None
        self._acting: frozenset[str] = frozenset()
        self._wake = asyncio.Event()
        journal.ringing.on_change = self._ringing_changed
        if siren is not None:
            siren.listen(on_change=on_change, on_ended=self.siren_ended, on_input=self.input_changed)

    async def restore(self) -> None:
        """Take up the armed state of before the power cut, and what the schedule changed meanwhile."""
        await self._standing.restore()
        mode = self._standing.armed.mode
        self._alarm = restored(mode, ringing=bool(self._journal.ringing.ids))
        self._follow_schedule()
        if mode is not None and self._alarm.armed:
            self._journal.action(Actor("start"), RESTARTED, f"armed: {self._alarm.mode}")
            self._journal.notice(Notice(NoticeKind.RESTARTED, Response.CALL))

    async def run(self, healthy: Callable[[], None]) -> None:
        """Deadlines, schedule, and what is missing, until cancelled."""
        healthy()
        while True:
            self._wake.clear()
            self.tick()
            now, deadline = self._clock.monotonic(), self._alarm.deadline_mono_s
            rest_s = TICK_S if deadline is None else min(TICK_S, max(0.0, deadline - now))
            try:
                async with asyncio.timeout(rest_s):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def tick(self) -> None:
        """Do what time has brought. `run` calls it at each deadline, and twice a second at least."""
        while self._alarm.is_due(self._clock.monotonic()):
            self._serve_deadline()
        if self._quiet is not None and self._clock.monotonic() >= self._quiet[0]:
            self._step(Event.QUIET_TEST_OVER, Actor("quiet test"), seconds=self._exit_s)
        self._follow_schedule()
        self._look_for_outages()
        acting, self._acting = self._acting, self.acting
        if self._journal.ringing.stop_old(self._clock.wall()) or acting != self._acting:
            self._on_change()

    # Inputs

    def sighting(self, sighting: Sighting) -> None:
        """A confirmed object in a zone: sound, warn, call or record."""
        now, wall_s = self._clock.monotonic(), self._known_wall_s
        response = self._judge.answer(
            sighting, self._alarm, self._outputs.means, now_mono_s=now, known_wall_s=wall_s
        )
        actor = Actor(f"{sighting.camera}/{sighting.zone}")
        if response is Response.SIREN:
            entry_s = self._judge.entry_s(sighting)
            changed = self._step(Event.ENTRY if entry_s else Event.INTRUDER, actor, seconds=entry_s)
        else:
            changed = response is Response.WARN and self._step(Event.WARN, actor)
        if changed:
            self._cause = sighting
        enters = response is Response.SIREN and self._alarm.state is State.PENDING
        if enters:
            response = Response.CALL  # until the entry delay is over
        seen_wall_s = self._clock.wall() - max(0.0, now - sighting.captured_mono_s)
        rings = enters and changed
        self._journal.sighting(sighting, response, seen_wall_s, test=self._alarm.quiet, rings=rings)

    def arm(self, actor: Actor, mode: Mode = Mode.AWAY) -> None:
        """Armed by a person, after the exit delay, until the schedule's next change."""
        self._step(Event.ARM, actor, mode=mode, seconds=self._exit_s)

    def disarm(self, actor: Actor) -> None:
        """Disarmed by a person; siren and loudspeaker are told to be silent before this returns."""
        self._step(Event.DISARM, actor)
        self._outputs.hush()

    def siren_on(self, actor: Actor) -> None:
        """Sound by a person's wish. Raises SirenUnavailable."""
        self._outputs.require_siren()
        self._step(Event.SIREN_ON, actor)

    def siren_off(self, actor: Actor) -> None:
        """Silence by a person's wish; never fails."""
        self._step(Event.SIREN_OFF, actor)
        self._outputs.hush()

    def test_siren(self, actor: Actor, seconds: float) -> bool:
        """Sound for a moment, within TEST_S, to hear whether it does; False: not in this state. Raises
        SirenUnavailable."""
        self._outputs.require_siren()
        return self._step(Event.TEST, actor, seconds=min(max(seconds, TEST_S[0]), TEST_S[1]))

    def quiet_test(self, actor: Actor, minutes: int) -> bool:
        """For so long, within QUIET_MINUTES, everything works but is not heard, and nobody outside of the page is
        told; False: not in this state, or one runs."""
        if not self._step(Event.QUIET_TEST, actor):
            return False
        minutes = min(max(minutes, QUIET_MINUTES[0]), QUIET_MINUTES[1])
        self._quiet = self._clock.monotonic() + 60.0 * minutes, actor
        return True

    def end_quiet_test(self, actor: Actor) -> None:
        """All is meant again; while armed, after the exit delay."""
        self._step(Event.QUIET_TEST_OVER, actor, seconds=self._exit_s)

    def all_clear(self, actor: Actor) -> None:
        """Siren and loudspeaker off, and nothing rings any more, before this returns; the site stays armed or not."""
        if not self._step(Event.ALL_CLEAR, actor):
            self._journal.action(actor, deed_of(Event.ALL_CLEAR, self._alarm.state), self._alarm.state)
        self._outputs.hush()
        self._journal.acknowledge_all(actor)
        self._on_change()

    def siren_ended(self, why: str) -> None:
        """The guard ended or refused the sounding."""
        if self._alarm.siren:
            self._step(Event.SIREN_OFF, Actor(f"guard: {why}"), deed=GUARD_ENDED)

    def input_changed(self, name: str, active: bool) -> None:
        """An input of the relay board changed. The panic button sounds the siren, armed or not, and rings."""
        actor = INPUTS[name]
        log.info("input", name=name, active=active)
        self._journal.action(actor, "input-on" if active else "input-off", name)
        if name == "panic" and active:
            try:
                self.siren_on(actor)
            except SirenUnavailable as error:
                log.warning("panic button pressed, but the siren cannot sound", reason=str(error))
            self._journal.notice(Notice(NoticeKind.PANIC, Response.CALL))

    async def acknowledge(self, incident_id: int, actor: Actor) -> Incident | None:
        """Staff took the incident on: it rings no more. None: no such incident."""
        incident = await self._journal.acknowledge(incident_id, actor)
        self._on_change()
        return incident

    async def resolve(self, incident_id: int, actor: Actor, outcome: Outcome, note: str) -> Incident | None:
        """Staff are done with the incident: it rings no more. None: no such incident. Raises AlreadyResolved."""
        incident = await self._journal.resolve(incident_id, actor, outcome, note)
        self._on_change()
        return incident

    async def reopen(self, incident_id: int, actor: Actor, reason: str) -> Incident | None:
        """Staff are not done with the incident after all. Raises NotResolved."""
        return await self._journal.reopen(incident_id, actor, reason)

    def view(self) -> AlarmView:
        """The state as a page shows it."""
        inside = Inside(self._alarm, self._cause, self._quiet, self._readiness.missing)
        return view_of(inside, self._standing, self._outputs, self._journal.ringing, self._clock)

    @property
    def acting(self) -> frozenset[str]:
        """The cameras of which a sighting leads to more than a recording now, or when the exit delay is over;
        `on_change` tells when they change."""
        return self._places.acting(self._alarm.mode, self._known_wall_s)

    # Behaviour

    @property
    def _known_wall_s(self) -> float | None:
        return self._clock.wall() if self._clock.state().is_trusted else None

    def _serve_deadline(self) -> None:
        state, cause = self._alarm.state, self._cause
        if state is not State.PENDING or cause is None:
            self._step(Event.DEADLINE, time_as_actor(state))
            return
        actor = Actor(f"{cause.camera}/{cause.zone}")
        if self._outputs.means.siren:
            self._step(Event.DEADLINE, actor)
            self._journal.sighting(cause, Response.SIREN, self._clock.wall(), test=self._alarm.quiet)
        else:
            self._step(Event.LAPSE, actor)
            if self._instead is Response.WARN:
                self._warn(actor)

    def _warn(self, actor: Actor) -> None:
        if self._outputs.means.speaker and self._step(Event.WARN, actor):
            self._cause = None

    def _ringing_changed(self, actor: Actor) -> None:
        self._step(Event.RING if self._journal.ringing.ids else Event.CALM, actor)
        self._on_change()

    def _look_for_outages(self) -> None:
        now = self._clock.monotonic()
        for notice in self._readiness.look(self._alarm.mode, now, self._known_wall_s):
            self._journal.notice(replace(notice, test=self._alarm.quiet))
            if notice.response is Response.WARN:
                self._warn(Actor(notice.kind))
        missing = self._readiness.missing
        self._step(Event.IMPAIRED if missing else Event.ABLE, Actor(", ".join(sorted(missing)) or "alarm"))

    def _follow_schedule(self) -> None:
        change = self._standing.due()
        if change is None:
            return
        mode = change.mode
        if mode is None:
            self._step(Event.DISARM, SCHEDULE)
        else:
            self._step(Event.ARM, SCHEDULE, mode=mode, seconds=self._exit_s)

    def _step(
        self,
        event: Event,
        actor: Actor,
        *,
        mode: Mode | None = None,
        seconds: float = 0.0,
        deed: str | None = None,
    ) -> bool:
        """Whether more than a fact changed: then it stands in the audit trail."""
        before = self._alarm
        now = self._clock.monotonic()
        limits = replace(self._limits, warning_s=self._outputs.warning_s)
        self._alarm = after = step(before, event, now, limits, mode=mode, seconds=seconds)
        if after == before:
            return False
        self._outputs.follow(before, after)
        if after.mode is not before.mode:
            self._standing.choose(after.mode, actor)
            self._judge.forget()
        changed = after.audited != before.audited
        if changed:
            log.info("alarm", cause=event, before=before.state, after=after.state, actor=actor.name)
            detail = {"mode": after.mode, "quiet_test": after.quiet}
            subject = f"{before.state} to {after.state}"
            self._journal.action(actor, deed or deed_of(event, before.state), subject, detail)
        if before.quiet and not after.quiet:
            self._quiet = None
            self._readiness.forget()
            self._journal.ringing.stop_tests(actor)
        self._wake.set()
        self._on_change()
        return changed
