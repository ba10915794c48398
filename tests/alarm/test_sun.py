"""Sunrise and sunset: against published times, and against the sun's altitude by another formula anywhere."""

import math
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvr.alarm.sun import sun_at
from nvr.config.schedule import Coordinates

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
THANH_HOA = Coordinates(19.807, 105.776)
BANGKOK = Coordinates(13.756, 100.502)
HORIZON_DEG = -50 / 60
"""The sun's centre when its upper edge is seen on the horizon: refraction of 34', radius of 16'."""
DATES = st.dates(date(2026, 1, 1), date(2040, 12, 31))
EVENTS = st.sampled_from(["sunrise", "sunset"])


def altitude(place, wall_s):
    """Of the sun's centre, without refraction: low-precision formulas of the Astronomical Almanac (page C5, 0.01°)."""
    days = wall_s / 86400 - 10957.5  # since J2000.0
    anomaly = math.radians(357.528 + 0.9856003 * days)
    ecliptic = math.radians(
        280.460 + 0.9856474 * days + 1.915 * math.sin(anomaly) + 0.020 * math.sin(2 * anomaly)
    )
    tilt = math.radians(23.439 - 0.0000004 * days)
    ascension = math.atan2(math.cos(tilt) * math.sin(ecliptic), math.cos(ecliptic))
    declination = math.asin(math.sin(tilt) * math.sin(ecliptic))
    sidereal = math.radians((18.697374558 + 24.06570982441908 * days) * 15 + place.longitude)
    latitude = math.radians(place.latitude)
    high = math.sin(latitude) * math.sin(declination)
    wide = math.cos(latitude) * math.cos(declination) * math.cos(sidereal - ascension)
    return math.degrees(math.asin(high + wide))


def late_s(place, wall_s, event):
    """How much later than the sun by that formula; near the horizon it moves evenly."""
    speed = (altitude(place, wall_s + 60) - altitude(place, wall_s - 60)) / 120
    assert (speed > 0) == (event == "sunrise")
    return (altitude(place, wall_s) - HORIZON_DEG) / speed


@pytest.mark.parametrize(
    ("place", "zone", "day", "rises", "sets"),
    [
        # National Astronomical Research Institute of Thailand, in the same time zone
        (BANGKOK, "Asia/Bangkok", "2023-06-21", "05:51", "18:47"),
        (BANGKOK, "Asia/Bangkok", "2025-12-21", "06:36", "17:55"),
        # Finnish Meteorological Institute, by Wikipedia's table of the December solstice
        (Coordinates(51.507, -0.128), "Europe/London", "2015-12-22", "08:04", "15:53"),
        (Coordinates(30.044, 31.236), "Africa/Cairo", "2015-12-22", "06:47", "16:59"),
        (Coordinates(14.693, -17.447), "Africa/Dakar", "2015-12-22", "07:30", "18:46"),
        (Coordinates(9.025, 38.747), "Africa/Addis_Ababa", "2015-12-22", "06:35", "18:11"),
        (Coordinates(52.520, 13.405), "Europe/Berlin", "2015-12-22", "08:15", "15:54"),
    ],
)
def test_published_times(place, zone, day, rises, sets):
    for event, clock in (("sunrise", rises), ("sunset", sets)):
        published = datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=ZoneInfo(zone))
        found = sun_at(event, date.fromisoformat(day), ZoneInfo(zone), place)
        assert abs(found - published.timestamp()) <= 120, (event, clock)


@given(EVENTS, DATES)
def test_the_sun_of_thanh_hoa_stands_on_the_horizon(event, day):
    found = sun_at(event, day, HANOI, THANH_HOA)
    assert datetime.fromtimestamp(found, HANOI).date() == day
    assert abs(late_s(THANH_HOA, found, event)) < 30


@given(EVENTS, DATES, st.floats(-60, 60), st.floats(-180, 180))
def test_everywhere_a_sunrise_and_a_sunset_each_day(event, day, latitude, longitude):
    """Also where they come around midnight UTC, which astral alone loses once a year."""
    place = Coordinates(latitude, longitude)
    found = sun_at(event, day, ZoneInfo("UTC"), place)
    assert abs(late_s(place, found, event)) < 240
    following = sun_at(event, day + timedelta(days=1), ZoneInfo("UTC"), place)
    assert abs(following - found - 86400) < 600


@pytest.mark.parametrize(("longitude", "day"), [(75, date(2026, 5, 31)), (100, date(2026, 2, 16))])
def test_days_that_astral_loses(longitude, day):
    found = sun_at("sunrise", day, ZoneInfo("UTC"), Coordinates(30, longitude))
    assert abs(late_s(Coordinates(30, longitude), found, "sunrise")) < 60


@pytest.mark.parametrize("month", [6, 12])
def test_polar_days_and_nights_have_neither(month):
    place = Coordinates(78.22, 15.65)  # Longyearbyen
    oslo = ZoneInfo("Europe/Oslo")
    assert sun_at("sunrise", date(2026, month, 21), oslo, place) is None
    assert sun_at("sunset", date(2026, month, 21), oslo, place) is None


@given(EVENTS, DATES, st.floats(-90, 90), st.floats(-180, 180))
def test_no_place_and_day_raises(event, day, latitude, longitude):
    found = sun_at(event, day, HANOI, Coordinates(latitude, longitude))
    assert found is None or found > 0


def test_an_evening_whose_sun_sets_after_midnight_keeps_its_sunset():
    reykjavik = ZoneInfo("Atlantic/Reykjavik")
    days = [date(2026, 6, 10) + timedelta(days=number) for number in range(20)]
    found = [sun_at("sunset", day, reykjavik, Coordinates(64.147, -21.943)) for day in days]
    dates = [
        datetime.fromtimestamp(one, reykjavik).date() - day for one, day in zip(found, days, strict=True)
    ]
    assert set(dates) == {timedelta(0), timedelta(days=1)}


def test_beyond_the_date_line():
    """Samoa's clocks are a day ahead of its sun."""
    apia = ZoneInfo("Pacific/Apia")
    found = datetime.fromtimestamp(
        sun_at("sunset", date(2026, 11, 29), apia, Coordinates(-13.83, -171.77)), apia
    )
    assert (found.date(), found.hour) == (date(2026, 11, 29), 18)
