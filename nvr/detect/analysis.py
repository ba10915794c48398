"""The analysis of one camera: motion, where to look, objects, tracks, evidence, zones.

Time is an argument, so the same code runs live and over files on a simulated clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nvr.detect.blobs import share_within
from nvr.detect.dull import DullPlaces
from nvr.detect.motion import Background, Movement
from nvr.detect.objects import Detections
from nvr.detect.regions import RegionPlanner, Square, box_of, share_inside
from nvr.detect.sprt import Verdict
from nvr.detect.track import LOST_S, Detection, Observation, Track, Tracker, merge_duplicates, with_rivals
from nvr.detect.zones import Point, contains, foot_point
from nvr.events import Box

MOTION_WIDTH, MOTION_HEIGHT = 320, 180
AGAIN_S = 30.0
"""A track that stayed out of a zone this long and comes back is reported again; so is one that was out of sight for
LOST_S, because nobody can tell that it is the same person."""
CONFIRMED_EVERY_S = 0.5
"""A confirmed track needs no more evidence; it is looked at only this often, to keep it."""
GATHER_S = 10.0
"""After its confirmation a track is looked at in each frame for so long, where the siren needs to be surer."""
MOVING_SHARE = 0.02
"""Share of moving pixels in a track's box from which on the object moves."""

EXPLAINED = 0.8
"""Share of a moving place in a track's box from which on it is that track which moves."""
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
class WatchedZone:
    """A polygon in relative coordinates and the kinds of object that count in it. `siren`: it answers with the siren,
    which needs to be surer than a sighting."""

    polygon: tuple[Point, ...]
    kinds: frozenset[str]
    siren: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """A confirmed object in the zone with index `zone`; becomes a Sighting. `sure`: the evidence is enough for what
    the zone answers with; of a siren's zone a track is reported again once it is."""

    zone: int
    kind: str
    score: float
    box: Box
    track: int
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Examination:
    """What one frame gave. `motion_area`: moving share of the picture; `squares`: how often the model ran."""

    motion_area: float
    global_change: bool
    squares: int
    findings: tuple[Finding, ...]


class CameraAnalysis:
    """The state of one camera's analysis. `sure_at`: the evidence at which a siren may sound (None: at which a track is
    confirmed)."""

    def __init__(self, detector: Detector, zones: Sequence[WatchedZone], *, sure_at: float | None = None):
        self._detector = detector
        self._zones = tuple(zones)
        self._kinds = frozenset[str]().union(*(zone.kinds for zone in zones))
        self._background = Background()
        self._planner = RegionPlanner()
        self._dull = DullPlaces()
        self._tracker = Tracker(sure_at if any(zone.siren for zone in zones) else None)

    def examine(self, frame: Frame, t_s: float) -> Examination:
        """Examine the next frame, taken at `t_s` (never before the last one's)."""
        movement = self._background.update(frame.gray(MOTION_WIDTH, MOTION_HEIGHT), t_s)
        squares = self._planner.plan(
            frame.width,
            frame.height,
            wanted=[(t.predicted(t_s), t.looks) for t in self._tracker.tracks if _wants_look(t, t_s)],
            moving=self._dull.interesting(self._unexplained(movement.places, t_s), t_s),
            whole=movement.global_change,
            t_s=t_s,
        )
        seen_things = merge_duplicates([found for square in squares for found in self._look(frame, square)])
        detections = [found for found in with_rivals(seen_things) if found.kind in self._kinds]
        places = [box_of(square, frame.width, frame.height) for square in squares]
        self._dull.learn(movement.places, places, [found.box for found in detections])
        findings: list[Finding] = []
        for seen in self._tracker.update(detections, places, t_s):
            findings += self._judge(seen, movement, t_s)
        return Examination(movement.area, movement.global_change, len(squares), tuple(findings))

    def limit(self, max_squares: int) -> None:
        """Examine at most this many squares a frame around motion and tracks (1 to MAX_SQUARES)."""
        self._planner.max_squares = max_squares

    @property
    def tracks(self) -> tuple[Track, ...]:
        """The tracks that are followed now."""
        return tuple(self._tracker.tracks)

    def _unexplained(self, places: Sequence[Box], t_s: float) -> list[Box]:
        """Those of the moving places that are not just a confirmed track which needs no look now."""
        known = [t.predicted(t_s) for t in self._tracker.tracks if not _wants_look(t, t_s)]
        return [box for box in places if not any(share_inside(box, place) >= EXPLAINED for place in known)]

    def _look(self, frame: Frame, square: Square) -> list[Detection]:
        found = self._detector.detect(frame.square(square))
        place = box_of(square, frame.width, frame.height)
        detections = []
        for corners, score, kind in zip(found.boxes.tolist(), found.scores, found.kinds, strict=True):
            box = _in_picture(Box(*corners), place)
            detections.append(Detection(box, float(score), kind, cut=_is_cut(Box(*corners), place)))
        return detections

    def _judge(self, seen: Observation, movement: Movement, t_s: float) -> list[Finding]:
        """Add the observation to its track's evidence; report the zones that a confirmed track stands in."""
        track, detection = seen.track, seen.detection
        moving = movement.global_change or share_within(movement.mask, track.box) >= MOVING_SHARE
        verdict = track.test.observe(detection.evidence if detection else None, t_s, moving=moving)
        if verdict is not Verdict.OBJECT or detection is None:
            return []
        foot = foot_point(track.box)
        findings = []
        for index, zone in enumerate(self._zones):
            if track.kind in zone.kinds and contains(zone.polygon, foot):
                sure = track.test.sure or not zone.siren
                if _is_news(seen, index, sure=sure, t_s=t_s):
                    findings.append(
                        Finding(index, track.kind, detection.score, track.box, track.number, sure)
                    )
                track.zones_s[index] = t_s
        return findings


def _is_news(seen: Observation, zone: int, *, sure: bool, t_s: float) -> bool:
    """Whether to report a track in a zone: it is new there, or it is now sure there."""
    track = seen.track
    last_s = track.zones_s.get(zone)
    news = last_s is None or t_s - last_s >= AGAIN_S or seen.unseen_s > LOST_S
    if sure and zone not in track.sure_zones:
        track.sure_zones.add(zone)
        return True
    return news


def _wants_look(track: Track, t_s: float) -> bool:
    gathers = not track.confirmed or (not track.test.sure and t_s - track.test.decided_s < GATHER_S)
    return gathers or t_s - track.examined_s >= CONFIRMED_EVERY_S


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
