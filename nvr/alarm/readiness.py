"""Whether what should act can: the siren, the loudspeaker, the analysis, the cameras that act in the present mode."""

from __future__ import annotations

from collections.abc import Iterator

from nvr.alarm.notices import SITE, Notice, NoticeKind
from nvr.alarm.outages import Outages
from nvr.alarm.outputs import Outputs
from nvr.alarm.places import Places
from nvr.config import Config
from nvr.events import Mode, Response
from nvr.faults import FaultBoard

SIREN, SPEAKER, ANALYSIS, CAMERA = "siren", "speaker", "analysis", "camera:"
_KINDS = {
    SIREN: NoticeKind.SIREN_DOWN,
    SPEAKER: NoticeKind.SPEAKER_DOWN,
    ANALYSIS: NoticeKind.ANALYSIS_DOWN,
}


class Readiness:
    """`missing`: what should act now and cannot, for a while already: "siren", "speaker", "analysis", "camera:gate"."""

    def __init__(self, config: Config, places: Places, outputs: Outputs, faults: FaultBoard):
        self._config, self._places, self._outputs, self._faults = config, places, outputs, faults
        self._instead = Response(config.alarm.instead)
        self._outages = Outages()

    @property
    def missing(self) -> frozenset[str]:
        return self._outages.standing

    def look(self, mode: Mode | None, now_mono_s: float, known_wall_s: float | None) -> list[Notice]:
        """Bring `missing` up to date; what staff must be told of."""
        if mode is None:
            self.forget()
            return []
        news = self._outages.update(frozenset(self._missing(mode, known_wall_s)), now_mono_s)
        return [self._notice(thing) for thing in sorted(news)]

    def forget(self) -> None:
        """What is missing hereafter is told anew."""
        self._outages = Outages()

    def _missing(self, mode: Mode, known_wall_s: float | None) -> Iterator[str]:
        responses, means = self._places.responses(mode, known_wall_s), self._outputs.means
        if Response.SIREN in responses and not means.siren:
            yield SIREN
        speaks = self._outputs.speaker is not None and Response.WARN in responses | {self._instead}
        if speaks and not means.speaker:
            yield SPEAKER
        if not self._config.analysis.enabled:
            return
        # Too slow is not gone: it has a fault of its own, and sightings still come.
        if responses and self._faults.at("analysis", but="analysis_overload"):
            yield ANALYSIS
        acting = self._places.acting(mode, known_wall_s)
        for camera in self._config.camera:
            # Its own place has what its picture suffers from, as to be covered; the other is its connection's.
            places = (f"camera:{camera.id}", f"camera:{camera.analysed}")
            if camera.id in acting and any(self._faults.at(place) for place in places):
                yield f"{CAMERA}{camera.id}"

    def _notice(self, thing: str) -> Notice:
        can_warn = self._instead is Response.WARN and self._outputs.means.speaker
        response = Response.WARN if can_warn else Response.CALL
        if thing.startswith(CAMERA):
            return Notice(NoticeKind.CAMERA_DOWN, response, thing.removeprefix(CAMERA))
        return Notice(_KINDS[thing], response, SITE)
