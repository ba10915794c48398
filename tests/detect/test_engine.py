"""The worker's messages in and out, on a simulated clock with simulated CPU time."""

from __future__ import annotations

from dataclasses import dataclass, field

import av
import numpy as np
import pytest
from detect_peers import encode
from numpy.typing import NDArray

from nvr.detect.messages.protocol import (
    Acting,
    CameraSetup,
    Configure,
    Moved,
    Parameters,
    Statistics,
    ToService,
    Unit,
    Wanted,
    ZoneSetup,
)
from nvr.detect.model.objects import Detections, ObjectDetector
from nvr.detect.note import Note
from nvr.detect.worker.engine import LATE_S, SCAN_SELDOM_EVERY_S, Engine
from nvr.media.access_unit import AccessUnit

ZONE = ZoneSetup(polygon=((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)), kinds=("person",))


class Noted(Note):
    """Remembers what it was told last."""

    last: int | None = None

    def camera(self, index: int) -> None:
        self.last = index

    def done(self) -> None:
        self.last = None


@dataclass
class Counting:
    """The real detector, counted; each run takes `cost_s` of CPU time."""

    detector: ObjectDetector
    runs: int = 0
    cost_s: float = 0.0
    spent_s: float = field(default=0.0)
    is_out_of_memory: bool = False

    def detect(self, rgb: NDArray[np.uint8]) -> Detections:
        if self.is_out_of_memory:
            raise MemoryError
        self.runs += 1
        self.spent_s += self.cost_s
        return self.detector.detect(rgb)


class Scene:
    def __init__(self, detector: ObjectDetector, *, cameras: int = 1, cpu_share: float = 1.0):
        self.now_s, self.note = 100.0, Noted()
        self.detector = Counting(detector)
        setup = CameraSetup(zones=(ZONE,))
        configure = Configure(
            model=None, fps=6.0, sure_at=7.0, cameras=(setup,) * cameras, cpu_share=cpu_share
        )
        self.engine = Engine(
            configure, self.detector, lambda: self.now_s, lambda: self.detector.spent_s, self.note
        )

    def configure(self, camera: int, unit: AccessUnit) -> None:
        self.engine.take(Parameters(camera, "h264", unit.config.sps, unit.config.pps))

    def take(
        self, camera: int, unit: AccessUnit, *, age_s: float = 0.0, alone: bool = False, is_old: bool = False
    ) -> list[ToService]:
        said = self.engine.take(
            Unit(camera, unit.is_key, self.now_s - age_s, unit.data, alone=alone, is_old=is_old)
        )
        while self.engine.has_work:
            said += self.engine.work()
        return said

    def examined(self) -> Statistics:
        self.now_s += 1.0
        return self.engine.statistics(0.0)


@pytest.fixture(scope="module")
def street(empty_street: list[av.VideoFrame]) -> list[AccessUnit]:
    return encode(empty_street[:25])


def test_pictures_that_are_late_are_dropped_up_to_the_next_keyframe(
    detector: ObjectDetector, street: list[AccessUnit]
) -> None:
    scene = Scene(detector)
    scene.configure(0, street[0])
    scene.take(0, street[0], age_s=LATE_S + 0.1)
    scene.take(0, street[1])
    statistics = scene.examined()
    assert (statistics.cameras[0].examined_fps, statistics.cameras[0].skipped) == (0.0, 1)
    scene.take(0, street[0])
    assert scene.examined().cameras[0].examined_fps == 1.0


def test_what_came_before_is_decoded_however_old_but_not_for_ever(
    detector: ObjectDetector, street: list[AccessUnit]
) -> None:
    scene = Scene(detector)
    scene.configure(0, street[0])
    scene.take(0, street[0], age_s=LATE_S + 5.0, is_old=True)
    assert scene.examined().cameras[0].examined_fps == 1.0
    assert scene.detector.runs > 0


def test_a_gated_camera_hardly_needs_the_model_while_nothing_moves(
    detector: ObjectDetector, street: list[AccessUnit]
) -> None:
    scene = Scene(detector)
    scene.configure(0, street[0])
    for _ in range(5):  # the view is new, and looked at
        scene.take(0, street[0], alone=True)
        scene.now_s += 2.0
    scene.detector.runs, seconds = 0, 4 * SCAN_SELDOM_EVERY_S
    for _ in range(int(seconds / 2)):
        said = scene.take(0, street[0], alone=True)
        assert not [message for message in said if isinstance(message, Moved)]
        scene.now_s += 2.0
    assert scene.detector.runs <= seconds / SCAN_SELDOM_EVERY_S + 1


def test_a_gated_camera_asks_for_pictures_where_somebody_is(
    detector: ObjectDetector, waiting_cyclist: list[av.VideoFrame]
) -> None:
    scene = Scene(detector)
    units = encode(waiting_cyclist[:1])
    scene.configure(0, units[0])
    assert Wanted(camera=0, what="pictures") in scene.take(0, units[0], alone=True)


def test_the_budget_holds_for_all_but_acting_cameras(
    detector: ObjectDetector, street: list[AccessUnit]
) -> None:
    scene = Scene(detector, cameras=2, cpu_share=0.1)
    scene.detector.cost_s = 0.05
    scene.engine.take(Acting(cameras=(1,)))
    for camera in (0, 1):
        scene.configure(camera, street[0])
    for _ in range(60):
        for camera in (0, 1):
            scene.take(camera, street[0], age_s=0.01)
        scene.now_s += 0.2
    statistics = scene.engine.statistics(0.0)
    others, acting = statistics.cameras
    assert acting.examined_fps > 4.5
    assert 0.0 < others.examined_fps < 0.5
    assert others.cpu_share < 0.05
    assert abs(statistics.cpu_share - others.cpu_share - acting.cpu_share) < 1e-6


def test_where_memory_runs_out_the_largest_is_blamed(
    detector: ObjectDetector, street: list[AccessUnit]
) -> None:
    """The detector fails as an allocation in the middle of the work on the smaller one would."""
    scene = Scene(detector, cameras=2)
    large = encode([av.VideoFrame(1280, 720, "yuv420p")])[0]
    scene.configure(1, large)
    scene.take(1, large)
    assert scene.note.last is None
    scene.configure(0, street[0])
    scene.detector.is_out_of_memory = True
    with pytest.raises(MemoryError):
        scene.take(0, street[0])
    assert scene.note.last == 1
