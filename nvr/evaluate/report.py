"""The figures as a JSON document, and as a table for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from nvr.evaluate import intervals
from nvr.evaluate.clip import Watched
from nvr.evaluate.score import Score, score, together, where
from nvr.evaluate.takes import Take
from nvr.evaluate.truth import ClipTruth, Span

HOUR_S = 3600.0
LABEL_SLACK_S = 1.0
"""Labels are made by eye."""


@dataclass(frozen=True, slots=True)
class Line:
    """One clip of the report, or a take of it; `watched` None: `error` says why it could not be evaluated."""

    clip: ClipTruth
    watched: Watched | None
    error: str = ""
    take: Take | None = None

    @property
    def truth(self) -> ClipTruth:
        """What is true of the footage: nobody is in a take, from its start to its end."""
        if self.take is None:
            return self.clip
        return replace(self.clip, person=(), empty=(Span(0.0, self.take.length_s),))

    @property
    def score(self) -> Score | None:
        one = self.watched
        return None if one is None else score(self.truth, one.seen, one.work, one.end_s)

    @property
    def notes(self) -> list[str]:
        """What makes its figures doubtful."""
        if self.watched is None:
            return []
        labels_end_s = max((span.end_s for span in (*self.truth.person, *self.truth.empty)), default=0.0)
        notes = []
        if labels_end_s > self.watched.end_s + LABEL_SLACK_S:
            notes.append(f"ends at {self.watched.end_s:.1f} s, its labels at {labels_end_s:.1f} s")
        if self.watched.work.undecodable:
            notes.append(f"{self.watched.work.undecodable} access units cannot be decoded")
        return notes


def document(settings: dict[str, Any], all_lines: Sequence[Line]) -> dict[str, Any]:
    """All that was found, ready for JSON."""
    lines, looped = _parted(all_lines)
    return {
        "settings": settings,
        "clips": [_clip(line) for line in lines],
        "by_light": {light: figures(together(scores)) for light, scores in _by_light(lines).items()},
        "total": figures(together(one for line in lines if (one := line.score))),
        "looped": {
            "takes": [_clip(line) for line in looped],
            "by_clip": {name: figures(together(scores)) for name, scores in _by_clip(looped).items()},
            "total": figures(together(one for line in looped if (one := line.score))),
        }
        if looped
        else None,
        "errors": [{"clip": line.clip.name, "error": line.error} for line in all_lines if line.error],
    }


def _parted(lines: Sequence[Line]) -> tuple[list[Line], list[Line]]:
    """Clips and takes."""
    return [line for line in lines if line.take is None], [line for line in lines if line.take is not None]


def _by_clip(lines: Iterable[Line]) -> dict[str, list[Score]]:
    found: dict[str, list[Score]] = {}
    for line in lines:
        if (one := line.score) is not None:
            found.setdefault(line.clip.name, []).append(one)
    return found


def figures(one: Score) -> dict[str, Any]:
    """The figures of one score; rates are per hour, intervals of 95 %."""
    recall = one.found / one.person_spans if one.person_spans else None
    empty_h, footage_h = one.empty_s / HOUR_S, one.work.footage_s / HOUR_S
    return {
        "person_spans": one.person_spans,
        "found": one.found,
        "recall": recall,
        "recall_interval": intervals.share(one.found, one.person_spans) if one.person_spans else None,
        "delay_s": {
            "median": intervals.quantile(list(one.delays_s), 0.5),
            "p95": intervals.quantile(list(one.delays_s), 0.95),
        },
        "missed": one.missed,
        "empty_spans": one.empty_spans,
        "empty_spans_with_false_sighting": one.alarmed,
        "empty_hours": empty_h,
        "false_sightings": _rate(one.false_sightings, empty_h),
        "false_sirens": _rate(one.false_sirens, empty_h),
        "footage_hours": footage_h,
        "cpu_s": one.work.cpu_s,
        "cpu_s_per_footage_hour": one.work.cpu_s / footage_h if footage_h else None,
        "pictures_examined": one.work.examined,
        "undecodable_units": one.work.undecodable,
    }


def _rate(events: int, hours: float) -> dict[str, Any]:
    if not hours:
        return {"count": events, "per_hour": None, "per_hour_interval": None}
    low, high = intervals.count(events)
    return {"count": events, "per_hour": events / hours, "per_hour_interval": (low / hours, high / hours)}


def _clip(line: Line) -> dict[str, Any]:
    head: dict[str, Any] = {"clip": line.clip.name, "file": line.clip.file, "light": line.clip.light}
    if line.take is not None:
        head["take"] = asdict(line.take)
    if line.watched is None or (scored := line.score) is None:
        return {**head, "error": line.error}
    sightings = [
        {
            "t_s": one.t_s,
            "kind": one.kind,
            "score": one.score,
            "box": one.box,
            "in": where(line.truth, one),
            "siren": one.siren,
        }
        for one in line.watched.seen
    ]
    origin = {"codec": line.watched.codec, "encoded_anew": line.watched.encoded}
    return {**head, **origin, **figures(scored), "notes": line.notes, "sightings": sightings}


def _by_light(lines: Iterable[Line]) -> dict[str, list[Score]]:
    found: dict[str, list[Score]] = {}
    for line in lines:
        if (one := line.score) is not None:
            found.setdefault(line.clip.light or "unknown", []).append(one)
    return found


HEADINGS = (
    "",
    "persons",
    "missed",
    "delay s",
    "p95",
    "empty",
    "alarmed",
    "false",
    "sirens",
    "min",
    "CPU s/h",
)


def table(all_lines: Sequence[Line]) -> str:
    """The clips, one a line, the total by light and in all, and what it means with how much certainty; below that the
    looped footage by clip."""
    lines, looped = _parted(all_lines)
    rows: list[Sequence[str]] = [HEADINGS]
    rows += [
        [line.clip.name, "not evaluated"] if (one := line.score) is None else _row(line.clip.name, one)
        for line in lines
    ]
    lights = _by_light(lines)
    total = together(one for line in lines if (one := line.score))
    rows.append([])
    if len(lights) > 1:
        rows += [_row(light, together(scores)) for light, scores in lights.items()]
    rows.append(_row("total", total))
    text = [_aligned(rows), "", *_sentences(total, "distinct footage")]
    if looped:
        clips = _by_clip(looped)
        loops = together(score for scores in clips.values() for score in scores)
        rows = [
            HEADINGS,
            *(_row(name, together(scores)) for name, scores in clips.items()),
            _row("looped", loops),
        ]
        text += ["", "Empty spans, looped:", _aligned(rows), "", *_sentences(loops, "looped footage")]
        text.append("Looped footage shows the same scenes again: its interval speaks of these scenes alone.")
    return "\n".join(text + _problems(all_lines))


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max((len(row[i]) for row in rows if i < len(row)), default=0) for i in range(len(HEADINGS))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=False))
        ).rstrip()
        for row in rows
    )


def _row(name: str, one: Score) -> list[str]:
    median_s = intervals.quantile(list(one.delays_s), 0.5)
    p95_s = intervals.quantile(list(one.delays_s), 0.95)
    footage_h = one.work.footage_s / HOUR_S
    return [
        name,
        f"{one.found}/{one.person_spans}" if one.person_spans else "–",
        " ".join(f"{span.start_s:g}" for span in one.missed[:3]) + ("…" if len(one.missed) > 3 else ""),
        "" if median_s is None else f"{median_s:.2f}",
        "" if p95_s is None else f"{p95_s:.2f}",
        str(one.empty_spans) if one.empty_spans else "–",
        str(one.alarmed) if one.empty_spans else "",
        str(one.false_sightings) if one.empty_spans else "",
        str(one.false_sirens) if one.empty_spans else "",
        f"{one.work.footage_s / 60:.1f}",
        f"{one.work.cpu_s / footage_h:.0f}" if footage_h else "",
    ]


def _sentences(total: Score, footage: str) -> list[str]:
    lines = []
    if total.person_spans:
        low, high = (100 * end for end in intervals.share(total.found, total.person_spans))
        found = f"{total.found} of {total.person_spans} person spans"
        share = 100 * total.found / total.person_spans
        lines.append(f"Found: {found}, {share:.0f} % (95 %: {low:.0f} to {high:.0f} %).")
    if total.empty_s:
        hours = total.empty_s / HOUR_S
        lines.append(
            f"False: {_events(total.false_sightings, 'sightings', hours)}; "
            f"{_events(total.false_sirens, 'siren decisions', hours)}; in {total.alarmed} of {total.empty_spans} "
            f"empty spans, {hours:.3g} h of {footage}."
        )
    if total.work.footage_s:
        hours = total.work.footage_s / HOUR_S
        lines.append(
            f"In all: {hours:.3g} h of {footage}, {total.work.cpu_s / hours:.0f} CPU seconds an hour."
        )
    return lines


def _events(events: int, name: str, hours: float) -> str:
    low, high = intervals.count(events)
    return f"{events} {name}, {events / hours:.2g} an hour (95 %: {low / hours:.2g} to {high / hours:.2g})"


def _problems(lines: Sequence[Line]) -> list[str]:
    notes = [f"Note: {line.clip.name}: {note}" for line in lines for note in line.notes]
    return notes + [f"NOT EVALUATED: {line.clip.name}: {line.error}" for line in lines if line.error]
