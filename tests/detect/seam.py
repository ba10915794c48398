"""What the analysis of the street clip comes to, with whatever TensorFlow Lite runtime and numpy this Python has.

`PYTHONPATH=.:tests python tests/detect/seam.py`: one JSON object, see `report`. No test library is imported, so that it
also runs where there is nothing but what the analysis process needs.
"""

from __future__ import annotations

import json
from typing import Any

import av
import numpy as np
from detect_peers import encode

from footage import EMPTY, PERSON, bikes_mp4
from nvr.detect.messages.protocol import (
    Acting,
    CameraSetup,
    Configure,
    FoundWithPicture,
    Parameters,
    Unit,
    ZoneSetup,
)
from nvr.detect.model.objects import ObjectDetector, runtime
from nvr.detect.steps.regions import Square
from nvr.detect.worker.engine import Engine
from nvr.detect.worker.picture import Picture

FPS = 25
WHOLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
SQUARES = [(frame, Square(x, 0, 272)) for frame in (PERSON[-1], EMPTY[0]) for x in (0, 184, 368)]


def report() -> dict[str, Any]:
    """`runtime`, `numpy`: what ran; `squares`: of each of SQUARES [kind, score, box] of what is seen in it; `found`:
    [kind, seconds] of the first sighting of who waits in the clip, as the engine tells it."""
    with av.open(str(bikes_mp4())) as container:
        frames = list(container.decode(video=0))
    detector = ObjectDetector()
    return {
        "runtime": runtime().__module__.partition(".")[0],
        "numpy": np.__version__,
        "squares": [_seen(detector, frames[index], square) for index, square in SQUARES],
        "found": _found(detector, [frames[index] for index in PERSON]),
    }


def _seen(detector: ObjectDetector, frame: av.VideoFrame, square: Square) -> list[Any]:
    found = detector.detect(Picture(frame).square(square))
    return [list(one) for one in zip(found.kinds, found.scores.tolist(), found.boxes.tolist(), strict=True)]


def _found(detector: ObjectDetector, frames: list[av.VideoFrame]) -> list[Any] | None:
    zone = ZoneSetup(polygon=WHOLE, kinds=("person",))
    configure = Configure(model=None, fps=6.0, sure_at=7.0, cameras=(CameraSetup(zones=(zone,)),))
    now_s = 0.0
    engine = Engine(configure, detector, lambda: now_s)
    engine.take(Acting(cameras=(0,)))
    for index, unit in enumerate(encode(frames, fps=FPS)):
        now_s = index / FPS
        if index == 0:
            engine.take(Parameters(0, "h264", unit.config.sps, unit.config.pps))
        messages = engine.take(Unit(0, unit.is_key, now_s, unit.data))
        while engine.has_work:
            messages += engine.work()
        for one in messages:
            if isinstance(one, FoundWithPicture):
                return [one.found.kind, now_s]
    return None


if __name__ == "__main__":
    print(json.dumps(report()))
