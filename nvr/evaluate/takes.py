"""How hours are made of empty spans of seconds: what each take shows, for how long, and how it is spoilt. Pure.

Everything random comes from a take's seed, so that a take can be repeated.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from nvr.evaluate.truth import ClipTruth, Span

TAKE_S = 600.0
"""At most so long is a take; each begins from fresh state."""
MAX_FPS = 10.0
"""Of looped footage; analysis looks at fewer."""
PASSES = 3
"""How often each part of a span that does not fit into memory is played, forth and back."""
NOISE = (1.5, 5.0)
"""Standard deviation of the noise, grey levels, from and to."""
STEP_EVERY_S = 30.0
"""From one exposure step to the next, in the mean."""
GAINS = (0.55, 1.7)
RAMP_S = 0.5
"""Half of the steps take so long, as automatic exposure does; the others no time, as switched lamps."""
BITS_PER_PIXEL = (0.03, 0.15)


@dataclass(frozen=True, slots=True)
class Take:
    """`length_s` of footage from one empty span, varied by `seed`; encoded at a constant bit rate or a variable one."""

    span: Span
    length_s: float
    seed: int
    constant_rate: bool


class Step(NamedTuple):
    """From `t_s` on, after `ramp_s`, the brightness is `gain` times that of the source."""

    t_s: float
    gain: float
    ramp_s: float


@dataclass(frozen=True, slots=True)
class Spoiling:
    """What a take's seed means."""

    noise: float
    bits_per_pixel: float
    steps: tuple[Step, ...]

    def gain(self, t_s: float) -> float:
        """The brightness at `t_s`."""
        before = 1.0
        for step in self.steps:
            if t_s < step.t_s:
                break
            along = min((t_s - step.t_s) / step.ramp_s, 1.0) if step.ramp_s else 1.0
            reached = before + along * (step.gain - before)
            if along < 1.0:
                return reached
            before = step.gain
        return before


def takes(truth: ClipTruth, total_s: float) -> tuple[Take, ...]:
    """`total_s` of footage from the clip's empty spans together, each as much as its own length is of theirs; none if
    there are none. Seeds count from 1 in each clip, odd ones with a constant bit rate."""
    empty_s = sum(span.length_s for span in truth.empty)
    made: list[Take] = []
    for span in truth.empty:
        share_s = total_s * span.length_s / empty_s
        parts = math.ceil(share_s / TAKE_S)
        for _ in range(parts):
            seed = len(made) + 1
            made.append(Take(span, share_s / parts, seed, constant_rate=seed % 2 == 1))
    return tuple(made)


def spoiling(take: Take) -> Spoiling:
    """What the take's seed means."""
    random = np.random.default_rng(take.seed)
    noise = float(random.uniform(*NOISE))
    bits = _evenly_by_ratio(random, *BITS_PER_PIXEL)
    steps: list[Step] = []
    t_s = 5.0 + float(random.exponential(STEP_EVERY_S))
    while t_s < take.length_s:
        gain = _evenly_by_ratio(random, *GAINS)
        steps.append(Step(t_s, gain, RAMP_S if random.random() < 0.5 else 0.0))
        t_s += 2.0 + float(random.exponential(STEP_EVERY_S))
    return Spoiling(noise, bits, tuple(steps))


def _evenly_by_ratio(random: np.random.Generator, low: float, high: float) -> float:
    return math.exp(random.uniform(math.log(low), math.log(high)))


def there_and_back(count: int, passes: int | None) -> Iterator[int]:
    """0 to `count` - 1, then back, then forth…, without showing an end twice; `passes` None: for ever."""
    done = 0
    while passes is None or done < passes:
        skip = 1 if done and count > 1 else 0
        yield from range(skip, count) if done % 2 == 0 else range(count - 1 - skip, -1, -1)
        done += 1
