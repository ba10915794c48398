"""Sick cameras on the board of faults: one fault a camera, and one alone where most cameras have something at once."""

from __future__ import annotations

from nvr.events import CameraHealth, Fault
from nvr.faults import FaultBoard

MANY = 3
"""From so many sick cameras on, and where they are more than half of all, they are one fault: dusk without lamps, a
power cut of the lights, fog. Each of them listed would hide what else is wrong."""
EVERYWHERE = "cameras"


class SickBoard:
    """What the analysis says of each camera's health. It keeps two small pictures of each that is sick, in memory."""

    def __init__(self, faults: FaultBoard, cameras: int):
        self._faults, self._cameras = faults, cameras
        self._sick: dict[str, CameraHealth] = {}

    def tell(self, health: CameraHealth) -> None:
        """A camera fell sick, or is well again."""
        known = self._sick.pop(health.camera, None)
        if health.sickness is not None:
            self._sick[health.camera] = health
        if known is not None:
            self._faults.clear(_place(known), _code(known))
        if len(self._sick) >= MANY and 2 * len(self._sick) > self._cameras:
            for one in self._sick.values():
                self._faults.clear(_place(one), _code(one))
            self._faults.raise_fault(_everywhere(len(self._sick), self._cameras))
        else:
            for one in self._sick.values():
                self._faults.raise_fault(_fault(one))
            self._faults.clear(EVERYWHERE)

    def of(self, camera: str) -> CameraHealth | None:
        """What the camera has; None: nothing that is known."""
        return self._sick.get(camera)


def _place(health: CameraHealth) -> str:
    return f"camera:{health.camera}"


def _code(health: CameraHealth) -> str:
    return f"sick_{health.sickness}"


def _fault(health: CameraHealth) -> Fault:
    detail = f"camera {health.camera} does not show what it did: {health.sickness}. Look at its picture, then at it"
    return Fault(_place(health), _code(health), detail, {"before": int(bool(health.before))})


def _everywhere(sick: int, cameras: int) -> Fault:
    detail = f"{sick} of {cameras} cameras do not show what they did. Look at their pictures; check lamps and power"
    return Fault(EVERYWHERE, "sick_many", detail, {"sick": sick, "cameras": cameras})
