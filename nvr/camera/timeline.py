"""RTP timestamps as one continuous 64-bit time line. Pure."""

from __future__ import annotations

AHEAD_LIMIT_S = 10.0
BEHIND_LIMIT_S = 30.0
BACK_LIMIT_S = 1.0
_FORGET_S = 60.0


class Timeline:
    """Unwraps 32-bit RTP timestamps (90 kHz) and notices when the camera's clock jumps.

    A jump is a step back by more than 1 s (more than B-frames need), or time that runs ahead of the arrival by
    more than 10 s, or falls behind it by more than 30 s. The reference follows slowly (over a minute), so
    neither drift between the two clocks nor a burst after a network freeze counts as a jump.
    """

    def __init__(self) -> None:
        self._started = False
        self._timestamp = 0
        self._arrival_s = 0.0
        self._pts_90k = 0
        self._highest_90k = 0
        self._ahead_s = 0.0

    def at(self, timestamp: int) -> int | None:
        """pts of a timestamp near that of the last picture; None before the first."""
        if not self._started:
            return None
        return self._pts_90k + (timestamp - self._timestamp + 0x8000_0000 & 0xFFFF_FFFF) - 0x8000_0000

    def place(self, timestamp: int, arrival_s: float) -> tuple[int, bool]:
        """(pts in 1/90000 s since the first picture, whether time jumped) of the next picture in decode order.

        After a jump the line goes on by the time that passed between the arrivals, above all before.
        """
        if not self._started:
            self._started = True
            self._timestamp, self._arrival_s = timestamp, arrival_s
            return 0, False
        step_90k = (timestamp - self._timestamp + 0x8000_0000 & 0xFFFF_FFFF) - 0x8000_0000
        passed_s = max(arrival_s - self._arrival_s, 0.0)
        self._timestamp, self._arrival_s = timestamp, arrival_s
        ahead_s = self._ahead_s * max(1.0 - passed_s / _FORGET_S, 0.0) + step_90k / 90_000 - passed_s
        jumped = step_90k < -90_000 * BACK_LIMIT_S or not -BEHIND_LIMIT_S <= ahead_s <= AHEAD_LIMIT_S
        if jumped:
            self._pts_90k = max(self._pts_90k + round(passed_s * 90_000), self._highest_90k + 1)
            self._ahead_s = 0.0
        else:
            self._pts_90k += step_90k
            self._ahead_s = ahead_s
        self._highest_90k = max(self._highest_90k, self._pts_90k)
        return self._pts_90k, jumped
