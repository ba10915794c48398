"""TRUTH.toml: what is wrong is named with its clip and key; times are the container's only where they must be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvr.errors import ConfigError
from nvr.evaluate.truth import ClipTruth, Span, parse

GOOD = b"""
[porch]
file = "porch.mp4"
light = "night"
person = [[1, 2.5], [2.5, 4.0]]
empty = [[4.0, 9.0]]

[yard]
file = "more/yard.avi"
person = []
empty = []
"""


def test_the_format_of_the_shared_clips():
    porch, yard = parse(GOOD, "T")
    assert porch == ClipTruth(
        "porch", "porch.mp4", "night", (Span(1.0, 2.5), Span(2.5, 4.0)), (Span(4.0, 9.0),)
    )
    assert yard == ClipTruth("yard", "more/yard.avi", "", (), ())


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("file = 7", "porch.file"),
        ('file = "../secret"', "porch.file"),
        ('file = "/etc/passwd"', "porch.file"),
        ("", "porch.file"),
        ('file = "a"\nlight = 1', "porch.light"),
        ('file = "a"\ntimes = "wall"', "porch.times"),
        ('file = "a"\npersons = []', "porch.persons"),
        ('file = "a"\nperson = [[2, 1]]', "porch.person"),
        ('file = "a"\nperson = [[1, 3], [2, 4]]', "porch.person"),
        ('file = "a"\nperson = [[1, 2, 3]]', "porch.person"),
        ('file = "a"\nperson = [[1, inf]]', "porch.person"),
        ('file = "a"\nempty = [[true, 2]]', "porch.empty"),
        ('file = "a"\nempty = 5', "porch.empty"),
        ('file = "a"\nperson = [[1, 3]]\nempty = [[2, 4]]', "porch.empty"),
    ],
)
def test_what_is_wrong_is_named(line: str, key: str):
    with pytest.raises(ConfigError) as caught:
        parse(f"[porch]\n{line}\n".encode(), "T.toml")
    assert (caught.value.file, caught.value.key) == ("T.toml", key)


@pytest.mark.parametrize("data", [b"", b"\xff", b"[porch", b"porch = 3"])
def test_no_truth_at_all(data: bytes):
    with pytest.raises(ConfigError, match=r"T\.toml"):
        parse(data, "T.toml")


@given(st.text(max_size=200))
def test_any_text_is_understood_or_refused(text: str):
    try:
        clips = parse(text.encode("utf-8", "surrogatepass"), "T")
    except ConfigError:
        return
    assert clips


def clip(end_s: float, times: str | None = None) -> ClipTruth:
    return ClipTruth("a", "a", "", (Span(0.0, end_s),), (), times)


def test_times_count_from_the_first_picture_unless_they_cannot():
    # As the shared clip whose pictures begin at 4.9: labels up to 180 do not fit into 175 seconds.
    assert clip(180.0).origin_s(4.9, 179.98) == 0.0
    assert clip(175.0).origin_s(4.9, 179.98) == 4.9
    # Labels by eye may end a little behind the clip.
    assert clip(30.2).origin_s(0.0, 30.0) == 0.0
    assert clip(30.2).origin_s(1.4, 31.4) == 1.4


@given(st.floats(0, 100), st.floats(0, 1e4), st.floats(0.1, 1e4))
def test_what_the_truth_says_is_believed(first_s: float, long_s: float, end_s: float):
    assert clip(end_s, "pts").origin_s(first_s, first_s + long_s) == 0.0
    assert clip(end_s, "first").origin_s(first_s, first_s + long_s) == first_s
    assert clip(end_s).origin_s(first_s, first_s + long_s) in (0.0, first_s)
