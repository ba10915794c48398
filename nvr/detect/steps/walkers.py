"""Who walks or rides through the picture, told by shape and way where the detector knows nobody. Pure.

Far off, blurred or in the dark somebody is a few dozen pixels that no detector knows, but that still move as only
somebody does: upright, of one size, straight on at one pace, for several times their own height. What else moves does
not:

| what moves | why it is nobody |
|---|---|
| plants, washing, water, reflections | come back: the way from where they began does not grow |
| insects, rain, snow | are not at the next place twice, or turn, or change their size |
| drops that run down the lens | go down by several times their height without growing |
| animals, vehicles, shadows on the ground | are low and wide |
| lights | are so bright that nothing else is to be seen |

The evidence is the way in heights: each look at what goes on steadily adds what it went, each other look takes some
away, and it is never more than the way from where it began. It is apart from the detector's test (`sprt.py`), and says
less: shape and way may call, and never sound a siren.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass

import numpy as np

from nvr.detect.steps.track import ratio
from nvr.events import Box

CERTAIN_AT, MOST = 2.5, 3.0
"""Heights of steady way after which it is somebody; and beyond which none is counted, so that who stops is soon not
told any more."""
MIN_S = 3.0
"""And it must have been followed for so long."""
UPRIGHT = (1.6, 4.5)
"""Height over width of somebody upright, on foot or seen from before or behind on a cycle."""
HEIGHTS = (0.05, 0.6)
"""Height in heights of the picture: what is smaller is a speck without a shape, what is larger the detector knows."""
PACE = (0.15, 3.0)
"""Heights a second: from a stroll towards the camera to a cyclist who passes."""
WINDOW_S = 1.5
"""What counts as steady is judged by so much of the way."""
MIN_LOOKS = 6
WOBBLE = 0.2
"""Heights by which the way may deviate from a straight one at one pace, in the square mean."""
TREMBLE = 0.25
"""Share by which the height may deviate from its mean, in the square mean."""
LOSS = 0.5
"""Heights of evidence a second that go where it is not steady."""
DOWN, GROWTH = 1.5, 0.08
"""Who comes down the picture by so many heights comes nearer, and so has grown by this share a height."""
LOST_S = 0.7
NEAR = 1.0
"""Distance in mean sizes up to which what moves goes on from where it should be now."""
ALIKE = 3.0
"""Areas that differ more are not of one thing."""
EDGE = 0.004
"""What reaches the picture's edge goes on beyond it."""
SAME = 0.3
"""Intersection over union from which on what moves is what the detector knows as something else: not somebody before a
parked car."""
MAX_WALKS = 40


@dataclass(frozen=True, slots=True)
class _Step:
    """One look, lengths in heights of the picture: `x`, `y` where it touches the ground."""

    t_s: float
    x: float
    y: float
    height: float
    width: float


@dataclass(slots=True)
class Walk:
    """One thing that moves. `box`: where it was at `seen_s`, the last time; `evidence` of its being somebody, in
    heights, and what the last look added (`gained`); `began`: where it first was steady; `goes_on`: it is
    now; `number`: None while it is not worth one."""

    box: Box
    began: _Step
    steps: deque[_Step]
    evidence: float = 0.0
    gained: float = 0.0
    goes_on: bool = False
    number: int | None = None

    @property
    def seen_s(self) -> float:
        return self.steps[-1].t_s

    @property
    def certain(self) -> bool:
        """Whether it is somebody who goes on now."""
        return self.goes_on and self.evidence >= CERTAIN_AT and self.seen_s - self.began.t_s >= MIN_S


class Walkers:
    """Of one camera. `number` gives numbers that no track has."""

    def __init__(self, number: Callable[[], int]):
        self._number = number
        self._walks: list[Walk] = []

    @property
    def numbers(self) -> tuple[int, ...]:
        """Of all that are followed and have one."""
        return tuple(walk.number for walk in self._walks if walk.number is not None)

    def forget(self) -> None:
        """The picture is another one now."""
        self._walks.clear()

    def update(
        self, places: Sequence[Box], t_s: float, *, aspect: float, others: Sequence[Box] = ()
    ) -> list[Walk]:
        """Take in the moving `places` of the picture at `t_s` (never before the last), which is `aspect` times as wide
        as high. `others`: where the detector
        sees what is nobody, a vehicle or an animal. Returns those that are worth a number
        and moved on; each place belongs to one of them at most."""
        self._walks = [walk for walk in self._walks if t_s - walk.seen_s <= LOST_S]
        seen = [(box, _step(box, t_s, aspect)) for box in places]
        fits = sorted(
            (distance, i, j)
            for i, walk in enumerate(self._walks)
            for j, (_, step) in enumerate(seen)
            if (distance := _distance(walk, step)) < NEAR
        )
        went_on: list[Walk] = []
        taken_walks: set[int] = set()
        taken_places: set[int] = set()
        for _, i, j in fits:
            if i not in taken_walks and j not in taken_places:
                taken_walks.add(i)
                taken_places.add(j)
                box, step = seen[j]
                walk = self._walks[i]
                _go_on(walk, box, step, is_other=any(ratio(box, other) >= SAME for other in others))
                if walk.evidence > 0 and walk.number is None:
                    walk.number = self._number()
                if walk.number is not None:
                    went_on.append(walk)
        for j, (box, step) in enumerate(seen):
            if j not in taken_places and len(self._walks) < MAX_WALKS:
                self._walks.append(Walk(box, step, deque([step])))
        return went_on


def _step(box: Box, t_s: float, aspect: float) -> _Step:
    return _Step(t_s, (box.x0 + box.x1) / 2 * aspect, box.y1, box.y1 - box.y0, (box.x1 - box.x0) * aspect)


def _distance(walk: Walk, step: _Step) -> float:
    """From where the walk should be now, in mean sizes; infinite: another thing."""
    last = walk.steps[-1]
    before, after = last.height * last.width, step.height * step.width
    if not (before > 0 and after > 0 and 1 / ALIKE <= before / after <= ALIKE):
        return math.inf
    x, y = _expected(walk.steps, step.t_s)
    return math.hypot(step.x - x, step.y - y) / ((math.sqrt(before) + math.sqrt(after)) / 2)


def _expected(steps: Sequence[_Step], t_s: float) -> tuple[float, float]:
    """Where it touches the ground at `t_s`, going on as it did; a look at a part of it turns it little."""
    if len(steps) < MIN_LOOKS:
        return steps[-1].x, steps[-1].y
    middle = _middle(steps)
    spread = sum((one.t_s - middle.t_s) ** 2 for one in steps)
    share = (t_s - middle.t_s) / spread if spread > 0 else 0.0
    return (
        middle.x + share * sum((one.t_s - middle.t_s) * one.x for one in steps),
        middle.y + share * sum((one.t_s - middle.t_s) * one.y for one in steps),
    )


def _go_on(walk: Walk, box: Box, step: _Step, *, is_other: bool) -> None:
    elapsed_s = step.t_s - walk.steps[-1].t_s
    walk.box = box
    if _is_cut(box):
        walk.steps.clear()  # how high it is, and where it stands, is not known
    walk.steps.append(step)
    while step.t_s - walk.steps[0].t_s > WINDOW_S:
        walk.steps.popleft()
    before = walk.evidence
    pace = None if is_other else _pace(walk.steps)
    if is_other:
        walk.evidence = 0.0
    now = _middle(walk.steps)
    if walk.evidence == 0:
        walk.began = now
    walk.goes_on = pace is not None
    if pace is None:
        walk.evidence = max(walk.evidence - LOSS * elapsed_s, 0.0)
    else:
        walk.evidence = min(walk.evidence + pace * elapsed_s, MOST)
    if walk.began is not now:
        walk.evidence = min(walk.evidence, _way(walk.began, now))
    walk.gained = walk.evidence - before


def _pace(steps: Sequence[_Step]) -> float | None:
    """Heights a second at which somebody goes on; None: it is nobody, or not steady."""
    if len(steps) < MIN_LOOKS:
        return None
    t, x, y, heights, widths = np.array([[s.t_s, s.x, s.y, s.height, s.width] for s in steps]).T
    height = float(heights.mean())
    if not (
        HEIGHTS[0] <= height <= HEIGHTS[1] and UPRIGHT[0] <= float(np.median(heights / widths)) <= UPRIGHT[1]
    ):
        return None
    since = t - t.mean()
    spread = float(since @ since)
    if spread <= 0:
        return None
    # What comes nearer grows steadily, and is of one size all the same.
    rest = [values - values.mean() - since * (since @ values / spread) for values in (x, y, heights)]
    if float((rest[0] @ rest[0] + rest[1] @ rest[1]) / len(t)) > (WOBBLE * height) ** 2:
        return None
    if float(rest[2] @ rest[2] / len(t)) > (TREMBLE * height) ** 2:
        return None
    pace = math.hypot(float(since @ x), float(since @ y)) / spread / height
    return pace if PACE[0] <= pace <= PACE[1] else None


def _middle(steps: Sequence[_Step]) -> _Step:
    """The mean of the steps, which trembles less than each."""
    return _Step(*(float(mean) for mean in np.array([astuple(step) for step in steps]).mean(axis=0)))


def _way(began: _Step, now: _Step) -> float:
    """Straight from where it began, in mean heights; none where it came down like a drop, or went up like smoke."""
    height = (began.height + now.height) / 2
    down = (now.y - began.y) / height
    if abs(down) >= DOWN and math.log(now.height / began.height) / down < GROWTH:
        return 0.0
    return math.hypot(now.x - began.x, now.y - began.y) / height


def _is_cut(box: Box) -> bool:
    return box.x0 <= EDGE or box.y0 <= EDGE or box.x1 >= 1 - EDGE or box.y1 >= 1 - EDGE
