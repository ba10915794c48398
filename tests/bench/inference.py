"""What one square costs the detector: CPU time and memory of models and of batches, and how far their scores agree.

`python -m bench.inference [--model FILE]… [--batches 1,2,4,8]`: each model (the shipped one first, whose scores the
others are compared with) and each batch in a process of its own, on one thread, on squares of the street clip. Prints
one JSON line last: of each model `cpu_ms` a square by batch, `memory_mb` by batch (PSS that loading and running add),
and `scores`: persons at 0.3 or more in both, in the shipped model alone and in this one alone, and the difference of
their scores.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import struct
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from bench.processes import pss_mb
from footage import bikes_mp4
from nvr.detect.model.objects import ANCHORS, MODEL_FILE, SIZE, Detections, ObjectDetector, runtime
from nvr.detect.steps.regions import tiles
from nvr.detect.steps.track import overlap
from nvr.detect.worker.picture import Picture
from nvr.events import Box

ROUNDS = 48
"""Squares for each measured batch; the median of the runs is told."""
EVERY = 5
SCORE, NEAR_SCORE, ALIKE = 0.3, 0.2, 0.5
LAYERS = (1083, 600, 150, 54, 24, 6, ANCHORS)
"""Anchors of each layer, and of all: the first numbers after the batch in the shapes that the model reshapes to."""


def squares() -> list[NDArray[np.uint8]]:
    """The tiles of each fifth frame of the street clip."""
    with av.open(str(bikes_mp4())) as container:
        pictures = [Picture(frame) for frame in container.decode(video=0)][::EVERY]
    return [picture.square(tile) for picture in pictures for tile in tiles(picture.width, picture.height)]


def for_any_batch(content: bytes) -> bytes:
    """The model with shapes that follow the size of the batch. As converted they say 1, and where its input is made
    larger its tensors cannot be allocated."""
    for anchors in LAYERS:
        for rest in ((anchors, 1, 4), (anchors, 91), (anchors, 4)):
            length, shape = 4 * (1 + len(rest)), f"<I{1 + len(rest)}i"
            content = content.replace(
                struct.pack(shape, length, 1, *rest), struct.pack(shape, length, -1, *rest)
            )
    return content


def measure(model: Path, pictures: NDArray[Any]) -> tuple[float, float]:
    """(CPU milliseconds a square, MB of memory) of `model` with all of uint8[n, 300, 300, 3] at once."""
    Interpreter = runtime()  # noqa: N806  (a class)
    batch = len(pictures)
    before_mb = pss_mb(os.getpid())
    interpreter = Interpreter(model_content=for_any_batch(model.read_bytes()), num_threads=1)
    (image,) = interpreter.get_input_details()
    interpreter.resize_tensor_input(image["index"], [batch, SIZE, SIZE, 3])
    interpreter.allocate_tensors()
    if image["dtype"] != np.uint8:
        pictures = pictures.astype(image["dtype"]) / np.float32(127.5) - np.float32(1)
    took_ms = []
    for _ in range(max(ROUNDS // batch, 3)):
        interpreter.set_tensor(image["index"], pictures)
        before_s = time.process_time()
        interpreter.invoke()
        took_ms.append(1000 * (time.process_time() - before_s) / batch)
    return statistics.median(took_ms[1:]), pss_mb(os.getpid()) - before_mb


def persons(found: Detections, score: float) -> list[tuple[Box, float]]:
    every = zip(found.boxes.tolist(), found.scores.tolist(), found.kinds, strict=True)
    return [(Box(*box), sure) for box, sure, kind in every if kind == "person" and sure >= score]


def is_same(a: Box, b: Box) -> bool:
    both = overlap(a, b)
    return both >= ALIKE * ((a.x1 - a.x0) * (a.y1 - a.y0) + (b.x1 - b.x0) * (b.y1 - b.y0) - both)


def agreement(model: Path) -> dict[str, Any]:
    """How `model`'s persons agree with the shipped one's."""
    shipped, other = ObjectDetector(), ObjectDetector(model)
    apart: list[float] = []
    lost = new = 0
    for square in squares():
        ours, theirs = shipped.detect(square), other.detect(square)
        for box, score in persons(ours, SCORE):
            same = [their for at, their in persons(theirs, NEAR_SCORE) if is_same(box, at)]
            lost += not same
            apart += [abs(score - their) for their in same[:1]]
        new += sum(
            not any(is_same(box, at) for at, _ in persons(ours, NEAR_SCORE))
            for box, _ in persons(theirs, SCORE)
        )
    return {
        "both": len(apart),
        "lost": lost,
        "new": new,
        "median": round(statistics.median(apart), 4),
        "p95": round(statistics.quantiles(apart, n=20)[-1], 4),
    }


def alone(function: Any, *arguments: Any) -> Any:
    """The function's answer from a new process."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(function, *arguments).result()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, action="append", default=[], metavar="FILE")
    parser.add_argument("--batches", default="1,2,4,8", metavar="N,…")
    options = parser.parse_args()
    result, pictures = [], squares()
    for model in (MODEL_FILE, *options.model):
        line: dict[str, Any] = {"model": model.stem, "cpu_ms": {}, "memory_mb": {}}
        for batch in map(int, options.batches.split(",")):
            cpu_ms, memory_mb = alone(measure, model, np.stack(pictures[:batch]))
            line["cpu_ms"][batch], line["memory_mb"][batch] = round(cpu_ms, 2), round(memory_mb, 1)
        if model != MODEL_FILE:
            line["scores"] = alone(agreement, model)
        print(line, flush=True)
        result.append(line)
    print(json.dumps({"models": result}))


if __name__ == "__main__":
    main()
