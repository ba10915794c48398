"""The board of faults: what staff must know about now, each with place and cause, until it is mended."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from nvr.clock import Clock
from nvr.events import Fault

log = structlog.get_logger(__name__)


class FaultBoard:
    """Current faults by (place, code). A fault raised again with the same detail is not logged again."""

    def __init__(self, clock: Clock):
        self._clock = clock
        self._faults: dict[tuple[str, str], tuple[Fault, float]] = {}
        self._listeners: list[Callable[[], None]] = []

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each change; it must neither block nor raise."""
        self._listeners.append(listener)

    def raise_fault(self, fault: Fault) -> None:
        """Show `fault` until it is cleared; since when it stands is kept while it is raised again."""
        known = self._faults.get((fault.place, fault.code))
        if known is not None and known[0] == fault:
            return
        log.warning("fault", place=fault.place, code=fault.code, detail=fault.detail)
        since = known[1] if known else self._clock.wall()
        self._faults[fault.place, fault.code] = (fault, since)
        self._changed()

    def clear(self, place: str, code: str | None = None, *, but: str | None = None) -> None:
        """Forget the fault, or with `code` None every fault of `place` `but` that one."""
        gone = [k for k in self._faults if k[0] == place and code in (None, k[1]) and k[1] != but]
        for key in gone:
            del self._faults[key]
            log.info("fault cleared", place=key[0], code=key[1])
        if gone:
            self._changed()

    def at(self, place: str, *, but: str | None = None) -> Fault | None:
        """One of the faults of `place`, if there is any `but` that one."""
        return next((f for (p, code), (f, _) in self._faults.items() if p == place and code != but), None)

    @property
    def current(self) -> list[tuple[Fault, float]]:
        """(fault, wall time in s since when it stands), oldest first."""
        return sorted(self._faults.values(), key=lambda entry: entry[1])

    def _changed(self) -> None:
        for listener in self._listeners:
            listener()
