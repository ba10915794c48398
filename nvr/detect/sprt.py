"""Wald's sequential probability ratio test: is this track an object of its kind, or clutter? Pure.

Source: A. Wald, Sequential Analysis (1947), ch. 3: accumulate the logarithm of the likelihood ratio, accept
above ln((1 - beta) / alpha), reject below ln(beta / (1 - alpha)).

What one examination of the track's place shows is either a detector score s between `FLOOR` and 1 or nothing:

- an object is seen with probability `SEEN_OBJECT`, its score spread evenly over [FLOOR, 1];
- clutter is seen with probability `SEEN_CLUTTER`, its score falling off exponentially, at the rate `FALL_OFF`.

Two examinations shortly after another show nearly the same picture, so the second counts only by the share
1 - exp(-dt / tau) of what it would count alone. Of what does not move tau is longer: its clutter stays the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

FLOOR = 0.2
FALL_OFF = 5.0
SEEN_OBJECT, SEEN_CLUTTER = 0.8, 0.5
MAX_STEP = 3.0
"""No single examination counts for more, so one frame never decides (see `SequentialTest`)."""
TAU_MOVING_S, TAU_STILL_S = 0.12, 0.25

_SPAN = 1.0 - FLOOR
_LN_CLUTTER_DENSITY = math.log(FALL_OFF / (1 - math.exp(-FALL_OFF * _SPAN)))
_LN_OBJECT_DENSITY = -math.log(_SPAN)


class Verdict(Enum):
    """What is known of a track; OBJECT and CLUTTER are final."""

    OPEN = "open"
    OBJECT = "object"
    CLUTTER = "clutter"


def step(score: float | None) -> float:
    """Log-likelihood ratio of one uncorrelated examination, within ±MAX_STEP; `score` None: nothing was seen."""
    if score is None:
        return math.log((1 - SEEN_OBJECT) / (1 - SEEN_CLUTTER))
    above = min(max(score, FLOOR), 1.0) - FLOOR
    ratio = _LN_OBJECT_DENSITY - (_LN_CLUTTER_DENSITY - FALL_OFF * above)
    return min(max(ratio + math.log(SEEN_OBJECT / SEEN_CLUTTER), -MAX_STEP), MAX_STEP)


def weight(elapsed_s: float, *, moving: bool) -> float:
    """Share of new evidence in an examination `elapsed_s` after the one before, 0 to 1."""
    return 1.0 - math.exp(-max(elapsed_s, 0.0) / (TAU_MOVING_S if moving else TAU_STILL_S))


@dataclass(frozen=True, slots=True)
class ErrorRates:
    """`alpha`: chance that clutter is taken for an object; `beta`: that an object is given up. Per track, under
    the model above; rates per site and night need calibration on its footage.

    Raises ValueError unless both are above 0 and below 0.5, and strict enough that no single frame decides.
    """

    alpha: float = 0.001
    beta: float = 0.05

    def __post_init__(self) -> None:
        if not (0 < self.alpha < 0.5 and 0 < self.beta < 0.5):
            raise ValueError("error rates must lie between 0 and 0.5")
        if self.accept_at <= MAX_STEP:
            raise ValueError("error rates are so high that a single frame would decide")

    @property
    def accept_at(self) -> float:
        return math.log((1 - self.beta) / self.alpha)

    @property
    def reject_at(self) -> float:
        return math.log(self.beta / (1 - self.alpha))


class SequentialTest:
    """The test of one track. `evidence` is the log-likelihood ratio so far, always within the two bounds."""

    def __init__(self, rates: ErrorRates = ErrorRates()):
        self._rates = rates
        self._last_s: float | None = None
        self.evidence = 0.0
        self.verdict = Verdict.OPEN

    @property
    def accept_at(self) -> float:
        """The evidence that decides for an object."""
        return self._rates.accept_at

    def observe(self, score: float | None, t_s: float, *, moving: bool) -> Verdict:
        """Take one examination at `t_s` into account (None: the place was examined and nothing seen). Once the
        verdict has fallen it stays."""
        if self.verdict is not Verdict.OPEN:
            return self.verdict
        share = 1.0 if self._last_s is None else weight(t_s - self._last_s, moving=moving)
        self._last_s = t_s
        bounded = self.evidence + share * step(score)
        self.evidence = min(max(bounded, self._rates.reject_at), self._rates.accept_at)
        if self.evidence >= self._rates.accept_at:
            self.verdict = Verdict.OBJECT
        elif self.evidence <= self._rates.reject_at:
            self.verdict = Verdict.CLUTTER
        return self.verdict
