"""A stream's times, going on where its camera began anew, and what time of day they were. Pure."""

from __future__ import annotations

from nvr.media.access_unit import AccessUnit

WINDOW_S = 5.0


class MediaTime:
    """Turns `pts_90k`, which begins at 0 with each connection of the camera, into one time that goes on."""

    def __init__(self) -> None:
        self._shift_90k = 0
        self._newest_90k = 0
        self._arrived_s: float | None = None
        self._is_broken = False
        # How much less than the arrival (both in s) the media time is at least, in this window and the one before.
        self._leads = (float("inf"), float("inf"))
        self._window_ends_s = 0.0

    def interrupt(self) -> None:
        """The next picture's time has nothing to do with that of the last."""
        self._is_broken = True

    def of_picture(self, unit: AccessUnit) -> int:
        """Media time in 1/90000 s."""
        arrived_s = unit.received_mono_s
        if self._is_broken and self._arrived_s is not None:
            passed_90k = round(max(arrived_s - self._arrived_s, 0.0) * 90_000)
            self._shift_90k = self._newest_90k + passed_90k - unit.pts_90k
            self._leads = (float("inf"), float("inf"))
        self._is_broken = False
        time_90k = unit.pts_90k + self._shift_90k
        self._newest_90k = max(self._newest_90k, time_90k) if self._arrived_s is not None else time_90k
        self._arrived_s = arrived_s
        if arrived_s >= self._window_ends_s:
            self._window_ends_s = arrived_s + WINDOW_S
            self._leads = (self._leads[1], float("inf"))
        self._leads = (self._leads[0], min(self._leads[1], arrived_s - time_90k / 90_000))
        return time_90k

    def of_sound(self, pts_90k: int) -> int | None:
        """Media time in 1/90000 s; None: there is none before the next picture."""
        return None if self._is_broken or self._arrived_s is None else pts_90k + self._shift_90k

    def sampled_mono_s(self, time_90k: int) -> float:
        """When (by the clock of arrivals) what has this media time was sampled, as the least delayed pictures say."""
        return time_90k / 90_000 + min(self._leads)

    @property
    def newest_90k(self) -> int:
        """Of the pictures so far."""
        return self._newest_90k
