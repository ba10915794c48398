"""The wall clock for decisions about age, and whether it can be trusted for deleting."""

from __future__ import annotations

from nvr.clock import Clock
from nvr.record.model import TICKS

JUMP_S = 60.0


class SettledClock:
    """A clock that is wrong by years must not make all footage look outlived: footage goes because of its age, and
    holds expire, only when the wall clock is trusted and has neither jumped
    against the monotonic one nor become trusted for `settle_s`."""

    def __init__(self, clock: Clock, settle_s: float):
        self._clock, self._settle_s = clock, settle_s
        self._offset_s = clock.wall() - clock.monotonic()
        self._since_mono_s = clock.monotonic()

    @property
    def now_90k(self) -> int:
        """The wall time."""
        return int(self._clock.wall() * TICKS)

    @property
    def monotonic_s(self) -> float:
        return self._clock.monotonic()

    @property
    def is_settled(self) -> bool:
        """Notices jumps only when it is asked, so it must be asked now and then."""
        mono_s = self._clock.monotonic()
        offset_s = self._clock.wall() - mono_s
        is_trusted = self._clock.state().is_trusted
        if abs(offset_s - self._offset_s) > JUMP_S or not is_trusted:
            self._since_mono_s = mono_s
        self._offset_s = offset_s
        return is_trusted and mono_s - self._since_mono_s >= self._settle_s
