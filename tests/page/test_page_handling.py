"""Resolving incidents with a note, opening them again, and the false alarms of each zone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from page_browser import LOOKS, TWO_LOOKS, Look, Visit
from page_data import incident
from page_standin import StandIn
from playwright.async_api import expect

pytestmark = pytest.mark.asyncio(loop_scope="session")
MakeVisit = Callable[[Look], Awaitable[Visit]]
each_look = pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)


@each_look
async def test_resolved_with_a_note_and_opened_again(
    visit: MakeVisit, appliance: StandIn, look: Look, shots: Path
) -> None:
    appliance.incidents[0].update(response="siren")
    me = await visit(look)
    me.refusals_expected = True
    await me.start("/#/incident/45")
    await me.button("resolve.open").click()
    await me.button("resolve.submit").click()
    await me.sees("error.no_outcome")
    dialog = me.page.locator("nvr-handling dialog")
    await dialog.get_by_text(me.word("outcome.other"), exact=True).click()
    await me.button("resolve.submit").click()
    await me.sees("error.note_needed")
    await dialog.get_by_text(me.word("outcome.false_alarm"), exact=True).click()
    await dialog.get_by_label(me.word("resolve.note")).fill("Con bò nhà bà Tư vào sân,\nđã nhắc bà cột lại.")
    await me.shoot(shots, "40-resolve")
    await me.button("resolve.submit").click()
    await expect(dialog).to_be_hidden()
    one = appliance.incidents[0]
    assert (one["outcome"], one["resolved_by"], one["acknowledged_by"]) == ("false_alarm", "an", "an")
    await expect(me.page.locator(".incident-facts .badge.outcome-false_alarm")).to_be_visible()
    await expect(me.page.locator(".history .note")).to_contain_text("Con bò nhà bà Tư")
    await expect(me.page.locator("nvr-handling")).to_contain_text(
        me.word("incident.resolved_after", time="").strip()
    )
    await expect(me.button("incident.acknowledge")).to_have_count(0)
    await me.page.locator("nvr-handling").scroll_into_view_if_needed()
    await me.shoot(shots, "41-resolved")

    await me.button("reopen.open").click()
    await me.button("reopen.submit").click()
    await me.sees("error.empty_field")
    await dialog.get_by_label(me.word("reopen.reason")).fill("Xem lại thì có người")
    await me.button("reopen.submit").click()
    await expect(me.button("resolve.open")).to_be_visible()
    await expect(me.page.locator(".history li")).to_have_count(2)
    await expect(me.button("incident.acknowledge")).to_have_count(0)


async def test_who_was_slower_is_told_who_was_first(visit: MakeVisit, appliance: StandIn) -> None:
    me = await visit(TWO_LOOKS[0])
    me.refusals_expected = True
    await me.start("/#/incident/45")
    await me.button("resolve.open").click()
    await me.page.locator("nvr-handling dialog").get_by_text(me.word("outcome.real"), exact=True).click()
    one = appliance.incidents[0]
    one.update(outcome="test", resolved_by="Lan", resolved_s=one["opened_s"] + 99)  # no event told of it yet
    await me.button("resolve.submit").click()
    await me.sees("error.already_resolved", name="Lan")
    await me.button("close").click()
    await expect(me.page.locator(".incident-facts .badge.outcome-test")).to_contain_text("Lan")
    await expect(me.button("reopen.open")).to_be_visible()
    assert one["outcome"] == "test"


async def test_viewers_see_what_came_of_it(visit: MakeVisit, appliance: StandIn) -> None:
    appliance.account = {"name": "an", "role": "viewer", "cameras": None}
    appliance.handling.resolve(appliance.incidents[0], "Lan", "real", "đã lập biên bản")
    me = await visit(TWO_LOOKS[1])
    await me.start("/#/incident/45", role="viewer")
    await expect(me.page.locator(".history .note")).to_have_text("đã lập biên bản")
    await expect(me.page.locator("nvr-handling button:visible")).to_have_count(0)


async def test_incidents_by_what_came_of_them(visit: MakeVisit, appliance: StandIn) -> None:
    me = await visit(TWO_LOOKS[1])
    await me.start("/#/incidents")
    found, state = me.page.locator("a.incident"), me.page.locator("[data-choice=state]")
    all_of_them = appliance.incidents
    waiting = [one for one in all_of_them if one["acknowledged_s"] is None and one["response"] != "record"]
    taken = [one for one in all_of_them if one["acknowledged_s"] is not None]
    for word, expected in (
        ("waiting", waiting),
        ("unresolved", [*waiting, *(one for one in taken if one["outcome"] is None)]),
        ("resolved", [one for one in taken if one["outcome"]]),
        ("false_alarm", [one for one in taken if one["outcome"] == "false_alarm"]),
    ):
        await state.select_option(word)
        await expect(found).to_have_count(len(expected))
        assert expected, word
    # What is resolved while the list is shown belongs to it no longer than it is asked for anew.
    await state.select_option("unresolved")
    unresolved = [*waiting, *(one for one in taken if one["outcome"] is None)]
    await expect(found).to_have_count(len(unresolved))
    new = incident(46, response="call", acknowledged_s=None, outcome=None)
    appliance.tell("incident", new)
    await expect(found.first).to_have_attribute("href", "#/incident/46")
    appliance.tell("incident", {**incident(47, response="call"), "outcome": "real", "resolved_s": 1.8e9})
    appliance.tell("incident", {**new, "id": 48})
    await expect(found.first).to_have_attribute("href", "#/incident/48")
    await expect(me.page.locator("a[href='#/incident/47']")).to_have_count(0)


@each_look
async def test_false_alarms_of_each_zone(
    visit: MakeVisit, appliance: StandIn, look: Look, shots: Path
) -> None:
    appliance.cameras[2]["zones"][1]["response"] = "siren"
    me = await visit(look)
    await me.start("/#/incidents")
    wrong = sum(one["outcome"] == "false_alarm" for one in appliance.incidents)
    summary = me.page.locator("nvr-outcomes summary")
    await expect(summary).to_have_text(me.word("outcomes.title.other", n=wrong, days=30))
    await summary.click()
    rows = me.page.locator(".outcomes-row")
    places = {(one["camera"], one["zone"]) for one in appliance.incidents if one["outcome"] == "false_alarm"}
    await expect(rows).to_have_count(len(places))
    await me.shoot(shots, "42-false-alarms")
    await rows.first.click()
    await expect(me.page.locator("[data-choice=state]")).to_have_value("false_alarm")
    await expect(me.page.locator("a.incident").first.locator(".badge")).to_contain_text(
        me.word("outcome.false_alarm")
    )


async def test_without_false_alarms_nothing_is_said(visit: MakeVisit, appliance: StandIn) -> None:
    appliance.incidents = [incident(n, outcome=None) for n in range(45, 0, -1)]
    me = await visit(TWO_LOOKS[0])
    await me.start("/#/incidents")
    await expect(me.page.locator("a.incident")).to_have_count(20)
    await expect(me.page.locator("nvr-outcomes")).to_be_hidden()
