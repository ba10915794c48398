"""How much CPU time analysis may use: acting cameras always, the others as far as the budget goes. Pure."""

from __future__ import annotations

import math

RESERVED = 0.25
"""Share of the budget that acting cameras do not use up: the others are looked at however busy those are."""
BURST_S = 0.5
"""So long a pause can be made up for."""
DEBT_S = 1.0
"""What was used beyond the budget is paid back for at most so long."""
MOMENT_S = 0.001
"""So much longer one waits, to be sure that there is something again."""


class Budget:
    """`share` of one core, as two token buckets that count CPU time: one for all, and a reserve for cameras that are
    not acting, into which the other overflows. What acting cameras cost counts, but they are never refused. The others
    are refused while there is nothing for them: without acting cameras, what was allowed in any time t takes at most
    `share` * (t + BURST_S) and its last step."""

    def __init__(self, share: float = math.inf):
        self._share = share
        self._common_s, self._reserve_s = self._most_common_s, self._most_reserve_s
        self._at_s: float | None = None

    def charge(self, cost_s: float, now_s: float, *, acting: bool) -> None:
        """`cost_s` of CPU time were used for a camera."""
        if math.isinf(self._share):
            return
        self._fill(now_s)
        common_s = cost_s if acting else min(cost_s, max(self._common_s, 0.0))
        most_debt_s = self._share * DEBT_S
        self._common_s = max(self._common_s - common_s, -most_debt_s)
        self._reserve_s = max(self._reserve_s - (cost_s - common_s), -most_debt_s)

    def wait_s(self, now_s: float) -> float:
        """How long from now on cameras that are not acting are refused; 0.0: they are not."""
        if math.isinf(self._share):
            return 0.0
        self._fill(now_s)
        if max(self._common_s, 0.0) + self._reserve_s > 0:
            return 0.0
        alone_s = -self._reserve_s / (self._share * RESERVED)
        both_s = -(self._common_s + self._reserve_s) / self._share
        return min(alone_s, both_s) + MOMENT_S

    def _fill(self, now_s: float) -> None:
        elapsed_s = 0.0 if self._at_s is None else max(now_s - self._at_s, 0.0)
        self._at_s = now_s
        self._common_s += elapsed_s * self._share * (1 - RESERVED)
        overflow_s = max(self._common_s - self._most_common_s, 0.0)
        self._common_s -= overflow_s
        self._reserve_s += elapsed_s * self._share * RESERVED + overflow_s
        self._reserve_s = min(self._reserve_s, self._most_reserve_s)

    @property
    def _most_common_s(self) -> float:
        return self._share * BURST_S * (1 - RESERVED)

    @property
    def _most_reserve_s(self) -> float:
        return self._share * BURST_S * RESERVED
