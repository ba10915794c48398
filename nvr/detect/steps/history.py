"""What a track's certainty rests on: its looks up to the one that decided, bounded. Pure.

`CameraAnalysis` says what each frame meant for each track (`Look`); a `History` keeps of one track what explains its
sighting to people: the course of the evidence, and which pictures added most to it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from nvr.events import Box, Examined, Explanation

MAX_EXAMINED = 60
"""Ten seconds at 6 fps."""
MAX_COUNTED = 5
"""Pictures that are shown as those that counted."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one frame said about one track. `score` None: its place was examined and nothing seen; `box`: where it was
    seen, or else expected. `evidence` after it, `step` what it added, `certain_at` the evidence that decides.
    `certain`: the track is confirmed. `whole`: the detection lies wholly in the examined place. `by_way`: the
    evidence is that of shape and way (`walkers.py`); `score` None where it did not go on steadily, else 0."""

    track: int
    kind: str
    score: float | None
    box: Box
    evidence: float
    step: float
    certain_at: float
    moving: bool
    certain: bool
    whole: bool
    by_way: bool = False


class History:
    """The looks of one track, until it is certain; later ones change nothing."""

    def __init__(self) -> None:
        self._looks: deque[tuple[int, float, Look]] = deque(maxlen=MAX_EXAMINED)
        self._number = 0
        self._pictures = 0
        self._first_s = 0.0
        self._risen: list[tuple[float, int]] = []
        self._explanation: Explanation | None = None

    @property
    def is_certain(self) -> bool:
        """Whether the look that decided is in."""
        return self._explanation is not None

    def add(self, look: Look, t_s: float) -> int | None:
        """Take in the look at `t_s`, never before the last one's. The number of the look if its picture is among
        those that added most so far, else None."""
        if self._explanation is not None:
            return None
        number, self._number = self._number, self._number + 1
        if number == 0:
            self._first_s = t_s
        self._looks.append((number, t_s, look))
        if look.score is not None:
            self._pictures += 1
            # Of equals the first stays: it is the one that was there when they were told apart least.
            oldest = self._looks[0][0]
            risen = [one for one in self._risen if one[1] >= oldest]
            if look.step > 0:
                risen.append((look.step, number))
            risen.sort(key=lambda one: (-one[0], one[1]))
            self._risen = risen[:MAX_COUNTED]
        if look.certain:
            self._explanation = self._explained(look, t_s)
        return number if any(kept == number for _, kept in self._risen) else None

    @property
    def counted(self) -> tuple[int, ...]:
        """Numbers of the looks whose pictures added most, in order of time: at most MAX_COUNTED, and among the last
        MAX_EXAMINED."""
        oldest = self._looks[0][0] if self._looks else 0
        return tuple(sorted(number for _, number in self._risen if number >= oldest))

    @property
    def explanation(self) -> Explanation | None:
        """Why the track is certain; None while it is not."""
        return self._explanation

    def _explained(self, decisive: Look, t_s: float) -> Explanation:
        oldest = self._looks[0][0]
        examined = tuple(
            Examined(
                before_s=round(t_s - at_s, 3),
                score=None if look.score is None else round(look.score, 3),
                evidence=round(look.evidence, 3),
                step=round(look.step, 3),
                moving=look.moving,
                box=_rounded(look.box),
            )
            for _, at_s, look in self._looks
        )
        return Explanation(
            certain_at=round(decisive.certain_at, 3),
            after_s=round(t_s - self._first_s, 3),
            pictures=self._pictures,
            examined=examined,
            counted=tuple(number - oldest for number in self.counted),
            by_way=decisive.by_way,
        )


def _rounded(box: Box) -> Box:
    """To a tenth of a thousandth of the picture, within the picture."""
    return Box(*(round(min(max(value, 0.0), 1.0), 4) for value in box))
