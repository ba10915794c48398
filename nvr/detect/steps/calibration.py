"""What the user asks for, "at most one false siren in N nights" and "notice within S seconds", as the bounds of the
sequential test and a rate of analysis. Pure.

The siren sounds when a track's evidence reaches `siren_evidence`. By Wald's inequality (see `sprt.py`) clutter that
looks as the model says gets there with a chance of at most alpha = exp(-evidence) a track, so

    false sirens in N nights  <=  N x cameras with a siren zone x tracks of clutter a camera and night x alpha  =  1.

Tracks of clutter were counted: 42 that the model took for persons at a score of 0.25 or more, in 368 s of empty footage
(day, infrared with insects, and dark, rainy and infrared-like versions of the clips); with a confidence of 95 % at most
57 (Garwood's interval for a Poisson count). That is 0.1 h of footage, and an insect-ridden infrared camera gave half of
them: another site has another rate. What the bound leaves out lies on the safe side: of those 42 only one, a plant that
stood still and never looked clearly like somebody, got beyond an evidence of 1.5, where the model allows nine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from nvr.config import Config
from nvr.detect.steps.sprt import ErrorRates, SequentialTest
from nvr.errors import ConfigError

CLUTTER_TRACKS, CLUTTER_TRACKS_AT_MOST, COUNTED_S = 42, 57, 368.0
NIGHT_H = 10.0
CLEAR_SCORE = 0.8
"""Of somebody clearly in view. Who is far off, or in the dark, takes longer."""
MAX_FPS = 15.0
MAX_NOTICE_S = 60.0


@dataclass(frozen=True, slots=True)
class Demands:
    """What a site's wishes come to. `sure_at`: evidence at which the siren may sound; `fps`: frames a second that are
    examined."""

    sure_at: float
    fps: float


def siren_evidence(nights: float, cameras: int) -> float:
    """The evidence at which the siren may sound, for at most one false one in `nights` nights at a site with so many
    `cameras` that have a zone with the siren; never less than what confirms a track."""
    if cameras == 0:
        return ErrorRates().accept_at
    tracks = CLUTTER_TRACKS_AT_MOST / COUNTED_S * 3600 * NIGHT_H * cameras
    return max(math.log(nights * tracks), ErrorRates().accept_at)


def notice_s(evidence: float, fps: float) -> float:
    """Seconds from the moment at which somebody is clearly in view, and moves, to this evidence, where the first frame
    is examined just before that moment."""
    test = SequentialTest(sure_at=evidence)
    for index in range(round(MAX_NOTICE_S * fps)):
        test.observe(CLEAR_SCORE, index / fps, moving=True)
        if test.sure:
            return (index + 1) / fps
    return math.inf


def demands_of(config: Config) -> Demands:
    """The lowest rate of analysis, from `fps` to MAX_FPS, at which somebody is noticed in time, and the evidence.

    Raises ConfigError: so few false sirens are not to be had so fast."""
    wanted = config.analysis
    sure_at = siren_evidence(wanted.false_siren_nights, config.siren_cameras)
    rates = [wanted.fps, *(float(fps) for fps in range(2, int(MAX_FPS) + 1) if fps > wanted.fps)]
    times = {fps: notice_s(sure_at, fps) for fps in rates}
    for fps, time_s in times.items():
        if time_s <= wanted.notice_within_s:
            return Demands(sure_at, fps)
    shortest_s = math.ceil(10 * min(times.values())) / 10
    raise ConfigError(
        "nvr.toml",
        "analysis.notice_within_s",
        f"{wanted.notice_within_s:g} s is too short for one false siren in {wanted.false_siren_nights:g} nights",
        f"from {shortest_s:g} on, or a smaller analysis.false_siren_nights",
    )
