"""The alarm at work: sightings, people and the schedule in, siren and incidents out.

The siren is decided and told first, in the same turn of the loop; everything that touches the disk is queued
behind it (journal.py), so that a disk that stands still delays neither the siren nor a disarm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import structlog

from nvr.alarm import schedule
from nvr.alarm.handling import Outcome
from nvr.alarm.hours import PlaceHours
from nvr.alarm.incidents import Incident
from nvr.alarm.journal import Armed, Journal
from nvr.alarm.machine import Alarm, Event, Limits, State, step
from nvr.alarm.policy import effective_response
from nvr.alarm.siren import SirenLine, SirenUnavailable
from nvr.clock import Clock
from nvr.config import Config
from nvr.events import Actor, Response, Sighting

log = structlog.get_logger(__name__)

SCHEDULE = Actor("schedule")
INPUTS = {
    "panic": Actor("panic button"),
    "silence": Actor("silence switch"),
    "tamper": Actor("tamper contact"),
    "door": Actor("door contact"),
}
"""Who acts through an input of the relay board."""
TICK_S = 0.5


@dataclass(frozen=True, slots=True)
class AlarmView:
    """Everything a page shows of the alarm; times in seconds since 1970 UTC."""

    state: State
    armed: Armed
    next_change: schedule.Change | None
    siren_configured: bool
    siren_link: Literal["up", "down", "none"]
    siren_wanted: bool
    siren_on: bool
    siren_cause: str
    siren_ends_s: float | None
    cooldown_until_s: float | None
    ringing: tuple[int, ...]


class AlarmRunner:
    """Owns the alarm's state. Methods that are not async never wait, and take effect before they return."""

    def __init__(
        self,
        config: Config,
        journal: Journal,
        siren: SirenLine | None,
        *,
        clock: Clock,
        on_change: Callable[[], None],
    ):
        self._config, self._journal, self._siren = config, journal, siren
        self._clock, self._on_change = clock, on_change
        settings = config.siren
        self._limits = Limits(
            settings.max_seconds if settings else 0.0, settings.cooldown_seconds if settings else 0.0
        )
        self._hours = PlaceHours(config.camera, config.site.zone)
        self._acting: frozenset[str] = frozenset()
        self._alarm = Alarm()
        self._armed = Armed(False, clock.wall(), "", "start")
        self._changed_mono_s: float | None = None
        self._wake = asyncio.Event()
        if siren is not None:
            siren.listen(on_change=on_change, on_ended=self.siren_ended, on_input=self.input_changed)

    async def restore(self) -> None:
        """Take up the armed state of before the power cut, and what the schedule changed meanwhile."""
        before = await self._journal.load()
        if before is not None:
            self._armed = before
            self._alarm = Alarm(State.ARMED if before.armed else State.DISARMED)
        self._follow_schedule()

    async def run(self, healthy: Callable[[], None]) -> None:
        """Deadlines and schedule, until cancelled."""
        healthy()
        while True:
            self._wake.clear()
            self._step(Event.DEADLINE, Actor("maximum time or cooldown"), "siren-ended")
            self._follow_schedule()
            acting, self._acting = self._acting, self.acting
            if self._journal.stop_old_ringing() or acting != self._acting:
                self._on_change()
            try:
                async with asyncio.timeout(TICK_S):
                    await self._wake.wait()
            except TimeoutError:
                continue

    # Inputs

    def sighting(self, sighting: Sighting) -> None:
        """A confirmed object in a zone: sound, call or record."""
        ready = self._siren is not None and self._siren.ready
        wanted = self._hours.response(sighting.camera, sighting.zone, sighting.response, self._known_wall_s)
        response = effective_response(wanted, self._alarm, siren_ready=ready)
        if response is Response.SIREN:
            self._step(Event.INTRUDER, Actor(f"{sighting.camera}/{sighting.zone}"), "siren-auto")
        seen_wall_s = self._clock.wall() - max(0.0, self._clock.monotonic() - sighting.captured_mono_s)
        self._journal.sighting(sighting, response, seen_wall_s)

    def arm(self, actor: Actor) -> None:
        """Armed by a person, until the schedule's next change."""
        self._step(Event.ARM, actor, "arm")

    def disarm(self, actor: Actor) -> None:
        """Disarmed by a person; the siren is told to be silent before this returns."""
        self._step(Event.DISARM, actor, "disarm")
        if self._siren is not None:
            self._siren.want(False)

    def siren_on(self, actor: Actor) -> None:
        """Sound by a person's wish. Raises SirenUnavailable."""
        if self._siren is None:
            raise SirenUnavailable("this appliance has no siren", remedy="Add a [siren] section to nvr.toml")
        if self._siren.silenced:
            raise SirenUnavailable(
                "the silence switch at the siren is on", remedy="Switch it off, then try again"
            )
        if not self._siren.ready:
            raise SirenUnavailable(
                "the siren's relay board does not answer", remedy="Check its cable and power, then try again"
            )
        self._step(Event.SIREN_ON, actor, "siren-on")

    def siren_off(self, actor: Actor) -> None:
        """Silence by a person's wish; never fails."""
        self._step(Event.SIREN_OFF, actor, "siren-off")
        if self._siren is not None:
            self._siren.want(False)

    def siren_ended(self, why: str) -> None:
        """The guard ended or refused the sounding."""
        self._step(Event.SIREN_OFF, Actor(f"guard: {why}"), "siren-ended")

    def input_changed(self, name: str, active: bool) -> None:
        """An input of the relay board changed. The panic button sounds the siren, armed or not."""
        actor = INPUTS[name]
        log.info("input", name=name, active=active)
        self._journal.action(actor, "input-on" if active else "input-off", name)
        if name == "panic" and active:
            try:
                self.siren_on(actor)
            except SirenUnavailable as error:
                log.warning("panic button pressed, but the siren cannot sound", reason=str(error))

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
        now_wall_s, now_mono_s = self._clock.wall(), self._clock.monotonic()
        status = self._siren.status if self._siren else None
        deadline = self._alarm.deadline_mono_s
        deadline_wall_s = None if deadline is None else now_wall_s + deadline - now_mono_s
        plan = self._config.schedule
        return AlarmView(
            state=self._alarm.state,
            armed=self._armed,
            next_change=schedule.next_change(plan, self._config.site.zone, now_wall_s) if plan else None,
            siren_configured=self._siren is not None,
            siren_link="none" if self._siren is None else ("up" if self._siren.ready else "down"),
            siren_wanted=self._alarm.sounding,
            siren_on=bool(status and status.on),
            siren_cause=status.cause if status else "",
            siren_ends_s=deadline_wall_s if self._alarm.sounding else None,
            cooldown_until_s=deadline_wall_s if self._alarm.state is State.COOLING else None,
            ringing=self._journal.ringing,
        )

    @property
    def acting(self) -> frozenset[str]:
        """The cameras of which a sighting leads to more than a recording now; `on_change` tells when they change."""
        return self._hours.acting(self._known_wall_s) if self._alarm.armed else frozenset()

    # Behaviour

    @property
    def _known_wall_s(self) -> float | None:
        return self._clock.wall() if self._clock.state().is_trusted else None

    def _step(self, event: Event, actor: Actor, action: str) -> None:
        before = self._alarm
        self._alarm = after = step(before, event, self._clock.monotonic(), self._limits)
        if after == before:
            return
        if self._siren is not None:
            self._siren.want(after.sounding)
        now = self._clock.wall()
        if after.armed != before.armed:
            self._armed = Armed(after.armed, now, actor.name, "schedule" if actor is SCHEDULE else "manual")
            self._changed_mono_s = None if self._clock.state().is_trusted else self._clock.monotonic()
            self._journal.armed(self._armed)
        log.info("alarm", cause=event, before=before.state, after=after.state, actor=actor.name)
        self._journal.action(actor, action, f"{before.state} to {after.state}")
        self._wake.set()
        self._on_change()

    def _since(self, wall_s: float) -> None:
        self._changed_mono_s = None
        self._armed = replace(self._armed, since_s=wall_s)
        self._journal.armed(self._armed)

    def _follow_schedule(self) -> None:
        """Do what the schedule asked for since the armed state last changed; nothing while the clock is not trusted,
        and then all of it."""
        plan, now = self._config.schedule, self._clock.wall()
        if plan is None:
            return
        if not self._clock.state().is_trusted:
            return
        if self._changed_mono_s is not None:
            # Somebody chose this while nobody knew the time; now it is known when.
            self._since(now - (self._clock.monotonic() - self._changed_mono_s))
        elif now < self._armed.since_s - 60:
            # It was chosen under a clock that ran ahead, nobody knows when: it stands until the next change.
            self._since(now)
        change = schedule.last_change(plan, self._config.site.zone, now)
        if change.at_wall_s <= self._armed.since_s and self._armed.why != "start":
            return
        if change.armed != self._alarm.armed:
            event, action = (Event.ARM, "arm") if change.armed else (Event.DISARM, "disarm")
            self._step(event, SCHEDULE, action)
        elif self._armed.why == "start":
            self._armed = Armed(change.armed, now, SCHEDULE.name, "schedule")
            self._journal.armed(self._armed)
