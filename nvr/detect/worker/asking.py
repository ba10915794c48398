"""When the worker asks the service for more of a camera whose picture shows something undecided. Pure."""

from __future__ import annotations

from nvr.detect.messages.protocol import ToService, Wanted

ASK_EVERY_S = 1.0
"""Of one camera."""
CLOSER_AT_ONCE = 3
"""Cameras of which a closer look is asked for within that time: a large keyframe and up to three runs of the model."""


class Asking:
    """All cameras, by index."""

    def __init__(self) -> None:
        self._pictures_s: dict[int, float] = {}
        self._closer_s: dict[int, float] = {}

    def wishes(
        self, camera: int, *, is_undecided: bool, is_followed: bool, is_small: bool, now_s: float
    ) -> list[ToService]:
        """What is wanted after the camera was examined: of one with something undecided each picture, also where it
        `is_followed` already, so that it stays so; a closer look where that `is_small`."""
        messages: list[ToService] = []
        if is_undecided and _is_due(self._pictures_s, camera, now_s):
            self._pictures_s[camera] = now_s
            messages.append(Wanted(camera=camera, what="pictures"))
        lately = [asked_s for asked_s in self._closer_s.values() if now_s - asked_s < ASK_EVERY_S]
        if (
            is_small
            and is_followed
            and len(lately) < CLOSER_AT_ONCE
            and _is_due(self._closer_s, camera, now_s)
        ):
            self._closer_s[camera] = now_s
            messages.append(Wanted(camera=camera, what="closer"))
        return messages


def _is_due(asked_s: dict[int, float], camera: int, now_s: float) -> bool:
    return now_s - asked_s.get(camera, -ASK_EVERY_S) >= ASK_EVERY_S
