"""How detection holds where pictures are bad, against the naive test of `naive.py` on the very same streams.

`python -m bench.degraded --truth TRUTH.toml --clips DIR [--clip NAME]… [--kind dark]… [--jobs N]`: each clip is made
worse in five ways (`degraded_pictures.py`; at most 10 pictures a second), encoded, and given to both: to the appliance
of `nvr evaluate` and to the naive test. Of each labelled span its beginning is played, and a little of what was before
it. Prints one JSON line last: person spans found, and empty spans in which somebody was told of, of both, by kind and
in all.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import sys
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import av

from bench.degraded_pictures import KINDS, rate, worsened
from bench.naive import Naive
from nvr.camera.av_encode import GOP_S
from nvr.camera.av_messages import Unit
from nvr.detect.model.objects import ObjectDetector
from nvr.detect.steps.analysis import Detector
from nvr.evaluate.appliance import Appliance, camera_for
from nvr.evaluate.clip import encoded
from nvr.evaluate.pace import Pace, at_rate
from nvr.evaluate.score import Score, Seen, score, together
from nvr.evaluate.truth import ClipTruth, Span, parse
from nvr.evaluate.video import Scan, Stamped, pictures, scan

FPS, ANALYSIS_FPS = 10.0, 6.0
BEFORE_S, PERSON_S, EMPTY_S = 3.0, 12.0, 20.0
"""So much is played of what was before a span, and of a span."""
SIDES = ("ours", "naive")
Pictures = Iterable[tuple[av.VideoFrame, float]]


def shortened(truth: ClipTruth) -> ClipTruth:
    """With the beginnings of its spans in their place."""

    def begin(spans: Iterable[Span], most_s: float) -> tuple[Span, ...]:
        return tuple(Span(start_s, min(end_s, start_s + most_s)) for start_s, end_s in spans)

    return replace(truth, person=begin(truth.person, PERSON_S), empty=begin(truth.empty, EMPTY_S))


def cut(frames: Pictures, spans: Sequence[Span], shift_s: float) -> Iterator[tuple[av.VideoFrame, float]]:
    """The pictures of the spans, which are `shift_s` later than the pictures' times, and some before each."""
    last_s = max(span.end_s for span in spans) - shift_s
    for frame, t_s in frames:
        if t_s > last_s:
            return
        if any(start_s - BEFORE_S <= t_s + shift_s <= end_s for start_s, end_s in spans):
            yield frame, t_s


def shift_of(truth: ClipTruth, found: Scan) -> float:
    """What lies between the times of its pictures and those of its spans."""
    return found.first_s - truth.origin_s(found.first_s, found.last_s)


def stream(truth: ClipTruth, file: Path, kind: str) -> Iterator[Stamped]:
    """The clip made worse, as a camera would send it."""
    found = scan(file)
    pace, fps = Pace(found.frame_s), min(FPS, 1 / found.frame_s)
    frames: Pictures = cut(pictures(file, found, pace), (*truth.person, *truth.empty), shift_of(truth, found))
    if 1 / found.frame_s > FPS:
        frames = at_rate(frames, FPS)
    seed = zlib.crc32(f"{truth.name} {kind}".encode())
    bits = rate(kind, found.width, found.height, fps)
    return encoded(worsened(frames, kind, seed), file, fps, GOP_S, bits)


def watch(truth: ClipTruth, file: Path, units: Sequence[Stamped], detector: Detector) -> dict[str, Score]:
    """What both sides make of it."""
    shift_s = shift_of(truth, scan(file))
    end_s = units[-1].arrival_s + 1 / FPS + shift_s
    appliance, naive = Appliance(camera_for(("person",)), detector, fps=ANALYSIS_FPS), Naive(detector)
    for unit in units:
        appliance.take(unit.sets, Unit(unit.lost, unit.pts_90k, unit.data), unit.arrival_s)
        naive.take(unit)
    work = appliance.work(len(units) / FPS)

    def shifted(seen: Sequence[Seen]) -> list[Seen]:
        return [replace(one, t_s=one.t_s + shift_s) for one in seen]

    return {
        "ours": score(truth, shifted(appliance.seen), work, end_s),
        "naive": score(truth, shifted(naive.seen), replace(work, cpu_s=0.0), end_s),
    }


def job(truth: ClipTruth, file: Path, kind: str) -> dict[str, Score]:
    return watch(truth, file, list(stream(truth, file, kind)), ObjectDetector())


def figures(one: Score) -> dict[str, Any]:
    delays_s = one.delays_s
    return {
        "found": one.found,
        "person_spans": one.person_spans,
        "false_spans": one.alarmed,
        "empty_spans": one.empty_spans,
        "delay_s": round(statistics.median(delays_s), 2) if delays_s else None,
    }


def in_words(one: Score) -> str:
    missed = ", ".join(f"{span.start_s:g}-{span.end_s:g}" for span in one.missed)
    return (
        f"{one.found}/{one.person_spans}"
        + (f" (missed {missed})" if missed else "")
        + f", {one.alarmed}/{one.empty_spans} false"
    )


def result(scores: dict[tuple[str, str], list[Score]]) -> dict[str, Any]:
    """`scores` by kind and side."""
    totals = {
        side: together(one for (_, of), ones in scores.items() if of == side for one in ones)
        for side in SIDES
    }
    work = totals["ours"].work
    return {
        **{side: figures(total) for side, total in totals.items()},
        "cpu_s_per_hour": round(3600 * work.cpu_s / work.footage_s) if work.footage_s else None,
        "kinds": {
            kind: {side: figures(together(scores[kind, side])) for side in SIDES}
            for kind in dict.fromkeys(kind for kind, _ in scores)
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--truth", type=Path, required=True)
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--clip", action="append", metavar="NAME", default=[])
    parser.add_argument("--kind", action="append", choices=list(KINDS), default=[])
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    every = parse(options.truth.read_bytes(), str(options.truth))
    truths = [shortened(one) for one in every if not options.clip or one.name in options.clip]
    scores: dict[tuple[str, str], list[Score]] = defaultdict(list)
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.jobs, mp_context=spawn) as pool:
        jobs = [
            (truth, kind, pool.submit(job, truth, options.clips / truth.file, kind))
            for kind in options.kind or KINDS
            for truth in truths
        ]
        for truth, kind, future in jobs:
            both = future.result()
            for side, one in both.items():
                scores[kind, side].append(one)
            words = "; ".join(f"{side} {in_words(one)}" for side, one in both.items())
            print(f"{kind} {truth.name}: {words}", file=sys.stderr, flush=True)
    print(json.dumps(result(scores)))


if __name__ == "__main__":
    main()
