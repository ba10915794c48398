"""Modes and hours of zones and lines: what they do outside of them, and while nobody knows the time."""

from __future__ import annotations

from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvr.alarm.places import Places
from nvr.config import Camera
from nvr.config.zones import Hours
from nvr.events import Mode, Response

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
HOME, NIGHT, AWAY = Mode.HOME, Mode.NIGHT, Mode.AWAY
RECORD, CALL, WARN, SIREN = Response.RECORD, Response.CALL, Response.WARN, Response.SIREN


def camera(name: str, *places: dict, lines: tuple[dict, ...] = ()) -> Camera:
    zones = [{"decided_by": "A", **place} for place in places]
    return Camera.model_validate(
        {"id": name, "name": name, "main": "rtsp://192.0.2.1/1", "zone": zones, "line": lines}
    )


def at(hour: int, minute: int = 0) -> float:
    return datetime(2026, 11, 24, hour, minute, tzinfo=HANOI).timestamp()


GATE = camera("gate", {"name": "yard", "response": "siren", "hours": ["22:00-05:00", "12:00-13:00"]})
SHED = camera("shed", {"name": "all day", "response": "call"}, {"name": "never", "response": "record"})
ROAD = camera("road", lines=({"name": "in", "from": [0, 0], "to": [1, 1], "hours": ["18:00-24:00"]},))


@pytest.mark.parametrize(
    ("now_s", "response"),
    [
        (at(21, 59), RECORD),
        (at(22), SIREN),
        (at(0), SIREN),
        (at(4, 59), SIREN),
        (at(5), RECORD),
        (at(12, 30), SIREN),
        (at(13), RECORD),
        (None, CALL),
    ],
)
def test_outside_its_hours_a_zone_only_records(now_s, response):
    assert Places([GATE], HANOI).response("gate", "yard", SIREN, AWAY, now_s) is response


@pytest.mark.parametrize("now_s", [at(3), at(15), None])
def test_without_hours_a_zone_does_what_it_does_all_day(now_s):
    assert Places([SHED], HANOI).response("shed", "all day", CALL, AWAY, now_s) is CALL


@given(st.sampled_from([RECORD, CALL, WARN, SIREN]))
def test_while_nobody_knows_the_time_nothing_is_done_by_itself_and_somebody_is_called(wanted):
    found = Places([GATE], HANOI).response("gate", "yard", wanted, AWAY, None)
    assert found is (RECORD if wanted is RECORD else CALL)


def test_cameras_that_act_change_with_the_hours():
    places = Places([GATE, SHED, ROAD], HANOI)
    assert places.acting(AWAY, at(15)) == {"shed"}
    assert places.acting(AWAY, at(19)) == {"shed", "road"}
    assert places.acting(AWAY, at(23)) == {"gate", "shed", "road"}
    assert places.acting(AWAY, at(1)) == {"gate", "shed"}
    assert places.acting(AWAY, None) == {"gate", "shed", "road"}


YARD = camera(
    "yard",
    {"name": "siren", "response": "siren"},
    {"name": "siren at home", "response": "siren", "modes": ["home"]},
    {"name": "call", "response": "call"},
    {"name": "call at night", "response": "call", "modes": ["night"]},
)


@pytest.mark.parametrize(
    ("place", "modes"),
    [
        ("siren", {NIGHT, AWAY}),  # at home nothing sounds that does not say so
        ("siren at home", {HOME}),
        ("call", {HOME, NIGHT, AWAY}),
        ("call at night", {NIGHT}),
    ],
)
def test_in_other_modes_a_zone_only_records(place, modes):
    places = Places([YARD], HANOI)
    wanted = places.find("yard", place).response
    for mode in Mode:
        expected = wanted if mode in modes else RECORD
        assert places.response("yard", place, wanted, mode, at(3)) is expected
    assert places.response("yard", place, wanted, None, at(3)) is RECORD


def test_what_acts_depends_on_the_mode():
    places = Places([YARD, GATE], HANOI)
    assert places.responses(HOME, at(23)) == {SIREN, CALL}
    assert places.acting(HOME, at(23)) == {"yard"}
    assert places.acting(NIGHT, at(23)) == {"yard", "gate"}
    assert places.acting(None, at(23)) == places.responses(None, at(23)) == frozenset()


times = st.times().map(lambda t: t.replace(second=0, microsecond=0))


@given(times, times, times)
def test_hours_and_the_hours_around_them_share_no_moment(start: time, end: time, now: time):
    if start != end:
        assert Hours(start, end).contain(now) is not Hours(end, start).contain(now)
