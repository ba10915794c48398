"""A recorder that does not know the time, as an administrator meets it, against the stand-in."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from page_browser import TWO_LOOKS, Look, Visit
from page_data import fault
from page_standin import StandIn
from playwright.async_api import expect

pytestmark = pytest.mark.asyncio(loop_scope="session")
MakeVisit = Callable[[Look], Awaitable[Visit]]
each_look = pytest.mark.parametrize("look", TWO_LOOKS, ids=lambda look: look.name)


def unknown(appliance: StandIn, off_s: float) -> None:
    appliance.status["clock"] = {"source": "none", "error_s": None}
    appliance.status["faults"] = [
        fault("clock", "clock_untrusted", "nobody knows whether the clock is right")
    ]
    appliance.status["now_s"] = time.time() + off_s


def confirmed(appliance: StandIn) -> int:
    return appliance.asked.count("POST /api/clock")


async def open_panel(me: Visit, role: str = "administrator") -> None:
    await me.start(role=role)
    await expect(me.page.locator(".faulty")).to_be_visible()
    await me.page.locator(".status-line").click()
    await me.sees("remedy.clock_untrusted")


@each_look
async def test_the_time_is_compared_and_confirmed(visit: MakeVisit, appliance: StandIn, look: Look) -> None:
    unknown(appliance, 0.0)
    me = await visit(look)
    await open_panel(me)
    clock = me.page.locator("nvr-clock")
    now = time.strftime("%d/%m/%Y", time.gmtime(time.time() + 7 * 3600))
    await expect(clock.locator(".clock-recorder")).to_contain_text(now)
    await expect(clock.locator(".clock-device")).to_contain_text(now)
    await me.button("clock.right").click()
    await expect(clock).to_be_hidden()
    await me.sees("status.well")
    assert confirmed(appliance) == 1


@each_look
async def test_a_time_that_differs_is_not_confirmed_by_one_tap(
    visit: MakeVisit, appliance: StandIn, look: Look, shots: Path
) -> None:
    unknown(appliance, -7.5 * 3600)
    me = await visit(look)
    await open_panel(me)
    clock = me.page.locator("nvr-clock")
    hours = f"{me.word('span.hours.other', n=7)} {me.word('span.minutes.other', n=30)}"
    await me.button("clock.right").click()
    # It may have moved by a few seconds meanwhile.
    await expect(clock.locator(".clock-question")).to_contain_text(hours[:6])
    await me.shoot(shots, "30-clock")
    await me.button("clock.wrong").click()
    await expect(clock.locator(".clock-question")).to_be_hidden()
    assert confirmed(appliance) == 0
    # A technician sets it; the page asks for the time again before it believes anything.
    unknown(appliance, 1.0)
    await me.button("clock.right").click()
    await me.sees("status.well")
    assert confirmed(appliance) == 1


async def test_a_person_may_know_better_than_the_device(visit: MakeVisit, appliance: StandIn) -> None:
    unknown(appliance, 3600.0)
    me = await visit(TWO_LOOKS[0])
    await open_panel(me)
    await me.button("clock.right").click()
    me.refusals_expected = True
    appliance.refuse["POST /api/clock"] = {"status": 409, "code": "clock_impossible"}
    await me.button("clock.sure").click()
    await me.sees("error.clock_impossible")
    appliance.refuse.clear()
    await me.button("clock.right").click()
    await me.button("clock.sure").click()
    await me.sees("status.well")


async def test_others_only_see_the_fault(visit: MakeVisit, appliance: StandIn) -> None:
    unknown(appliance, 0.0)
    me = await visit(TWO_LOOKS[0])
    await open_panel(me, "operator")
    await expect(me.page.locator("nvr-clock")).to_be_hidden()
