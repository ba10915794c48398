"""The schedule as people see and change it, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from page_browser import LOOKS, TWO_LOOKS, Look, Visit
from page_standin import StandIn
from playwright.async_api import Locator, expect
from test_page_modules import page, run  # noqa: F401 the fixture

from nvr.config.schedule import Schedule

pytestmark = pytest.mark.asyncio(loop_scope="session")
MakeVisit = Callable[[Look], Awaitable[Visit]]
each_look = pytest.mark.parametrize("look", TWO_LOOKS, ids=lambda look: look.name)
BARE_KEY = re.compile(r"\b(?:schedule|error|day|span|alarm|back)\.[a-z_.]+\b|\{\w+\}")


async def open_schedule(me: Visit, role: str = "administrator") -> Locator:
    await me.start("/#/schedule", role=role)
    await expect(me.page.locator(".plan-day")).to_have_count(7)
    return me.page.locator(".plan-entry")


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
async def test_the_page_in_every_look(visit: MakeVisit, appliance: StandIn, look: Look, shots: Path) -> None:
    me = await visit(look)
    appliance.scheduled.made_by("Trần Văn Minh", appliance.scheduled.file)
    await me.start("/", role="administrator")
    await me.button("menu").click()
    await me.page.get_by_role("link", name=me.word("schedule.title")).click()
    await expect(me.page.locator(".plan-day")).to_have_count(7)
    await me.shoot(shots, "40-schedule")
    await me.page.locator("main").evaluate("m => m.scrollTo(0, 9999)")
    await me.shoot(shots, "41-schedule-below")
    await me.page.locator(".plan-entry").first.click()
    await expect(me.page.locator("dialog.plan-sheet")).to_be_visible()
    await me.shoot(shots, "42-schedule-entry")
    text = await me.page.inner_text("body")
    assert BARE_KEY.findall(text.replace("nvr.toml", "")) == []
    small = await me.page.evaluate(
        "[...document.querySelectorAll('a, button, select, input')].filter((e) => e.checkVisibility())"
        ".map((e) => [e.className, e.getBoundingClientRect()]).filter(([, r]) => r.width < 48 || r.height < 48)"
        ".map(([name, r]) => `${name} ${r.width}x${r.height}`)"
    )
    assert small == []


@each_look
async def test_an_entry_is_added_changed_and_removed(
    visit: MakeVisit, appliance: StandIn, look: Look
) -> None:
    me = await visit(look)
    me.refusals_expected = True
    entries = await open_schedule(me)
    dialog = me.page.locator("dialog.plan-sheet")
    await expect(entries).to_have_count(4)
    await expect(me.page.locator(".plan-source")).to_contain_text(me.word("schedule.source.file"))

    await me.button("schedule.add").click()
    await dialog.locator("[data-day=holiday]").click()
    await dialog.locator("input[type=time]").fill("12:15")
    await dialog.locator("[data-set=home]").click()
    await me.button("schedule.save").click()
    await expect(entries).to_have_count(5)
    assert str(appliance.scheduled.schedule.change[-1]) == "mon tue wed thu fri sat sun 12:15 home"
    await expect(me.page.locator(".plan-day").last).to_contain_text("12:15")

    # At the time of another, of which the appliance says where it is wrong.
    await entries.filter(has_text="12:15").click()
    await dialog.locator("input[type=time]").fill("22:00")
    await me.button("schedule.save").click()
    at = dialog.locator("fieldset").nth(1).get_by_role("alert")
    await expect(at).to_have_text(me.word("error.schedule_same_time"))
    for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun"):
        await dialog.locator(f"[data-day={day}]").click()
    await me.button("schedule.save").click()
    await expect(dialog.locator("fieldset").first.get_by_role("alert")).to_have_text(
        me.word("error.schedule_days")
    )
    await dialog.locator("[data-day=sun]").click()
    await dialog.locator("select").first.select_option("sunset")
    await dialog.locator("select").last.select_option("-30")
    await me.button("schedule.save").click()
    # Sundays have that already.
    await expect(at).to_have_text(me.word("error.schedule_same_time"))
    await dialog.locator("select").last.select_option("45")
    await me.button("schedule.save").click()
    await expect(dialog).to_be_hidden()
    assert str(appliance.scheduled.schedule.change[-1]) == "sun sunset+00:45 home"

    await entries.filter(has_text=me.word("span.minutes.other", n=45)).click()
    await me.button("schedule.remove").click()
    await expect(entries).to_have_count(4)
    await expect(me.page.locator(".plan-source")).to_contain_text("an")
    await me.button("schedule.withdraw").click()
    dialog = me.page.locator("dialog[open]")
    await dialog.get_by_role("button", name=me.word("schedule.withdraw")).click()
    await expect(me.page.locator(".plan-source")).to_contain_text(me.word("schedule.source.file"))
    assert appliance.scheduled.page is None


@each_look
async def test_what_somebody_else_changed_is_not_overwritten(
    visit: MakeVisit, appliance: StandIn, look: Look
) -> None:
    me = await visit(look)
    me.refusals_expected = True
    entries = await open_schedule(me)
    await entries.first.click()
    theirs = Schedule.model_validate({"change": [{"at": "21:00", "set": "night"}]})
    appliance.scheduled.made_by("Lan", theirs)
    for _ in range(2):  # trying again does not help: one must see what is there now
        await me.button("schedule.save").click()
        await me.sees("error.schedule_changed")
        assert appliance.scheduled.page == theirs
    await me.button("schedule.cancel").click()
    await expect(entries).to_have_count(1)
    await entries.first.click()
    await me.page.locator("[data-set=away]").last.click()
    await me.button("schedule.save").click()
    await expect(me.page.locator("dialog.plan-sheet")).to_be_hidden()
    assert str(appliance.scheduled.schedule.change[0]) == "every day 21:00 away"


async def test_holidays(visit: MakeVisit, appliance: StandIn) -> None:
    me = await visit(TWO_LOOKS[0])
    await open_schedule(me)
    dates = me.page.locator(".plan-dates li")
    await expect(dates).to_have_count(2)
    add = me.button("schedule.add_date")
    await add.click()
    await me.sees("error.schedule_holiday")
    await me.page.locator("input[type=date]").fill("2027-01-01")
    await add.click()
    await me.sees("error.schedule_holiday_twice")
    await me.page.locator("input[type=date]").fill("2027-09-02")
    await add.click()
    await expect(dates).to_have_count(3)
    await me.button("schedule.yearly").click()
    await me.page.locator("input[type=date]").fill("2027-02-05")
    await add.click()
    await expect(dates).to_have_count(4)
    assert appliance.scheduled.schedule.holidays == ("01-01", "2027-02-06", "09-02", "2027-02-05")
    await me.page.get_by_role("button", name=me.word("schedule.remove_date", date="06/02/2027")).click()
    await expect(dates).to_have_count(3)
    # Without an entry for them nothing happens on these days, which is said.
    await expect(me.text("schedule.idle_holidays")).to_be_hidden()
    appliance.scheduled.made_by("Lan", Schedule.model_validate({"holidays": ["01-01"]}))
    await me.page.reload()
    await me.sees("schedule.idle_holidays")


async def test_others_only_read(visit: MakeVisit) -> None:
    me = await visit(TWO_LOOKS[0])
    await open_schedule(me, "operator")
    await me.sees("schedule.only_administrators")
    await expect(me.page.locator("main button:visible, main input:visible")).to_have_count(0)


async def test_without_coordinates_nothing_goes_by_the_sun(visit: MakeVisit, appliance: StandIn) -> None:
    appliance.scheduled.site = appliance.scheduled.site.model_copy(
        update={"latitude": None, "longitude": None}
    )
    appliance.scheduled.file = Schedule()
    me = await visit(TWO_LOOKS[0])
    await open_schedule(me)
    await me.sees("alarm.no_schedule")
    await me.button("schedule.add").click()
    await me.sees("schedule.no_sun")
    await expect(me.page.locator("option[value=sunset]")).to_be_disabled()


async def test_what_a_person_chose_stands_in_the_week_until_the_next_change(
    visit: MakeVisit, appliance: StandIn
) -> None:
    me = await visit(TWO_LOOKS[0])
    appliance.scheduled.file = Schedule.model_validate(
        {"change": [{"days": ["mon"], "at": "05:00", "set": "off"}]}
    )
    appliance.alarm.update(armed=True, why="manual", actor="an")
    await open_schedule(me)
    await expect(me.page.locator(".plan-band.by-hand").first).to_be_visible()
    appliance.alarm.update(armed=False)
    appliance.tell("alarm", appliance.alarm)
    await expect(me.page.locator(".plan-band.by-hand")).to_have_count(0)


DAY = {"start_s": 0, "end_s": 86400, "before": {"at_s": -9, "mode": "night"}}
OFF = {"at_s": 18000, "mode": None}


@pytest.mark.parametrize(
    ("day", "now", "bands"),
    [
        ({**DAY, "changes": [OFF]}, None, [[0, 18000, "night", False], [18000, 86400, "off", False]]),
        ({**DAY, "before": None, "changes": []}, None, [[0, 86400, None, False]]),
        (
            {**DAY, "before": None, "changes": [OFF]},
            {"startS": 9000, "endS": 18000, "set": "away"},
            [[0, 9000, None, False], [9000, 18000, "away", True], [18000, 86400, "off", False]],
        ),
        (
            {**DAY, "changes": []},
            {"startS": 9000, "endS": 18000, "set": "night"},
            [[0, 86400, "night", False]],
        ),
        ({**DAY, "changes": []}, {"startS": -9, "endS": 90000, "set": "off"}, [[0, 86400, "off", True]]),
    ],
)
async def test_bands_of_a_day(page, day, now, bands) -> None:  # noqa: F811
    found = await run(page, "schedule-week", "m.bandsOf(a[0], a[1])", day, now)
    assert [[one["startS"], one["endS"], one["set"], one["byHand"]] for one in found] == bands


@pytest.mark.parametrize(
    ("at", "by", "clock", "minutes"),
    [
        ("22:00", "clock", "22:00", 0),
        ("sunset", "sunset", "", 0),
        ("sunset-00:30", "sunset", "", -30),
        ("sunrise+01:15", "sunrise", "", 75),
    ],
)
async def test_times_of_day(page, at: str, by: str, clock: str, minutes: int) -> None:  # noqa: F811
    assert await run(page, "schedule-words", "m.parseAt(a[0])", at) == {
        "by": by,
        "clock": clock,
        "minutes": minutes,
    }
    if by != "clock":
        assert await run(page, "schedule-words", "m.sunAt(a[0], a[1])", by, minutes) == at
