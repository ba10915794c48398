"""What platforms watch, as the audit trail tells it: one row when a viewing begins, one when it is over. Pure."""

from __future__ import annotations

from dataclasses import dataclass

LINGER_S = 60.0
"""A viewing that goes on within so long is the same: a platform that reconnects every second must fill no disk."""
MAX_TOLD = 512
BEGAN, OVER = "platform-live", "platform-live-over"


@dataclass(frozen=True, slots=True)
class Viewing:
    """Who sees what from where. `transport`: "tcp", "tls" or "udp"."""

    user: str
    place: str
    address: str
    transport: str


@dataclass(frozen=True, slots=True)
class ViewingRow:
    """To be written. `seconds`: how long it lasted, once it is over."""

    action: str
    viewing: Viewing
    seconds: float | None = None


@dataclass(slots=True)
class _Told:
    began_s: float
    sessions: int = 1
    ended_s: float = 0.0


class Viewings:
    """Counts sessions of the same viewing together."""

    def __init__(self) -> None:
        self._told: dict[Viewing, _Told] = {}

    @property
    def running(self) -> list[Viewing]:
        return [viewing for viewing, told in self._told.items() if told.sessions]

    def begin(self, viewing: Viewing, now_s: float) -> list[ViewingRow]:
        """A session begins to play; what is to be written."""
        told = self._told.get(viewing)
        if told is not None:
            told.sessions += 1
            return []
        rows = self._make_room()
        self._told[viewing] = _Told(now_s)
        return [*rows, ViewingRow(BEGAN, viewing)]

    def end(self, viewing: Viewing, now_s: float) -> None:
        """It plays no more."""
        told = self._told.get(viewing)
        if told is not None and told.sessions:
            told.sessions -= 1
            told.ended_s = now_s

    def due(self, now_s: float) -> list[ViewingRow]:
        """What is to be written of those that are over."""
        over = [v for v, told in self._told.items() if not told.sessions and now_s - told.ended_s >= LINGER_S]
        return [self._forget(viewing) for viewing in over]

    def finish(self, now_s: float) -> list[ViewingRow]:
        """What is to be written at the end of everything."""
        for told in self._told.values():
            if told.sessions:
                told.sessions, told.ended_s = 0, now_s
        return [self._forget(viewing) for viewing in tuple(self._told)]

    def _make_room(self) -> list[ViewingRow]:
        """Those that run are no more than there are sessions, so one that is over is told of early."""
        if len(self._told) < MAX_TOLD:
            return []
        return [
            self._forget(
                next((v for v, told in self._told.items() if not told.sessions), next(iter(self._told)))
            )
        ]

    def _forget(self, viewing: Viewing) -> ViewingRow:
        told = self._told.pop(viewing)
        return ViewingRow(OVER, viewing, max(told.ended_s - told.began_s, 0.0))
