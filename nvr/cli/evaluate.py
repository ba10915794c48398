"""`nvr evaluate`: how good detection is, on labelled clips."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from nvr.config.zones import OBJECT_KINDS
from nvr.detect.model.objects import ObjectDetector
from nvr.errors import ConfigError
from nvr.evaluate.report import Line, document, table
from nvr.evaluate.run import Job, Outcome, Settings, run_all
from nvr.evaluate.takes import takes
from nvr.evaluate.truth import ClipTruth, parse
from nvr.evaluate.variation import PLACE, Variation, parse_rate, parse_seconds
from nvr.evaluate.video import ClipError


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "evaluate",
        help="score detection on labelled clips",
        description="Runs the live detection and alarm code over files on a simulated clock and compares its "
        "sightings with what is truly there. The clips are decoded by this command itself, outside the sandbox of "
        "the live analysis: run it as a user who may lose nothing.",
    )
    add = parser.add_argument
    add("--truth", type=Path, required=True, metavar="TOML", help="what is truly in the clips")
    add("--clips", type=Path, required=True, metavar="DIR", help="the folder with their files")
    add("--json", action="store_true", help="print one JSON document in place of the table")
    add("--clip", action="append", metavar="NAME", help="only this clip (can be given several times)")
    add("--objects", default="person", metavar="KINDS", help="what is looked for (default person)")
    add("--analysis-fps", type=float, default=6.0, metavar="N", help="pictures examined a second (default 6)")
    add("--model", type=Path, metavar="FILE", help="another .tflite file than the shipped one")
    add("--encode", metavar="RATE", help="encode the clips anew: crf=30, vbr=1M or cbr=500k")
    add("--fps", type=float, metavar="N", help="encode them anew with N pictures a second")
    add("--gop", metavar="TIME", help="encode them anew with a keyframe every TIME, as in 4s")
    add("--lose", metavar="TIME", help="lose so much of the stream in the middle, as in 2s")
    add(
        "--loop-empty",
        metavar="TIME",
        help="also loop the empty spans of each clip to so much footage, as in 1h, with noise, exposure steps and "
        "several bit rates",
    )
    add("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="clips at a time (default: cores)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Exit code 0, or 65 if some clip could not be evaluated. Raises ConfigError: an option or the truth is wrong;
    ModelError."""
    settings = _settings(args)
    ObjectDetector(settings.model)  # a missing model is one error, not one of each clip
    truths = _chosen(_truths(args.truth), args.clip)
    jobs = [Job(truth) for truth in truths]
    if args.loop_empty:
        loop_s = parse_seconds(args.loop_empty, "--loop-empty", most_s=1000 * 3600)
        jobs += [Job(truth, take) for truth in truths for take in takes(truth, loop_s)]
    outcomes = run_all(jobs, settings, max(args.jobs, 1), _Progress(len(jobs)))
    lines = [_line(outcome) for outcome in outcomes]
    if args.json:
        print(json.dumps(document(_said(args), lines), ensure_ascii=False, indent=1))
    else:
        print(table(lines))
    return ClipError.exit_code if any(line.error for line in lines) else 0


def _line(outcome: Outcome) -> Line:
    return Line(outcome.job.truth, outcome.watched, outcome.error, outcome.job.take)


class _Progress:
    """A line on stderr for each clip or take that is done."""

    def __init__(self, total: int):
        self._done, self._total = 0, total

    def __call__(self, outcome: Outcome) -> None:
        self._done += 1
        take = f", take {outcome.job.take.seed}" if outcome.job.take else ""
        score = _line(outcome).score
        what = (
            f"error: {outcome.error}"
            if score is None
            else f"{score.found} of {score.person_spans} found, {score.false_sightings} false"
        )
        name = f"[{self._done}/{self._total}] {outcome.job.truth.name}{take}"
        print(f"{name}: {what}", file=sys.stderr, flush=True)


def _settings(args: argparse.Namespace) -> Settings:
    objects = tuple(word.strip() for word in args.objects.split(","))
    for word in objects:
        if word not in OBJECT_KINDS:
            raise ConfigError(PLACE, "--objects", f'"{word[:40]}" is unknown', ", ".join(OBJECT_KINDS))
    if not args.clips.is_dir():
        raise ConfigError(PLACE, "--clips", f"{args.clips}: no such folder", "the folder with the clips")
    if not 1 <= args.analysis_fps <= 15:
        raise ConfigError(PLACE, "--analysis-fps", f"{args.analysis_fps:g} is out of range", "1 to 15")
    if args.fps is not None and not 1 <= args.fps <= 60:
        raise ConfigError(PLACE, "--fps", f"{args.fps:g} is out of range", "1 to 60")
    variation = Variation(
        rate=parse_rate(args.encode) if args.encode else None,
        fps=args.fps,
        gop_s=parse_seconds(args.gop, "--gop", most_s=60) if args.gop else None,
        lose_s=parse_seconds(args.lose, "--lose", most_s=3600) if args.lose else 0.0,
    )
    return Settings(args.clips, objects, args.analysis_fps, args.model, variation)


def _truths(file: Path) -> tuple[ClipTruth, ...]:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ConfigError(str(file), "", error.strerror or str(error), "a readable file") from None
    return parse(data, str(file))


def _chosen(truths: tuple[ClipTruth, ...], names: list[str] | None) -> tuple[ClipTruth, ...]:
    known = {truth.name for truth in truths}
    for name in names or ():
        if name not in known:
            raise ConfigError(PLACE, "--clip", f'"{name[:40]}" is not in the truth', ", ".join(sorted(known)))
    return tuple(truth for truth in truths if not names or truth.name in names)


def _said(args: argparse.Namespace) -> dict[str, Any]:
    """The options, as JSON can hold them."""
    left_out = ("run", "json", "jobs")
    return {
        key: str(value) if isinstance(value, Path) else value
        for key, value in vars(args).items()
        if key not in left_out
    }
