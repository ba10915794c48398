"""The watch for a camera's sickness at work in the analysis process: pictures in, messages out."""

from __future__ import annotations

import math

from nvr.detect.messages.sick import MAX_SICK_JPEG, Sick, SickHead, Well
from nvr.detect.steps.look import HEIGHT, WIDTH
from nvr.detect.steps.sick import SAMPLE_EVERY_S, Sickness, SickWatch
from nvr.detect.worker.picture import Picture

JPEG_WIDTH = 480
KEEP_EVERY_S = 600.0
"""How often the picture of before is taken anew."""
PROVEN_S = 180.0
"""It counts only when nothing was suspected for so long after it was taken."""


class CameraHealth:
    """One camera. It keeps two small JPEGs."""

    def __init__(self, index: int):
        self._index = index
        self._watch = SickWatch()
        self._next_s = -math.inf
        self._told: Sickness | None = None
        self._before = b""
        self._candidate: tuple[bytes, float] | None = None

    def observe(self, picture: Picture, t_s: float) -> list[Sick | Well]:
        """A picture that was examined, taken at `t_s`; it is looked at when one is due."""
        if self._next_s - SAMPLE_EVERY_S <= t_s < self._next_s:
            return []
        self._next_s = t_s + SAMPLE_EVERY_S
        self._watch.observe(
            picture.gray(WIDTH, HEIGHT), picture.digest(), t_s, infrared=not picture.has_colour()
        )
        self._keep(picture, t_s)
        sickness = self._watch.sickness
        if sickness == self._told:
            return []
        self._told = sickness
        if sickness is None:
            return [Well(camera=self._index)]
        return [Sick(SickHead(camera=self._index, sickness=sickness), self._before, _small(picture))]

    def _keep(self, picture: Picture, t_s: float) -> None:
        if not self._watch.is_certainly_well:
            self._candidate = None
        elif self._candidate is None:
            self._candidate = (_small(picture), t_s)
        elif t_s - self._candidate[1] >= (PROVEN_S if not self._before else KEEP_EVERY_S):
            self._before, self._candidate = self._candidate[0], None


def _small(picture: Picture) -> bytes:
    """A JPEG that can be sent: of noise it may be too large, of a twentieth of the pixels it is not."""
    jpeg = picture.jpeg(JPEG_WIDTH)
    return jpeg if len(jpeg) <= MAX_SICK_JPEG else picture.jpeg(JPEG_WIDTH // 5)
