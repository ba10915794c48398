"""The weekly schedule: properties over any schedule, time zone and place, and days on which clocks change."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvr.alarm.schedule import HORIZON_S, Change, changes, last_change, moment_of, next_change
from nvr.alarm.sun import sun_at
from nvr.alarm.week import coming_days
from nvr.config.schedule import EVERY_DAY, Coordinates, DayTime, Schedule, WeeklyChange
from nvr.events import Mode

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
THANH_HOA = Coordinates(19.807, 105.776)
ZONES = [HANOI, *map(ZoneInfo, ("Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "UTC"))]
zones = st.sampled_from(ZONES)
moments = st.floats(1.7e9, 2.1e9)
clock_times = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
sun_times = st.builds(
    "{}{}{:02}:{:02}".format,
    st.sampled_from(["sunrise", "sunset"]),
    st.sampled_from("+-"),
    st.integers(0, 5),
    st.integers(0, 59),
)
entries = st.builds(
    WeeklyChange,
    days=st.lists(st.sampled_from(EVERY_DAY), min_size=1).map(tuple),
    at=clock_times | sun_times,
    set=st.sampled_from(["home", "night", "away", "off"]),
)
holidays = st.lists(st.dates(date(2026, 1, 1), date(2036, 12, 31)), max_size=9, unique=True).map(
    lambda days: tuple(f"{day:%m-%d}" if day.year % 2 else day.isoformat() for day in days)
)
schedules = st.builds(
    Schedule,
    change=st.lists(entries, max_size=6, unique_by=lambda entry: entry.at).map(tuple),
    holidays=holidays.map(lambda found: tuple(dict.fromkeys(found))),
)
places = st.builds(Coordinates, st.floats(-75, 75), st.floats(-180, 180))


def plan(*entries, holidays=()):
    change = [dict(zip(("days", "at", "set"), entry, strict=True)) for entry in entries]
    return Schedule.model_validate({"change": change, "holidays": holidays})


def at(text, zone=HANOI):
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


@given(schedules, zones, places, moments)
def test_last_and_next_enclose_now_and_nothing_lies_between(schedule, zone, place, now):
    last, following = (f(schedule, zone, now, place) for f in (last_change, next_change))
    assert last is None or now - HORIZON_S < last.at_wall_s <= now
    assert following is None or now < following.at_wall_s <= now + HORIZON_S
    if last and following:
        # One follows the other, from whichever moment between them one looks.
        assert next_change(schedule, zone, last.at_wall_s, place) == following
        assert last_change(schedule, zone, following.at_wall_s, place) == following
        middle = (last.at_wall_s + following.at_wall_s) / 2
        assert last_change(schedule, zone, middle, place) == last
        assert last_change(schedule, zone, following.at_wall_s - 1e-3, place) == last


@given(schedules, zones, places, moments)
def test_going_from_change_to_change_loses_none(schedule, zone, place, now):
    end = now + 7 * 86400
    walked = []
    while (step := next_change(schedule, zone, walked[-1].at_wall_s if walked else now, place)) is not None:
        if step.at_wall_s > end:
            break
        walked.append(step)
    assert walked == changes(schedule, zone, now, end, place)


@given(schedules, zones, places, moments)
def test_each_entry_happens_once_on_each_of_its_days_and_on_no_other(schedule, zone, place, now):
    """By what the clock on the wall and the calendar beside it show."""
    end = now + 20 * 86400
    found = {change.at_wall_s for change in changes(schedule, zone, now, end, place)}
    expected = set()
    day = datetime.fromtimestamp(now, zone).date() - timedelta(days=3)
    while day <= datetime.fromtimestamp(end, zone).date() + timedelta(days=3):
        is_holiday = {f"{day:%m-%d}", f"{day:%Y-%m-%d}"} & set(schedule.holidays)
        names = {"holiday"} if is_holiday else {f"{day:%a}".lower()}
        for entry in schedule.change:
            if names & set(entry.days):
                expected.add(moment_of(entry.day_time, day, zone, place))
        day += timedelta(days=1)
    assert found == {moment for moment in expected if moment is not None and now < moment <= end}


@given(clock_times, zones, st.dates(date(2026, 1, 1), date(2036, 12, 31)))
def test_a_time_of_day_is_when_the_clock_first_shows_it(text, zone, day):
    moment = moment_of(DayTime.parse(text), day, zone, None)
    shown = datetime.fromtimestamp(moment, zone)
    skipped = (
        datetime.combine(day, shown.time(), zone).astimezone(UTC).astimezone(zone).time() != shown.time()
    )
    assert shown.fold == 0 or skipped
    assert shown.date() == day
    if f"{shown:%H:%M}" != text:
        # The clocks skip it: a moment before the skip they show an earlier time, then at once a later one.
        before = datetime.fromtimestamp(moment - 2 * 3600, zone)
        assert before.utcoffset() < shown.utcoffset()
        assert f"{shown - (shown.utcoffset() - before.utcoffset()):%H:%M}" == text


@pytest.mark.parametrize(
    ("zone", "day", "clock", "shown"),
    [
        ("Europe/Berlin", "2026-03-29", "02:30", "03:30+02:00"),  # skipped
        ("Europe/Berlin", "2026-10-25", "02:30", "02:30+02:00"),  # shown twice: the first time
        ("Australia/Lord_Howe", "2026-10-04", "02:15", "02:45+11:00"),  # half an hour
        ("America/St_Johns", "2026-11-01", "01:30", "01:30-02:30"),
    ],
)
def test_days_on_which_the_clocks_change(zone, day, clock, shown):
    site = ZoneInfo(zone)
    schedule = plan((EVERY_DAY, clock, "night"))
    start = at(f"{day}T00:00", site)
    (change,) = changes(schedule, site, start - 1, start + 24 * 3600 - 3601, None)
    assert datetime.fromtimestamp(change.at_wall_s, site).isoformat() == f"{day}T{shown[:5]}:00{shown[5:]}"
    # Nowhere is a day without it, or with it twice.
    many = changes(schedule, site, start - 10 * 86400, start + 10 * 86400, None)
    dates = [datetime.fromtimestamp(one.at_wall_s, site).date() for one in many]
    assert len(dates) == len(set(dates)) == (dates[-1] - dates[0]).days + 1


WORK = ("mon", "tue", "wed", "thu", "fri")


def test_a_week_of_an_office():
    schedule = plan((WORK, "22:00", "night"), (WORK, "06:00", "off"), (("sat", "sun"), "00:00", "away"))
    friday = at("2026-12-04T23:00")
    assert last_change(schedule, HANOI, friday) == Change(at("2026-12-04T22:00"), Mode.NIGHT)
    assert next_change(schedule, HANOI, friday) == Change(at("2026-12-05T00:00"), Mode.AWAY)
    assert next_change(schedule, HANOI, at("2026-12-06T12:00")) == Change(at("2026-12-07T06:00"), None)
    assert last_change(schedule, HANOI, at("2026-12-06T12:00")).armed


def test_once_a_week_is_found_a_week_away_and_not_twice():
    schedule = plan((("mon",), "22:00", "away"))
    monday = at("2026-11-30T22:00")
    assert last_change(schedule, HANOI, monday).at_wall_s == monday
    assert next_change(schedule, HANOI, monday).at_wall_s == monday + 7 * 86400
    assert last_change(schedule, HANOI, monday - 1).at_wall_s == monday - 7 * 86400


def test_holidays_take_the_place_of_the_weekday():
    schedule = plan((WORK, "06:00", "off"), (("holiday",), "07:00", "away"), holidays=["01-01", "2026-12-24"])
    found = changes(schedule, HANOI, at("2026-12-23T00:00"), at("2026-12-26T00:00"), None)
    assert found == [
        Change(at("2026-12-23T06:00"), None),
        Change(at("2026-12-24T07:00"), Mode.AWAY),
        Change(at("2026-12-25T06:00"), None),
    ]
    for year in (2027, 2028):
        assert next_change(schedule, HANOI, at(f"{year}-01-01T00:00")).mode is Mode.AWAY
    assert next_change(schedule, HANOI, at("2027-12-24T00:00")).mode is None  # that date was for one year


def test_a_short_form_is_every_day_and_in_the_mode_night():
    schedule = Schedule.model_validate({"arm": "22:00", "disarm": "05:00"})
    assert [str(change) for change in schedule.changes] == ["every day 22:00 night", "every day 05:00 off"]
    assert next_change(schedule, HANOI, at("2026-12-24T12:00")) == Change(at("2026-12-24T22:00"), Mode.NIGHT)


def test_entries_by_the_sun():
    schedule = plan((EVERY_DAY, "sunset-00:30", "night"), (EVERY_DAY, "sunrise+01:00", "off"))
    noon, day = at("2026-12-04T12:00"), date(2026, 12, 4)
    sunset = sun_at("sunset", day, HANOI, THANH_HOA)
    assert next_change(schedule, HANOI, noon, THANH_HOA) == Change(sunset - 1800, Mode.NIGHT)
    sunrise = sun_at("sunrise", day, HANOI, THANH_HOA)
    assert last_change(schedule, HANOI, noon, THANH_HOA) == Change(sunrise + 3600, None)
    with pytest.raises(ValueError, match="where it is"):
        next_change(schedule, HANOI, noon)


def test_days_without_sunset_change_nothing():
    schedule = plan((EVERY_DAY, "sunset", "night"), (EVERY_DAY, "12:00", "off"))
    oslo, longyearbyen = ZoneInfo("Europe/Oslo"), Coordinates(78.22, 15.65)
    found = changes(schedule, oslo, at("2026-06-10T00:00", oslo), at("2026-06-20T00:00", oslo), longyearbyen)
    assert [change.mode for change in found] == [None] * 10
    idle = plan((EVERY_DAY, "sunset", "night"))
    assert next_change(idle, oslo, at("2026-06-10T00:00", oslo), longyearbyen) is None


def test_of_one_moment_the_later_entry_counts():
    schedule = plan((("mon",), "22:00:00", "night"), (("mon", "tue"), "22:00:30", "away"))
    assert len(changes(schedule, HANOI, at("2026-11-30T00:00"), at("2026-12-01T00:00"), None)) == 2
    sunset = sun_at("sunset", date(2026, 11, 30), HANOI, THANH_HOA)
    clock = f"{datetime.fromtimestamp(sunset, HANOI):%H:%M:%S}"
    twice = plan((("mon",), "sunset", "night"), (("mon",), clock, "home"))
    found = changes(twice, HANOI, at("2026-11-30T00:00"), at("2026-12-01T00:00"), THANH_HOA)
    assert found == [Change(sunset, Mode.HOME)]


@pytest.mark.parametrize("schedule", [Schedule(), plan((("holiday",), "12:00", "away"))])
def test_a_schedule_that_changes_nothing(schedule):
    assert last_change(schedule, HANOI, 1.8e9) is None
    assert next_change(schedule, HANOI, 1.8e9) is None


@given(schedules, zones, places, moments)
def test_the_coming_week_is_what_the_changes_make_of_it(schedule, zone, place, now):
    days = coming_days(schedule, zone, now, place)
    assert days[0].start_s <= now < days[0].end_s
    assert [one.end_s for one in days[:-1]] == [one.start_s for one in days[1:]]
    for day in days:
        assert day.before == last_change(schedule, zone, day.start_s, place) or (
            day.before is not None and day.before.at_wall_s <= day.start_s
        )
        assert all(day.start_s < change.at_wall_s < day.end_s for change in day.changes)
    told = [change for day in days for change in day.changes]
    firsts = [day.before for day in days if day.before and day.before.at_wall_s == day.start_s]
    whole = changes(schedule, zone, days[0].start_s - 1e-3, days[-1].end_s - 1e-3, place)
    assert sorted(told + firsts, key=lambda change: change.at_wall_s) == whole


def test_a_day_of_the_coming_week():
    schedule = plan((("sun",), "00:00", "away"), (("mon",), "05:00", "off"), holidays=["12-02"])
    days = coming_days(schedule, HANOI, at("2026-11-29T09:00"), THANH_HOA)
    assert [f"{day.day:%a}" for day in days] == ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    assert days[0].before == Change(at("2026-11-29T00:00"), Mode.AWAY)
    assert days[0].changes == ()
    assert days[1].before.mode is Mode.AWAY
    assert days[1].changes == (Change(at("2026-11-30T05:00"), None),)
    assert [day.is_holiday for day in days] == [False, False, False, True, False, False, False]
    assert f"{datetime.fromtimestamp(days[0].sunset_s, HANOI):%H:%M}" == "17:16"
