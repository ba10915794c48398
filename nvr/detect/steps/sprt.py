"""Wald's sequential probability ratio test: is this track an object of its kind, or clutter? Pure.

Source: A. Wald, Sequential Analysis (1947), ch. 3: accumulate the logarithm of the likelihood ratio, accept
above ln((1 - beta) / alpha), reject below ln(beta / (1 - alpha)).

What one examination of the track's place shows is either a detector score s between `FLOOR` and 1 or nothing. Two
examinations shortly after another show nearly the same picture, so both hypotheses are chains with a memory, `Looks`:

- whether it is seen depends on whether it was seen the last time, the less the longer that was ago: objects are seen
  again and again, and missed again and again when somebody stoops or is hidden; insects and rain are hardly seen twice;
  one object of three is hard to see and seen by chance in two looks of five: a mixture of both is tested for;
- the score, if it is seen, counts only by the share of it that is new, (1 - r) / (1 + r) for a correlation of r.

What stands still is compared with other clutter than what moves: a bag or a bush shows the same score as long as it
stands there. The numbers are fitted to tracks of the development clips and of dark, rainy and infrared-like versions of
them; README.md has what was measured.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

FLOOR = 0.2
MAX_STEP = 3.0
"""No single examination counts for more, so one frame never decides (see `SequentialTest`)."""
CLEAR_MOVING, CLEAR_STILL = 0.5, 0.75
"""Lower scores of what moves, and of what stands still, raise the evidence only up to `GAP` below what confirms.
Washing on a line may look a little like a person all night; what is confirmed must have looked like one."""
GAP = 1.5
_SPAN = 1.0 - FLOOR


class Verdict(Enum):
    """What is known of a track; OBJECT and CLUTTER are final."""

    OPEN = "open"
    OBJECT = "object"
    CLUTTER = "clutter"


@dataclass(frozen=True, slots=True)
class Looks:
    """How something looks to the detector. `seen`: the share of examinations in which it is seen, in the long run;
    `seen_tau_s`: correlation time of being seen; `fall_off`: rate at which the density of its scores falls from FLOOR
    to 1, 0 for an even one; `score_tau_s`: correlation time of scores."""

    seen: float
    seen_tau_s: float
    fall_off: float
    score_tau_s: float

    def chance(self, *, seen: bool, before: bool, elapsed_s: float) -> float:
        """Of being `seen` or not, `elapsed_s` after it was or was not (`before`); above 0."""
        share = self.seen if seen else 1 - self.seen
        memory = math.exp(-elapsed_s / self.seen_tau_s)
        return share * (1 - memory) + (memory if seen == before else 1e-6)

    def density(self, score: float) -> float:
        """Of a score between FLOOR and 1, if it is seen."""
        if self.fall_off == 0:
            return 1 / _SPAN
        falling = self.fall_off * math.exp(-self.fall_off * (score - FLOOR))
        return falling / -math.expm1(-self.fall_off * _SPAN)

    def news(self, elapsed_s: float) -> float:
        """Share of new evidence in a score `elapsed_s` after the one before, 0 to 1."""
        return math.tanh(elapsed_s / self.score_tau_s / 2)


OBJECT = Looks(seen=0.75, seen_tau_s=0.26, fall_off=0.0, score_tau_s=0.25)
HARD = Looks(seen=0.4, seen_tau_s=0.13, fall_off=2.5, score_tau_s=0.14)
HARD_SHARE = 0.3
"""An object, and one of three that is hard to see, far off or in the dark: hardly oftener than every other look, and at
lower scores. Which of both it is the test finds out, as a mixture of both."""
MOVING = Looks(seen=0.11, seen_tau_s=0.13, fall_off=5.0, score_tau_s=0.14)
STILL = Looks(seen=0.33, seen_tau_s=0.28, fall_off=3.5, score_tau_s=0.4)
"""Clutter that moves or stands still."""


@dataclass(frozen=True, slots=True)
class ErrorRates:
    """`alpha`: chance that clutter is taken for an object; `beta`: that an object is given up. Per track, under
    the model above; `calibration.py` makes them of rates per site.

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


@dataclass(frozen=True, slots=True)
class Step:
    """What one examination says: `gained`, the log-likelihood ratio within ±MAX_STEP, and `hard`, the share of the
    object's likelihood that falls to its being hard to see."""

    gained: float
    hard: float


def step(
    score: float | None,
    *,
    clutter: Looks = MOVING,
    before: bool | None = None,
    elapsed_s: float = 0.0,
    hard: float = HARD_SHARE,
) -> Step:
    """One examination against `clutter`; `score` None: nothing was seen. `before`: whether it was seen the last time,
    `elapsed_s` ago; None: there was no last time, and the track began because something was seen, so that only the
    score says anything. `hard`: as the last step left it. What stands still is not taken for hard to see, because
    its misses would then say next to nothing."""
    shares = ((OBJECT, 1 - hard), (HARD, hard)) if clutter is MOVING else ((OBJECT, 1.0),)
    parts = [share * math.exp(_ratio(score, one, clutter, before, elapsed_s)) for one, share in shares]
    whole = sum(parts)
    return Step(min(max(math.log(whole), -MAX_STEP), MAX_STEP), parts[1] / whole if len(parts) > 1 else hard)


def _ratio(score: float | None, one: Looks, clutter: Looks, before: bool | None, elapsed_s: float) -> float:
    """Log-likelihood ratio of one examination of `one` against `clutter`."""
    seen = score is not None
    ratio = 0.0
    if before is not None:
        elapsed_s = max(elapsed_s, 0.0)
        ratio += math.log(one.chance(seen=seen, before=before, elapsed_s=elapsed_s))
        ratio -= math.log(clutter.chance(seen=seen, before=before, elapsed_s=elapsed_s))
    if score is not None:
        within = min(max(score, FLOOR), 1.0)
        share = 1.0 if before is None else clutter.news(elapsed_s)
        ratio += share * math.log(one.density(within) / clutter.density(within))
    return ratio


class SequentialTest:
    """The test of one track. `evidence` is the log-likelihood ratio so far, `highest` the most it ever was; both are
    never below the lower bound nor above `sure_at`.

    A second upper bound, `sure_at`, is for what needs to be surer than a sighting, a siren; evidence is gathered beyond
    the verdict up to it. It is at least the first (None: the same)."""

    def __init__(self, rates: ErrorRates = ErrorRates(), sure_at: float | None = None):
        self._rates = rates
        self._sure_at = rates.accept_at if sure_at is None else max(sure_at, rates.accept_at)
        self.sure = False
        self.decided_s = math.inf
        self._last_s = -math.inf
        self._before: bool | None = None
        self._hard = HARD_SHARE
        self.evidence = 0.0
        self.highest = 0.0
        self.verdict = Verdict.OPEN

    @property
    def accept_at(self) -> float:
        """The evidence that decides for an object."""
        return self._rates.accept_at

    def observe(self, score: float | None, t_s: float, *, moving: bool) -> Verdict:
        """Take one examination at `t_s` into account (None: the place was examined and nothing seen). Once the
        verdict has fallen it stays, and so does being `sure`; `decided_s` is when the verdict fell."""
        if self.verdict is Verdict.CLUTTER or self.sure:
            return self.verdict
        next_bound = self._rates.accept_at if self.verdict is Verdict.OPEN else self._sure_at
        clutter = MOVING if moving else STILL
        one = step(score, clutter=clutter, before=self._before, elapsed_s=t_s - self._last_s, hard=self._hard)
        gained, self._hard = one.gained, one.hard
        self._last_s, self._before = t_s, score is not None
        if gained > 0 and (score is None or score < (CLEAR_MOVING if moving else CLEAR_STILL)):
            gained = min(gained, max(next_bound - GAP - self.evidence, 0.0))
        self.evidence = min(max(self.evidence + gained, self._rates.reject_at), self._sure_at)
        self.highest = max(self.highest, self.evidence)
        self.sure = self.evidence >= self._sure_at
        if self.verdict is Verdict.OPEN:
            if self.evidence >= self._rates.accept_at:
                self.verdict, self.decided_s = Verdict.OBJECT, t_s
            elif self.evidence <= self._rates.reject_at:
                self.verdict, self.decided_s = Verdict.CLUTTER, t_s
        return self.verdict
