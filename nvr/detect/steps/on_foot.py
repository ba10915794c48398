"""Who is told by shape and way alone (`walkers.py`), in the zones and on the lines of one camera. Pure.

Not who has a confirmed track already. The detector may confirm a track of the same person later: that is told as well,
because it may sound a siren, and this may not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from nvr.detect.steps.finding import Finding
from nvr.detect.steps.history import Look
from nvr.detect.steps.motion import Movement
from nvr.detect.steps.rules import Rules
from nvr.detect.steps.surer import Surer
from nvr.detect.steps.track import NOBODY, Track, overlap
from nvr.detect.steps.walkers import CERTAIN_AT, Walk, Walkers
from nvr.events import Box

PERSON = frozenset({"person"})


class ShapeAndWay(NamedTuple):
    """What one frame said."""

    looks: list[Look]
    findings: list[Finding]


class OnFoot:
    """Of one camera; `number` gives numbers that no track has."""

    def __init__(self, number: Callable[[], int], rules: Rules, surer: Surer):
        self._walkers = Walkers(number)
        self._rules, self._surer = rules, surer

    @property
    def numbers(self) -> tuple[int, ...]:
        """Of all that are followed and have one."""
        return self._walkers.numbers

    def examine(
        self, movement: Movement, tracks: Sequence[Track], others: Sequence[Box], t_s: float, aspect: float
    ) -> ShapeAndWay:
        """What moves on in the frame at `t_s`, which is `aspect` times as wide as high. `tracks` of the detector;
        `others`: what it sees of animals and vehicles in this frame."""
        if movement.global_change or not self._rules.kinds >= PERSON:
            self._walkers.forget()
            return ShapeAndWay([], [])
        confirmed = [track for track in tracks if track.confirmed]
        known = [track.predicted(t_s) for track in confirmed if track.group not in NOBODY]
        others = [*others, *(track.box for track in confirmed if track.group in NOBODY)]
        walks = [
            (walk.number, walk)
            for walk in self._walkers.update(movement.places, t_s, aspect=aspect, others=others)
            if walk.number is not None and not any(overlap(walk.box, one) > 0 for one in known)
        ]
        return ShapeAndWay(
            [_look(number, walk) for number, walk in walks],
            [found for number, walk in walks for found in self._told(number, walk, t_s, aspect)],
        )

    def _told(self, number: int, walk: Walk, t_s: float, aspect: float) -> list[Finding]:
        """Never sure enough for a siren."""
        counted = self._rules.observe(number, walk.box, PERSON, t_s, confirmed=walk.certain, aspect=aspect)
        reported = self._surer.judge(number, counted, t_s, sure=False, stands_in=lambda _zone: False)
        return [Finding(one.place, "person", 0.0, walk.box, number, one.rule, sure) for one, sure in reported]


def _look(number: int, walk: Walk) -> Look:
    return Look(
        track=number,
        kind="person",
        score=0.0 if walk.goes_on else None,
        box=walk.box,
        evidence=walk.evidence,
        step=walk.gained,
        certain_at=CERTAIN_AT,
        moving=True,
        certain=walk.certain,
        whole=True,
        by_way=True,
    )
