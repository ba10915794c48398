"""Which tracks want a look in this frame, and at how many scales. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from nvr.detect.steps.regions import TRACK_MARGINS
from nvr.detect.steps.track import Track

CONFIRMED_EVERY_S = 0.5
"""A confirmed track needs no more evidence; it is looked at only this often, to keep it."""
ENOUGH_LOOKS = 24
"""An undecided track that stands still is then looked at no more often than a confirmed one."""
GATHER_S = 10.0
"""After its confirmation a track is looked at in each frame for so long, where the siren needs to be surer."""


def wants_look(track: Track, t_s: float) -> bool:
    """Whether it is looked at in the frame at `t_s`."""
    return _gathers(track, t_s) or t_s - track.examined_s >= CONFIRMED_EVERY_S


def margins(track: Track, t_s: float) -> Sequence[float]:
    """At how many scales to look; a track that is only kept takes turns."""
    turn = track.looks % len(TRACK_MARGINS)
    return TRACK_MARGINS if _gathers(track, t_s) else TRACK_MARGINS[turn : turn + 1]


def _gathers(track: Track, t_s: float) -> bool:
    """Whether it wants more evidence. What stands still shows the same picture again: it was looked at enough."""
    if not track.confirmed:
        return track.looks < ENOUGH_LOOKS or not track.still
    return not track.test.sure and t_s - track.test.decided_s < GATHER_S
