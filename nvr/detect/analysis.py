"""The analysis of one camera: motion, where to look, objects, tracks, evidence, rules.

Time is an argument, so the same code runs live and over files on a simulated clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nvr.detect.motion import Background, Movement, blobs, share_within
from nvr.detect.objects import Detections
from nvr.detect.regions import RegionPlanner, Square, box_of
from nvr.detect.rules import Rules, WatchedLine, WatchedZone
from nvr.detect.sprt import Verdict
from nvr.detect.track import Detection, Observation, Track, Tracker, merge_duplicates
from nvr.detect.zones import Point, contains, foot_point, raster
from nvr.events import Box, Rule

MOTION_WIDTH, MOTION_HEIGHT = 160, 90
CONFIRMED_EVERY_S = 0.5
"""A confirmed track needs no more evidence; it is looked at only this often, to keep it."""
MOVING_SHARE = 0.02
"""Share of moving pixels in a track's box from which on the object moves."""

EDGE = 0.02
"""Share of a square's side within which a box reaches its edge."""


class Frame(Protocol):
    """A decoded picture, as `nvr.detect.picture.Picture` is."""

    width: int
    height: int

    def gray(self, width: int, height: int) -> NDArray[np.uint8]: ...

    def square(self, square: Square) -> NDArray[np.uint8]: ...


class Detector(Protocol):
    """Finds objects in uint8[300, 300, 3], as `nvr.detect.objects.ObjectDetector` does."""

    def detect(self, rgb: NDArray[np.uint8]) -> Detections: ...


@dataclass(frozen=True, slots=True)
class Finding:
    """A confirmed object in the zone with index `zone`, or on the line with that index after the last zone's; becomes a
    Sighting."""

    zone: int
    kind: str
    score: float
    box: Box
    track: int
    rule: Rule = Rule.ENTER


@dataclass(frozen=True, slots=True)
class Examination:
    """What one frame gave. `motion_area`: moving share of the picture; `squares`: how often the model ran."""

    motion_area: float
    global_change: bool
    squares: int
    findings: tuple[Finding, ...]


class CameraAnalysis:
    """The state of one camera's analysis. In `masks` neither movement counts nor who stands there."""

    def __init__(
        self,
        detector: Detector,
        zones: Sequence[WatchedZone],
        lines: Sequence[WatchedLine] = (),
        masks: Sequence[Sequence[Point]] = (),
    ):
        self._detector = detector
        self._rules = Rules(zones, lines)
        self._kinds = self._rules.kinds
        self._masks = tuple(masks)
        self._counts = ~raster(masks, MOTION_WIDTH, MOTION_HEIGHT)
        self._background = Background()
        self._planner = RegionPlanner()
        self._tracker = Tracker()

    def examine(self, frame: Frame, t_s: float) -> Examination:
        """Examine the next frame, taken at `t_s` (never before the last one's)."""
        movement = self._background.update(frame.gray(MOTION_WIDTH, MOTION_HEIGHT), t_s)
        if self._masks and not movement.global_change:
            movement = movement.within(self._counts)
        squares = self._planner.plan(
            frame.width,
            frame.height,
            wanted=[t.predicted(t_s) for t in self._tracker.tracks if _wants_look(t, t_s)],
            moving=blobs(movement.mask),
            whole=movement.global_change,
            t_s=t_s,
        )
        detections = merge_duplicates(
            [found for square in squares for found in self._look(frame, square)],
        )
        places = [box_of(square, frame.width, frame.height) for square in squares]
        findings: list[Finding] = []
        for seen in self._tracker.update(detections, places, t_s):
            findings += self._judge(seen, movement, t_s, frame.width / frame.height)
        self._rules.keep_only([track.number for track in self._tracker.tracks])
        return Examination(movement.area, movement.global_change, len(squares), tuple(findings))

    def limit(self, max_squares: int) -> None:
        """Examine at most this many squares a frame around motion and tracks (1 to MAX_SQUARES)."""
        self._planner.max_squares = max_squares

    @property
    def tracks(self) -> tuple[Track, ...]:
        """The tracks that are followed now."""
        return tuple(self._tracker.tracks)

    def _look(self, frame: Frame, square: Square) -> list[Detection]:
        found = self._detector.detect(frame.square(square))
        place = box_of(square, frame.width, frame.height)
        detections = []
        for corners, score, kind in zip(found.boxes.tolist(), found.scores, found.kinds, strict=True):
            if kind in self._kinds:
                box = _in_picture(Box(*corners), place)
                if self._is_masked(box):
                    continue
                detections.append(Detection(box, float(score), kind, cut=_is_cut(Box(*corners), place)))
        return detections

    def _is_masked(self, box: Box) -> bool:
        return any(contains(mask, foot_point(box)) for mask in self._masks)

    def _judge(self, seen: Observation, movement: Movement, t_s: float, aspect: float) -> list[Finding]:
        """Add the observation to its track's evidence; report what the track does that counts."""
        track, detection = seen.track, seen.detection
        moving = movement.global_change or share_within(movement.mask, track.box) >= MOVING_SHARE
        verdict = track.test.observe(detection.score if detection else None, t_s, moving=moving)
        if detection is None:
            return []
        counted = self._rules.observe(
            track.number, track.box, track.kind, t_s, confirmed=verdict is Verdict.OBJECT, aspect=aspect
        )
        score = detection.score
        return [Finding(c.place, track.kind, score, track.box, track.number, c.rule) for c in counted]


def _wants_look(track: Track, t_s: float) -> bool:
    return not track.confirmed or t_s - track.examined_s >= CONFIRMED_EVERY_S


def _in_picture(box: Box, place: Box) -> Box:
    """The box, relative to `place`, in coordinates of the picture."""
    width, height = place.x1 - place.x0, place.y1 - place.y0
    return Box(
        place.x0 + box.x0 * width,
        place.y0 + box.y0 * height,
        place.x0 + box.x1 * width,
        place.y0 + box.y1 * height,
    )


def _is_cut(box: Box, place: Box) -> bool:
    """Whether the box, relative to `place`, reaches an edge of it beyond which the picture goes on."""
    return (
        (box.x0 < EDGE and place.x0 > 0)
        or (box.y0 < EDGE and place.y0 > 0)
        or (box.x1 > 1 - EDGE and place.x1 < 1)
        or (box.y1 > 1 - EDGE and place.y1 < 1)
    )
