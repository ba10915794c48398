"""The report holds for any outcome, and says what makes its figures doubtful."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from nvr.evaluate.clip import Watched
from nvr.evaluate.report import Line, document, table
from nvr.evaluate.score import Seen, Work
from nvr.evaluate.takes import Take
from nvr.evaluate.truth import ClipTruth, Span
from nvr.events import Box

BOX = Box(0.0, 0.0, 1.0, 1.0)
PORCH = ClipTruth("porch", "porch.mp4", "night", (Span(1, 4), Span(6, 8)), (Span(10, 20),))


def watched(*times_s: float, end_s: float = 20.0, undecodable: int = 0) -> Watched:
    seen = tuple(Seen(t_s, "person", 0.9, BOX, True) for t_s in times_s)
    return Watched(seen, Work(20.0, 5.0, 120, undecodable), end_s, "h264", False)


@st.composite
def lines(draw: st.DrawFn) -> Line:
    spans = (Span(0, 5),), (Span(6, 9),)
    clip = ClipTruth(
        draw(st.text(min_size=1, max_size=9)), "f", draw(st.sampled_from(["", "day", "night"])), *spans
    )
    if draw(st.booleans()):
        return Line(clip, None, "broken")
    take = draw(st.none() | st.just(Take(Span(6, 9), 60.0, 1, True)))
    return Line(clip, watched(*draw(st.lists(st.floats(0, 60))), end_s=draw(st.floats(0, 60))), "", take)


@given(st.lists(lines(), max_size=6))
def test_any_outcome_has_a_report(all_lines: list[Line]) -> None:
    said = json.loads(json.dumps(document({"objects": "person"}, all_lines), allow_nan=False))
    assert len(said["clips"]) + len((said["looped"] or {"takes": []})["takes"]) == len(all_lines)
    assert len(said["errors"]) == sum(line.watched is None for line in all_lines)
    text = table(all_lines)
    assert text.count("NOT EVALUATED") == len(said["errors"])
    assert ("looped footage" in text) == any(line.take and line.watched for line in all_lines)


def test_figures_of_a_clip() -> None:
    said = document({}, [Line(PORCH, watched(1.5, 2.0, 5.0, 11.0, 12.0))])["total"]
    assert (said["person_spans"], said["found"], said["missed"]) == (2, 1, (Span(6, 8),))
    assert said["delay_s"] == {"median": 0.5, "p95": 0.5}
    assert said["false_sirens"]["count"] == 2
    assert said["false_sirens"]["per_hour"] == 2 / (10 / 3600)
    assert said["cpu_s_per_footage_hour"] == 900


def test_a_take_is_empty_from_start_to_end() -> None:
    said = document({}, [Line(PORCH, watched(1.5, 30.0), "", Take(Span(10, 20), 60.0, 1, True))])
    assert said["total"]["person_spans"] == said["looped"]["total"]["person_spans"] == 0
    assert said["looped"]["by_clip"]["porch"]["false_sightings"]["count"] == 1


def test_what_is_doubtful_is_noted() -> None:
    notes = table([Line(PORCH, watched(end_s=12.0, undecodable=3))])
    assert "Note: porch: ends at 12.0 s, its labels at 20.0 s" in notes
    assert "Note: porch: 3 access units cannot be decoded" in notes
    assert "Note" not in table([Line(PORCH, watched(end_s=19.5))])
