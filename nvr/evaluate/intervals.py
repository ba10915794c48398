"""How sure a counted figure is: confidence intervals without further libraries. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import NamedTuple

CONFIDENCE = 0.95


class Interval(NamedTuple):
    """Both ends included."""

    low: float
    high: float


def share(hits: int, of: int, confidence: float = CONFIDENCE) -> Interval:
    """Wilson's interval of a share (E. B. Wilson, JASA 22, 1927); 0 to 1 where nothing was tried."""
    if of == 0:
        return Interval(0.0, 1.0)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    p = hits / of
    centre = (p + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * math.sqrt(p * (1 - p) / of + z * z / (4 * of * of))
    # At the ends it touches 0 and 1, where rounding may step over or fall short of them.
    return Interval(
        0.0 if hits == 0 else max(centre - half, 0.0), 1.0 if hits == of else min(centre + half, 1.0)
    )


def count(events: int, confidence: float = CONFIDENCE) -> Interval:
    """The exact interval of a Poisson mean of which `events` were counted (F. Garwood, Biometrika 28, 1936): below
    `low` so many or more, above `high` so few or fewer, has a chance of at most half of what `confidence` leaves."""
    tail = (1 - confidence) / 2
    low = 0.0 if events == 0 else _where(lambda mean: 1 - _at_most(events - 1, mean) >= tail, events)
    return Interval(low, _where(lambda mean: _at_most(events, mean) <= tail, events))


def _at_most(events: int, mean: float) -> float:
    """Chance of at most `events` by a Poisson law."""
    if mean <= 0:
        return 1.0
    logs = (k * math.log(mean) - mean - math.lgamma(k + 1) for k in range(events + 1))
    return min(math.fsum(math.exp(value) for value in logs), 1.0)


def _where(reached: Callable[[float], bool], events: int) -> float:
    """The mean from which on `reached`, by bisection."""
    low, high = 0.0, events + 10 * math.sqrt(events + 1) + 10
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high


def quantile(values: list[float], q: float) -> float | None:
    """The smallest of `values` that a share `q` of them does not exceed; None: there are none."""
    return sorted(values)[max(math.ceil(q * len(values)) - 1, 0)] if values else None
