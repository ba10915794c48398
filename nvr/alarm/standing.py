"""Who armed or disarmed the site, when and why; and what the schedule makes of it. Kept over a power cut."""

from __future__ import annotations

from dataclasses import replace

from nvr.alarm.journal import Armed, Journal
from nvr.alarm.plan import Plan
from nvr.alarm.schedule import Change
from nvr.clock import Clock
from nvr.events import Actor, Mode

SCHEDULE = Actor("schedule")


class Standing:
    """`armed` stands until the next choice, a person's or the plan's."""

    def __init__(self, plan: Plan, *, clock: Clock, journal: Journal):
        self._plan, self._clock, self._journal = plan, clock, journal
        self.armed = Armed(None, clock.wall(), "", "start")
        self._chosen_mono_s: float | None = None  # where nobody knew the time then

    async def restore(self) -> None:
        """Take up what stood before the power cut."""
        self.armed = await self._journal.load() or self.armed

    def choose(self, mode: Mode | None, actor: Actor) -> None:
        """It was armed or disarmed just now."""
        by_plan = actor is SCHEDULE
        self._keep(Armed(mode, self._clock.wall(), actor.name, "schedule" if by_plan else "manual"))
        self._chosen_mono_s = None if self._clock.state().is_trusted else self._clock.monotonic()

    def next_change(self) -> Change | None:
        """What the schedule does next."""
        return self._plan.next_change(self._clock.wall())

    def due(self) -> Change | None:
        """What the schedule asked for since the last choice, where that is another mode; nothing while the clock is
        not trusted, and then all of it."""
        now = self._clock.wall()
        if self._plan.schedule is None or not self._clock.state().is_trusted:
            return None
        if self._chosen_mono_s is not None:
            # Somebody chose this while nobody knew the time; now it is known when.
            self._since(now - (self._clock.monotonic() - self._chosen_mono_s))
        elif now < self.armed.since_s - 60:
            # It was chosen under a clock that ran ahead, nobody knows when: it stands until the next change.
            self._since(now)
        change = self._plan.last_change(now)
        if change is None or (change.at_wall_s <= self.armed.since_s and self.armed.why != "start"):
            return None
        if change.mode is not self.armed.mode:
            return change
        if self.armed.why == "start":
            self._keep(Armed(self.armed.mode, now, SCHEDULE.name, "schedule"))
        return None

    def _since(self, wall_s: float) -> None:
        self._chosen_mono_s = None
        self._keep(replace(self.armed, since_s=wall_s))

    def _keep(self, armed: Armed) -> None:
        self.armed = armed
        self._journal.armed(armed)
