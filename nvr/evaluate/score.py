"""What sightings are worth, given what is truly in a clip. Pure.

- A person span is found by a sighting within it; its delay is that of the first one. Who stays is told again every
  `nvr.detect.steps.rules.STILL_THERE_S`, so somebody whom the analysis followed into a span is found there a little
  later.
- A sighting in an empty span is false; it is a false siren decision if it would have started the siren.
- No margins: a sighting a moment after somebody left counts as false if the label says empty there.
- What lies in neither list scores nothing.
- Kinds are what the zone asks for: where that is persons, a bicycle or motorcycle that is ridden is told as a person
  (`nvr.detect.steps.riders`), and is false where nobody is.
- Where a file ends before its labels, what is missing of empty spans does not count as footage; person spans count.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from nvr.evaluate.truth import ClipTruth, Span
from nvr.events import Box


@dataclass(frozen=True, slots=True)
class Seen:
    """A sighting at `t_s` of the clip's spans. `siren`: it would have started the siren."""

    t_s: float
    kind: str
    score: float
    box: Box
    siren: bool


@dataclass(frozen=True, slots=True)
class Work:
    """What was done. `footage_s`: how long the clip is, pauses longer than a few seconds left out; `cpu_s`: of decoding
    and analysis, not of reading and encoding; `examined`: pictures; `undecodable`: access units."""

    footage_s: float = 0.0
    cpu_s: float = 0.0
    examined: int = 0
    undecodable: int = 0


@dataclass(frozen=True, slots=True)
class Score:
    """Of one clip or of several together. `delays_s`: one for each person span that was found; `empty_s`: distinct
    footage without anybody; `alarmed`: empty spans with a false sighting."""

    person_spans: int = 0
    delays_s: tuple[float, ...] = ()
    missed: tuple[Span, ...] = ()
    empty_spans: int = 0
    empty_s: float = 0.0
    alarmed: int = 0
    false_sightings: int = 0
    false_sirens: int = 0
    work: Work = field(default_factory=Work)

    @property
    def found(self) -> int:
        return len(self.delays_s)


def score(truth: ClipTruth, seen: Sequence[Seen], work: Work, end_s: float = math.inf) -> Score:
    """Score the sightings of one clip, whose pictures end at `end_s`."""
    delays_s: list[float] = []
    missed: list[Span] = []
    for span in truth.person:
        first_s = min((one.t_s for one in seen if span.holds(one.t_s)), default=None)
        if first_s is None:
            missed.append(span)
        else:
            delays_s.append(first_s - span.start_s)
    empty = [Span(span.start_s, min(span.end_s, end_s)) for span in truth.empty if span.start_s < end_s]
    false = [[one for one in seen if span.holds(one.t_s) and not _in(truth.person, one)] for span in empty]
    return Score(
        person_spans=len(truth.person),
        delays_s=tuple(delays_s),
        missed=tuple(missed),
        empty_spans=len(empty),
        empty_s=round(sum(span.length_s for span in empty), 3),
        alarmed=sum(bool(ones) for ones in false),
        false_sightings=sum(len(ones) for ones in false),
        false_sirens=sum(one.siren for ones in false for one in ones),
        work=work,
    )


def _in(spans: Sequence[Span], one: Seen) -> bool:
    """Whether it lies in one of them; spans may touch."""
    return any(span.holds(one.t_s) for span in spans)


def where(truth: ClipTruth, one: Seen) -> str:
    """The list in which a sighting lies: "person", "empty" or "neither"."""
    return "person" if _in(truth.person, one) else "empty" if _in(truth.empty, one) else "neither"


def together(scores: Iterable[Score]) -> Score:
    """The score of several clips as of one."""
    scores = list(scores)
    works = [one.work for one in scores]
    return Score(
        person_spans=sum(one.person_spans for one in scores),
        delays_s=tuple(delay_s for one in scores for delay_s in one.delays_s),
        missed=tuple(span for one in scores for span in one.missed),
        empty_spans=sum(one.empty_spans for one in scores),
        empty_s=sum(one.empty_s for one in scores),
        alarmed=sum(one.alarmed for one in scores),
        false_sightings=sum(one.false_sightings for one in scores),
        false_sirens=sum(one.false_sirens for one in scores),
        work=Work(
            footage_s=sum(work.footage_s for work in works),
            cpu_s=sum(work.cpu_s for work in works),
            examined=sum(work.examined for work in works),
            undecodable=sum(work.undecodable for work in works),
        ),
    )
