"""One fault a sick camera, one alone where most are sick."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nvr.clock import FakeClock
from nvr.detect.sick_board import EVERYWHERE, MANY, SickBoard
from nvr.events import CameraHealth
from nvr.faults import FaultBoard

CAMERAS = tuple(f"c{number}" for number in range(6))
SICK = ("covered", "moved", "dark", None)


def shown(faults: FaultBoard) -> set[tuple[str, str]]:
    return {(fault.place, fault.code) for fault, _ in faults.current}


def test_most_cameras_sick_are_one_fault_and_each_again_when_most_are_well() -> None:
    faults = FaultBoard(FakeClock())
    board = SickBoard(faults, len(CAMERAS))
    for camera in CAMERAS[:4]:
        board.tell(CameraHealth(camera, "dark", b"", b"now"))
    assert shown(faults) == {(EVERYWHERE, "sick_many")}
    assert board.of("c0") == CameraHealth("c0", "dark", b"", b"now")
    board.tell(CameraHealth("c0", None))
    assert shown(faults) == {(f"camera:c{n}", "sick_dark") for n in (1, 2, 3)}
    assert board.of("c0") is None


def test_another_sickness_takes_the_place_of_the_one_before() -> None:
    faults = FaultBoard(FakeClock())
    board = SickBoard(faults, 2)
    board.tell(CameraHealth("c0", "moved", b"before", b"now"))
    board.tell(CameraHealth("c0", "frozen", b"", b"now"))
    assert shown(faults) == {("camera:c0", "sick_frozen")}


@given(st.lists(st.tuples(st.sampled_from(CAMERAS), st.sampled_from(SICK)), max_size=40))
def test_the_board_says_what_was_told_last(told: list[tuple[str, str | None]]) -> None:
    faults = FaultBoard(FakeClock())
    board = SickBoard(faults, len(CAMERAS))
    for camera, sickness in told:
        board.tell(CameraHealth(camera, sickness, b"", b"now"))
    sick = {camera: sickness for camera, sickness in dict(told).items() if sickness}
    if len(sick) >= MANY and 2 * len(sick) > len(CAMERAS):
        assert shown(faults) == {(EVERYWHERE, "sick_many")}
    else:
        assert shown(faults) == {(f"camera:{camera}", f"sick_{what}") for camera, what in sick.items()}
