"""Whether the watch for sick cameras is quiet on usual footage, and how soon it tells what is done to it.

`python -m bench.sick --clips DIR`: each video of DIR, looped forth and back, is watched for an hour of simulated time
as the analysis process would; then again, with each of several sicknesses made from it. Prints one JSON line last:
`faults` in the usual hours, `found` of `made` sicknesses with their median delay, and CPU milliseconds a look.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from nvr.detect.messages.sick import Sick, Well
from nvr.detect.steps.sick import SAMPLE_EVERY_S
from nvr.detect.worker.health import CameraHealth
from nvr.detect.worker.picture import Picture

Planes = NDArray[np.uint8]
HOUR_S, MADE_S = 3600.0, 420.0
MOST_FRAMES = 120
VIDEOS = {".mp4", ".avi", ".mkv"}


def frames_of(path: Path) -> list[av.VideoFrame]:
    """At most MOST_FRAMES, evenly spread, as yuv420p."""
    with av.open(str(path)) as container:
        count = sum(1 for _ in container.decode(video=0))
    every = max(count // MOST_FRAMES, 1)
    with av.open(str(path)) as container:
        decoded = enumerate(container.decode(video=0))
        return [frame.reformat(format="yuv420p") for index, frame in decoded if index % every == 0]


def watch(
    health: CameraHealth, frames: Sequence[av.VideoFrame], start_s: float, seconds: float
) -> tuple[list[tuple[str, float]], float]:
    """([(what was told, seconds after the start)], CPU seconds a look)."""
    told, cpu_s, looks = [], 0.0, int(seconds / SAMPLE_EVERY_S)
    loop = [*frames, *frames[-2:0:-1]]
    for index in range(looks):
        at_s = SAMPLE_EVERY_S * index
        picture = Picture(loop[index % len(loop)])
        before_s = time.process_time()
        messages = health.observe(picture, start_s + at_s)
        cpu_s += time.process_time() - before_s
        told += [(word(message), at_s) for message in messages]
    return told, cpu_s / looks


def word(message: Sick | Well) -> str:
    return message.head.sickness if isinstance(message, Sick) else "well"


def changed(change: Callable[[Planes], Planes]) -> Callable[[av.VideoFrame], av.VideoFrame]:
    """A frame whose three planes went through `change`."""

    def apply(frame: av.VideoFrame) -> av.VideoFrame:
        width, height = frame.width & ~1, frame.height & ~1
        planes = [
            np.frombuffer(memoryview(p), np.uint8).reshape(-1, p.line_size)[: p.height, : p.width]
            for p in frame.reformat(width, height, "yuv420p").planes
        ]
        made = av.VideoFrame(width, height, "yuv420p")
        for plane, values in zip(made.planes, planes, strict=True):
            rows = np.zeros((plane.height, plane.line_size), np.uint8)
            rows[:, : plane.width] = change(values)
            plane.update(rows.tobytes())
        return made

    return apply


def pushed(values: Planes) -> Planes:
    return np.roll(values, values.shape[1] // 20, axis=1)


def bagged(values: Planes) -> Planes:
    noise = np.random.default_rng(int(values[0, 0])).integers(0, 4, values.shape)
    return (np.full_like(values, 60) + noise).astype(np.uint8)


def black(values: Planes) -> Planes:
    return np.full_like(values, 16 + int(values[0, 0]) % 2)


def defocused(values: Planes) -> Planes:
    """Each value the mean of a square of a fiftieth of the height around it."""
    radius = max(values.shape[0] // 100, 1)
    size = 2 * radius + 1
    padded = np.pad(values.astype(np.float64), ((radius + 1, radius), (radius + 1, radius)), mode="edge")
    sums = padded.cumsum(0).cumsum(1)
    parts = sums[size:, size:] - sums[:-size, size:] - sums[size:, :-size] + sums[:-size, :-size]
    return (parts / size**2).round().astype(np.uint8)


SICKNESSES: dict[str, tuple[str, Callable[[Planes], Planes]]] = {
    "pushed by a twentieth": ("moved", pushed),
    "a bag": ("covered", bagged),
    "no light": ("dark", black),
    "out of focus": ("blurred", defocused),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, required=True)
    faults, delays, made, looks_ms = [], [], 0, []
    for path in sorted(p for p in parser.parse_args().clips.iterdir() if p.suffix in VIDEOS):
        frames = frames_of(path)
        for name, (sickness, change) in {"": ("", None), **SICKNESSES}.items():
            health = CameraHealth(0)
            told, cpu_s = watch(health, frames, 0.0, HOUR_S if change is None else HOUR_S / 3)
            if change is None:
                faults += [(path.name, *one) for one in told]
                looks_ms.append(1000 * cpu_s)
                print(f"{path.name}: an hour as it is: {told or 'nothing'}; {1000 * cpu_s:.2f} ms a look")
                continue
            sick_frames = [changed(change)(frame) for frame in frames[:20]]
            told, _ = watch(health, sick_frames, HOUR_S / 3, MADE_S)
            made += 1
            delays += [at_s for what, at_s in told if what == sickness][:1]
            print(f"{path.name}: {name}: {told or 'NOTHING'}", flush=True)
    result = {
        "faults": faults,
        "found": len(delays),
        "made": made,
        "delay_s": statistics.median(delays) if delays else None,
        "look_ms": round(statistics.median(looks_ms), 2),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
