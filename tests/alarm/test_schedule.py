"""The schedule's moments of change, in any time zone."""

from datetime import datetime, time
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from nvr.alarm.schedule import last_change, next_change
from nvr.config import Schedule

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")

clock_times = st.times().map(lambda t: t.replace(second=0, microsecond=0))
zones = st.sampled_from([HANOI, ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Lord_Howe"), ZoneInfo("UTC")])


@given(clock_times, clock_times, zones, st.floats(1.5e9, 2.5e9))
def test_schedule_changes_enclose_now_and_alternate(arm, disarm, zone, now):
    if arm == disarm:
        return
    schedule = Schedule(arm=arm, disarm=disarm)
    last, following = last_change(schedule, zone, now), next_change(schedule, zone, now)
    assert last.at_wall_s <= now < following.at_wall_s
    assert following.at_wall_s - last.at_wall_s <= 25 * 3600
    assert last.armed != following.armed


def test_schedule_in_vietnam():
    schedule = Schedule(arm=time(22), disarm=time(5))
    two_in_the_morning = datetime(2026, 11, 24, 2, 0, tzinfo=HANOI).timestamp()
    assert last_change(schedule, HANOI, two_in_the_morning).armed
    change = next_change(schedule, HANOI, two_in_the_morning)
    assert not change.armed
    assert datetime.fromtimestamp(change.at_wall_s, HANOI) == datetime(2026, 11, 24, 5, 0, tzinfo=HANOI)
