"""What the analysis of a frame comes to. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from nvr.detect.steps.history import Look
from nvr.events import Box, Rule


@dataclass(frozen=True, slots=True)
class Finding:
    """A confirmed object, or somebody known by shape and way (`score` 0.0), in the zone with index `zone`, or on the
    line with that index after the last zone's; becomes a Sighting. `sure`: the evidence is enough for what the place
    answers with; where that is the siren, a track is reported again once it is."""

    zone: int
    kind: str
    score: float
    box: Box
    track: int
    rule: Rule = Rule.ENTER
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Examination:
    """What one frame gave. `at_s`: when it counts as taken, never before the one examined last; `motion_area`: moving
    share of the picture; `squares`: how often the model ran; `looks`: what it said about each track that was looked
    at."""

    at_s: float
    motion_area: float
    global_change: bool
    squares: int
    findings: tuple[Finding, ...]
    looks: tuple[Look, ...] = ()
