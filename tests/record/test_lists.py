"""Small pure parts: list of fragments, list of gaps, paths."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from record_streams import GATE, YARD

from nvr.record.disk.gap_list import GapList
from nvr.record.layout import day_name, segment_number, segment_path, stream_folder
from nvr.record.model import FragmentEntry, Gap
from nvr.record.mp4 import fragment_list


@st.composite
def fragments(draw: st.DrawFn) -> tuple[FragmentEntry, ...]:
    found, at = [], 0
    for _ in range(draw(st.integers(0, 20))):
        at += draw(st.one_of(st.just(0), st.integers(0, 2**40)))
        duration = draw(st.one_of(st.just(90_000), st.integers(0, 2**33)))
        found.append(FragmentEntry(at, duration, draw(st.integers(1, 2**32)), draw(st.booleans())))
        at += duration
    return tuple(found)


@given(fragments())
def test_packed_fragments_come_back(entries: tuple[FragmentEntry, ...]) -> None:
    assert fragment_list.unpack(fragment_list.pack(entries)) == entries


@given(st.binary(max_size=60))
def test_damaged_list_is_an_error_and_nothing_worse(noise: bytes) -> None:
    try:
        entries = fragment_list.unpack(noise)
    except ValueError:
        return
    assert len(entries) <= len(noise)


def test_a_minute_takes_little_room() -> None:
    entries = [FragmentEntry(n * 90_000, 90_000, 250_000 + n, True) for n in range(60)]
    assert len(fragment_list.pack(entries)) == 181


@pytest.mark.parametrize(
    ("packed", "entries"),
    [
        ("", ()),
        (
            "82890f00d48c0a00",
            (FragmentEntry(0, 90_000, 61_728, True), FragmentEntry(90_000, 90_000, 41_365, False)),
        ),
        ("8a0103d20f07", (FragmentEntry(0, 89_998, 34, True), FragmentEntry(89_998, 89_994, 500, True))),
        ("93010064", (FragmentEntry(100, 90_000, 36, True),)),
    ],
)
def test_lists_of_the_first_version_are_read(packed: str, entries: tuple[FragmentEntry, ...]) -> None:
    assert fragment_list.unpack(bytes.fromhex(packed)) == entries


def test_touching_gaps_of_one_cause_are_one() -> None:
    gaps = GapList()
    for start in range(10):
        gaps.add(Gap(GATE, start, start + 1, "disk"))
        gaps.add(Gap(YARD, start, start + 1, "overflow"))
    gaps.add(Gap(GATE, 20, 21, "disk"))
    gaps.add(Gap(GATE, 21, 21, "disk"))
    gaps.add(Gap(GATE, 21, 22, "overflow"))
    assert gaps.take() == [
        Gap(GATE, 0, 10, "disk"),
        Gap(YARD, 0, 10, "overflow"),
        Gap(GATE, 20, 21, "disk"),
        Gap(GATE, 21, 22, "overflow"),
    ]
    assert not gaps


def test_paths_sort_and_tell_their_number() -> None:
    start = 1_800_000_000 * 90_000 + 45_000
    paths = [segment_path(GATE, number, start + number * 5_400_000) for number in range(1, 3000)]
    assert paths[0] == "footage/gate/main/2027-01-15/080100-500Z_1.mp4"
    assert all(a < b for a, b in pairwise(paths))
    assert [segment_number(path.rsplit("/", 1)[1]) for path in paths] == list(range(1, 3000))
    assert day_name(start) == "2027-01-15"
    assert segment_number("080100-500Z_1.mp4.part") is None
    assert segment_number("notes.mp4") is None


@pytest.mark.parametrize("camera", ["", ".", "..", "a/b", "../../etc", "a\x00b", "ä", "a" * 65])
def test_camera_ids_that_are_no_names_are_refused(camera: str) -> None:
    with pytest.raises(ValueError, match="not a camera id"):
        stream_folder(GATE._replace(camera=camera))
