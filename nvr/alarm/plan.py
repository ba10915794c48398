"""The schedule that is in force, which an administrator can change while the appliance runs. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nvr.alarm.schedule import Change, last_change, next_change
from nvr.config import Config
from nvr.config.schedule import Schedule

_LOOK_AGAIN_S = 3600.0
"""Where nothing changes for days."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What state.db says. `version`: 0 until somebody first made a schedule on the page. `schedule`: None where
    nvr.toml's is in force. `changed_s`: wall time. `problem`: why what is stored cannot be used, "" where it can."""

    version: int = 0
    schedule: Schedule | None = None
    changed_s: float = 0.0
    changed_by: str = ""
    problem: str = ""


class Plan:
    """The page's schedule where there is one, else nvr.toml's.

    A new schedule does nothing belatedly: only its changes after it was made count. So whoever puts "armed from 20:00"
    in at 21:00 does not sound a siren by it, neither at once nor after the next power cut.
    """

    def __init__(self, config: Config):
        self._configured, self._site = config.schedule, config.site
        self._stored = Stored()
        self._since_s = 0.0
        self._seen: tuple[float, float, Change | None, Change | None] | None = None

    def use(self, stored: Stored) -> None:
        """In force from now on; an older version than the one in force is dropped."""
        if stored.version < self._stored.version:
            return
        self._stored, self._since_s, self._seen = stored, stored.changed_s, None

    @property
    def stored(self) -> Stored:
        return self._stored

    @property
    def source(self) -> Literal["page", "nvr.toml", "none"]:
        if self._stored.schedule is not None:
            return "page"
        return "none" if self._configured is None else "nvr.toml"

    @property
    def schedule(self) -> Schedule | None:
        """None: there is none; armed and disarmed only by hand."""
        return self._configured if self._stored.schedule is None else self._stored.schedule

    def last_change(self, now_wall_s: float) -> Change | None:
        """The newest change at or before now that counts; None: none for days."""
        # A moment that is still to come was taken from a clock that ran ahead.
        self._since_s = min(self._since_s, now_wall_s)
        last, _ = self._around(now_wall_s)
        return last if last is not None and last.at_wall_s > self._since_s else None

    def next_change(self, now_wall_s: float) -> Change | None:
        """The first change after now; None: none for days."""
        return self._around(now_wall_s)[1]

    def _around(self, now_wall_s: float) -> tuple[Change | None, Change | None]:
        """Last and next change, found anew only when time has left what lies between them."""
        if self._seen is None or not self._seen[0] <= now_wall_s < self._seen[1]:
            self._seen = self._look(now_wall_s)
        return self._seen[2], self._seen[3]

    def _look(self, now_wall_s: float) -> tuple[float, float, Change | None, Change | None]:
        if self.schedule is None:
            return now_wall_s, now_wall_s + _LOOK_AGAIN_S, None, None
        zone, place = self._site.zone, self._site.coordinates
        last = last_change(self.schedule, zone, now_wall_s, place)
        following = next_change(self.schedule, zone, now_wall_s, place)
        until_s = now_wall_s + _LOOK_AGAIN_S
        return now_wall_s, min(until_s, following.at_wall_s) if following else until_s, last, following
