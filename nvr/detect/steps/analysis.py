"""The analysis of one camera: motion, where to look, objects, tracks, evidence, rules.

Time is an argument, so the same code runs live and over files on a simulated clock.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nvr.detect.model.objects import Detections
from nvr.detect.steps.blobs import share_within
from nvr.detect.steps.dull import DullPlaces
from nvr.detect.steps.finding import Examination, Finding
from nvr.detect.steps.history import Look
from nvr.detect.steps.motion import Background, Movement
from nvr.detect.steps.on_foot import OnFoot
from nvr.detect.steps.regions import (
    MAX_MOVING,
    MAX_SQUARES,
    RegionPlanner,
    Square,
    box_of,
    in_picture,
    is_cut,
    merge,
    share_inside,
    squares_around,
)
from nvr.detect.steps.riders import Riders, watched
from nvr.detect.steps.rules import Rules, WatchedLine, WatchedZone
from nvr.detect.steps.sprt import CLEAR_MOVING, Verdict
from nvr.detect.steps.surer import Surer
from nvr.detect.steps.track import (
    GROUP,
    NOBODY,
    START_SCORE,
    Detection,
    Observation,
    Track,
    Tracker,
    merge_duplicates,
    with_rivals,
)
from nvr.detect.steps.wanted import margins, wants_look
from nvr.detect.steps.zones import Point, contains, foot_point, raster
from nvr.events import Box

MOTION_WIDTH, MOTION_HEIGHT = 320, 180
MOVING_SHARE = 0.02
"""Share of moving pixels in a track's box from which on the object moves."""
SMALL_PX = 40
"""Height of an undecided object below which a picture with more pixels of the same view helps."""
SEEN_CLOSER_S = 3.0
"""So long after such a picture showed a track, nothing counts against it where it is too small."""

EXPLAINED = 0.8
"""Share of a moving place in a track's box from which on it is that track which moves."""


class Frame(Protocol):
    """A decoded picture, as `nvr.detect.worker.picture.Picture` is."""

    width: int
    height: int

    def gray(self, width: int, height: int) -> NDArray[np.uint8]: ...

    def square(self, square: Square) -> NDArray[np.uint8]: ...


class Detector(Protocol):
    """Finds objects in uint8[300, 300, 3], as `nvr.detect.model.objects.ObjectDetector` does."""

    def detect(self, rgb: NDArray[np.uint8]) -> Detections: ...


class CameraAnalysis:
    """The state of one camera's analysis. In `masks` neither movement counts nor who stands there. `sure_at`: the
    evidence at which a siren may sound (None: at which a track is confirmed)."""

    def __init__(
        self,
        detector: Detector,
        zones: Sequence[WatchedZone],
        lines: Sequence[WatchedLine] = (),
        masks: Sequence[Sequence[Point]] = (),
        *,
        sure_at: float | None = None,
    ):
        self._detector = detector
        self._rules = Rules(zones, lines)
        self._asked = self._rules.kinds
        self._kinds = watched(self._asked)
        self._riders = Riders()
        self._masks = tuple(masks)
        self._background = Background(~raster(masks, MOTION_WIDTH, MOTION_HEIGHT) if masks else None)
        self._planner = RegionPlanner()
        self._zones = tuple(zones)
        self._wanted = [*(zone.kinds for zone in zones), *(line.kinds for line in lines)]
        is_siren = [*(zone.siren for zone in zones), *(line.siren for line in lines)]
        sirens = [index for index, siren in enumerate(is_siren) if siren]
        self._surer = Surer(sirens)
        self._dull = DullPlaces()
        self._tracker = Tracker(sure_at if sirens else None)
        self._on_foot = OnFoot(self._tracker.new_number, self._rules, self._surer)
        self._others: list[Box] = []
        self._movement: Movement | None = None
        self._moving: list[Box] = []
        self._last_s = -math.inf
        self._seen_closer_s: dict[int, float] = {}

    def examine(self, frame: Frame, t_s: float) -> Examination:
        """Examine the next frame of the analysed stream, taken at `t_s`."""
        t_s, aspect = self._in_order(t_s), frame.width / frame.height
        movement = self._background.update(frame.gray(MOTION_WIDTH, MOTION_HEIGHT), t_s)
        self._movement = movement
        moving = self._dull.interesting(
            self._unexplained(movement.places, t_s), t_s, fleeting=movement.fleeting
        )
        self._moving = [box for box in moving if box not in movement.fleeting]
        squares = self._planner.plan(
            frame.width,
            frame.height,
            wanted=[(t.predicted(t_s), margins(t, t_s)) for t in self._relevant if wants_look(t, t_s)],
            moving=moving,
            whole=movement.global_change,
            t_s=t_s,
        )
        detections = self._detect(frame, squares)
        places = [box_of(square, frame.width, frame.height) for square in squares]
        seen_boxes = [found.box for found in detections]
        self._dull.learn(movement.places, places, seen_boxes, fleeting=movement.fleeting)
        findings: list[Finding] = []
        looks: list[Look] = []
        for seen in self._tracker.update(detections, places, t_s):
            if self._is_too_small(seen, t_s):
                continue
            look, found = self._judge(seen, movement, t_s, aspect)
            looks.append(look)
            findings += found
        shape_and_way = self._on_foot.examine(movement, self._tracker.tracks, self._others, t_s, aspect)
        looks += shape_and_way.looks
        findings += shape_and_way.findings
        alive = self.followed
        self._rules.keep_only(alive)
        self._surer.keep_only(alive)
        self._riders.keep_only(alive)
        area, changed = movement.area, movement.global_change
        return Examination(t_s, area, changed, len(squares), tuple(findings), tuple(looks))

    def _in_order(self, t_s: float) -> float:
        """Two streams of one camera are examined, and a picture of the one may be older than the last of the other:
        what a track's evidence rests on is in order of time all the same."""
        self._last_s = max(t_s, self._last_s)
        return self._last_s

    def limit(self, max_squares: int) -> None:
        """Examine at most this many squares a frame around motion and tracks (1 to MAX_SQUARES)."""
        self._planner.max_squares = max_squares

    def scan_every(self, seconds: float) -> None:
        """Where nothing moves, look at one tile of the whole picture this often."""
        self._planner.tile_every_s = seconds

    @property
    def is_undecided(self) -> bool:
        """Whether a track wants more evidence."""
        return any(not track.confirmed for track in self._relevant)

    def wants_closer(self, height_px: int) -> bool:
        """Whether something undecided, or moving, is small in pictures of this height."""
        return any((box.y1 - box.y0) * height_px < SMALL_PX for box in self._undecided(self._last_s))

    def examine_closer(self, frame: Frame, t_s: float) -> Examination:
        """Look at what is undecided or moves in a picture of the same view with more pixels, taken at `t_s`: what is
        seen there counts like what a picture of the analysed stream shows."""
        t_s = self._in_order(t_s)
        boxes = sorted(self._undecided(t_s), key=lambda box: box.y1 - box.y0)
        around = [square for box in boxes for square in squares_around(box, frame.width, frame.height)]
        squares = merge(around, frame.width, frame.height)[:MAX_SQUARES]
        if self._movement is None or not squares:
            return Examination(t_s, 0.0, False, 0, ())
        detections = self._detect(frame, squares)
        places = [box_of(square, frame.width, frame.height) for square in squares]
        findings: list[Finding] = []
        looks: list[Look] = []
        for seen in self._tracker.update(detections, places, t_s):
            if seen.detection is not None:
                self._seen_closer_s[seen.track.number] = t_s
            look, found = self._judge(seen, self._movement, t_s, frame.width / frame.height)
            looks.append(look)
            findings += found
        known = {track.number for track in self._tracker.tracks}
        self._seen_closer_s = {n: seen_s for n, seen_s in self._seen_closer_s.items() if n in known}
        return Examination(t_s, 0.0, False, len(squares), tuple(findings), tuple(looks))

    def _is_too_small(self, seen: Observation, t_s: float) -> bool:
        """Whether the track was missed or hardly seen where only the other stream shows it: that is no evidence."""
        if t_s - self._seen_closer_s.get(seen.track.number, -math.inf) >= SEEN_CLOSER_S:
            return False
        return seen.detection is None or seen.detection.score < START_SCORE

    def _undecided(self, t_s: float) -> list[Box]:
        """Where tracks want more evidence, or something moved in the last picture that may be somebody: what flits by
        is gone before there is a closer picture."""
        tracks = [track.predicted(t_s) for track in self._relevant if not track.confirmed]
        return tracks + self._moving[:MAX_MOVING]

    @property
    def _relevant(self) -> list[Track]:
        """The tracks that are worth a look: not a parked cycle that no place asks for, only its rider."""
        return [t for t in self._tracker.tracks if t.kind in self._asked or not t.still]

    @property
    def followed(self) -> list[int]:
        """The numbers of all that are followed now, as findings and looks name them."""
        return [*(track.number for track in self._tracker.tracks), *self._on_foot.numbers]

    @property
    def tracks(self) -> tuple[Track, ...]:
        """The tracks that are followed now."""
        return tuple(self._tracker.tracks)

    def _unexplained(self, places: Sequence[Box], t_s: float) -> list[Box]:
        """Those of the moving places that are not just a confirmed track which needs no look now."""
        known = [t.predicted(t_s) for t in self._tracker.tracks if not wants_look(t, t_s)]
        return [box for box in places if not any(share_inside(box, place) >= EXPLAINED for place in known)]

    def _detect(self, frame: Frame, squares: Sequence[Square]) -> list[Detection]:
        """What is looked for, each with what else it may be."""
        seen_things = merge_duplicates([found for square in squares for found in self._look(frame, square)])
        self._others = [
            found.box
            for found in seen_things
            if GROUP[found.kind] in NOBODY and found.score >= START_SCORE and found.evidence is not None
        ]
        return [found for found in with_rivals(seen_things) if found.kind in self._kinds]

    def _look(self, frame: Frame, square: Square) -> list[Detection]:
        found = self._detector.detect(frame.square(square))
        place = box_of(square, frame.width, frame.height)
        detections = []
        for corners, score, kind in zip(found.boxes.tolist(), found.scores, found.kinds, strict=True):
            box = in_picture(Box(*corners), place)
            if not self._is_masked(box):
                detections.append(Detection(box, float(score), kind, cut=is_cut(Box(*corners), place)))
        return detections

    def _is_masked(self, box: Box) -> bool:
        return any(contains(mask, foot_point(box)) for mask in self._masks)

    def _judge(
        self, seen: Observation, movement: Movement, t_s: float, aspect: float
    ) -> tuple[Look, list[Finding]]:
        """Add the observation to its track's evidence; report what the track does that counts."""
        track, detection = seen.track, seen.detection
        moving = movement.global_change or share_within(movement.mask, track.box) >= MOVING_SHARE
        before = track.test.evidence
        verdict = track.test.observe(detection.evidence if detection else None, t_s, moving=moving)
        look = _look(track, detection, t_s, before=before, moving=moving)
        if detection is None:
            return look, []
        # What a confirmed track left behind may continue it a little: whoever is told must look like somebody now.
        confirmed = verdict is Verdict.OBJECT and (detection.evidence or 0.0) >= CLEAR_MOVING
        persons = [one.box for one in self._tracker.tracks if one.group == "person" and one.confirmed]
        rider = self._riders.is_rider(track.number, track.kind, track.box, moving=moving, persons=persons)
        kinds = frozenset({track.kind, "person"} if rider else {track.kind})
        counted = self._rules.observe(track.number, track.box, kinds, t_s, confirmed=confirmed, aspect=aspect)
        foot = foot_point(track.box)
        reported = self._surer.judge(
            track.number,
            counted,
            t_s,
            sure=confirmed and track.test.sure and (track.kind in self._asked or not rider),
            stands_in=lambda zone: contains(self._zones[zone].polygon, foot),
        )
        score = detection.score
        return look, [
            Finding(
                one.place, self._told(one.place, track.kind), score, track.box, track.number, one.rule, sure
            )
            for one, sure in reported
        ]

    def _told(self, place: int, kind: str) -> str:
        """What a track of this kind is called at a place that asks for it, or else for its rider."""
        return kind if kind in self._wanted[place] else "person"


def _look(track: Track, detection: Detection | None, t_s: float, *, before: float, moving: bool) -> Look:
    return Look(
        track=track.number,
        kind=track.kind,
        score=detection.score if detection else None,
        box=detection.box if detection else track.predicted(t_s),
        evidence=track.test.evidence,
        step=track.test.evidence - before,
        certain_at=track.test.accept_at,
        moving=moving,
        certain=track.confirmed,
        whole=detection is not None and not detection.cut,
    )
