"""The test that many products make, as a peer of ours: at 4 pictures a second the detector looks at the square tiles of
the whole picture, and a person at 0.5 twice within a second is a sighting."""

from __future__ import annotations

import math

from nvr.detect.steps.analysis import Detector
from nvr.detect.steps.regions import tiles
from nvr.detect.worker.decode import Decoder
from nvr.detect.worker.picture import Picture
from nvr.evaluate.score import Seen
from nvr.evaluate.video import Stamped
from nvr.events import Box
from nvr.media.h264 import codec_config

EVERY_S = 0.25
SCORE = 0.5
WITHIN_S = 1.0


class Naive:
    """Of one H.264 stream. `seen`: the sightings so far."""

    def __init__(self, detector: Detector):
        self._detector, self._decoder = detector, Decoder()
        self._sets: object = None
        self._next_s = self._last_hit_s = -math.inf
        self.seen: list[Seen] = []

    def take(self, unit: Stamped) -> None:
        if unit.sets is not self._sets:
            self._sets = unit.sets
            self._decoder.configure(codec_config(unit.sets.sps, unit.sets.pps))
        is_key = unit.data[4] & 31 == 5
        for frame, t_s in self._decoder.decode(unit.data, is_key=is_key, received_mono_s=unit.arrival_s):
            if t_s >= self._next_s - 1e-6:
                self._next_s = max(self._next_s, t_s - EVERY_S) + EVERY_S
                self._look(Picture(frame), t_s)

    def _look(self, picture: Picture, t_s: float) -> None:
        best = 0.0
        for tile in tiles(picture.width, picture.height):
            found = self._detector.detect(picture.square(tile))
            scores = zip(found.scores.tolist(), found.kinds, strict=True)
            best = max([best, *(score for score, kind in scores if kind == "person")])
        if best >= SCORE:
            if t_s - self._last_hit_s <= WITHIN_S:
                self.seen.append(Seen(t_s, "person", best, Box(0.0, 0.0, 1.0, 1.0), siren=False))
            self._last_hit_s = t_s
