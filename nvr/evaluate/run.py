"""All clips, each in a process of a pool, so that a clip on which libav crashes costs that clip alone."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path

from nvr.detect.model.objects import ObjectDetector
from nvr.errors import NvrError
from nvr.evaluate.appliance import camera_for
from nvr.evaluate.clip import Watched, Watching
from nvr.evaluate.takes import Take
from nvr.evaluate.truth import ClipTruth
from nvr.evaluate.variation import Variation


@dataclass(frozen=True, slots=True)
class Settings:
    """What is looked for, and how. `model` None: the shipped one; `fps`: of analysis."""

    folder: Path
    objects: tuple[str, ...] = ("person",)
    fps: float = 6.0
    model: Path | None = None
    variation: Variation = field(default_factory=Variation)


@dataclass(frozen=True, slots=True)
class Job:
    """A clip to be watched, or a take of it."""

    truth: ClipTruth
    take: Take | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a job: `watched`, or the `error` in words."""

    job: Job
    watched: Watched | None
    error: str = ""


def run_all(
    jobs: Sequence[Job], settings: Settings, processes: int, done: Callable[[Outcome], None]
) -> list[Outcome]:
    """The outcomes, in the order of `jobs`; calls `done` with each as it comes. Never raises for a clip."""
    outcomes: dict[int, Outcome] = {}
    for index, outcome in _run_together(jobs, settings, processes):
        outcomes[index] = outcome
        done(outcome)
    for index, job in enumerate(jobs):
        if index not in outcomes:  # somebody's process died, and the pool with it: each by itself now
            alone = dict(_run_together([job], settings, 1))
            outcomes[index] = alone.get(0) or Outcome(
                job, None, f"{job.truth.file}: the process that ran it died"
            )
            done(outcomes[index])
    return [outcomes[index] for index in range(len(jobs))]


def _run_together(jobs: Sequence[Job], settings: Settings, processes: int) -> Iterator[tuple[int, Outcome]]:
    """(index, outcome) of the jobs that ended while all processes lived."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(jobs)), mp_context=context) as pool:
        try:
            indices: dict[Future[Watched], int] = {
                pool.submit(work, job, settings): index for index, job in enumerate(jobs)
            }
        except BrokenProcessPool:
            return
        try:
            for future in as_completed(indices):
                index = indices[future]
                error = future.exception()
                if error is None:
                    yield index, Outcome(jobs[index], future.result())
                elif not isinstance(error, BrokenProcessPool):
                    yield index, Outcome(jobs[index], None, _words(jobs[index], error))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)  # Ctrl-C need not wait for clips that nobody began
            raise


def work(job: Job, settings: Settings) -> Watched:
    """Do a job in this process. Raises NvrError."""
    detector = ObjectDetector(settings.model)
    watching = Watching(camera_for(settings.objects), detector, settings.fps)
    file = settings.folder / job.truth.file
    if job.take is None:
        return watching.clip(job.truth, file, settings.variation)
    return watching.take(job.truth, file, settings.variation, job.take)


def _words(job: Job, error: BaseException) -> str:
    text = str(error) if isinstance(error, NvrError) else f"{type(error).__name__}: {error}"
    return text if job.truth.file in text else f"{job.truth.file}: {text}"
