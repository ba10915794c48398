"""Following objects from frame to frame: boxes in, numbered tracks out. Pure.

Kinds that the model mixes up (car, bus, truck) share a group; a track belongs to a group, and its kind is the one
with the most score so far. So a bus seen as a truck for a moment stays one track.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from nvr.detect.steps.sprt import SequentialTest, Verdict
from nvr.events import Box

GROUP = {
    "person": "person",
    "bicycle": "cycle",
    "motorcycle": "cycle",
    "car": "vehicle",
    "bus": "vehicle",
    "truck": "vehicle",
    "dog": "animal",
    "cat": "animal",
    "cow": "animal",
}
NOBODY = frozenset({"vehicle", "animal"})
"""Groups that are neither a person nor ridden by one."""
START_SCORE = 0.25
"""Weaker detections continue a track but begin none."""
LOST_S, LOST_STILL_S = 2.0, 10.0
"""Unseen for this long a track ends; a confirmed one that stood still waits longer, because who stands still at
low score is most likely still there."""
STILL_SPEED = 0.03
"""Pictures a second below which a track stands still."""
MIN_OVERLAP = 0.2
MAX_DISTANCE = 0.8
"""Centre distance, in mean sizes of both boxes, up to which boxes without overlap may be the same object."""
STOPPED = 0.8
"""What a track's last place counts for, over the place where it should be now: of two who pass each other, each is
for a moment where the other just was."""
COVERED = 0.7
"""Share of a track's box that must lie in one examined place for "not seen" to mean something."""
INSIDE = 0.75
"""Share of the smaller of two boxes in the larger from which on it is a part of the same object (a square's edge
may cut an object; a model may see a head and shoulders)."""
ALIKE = 0.5
"""Intersection over union from which on two boxes, of detections or of tracks, are of one thing."""
PART = 0.8
"""Share of a track's area below which a detection may be a part of it."""
AHEAD_S = 1.0
SPEED_S = 0.5
"""Time constant of the speed estimate."""


@dataclass(frozen=True, slots=True)
class Detection:
    """One object in one frame. `cut`: the edge of the examined place may hide a part of it. `rival`: the score of
    what else it may be, an animal or a vehicle instead of a person; 0.0: nothing else."""

    box: Box
    score: float
    kind: str
    cut: bool = False
    rival: float = 0.0

    @property
    def evidence(self) -> float | None:
        """The score that counts; None: it is more likely something else."""
        return self.score if self.score > self.rival else None


@dataclass(slots=True)
class Track:
    """One object over time. `number` is unique within its tracker and never used again. `box`, `score` are of the
    last frame in which it was seen whole, at `seen_s`. `looks`: in how many frames its place was examined."""

    number: int
    box: Box
    score: float
    seen_s: float
    test: SequentialTest
    group: str
    kind_scores: dict[str, float]
    examined_s: float
    speed_x: float = 0.0
    speed_y: float = 0.0
    looks: int = 0

    @property
    def kind(self) -> str:
        return max(self.kind_scores, key=self.kind_scores.__getitem__)

    @property
    def still(self) -> bool:
        return math.hypot(self.speed_x, self.speed_y) < STILL_SPEED

    @property
    def confirmed(self) -> bool:
        return self.test.verdict is Verdict.OBJECT

    def predicted(self, t_s: float) -> Box:
        """Where the box should be at `t_s`: moved on at its speed for a second, then where it was last, because who
        is not found ahead may have stopped."""
        ahead_s = max(t_s - self.seen_s, 0.0)
        if ahead_s > AHEAD_S:
            ahead_s = 0.0
        dx, dy = self.speed_x * ahead_s, self.speed_y * ahead_s
        return Box(self.box.x0 + dx, self.box.y0 + dy, self.box.x1 + dx, self.box.y1 + dy)


@dataclass(frozen=True, slots=True)
class Observation:
    """What one frame says about one track; `detection` None: its place was examined and nothing was there.
    `unseen_s`: how long it had not been seen before this detection."""

    track: Track
    detection: Detection | None
    unseen_s: float = 0.0


class Tracker:
    """The tracks of one camera. `sure_at`: see SequentialTest."""

    def __init__(self, sure_at: float | None = None) -> None:
        self._next_number = 1
        self._sure_at = sure_at
        self.tracks: list[Track] = []

    def update(
        self, detections: Sequence[Detection], examined: Sequence[Box], t_s: float
    ) -> list[Observation]:
        """Take the detections of the frame at `t_s`, found in the places `examined`.

        Each detection goes to at most one track and each track gets at most one; what is left begins a track,
        unless it is weak or a part of a track of its group; of those that fit alike, and to begin tracks, the strongest
        comes first, in whatever order they are given. Returns an observation for every track that was
        seen, began, or was missed where it should have been. Tracks that are clutter by their test, or unseen
        too long, are forgotten first, and last those that have come to lie on a confirmed one: they follow it.
        """
        detections = sorted(detections, key=_strongest_first)
        self.tracks = [track for track in self.tracks if _lives(track, t_s)]
        pairs = _assign(self.tracks, detections, t_s)
        observations: list[Observation] = []
        for index, track in enumerate(self.tracks):
            if index in pairs:
                track.looks += 1
                detection = detections[pairs[index]]
                unseen_s = t_s - track.seen_s
                _follow(track, detection, t_s)
                observations.append(Observation(track, detection, unseen_s))
            elif any(_share(track.predicted(t_s), place) >= COVERED for place in examined):
                track.examined_s = t_s
                track.looks += 1
                observations.append(Observation(track, None))
        taken = set(pairs.values())
        for index, detection in enumerate(detections):
            if index not in taken and detection.score >= START_SCORE and not self._has(detection):
                track = self._begin(detection, t_s)
                observations.append(Observation(track, detection))
        doubles = {track.number for track in self.tracks if self._is_double(track)}
        self.tracks = [track for track in self.tracks if track.number not in doubles]
        return [one for one in observations if one.track.number not in doubles]

    def _is_double(self, track: Track) -> bool:
        """Whether it follows what another one has confirmed already."""
        return not track.confirmed and any(
            other.confirmed and other.group == track.group and ratio(other.box, track.box) >= ALIKE
            for other in self.tracks
        )

    def _has(self, detection: Detection) -> bool:
        return any(
            track.group == GROUP[detection.kind] and _is_part(track.box, detection.box)
            for track in self.tracks
        )

    def new_number(self) -> int:
        """One that no track has, nor will have."""
        number, self._next_number = self._next_number, self._next_number + 1
        return number

    def _begin(self, detection: Detection, t_s: float) -> Track:
        track = Track(
            number=self.new_number(),
            box=detection.box,
            score=detection.score,
            seen_s=t_s,
            test=SequentialTest(sure_at=self._sure_at),
            group=GROUP[detection.kind],
            kind_scores={detection.kind: detection.score},
            examined_s=t_s,
        )
        self.tracks.append(track)
        return track


def _strongest_first(one: Detection) -> tuple[float, Box, str, bool, float]:
    return (-one.score, one.box, one.kind, one.cut, one.rival)


def _lives(track: Track, t_s: float) -> bool:
    patience_s = LOST_STILL_S if track.confirmed and track.still else LOST_S
    return track.test.verdict is not Verdict.CLUTTER and t_s - track.seen_s <= patience_s


def _assign(tracks: Sequence[Track], detections: Sequence[Detection], t_s: float) -> dict[int, int]:
    """Track index to detection index, the best fitting pairs first."""
    fits = []
    for i, track in enumerate(tracks):
        predicted = track.predicted(t_s)
        for j, detection in enumerate(detections):
            if GROUP[detection.kind] == track.group:
                fit = max(_fit(predicted, detection.box), STOPPED * _fit(track.box, detection.box))
                if fit > 0:
                    fits.append((fit, -i, -j))
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for _, minus_i, minus_j in sorted(fits, reverse=True):
        if -minus_i not in pairs and -minus_j not in taken:
            pairs[-minus_i] = -minus_j
            taken.add(-minus_j)
    return pairs


def _fit(a: Box, b: Box) -> float:
    """How well two boxes can be the same object a moment later; 0.0: not at all."""
    shared = ratio(a, b)
    if shared >= MIN_OVERLAP:
        return 1.0 + shared
    if _is_part(a, b):
        return 1.0
    size = (math.sqrt(area(a)) + math.sqrt(area(b))) / 2
    if size <= 0 or not 0.25 <= (area(a) + 1e-9) / (area(b) + 1e-9) <= 4.0:
        return 0.0
    distance = math.hypot(a.x0 + a.x1 - b.x0 - b.x1, a.y0 + a.y1 - b.y0 - b.y1) / 2 / size
    return max(1.0 - distance / MAX_DISTANCE, 0.0)


def _follow(track: Track, detection: Detection, t_s: float) -> None:
    """Move the track to the detection. A part of it says that it is there, but not where it is."""
    old, new = track.box, detection.box
    if area(new) < PART * area(old) and (detection.cut or ratio(old, new) < MIN_OVERLAP):
        return
    elapsed_s = max(t_s - track.seen_s, 1e-3)
    gain = 1.0 - math.exp(-elapsed_s / SPEED_S)
    track.speed_x += gain * ((new.x0 + new.x1 - old.x0 - old.x1) / 2 / elapsed_s - track.speed_x)
    track.speed_y += gain * ((new.y0 + new.y1 - old.y0 - old.y1) / 2 / elapsed_s - track.speed_y)
    track.box, track.score, track.seen_s, track.examined_s = new, detection.score, t_s, t_s
    track.kind_scores[detection.kind] = track.kind_scores.get(detection.kind, 0.0) + detection.score


def area(box: Box) -> float:
    return max(box.x1 - box.x0, 0.0) * max(box.y1 - box.y0, 0.0)


def overlap(a: Box, b: Box) -> float:
    """Area that two boxes share."""
    return area(Box(max(a.x0, b.x0), max(a.y0, b.y0), min(a.x1, b.x1), min(a.y1, b.y1)))


def ratio(a: Box, b: Box) -> float:
    """Intersection over union."""
    both = overlap(a, b)
    union = area(a) + area(b) - both
    return both / union if union > 0 else 0.0


def _is_part(a: Box, b: Box) -> bool:
    """Whether the smaller box lies mostly in the other."""
    smaller = min(area(a), area(b))
    return smaller > 0 and overlap(a, b) >= INSIDE * smaller


def _share(box: Box, place: Box) -> float:
    """Share of `box`'s part in the picture that lies in `place`."""
    inside = Box(max(box.x0, 0.0), max(box.y0, 0.0), min(box.x1, 1.0), min(box.y1, 1.0))
    whole = area(inside)
    return overlap(inside, place) / whole if whole > 0 else 0.0


RIVALS = {"person": ("animal", "vehicle"), "cycle": ("animal", "vehicle"), "animal": ("person", "vehicle")}
"""Groups that are mistaken for one another. Of a cyclist the model sees a person and a cycle, which is no mistake."""


def with_rivals(detections: Sequence[Detection]) -> list[Detection]:
    """The detections, each with the strongest of other groups at its place that it may be a mistake for."""
    return [
        replace(
            one,
            rival=max(
                (
                    other.score
                    for other in detections
                    if GROUP[other.kind] in RIVALS.get(GROUP[one.kind], ())
                    and ratio(one.box, other.box) >= ALIKE
                ),
                default=0.0,
            ),
        )
        for one in detections
    ]


def merge_duplicates(detections: Sequence[Detection]) -> list[Detection]:
    """One detection for each object where several examined places show it: of two of the same group that overlap
    by half, or of which one lies mostly in the other, the stronger stays."""
    kept: list[Detection] = []
    for one in sorted(detections, key=lambda d: d.score, reverse=True):
        for other in kept:
            same_group = GROUP[one.kind] == GROUP[other.kind]
            if same_group and (ratio(one.box, other.box) >= 0.5 or _is_part(one.box, other.box)):
                break
        else:
            kept.append(one)
    return kept
