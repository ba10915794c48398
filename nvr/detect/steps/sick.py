"""Whether a camera still shows what it should: covered, moved, out of focus, too dark, cobwebbed, frozen. Pure, numpy.

Small grey pictures, a few seconds apart, are averaged over half a minute: persons, cars, rain and shaking vanish from
that, and what stands in the scene remains. It is compared with references that follow for an hour or longer. There is
one for infrared (a grey picture), one for colour by bright and one by dim light: neither the switch to infrared nor
dusk is a fault, and the first ten minutes of each are learnt, not judged.

| sickness | what tells it |
|---|---|
| frozen | for minutes, longer than ever before while it was alive, each picture is bit by bit one of those before |
| dark | almost the whole picture is black |
| covered | fine and coarse structure are gone, and what is left lies elsewhere |
| blurred | coarse structure is there, fine structure is not; their ratio hardly depends on light and contrast |
| moved | structure is there, but elsewhere: as a whole shifted, or with no resemblance |
| cobwebbed | only in infrared: part of the picture has become brighter and lost its fine structure |
"""

from __future__ import annotations

import math
from collections import Counter, deque
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nvr.detect.steps.look import Gray, Look, Map, best_shift, look_at, resemblance

Sickness = Literal["covered", "moved", "blurred", "dark", "cobwebbed", "frozen"]

SAMPLE_EVERY_S = 4.0
LONGEST_STEP_S = 20.0
"""Of a camera that is looked at more seldom, no more time than this counts for one picture."""
FAST_S, PATTERN_S, ENERGY_S, LONG_S = 20.0, 3600.0, 900.0, 86400.0
"""Time constants: of now; of where edges are; of how strong they are (as fast as dusk); of focus and of brightness in
infrared, which nothing but sickness changes."""
LEARN_S = 600.0
PERSIST_S, WEB_PERSIST_S, FROZEN_S = 90.0, 600.0, 300.0
FROZEN_TIMES = 2.0
"""A picture that was the same bit by bit for some time, and then went on, may be so again, this many times as long."""
FROZEN_MOST_S = 3600.0
KNOWN_PICTURES, STILL = 32, 1.0
"""So many pictures are remembered by their digests; and grey levels by which a block may differ meanwhile: a film that
is played in a loop repeats its pictures too."""
NEW_VIEW_S = 86400.0
"""A camera that was moved for so long has a new view."""

DIM, DIM_BAND = 60.0, 8.0
BLACK, BLACK_SHARE = 16.0, 0.9
NOTHING = 0.12
"""Edge strength of no picture at all, whatever was before."""
LOST_EDGES, LOST_COARSE, LOST_PATTERN = 0.25, 0.35, 0.5
LOST_FOCUS = 0.5
OTHER_PATTERN = 0.4
LEAST_USUAL = 0.5
"""A scene that resembles itself less has nothing by which its view could be known."""
SHIFTED_PATTERN, SHIFTED_BETTER, LEAST_SHIFT = 0.6, 0.15, 2
"""A shifted view resembles the reference so much, and by so much more than unshifted, at so many cells' distance."""
VEIL, VEIL_DETAIL, VEIL_SHARE = 20.0, 0.5, 0.08
SOME_DETAIL = 0.4
"""Blocks that had less have nothing to lose: sky that becomes bright at dawn."""


@dataclass(slots=True)
class _Reference:
    """What the scene is like in one kind of light. `usual`: how much the averaged pictures resemble it."""

    scene: Look
    long: Look
    usual: float = 0.0
    age_s: float = 0.0

    @property
    def is_learnt(self) -> bool:
        return self.age_s >= LEARN_S

    def learn(self, now: Look, step_s: float) -> None:
        self.age_s += step_s
        pattern, energy, long = (_share(step_s, s, self.age_s) for s in (PATTERN_S, ENERGY_S, LONG_S))
        self.usual += pattern * (resemblance(now.pattern, self.scene.pattern) - self.usual)
        slow, quick = self.scene.towards(now, pattern), self.scene.towards(now, energy)
        self.scene = quick._replace(pattern=slow.pattern)
        self.long = self.long.towards(now, long)


class SickWatch:
    """Watches one camera. `sickness`: what it has now, once that has lasted."""

    def __init__(self) -> None:
        self.sickness: Sickness | None = None
        self._sick_since_s = 0.0
        self._references: dict[tuple[bool, bool], _Reference] = {}
        self._light = (False, False)
        self._now: Look | None = None
        self._at_s: float | None = None
        self._suspicion = _Suspicion(PERSIST_S)
        self._webs = _Suspicion(WEB_PERSIST_S)
        self._freeze = _Freeze()

    @property
    def is_certainly_well(self) -> bool:
        """Nothing is suspected, and what is seen is known: the picture may serve as one of before."""
        known = self._references.get(self._light)
        quiet = self.sickness is None and not self._suspicion.lasted_s and not self._webs.lasted_s
        return quiet and known is not None and known.is_learnt and not self._freeze.is_suspected

    def observe(self, gray: Gray, digest: int, t_s: float, *, infrared: bool) -> None:
        """The next picture as `gray[180, 320]`, taken at `t_s`; SAMPLE_EVERY_S apart is enough. `digest`: of the
        decoded picture at full size; `infrared`: it has no colours."""
        step_s = 0.0 if self._at_s is None else min(max(t_s - self._at_s, 0.0), LONGEST_STEP_S)
        self._at_s = t_s
        look = look_at(gray)
        is_frozen = self._freeze.observe(digest, look.light, t_s)
        light = (infrared, not infrared and self._is_dim(float(look.light.mean())))
        if self._now is None or light != self._light:
            self._now, self._light = look, light
        else:
            self._now = self._now.towards(look, _share(step_s, FAST_S))
        found = self._judged()
        self._suspicion.observe(None if found == "cobwebbed" else found, step_s)
        self._webs.observe("cobwebbed" if found == "cobwebbed" else None, step_s)
        if found is None or not (self._reference.is_learnt or found in ("dark", "covered")):
            self._reference.learn(self._now, step_s)
        self._decide(is_frozen and found not in ("dark", "covered"), t_s)

    def _decide(self, is_frozen: bool, t_s: float) -> None:
        before = self.sickness
        if before is None or before == "frozen":
            self.sickness = "frozen" if is_frozen else self._suspicion.certain or self._webs.certain
        elif not self._suspicion.lasted_s and not self._webs.lasted_s:
            self.sickness = None
        if self.sickness != before:
            self._sick_since_s = t_s
        elif before == "moved" and t_s - self._sick_since_s >= NEW_VIEW_S:
            self.sickness = None
            self._references.clear()
            self._suspicion.forget()

    @property
    def _reference(self) -> _Reference:
        """Of the present light."""
        assert self._now is not None  # noqa: S101  (observe comes first)
        return self._references.setdefault(self._light, _Reference(self._now, self._now))

    def _is_dim(self, light: float) -> bool:
        was_dim = self._light[1] if self._now is not None and not self._light[0] else None
        return light < (DIM if was_dim is None else DIM + DIM_BAND if was_dim else DIM - DIM_BAND)

    def _judged(self) -> Sickness | None:
        """What the average of now looks like, at once."""
        now, reference = self._now, self._reference
        assert now is not None  # noqa: S101  (observe comes first)
        if float((now.light < BLACK).mean()) >= BLACK_SHARE:
            return "dark"
        if now.edges < NOTHING:
            return "covered"
        if not reference.is_learnt:
            return self._judged_by_another(now)
        scene = reference.scene
        alike = resemblance(now.pattern, scene.pattern)
        if _is_covered(now, scene, alike):
            return "covered"
        if now.focus < LOST_FOCUS * reference.long.focus and now.coarse >= LOST_COARSE * scene.coarse:
            return "blurred"
        if _is_moved(now.pattern, scene.pattern, alike, reference.usual):
            return "moved"
        return "cobwebbed" if self._light[0] and _is_veiled(now, reference.long) else None

    def _judged_by_another(self, now: Look) -> Sickness | None:
        """In a light that is not learnt: whether all that was there in the other light of the same kind is gone."""
        infrared, dim = self._light
        other = self._references.get((infrared, not dim))
        if other is None or not other.is_learnt:
            return None
        alike = resemblance(now.pattern, other.scene.pattern)
        return "covered" if _is_covered(now, other.scene, 2 * alike) else None


class _Suspicion:
    """How long something seems wrong: grows while it does, shrinks while it does not, up to `limit_s`."""

    def __init__(self, limit_s: float):
        self._limit_s = limit_s
        self._causes: Counter[Sickness] = Counter()
        self.lasted_s = 0.0

    def observe(self, found: Sickness | None, step_s: float) -> None:
        if found is not None:
            self._causes[found] += 1
        self.lasted_s = min(max(self.lasted_s + (step_s if found else -step_s), 0.0), self._limit_s)
        if not self.lasted_s:
            self._causes.clear()

    @property
    def certain(self) -> Sickness | None:
        """What it mostly was, once it has lasted."""
        # Not `most_common`: it imports a module when it is used, and the process is locked in by then.
        if self.lasted_s < self._limit_s:
            return None
        return max(self._causes, key=self._causes.__getitem__)

    def forget(self) -> None:
        self.lasted_s = 0.0
        self._causes.clear()


class _Freeze:
    """For how long nothing new has come.

    A camera's noise, and a clock in the picture, change it all the time; but a cheap encoder may send a still scene
    without noise as "nothing changed" for a while. So what it did before while it was alive counts. An encoder that is
    given the same again and again ends up with a few pictures that take turns.
    """

    def __init__(self) -> None:
        self._known: deque[int] = deque(maxlen=KNOWN_PICTURES)
        self._light: Map | None = None
        self._since_s = 0.0
        self._limit_s = FROZEN_S
        self.is_suspected = False

    def observe(self, digest: int, light: Map, t_s: float) -> bool:
        """Whether it is frozen."""
        stood_s = t_s - self._since_s
        if self._light is not None and digest in self._known and np.abs(light - self._light).max() <= STILL:
            self.is_suspected = stood_s >= FROZEN_S / 4
            return stood_s >= self._limit_s
        if self.is_suspected:
            self._limit_s = min(max(self._limit_s, FROZEN_TIMES * stood_s), FROZEN_MOST_S)
        self._known.append(digest)
        self._light, self._since_s, self.is_suspected = light, t_s, False
        return False


def _is_covered(now: Look, scene: Look, alike: float) -> bool:
    lost = now.edges < LOST_EDGES * scene.edges and now.coarse < LOST_COARSE * scene.coarse
    return lost and alike < LOST_PATTERN


def _is_moved(now: Map, scene: Map, alike: float, usual: float) -> bool:
    if usual < LEAST_USUAL or alike >= (1.0 - SHIFTED_BETTER) * usual:
        return False
    if alike < OTHER_PATTERN * usual:
        return True
    shift, shifted_alike = best_shift(now, scene)
    better = max(SHIFTED_PATTERN * usual, alike + SHIFTED_BETTER)
    return shift >= LEAST_SHIFT and shifted_alike >= better


def _is_veiled(now: Look, long: Look) -> bool:
    """Part of the picture, but not most of it, is brighter and has lost its detail."""
    brighter = now.light - long.light
    veiled = brighter - max(float(np.median(brighter)), 0.0) > VEIL
    veiled &= (now.detail < VEIL_DETAIL * long.detail) & (long.detail > SOME_DETAIL)
    return float(veiled.mean()) >= VEIL_SHARE


def _share(step_s: float, constant_s: float, age_s: float = math.inf) -> float:
    """Of an exponential mean; in the beginning that of a plain one."""
    return max(1.0 - math.exp(-step_s / constant_s), step_s / age_s if age_s > 0 else 1.0)
