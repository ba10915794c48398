"""Search, the best picture of each object, and why it is certain."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from page_browser import LOOKS, TWO_LOOKS, Look, Visit
from page_data import explanation, incident, seen_object
from page_standin import StandIn
from playwright.async_api import expect
from test_page_modules import ALL, page, run

__all__ = ["page"]

pytestmark = pytest.mark.asyncio(loop_scope="session")
MakeVisit = Callable[[Look], Awaitable[Visit]]
each_look = pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
HANOI = ZoneInfo("Asia/Ho_Chi_Minh")


def chip(me: Visit, name: str) -> Any:
    return me.page.locator(f"[data-choice={name}]")


@each_look
async def test_conditions_are_chosen_shown_and_kept_in_the_address(
    visit: MakeVisit, appliance: StandIn, look: Look
) -> None:
    me = await visit(look)
    await me.start("/#/incidents")
    found = me.page.locator("a.incident")
    await expect(found).to_have_count(20)
    await expect(me.page.locator(".as-grid")).to_have_count(0)
    await chip(me, "kind").select_option("dog")
    dogs = [one for one in appliance.incidents if one["kind"] == "dog"]
    await expect(me.page.locator(".as-grid a.card")).to_have_count(len(dogs))
    await chip(me, "camera").select_option("market")
    theirs = [one for one in dogs if one["camera"] == "market"]
    await expect(found).to_have_count(len(theirs))
    await expect(found.first).to_contain_text("Chợ Đầm")
    await me.until("location.hash === '#/incidents?camera=market&kind=dog'")
    # It is there again after the incident itself, and after the page is loaded anew.
    await found.first.click()
    await expect(me.page.locator("nvr-incident h1")).not_to_be_empty()
    await me.page.go_back()
    await expect(found).to_have_count(len(theirs))
    await me.page.reload()
    await expect(found).to_have_count(len(theirs))
    await expect(chip(me, "kind")).to_have_value("dog")
    await expect(chip(me, "kind")).to_have_class("search-chip chosen")
    await me.fits()
    # The tab leads to all, although the page has been there all the time.
    await me.tab("incidents")
    await expect(found).to_have_count(20)
    await expect(chip(me, "kind")).to_have_value("")


async def test_zones_states_and_all_again(visit: MakeVisit, appliance: StandIn) -> None:
    me = await visit(TWO_LOOKS[1])
    await me.start("/#/incidents")
    found = me.page.locator("a.incident")
    await chip(me, "zone").select_option("Sân sau")
    await expect(found).to_have_count(sum(one["zone"] == "Sân sau" for one in appliance.incidents))
    await chip(me, "state").select_option("waiting")
    waiting = [
        one
        for one in appliance.incidents
        if one["zone"] == "Sân sau" and one["acknowledged_s"] is None and one["response"] != "record"
    ]
    await expect(found).to_have_count(len(waiting))
    assert waiting
    await chip(me, "state").select_option("taken")
    await expect(me.page.locator(".badge.open")).to_have_count(0)
    await me.button("search.clear").click()
    await expect(found).to_have_count(20)
    await expect(me.button("search.clear")).to_have_count(0)
    assert await me.page.evaluate("location.hash") == "#/incidents"


async def test_days_of_the_site(visit: MakeVisit, appliance: StandIn) -> None:
    me = await visit(TWO_LOOKS[0])
    await me.start("/#/incidents")
    found = me.page.locator("a.incident")
    today = datetime.now(HANOI).date()

    def within(first: object, last: object) -> int:
        days = [datetime.fromtimestamp(one["opened_s"], HANOI).date() for one in appliance.incidents]
        return sum(first <= day <= last for day in days)  # type: ignore[operator]

    yesterday = today - timedelta(days=1)
    await chip(me, "day").select_option("yesterday")
    await me.until(f"location.hash === '#/incidents?from={yesterday}&to={yesterday}'")
    await expect(found).to_have_count(within(yesterday, yesterday))
    await expect(me.page.locator(".search-days")).to_be_hidden()
    await chip(me, "day").select_option("choose")
    first, last = (me.page.locator(".search-days input").nth(n) for n in (0, 1))
    # The wrong way round.
    await last.fill(str(today - timedelta(days=2)))
    await expect(found).to_have_count(min(within(today - timedelta(days=2), yesterday), 24))
    await expect(first).to_have_value(str(today - timedelta(days=2)))
    await me.page.reload()
    await expect(first).to_have_value(str(today - timedelta(days=2)))
    await expect(last).to_have_value(str(yesterday))


async def test_more_of_what_was_found_and_what_comes_meanwhile(visit: MakeVisit, appliance: StandIn) -> None:
    appliance.incidents = [incident(n, kind="person") for n in range(45, 0, -1)]
    me = await visit(TWO_LOOKS[1])
    await me.start("/#/incidents?kind=person")
    found = me.page.locator("a.card")
    await expect(found).to_have_count(24)
    new = incident(46, opened_s=time.time(), last_s=time.time(), kind="dog", response="record")
    appliance.tell("incident", new)
    appliance.tell("incident", {**new, "id": 47, "kind": "person", "camera_name": "Ao làng"})
    await expect(found).to_have_count(25)
    await expect(found.first).to_contain_text("Ao làng")
    await me.button("incidents.more").click()
    await expect(found).to_have_count(46)


@each_look
async def test_the_best_picture_is_replaced_by_a_better_one(
    visit: MakeVisit, appliance: StandIn, look: Look
) -> None:
    me = await visit(look)
    one = appliance.incidents[0]
    dog = seen_object(one, 2, kind="dog", picture=None, frames=None, explanation=None)
    appliance.objects[45] = [seen_object(one), dog]
    await me.start("/#/incident/45")
    best = me.page.locator("img.best-picture")
    await me.until("document.querySelector('.best-picture')?.naturalWidth > 0")
    words = me.word("evidence.certain.other", seconds="0,8" if look.language == "vi" else "0.8", n=4)
    await expect(me.page.locator(".evidence-words")).to_have_text(words)
    # What is seen first stands above the whole picture.
    tops = [await place.bounding_box() for place in (best, me.page.locator(".evidence img"))]
    assert tops[0] and tops[1] and tops[0]["y"] < tops[1]["y"]
    better = {**seen_object(one), "picture": "/api/incidents/45/picture?object=1&revision=2"}
    appliance.objects[45] = [better, dog]
    appliance.tell("incident", {**one, "best": better["picture"]})
    await expect(best).to_have_attribute("src", re.compile("revision=2"))
    await expect(me.page.locator(".object-button")).to_have_count(2)
    await me.page.locator(".object-button").last.click()
    await expect(me.page.locator(".best-picture.no-picture")).to_be_visible()
    await expect(me.page.locator("nvr-evidence")).to_be_hidden()
    await me.fits()


@each_look
async def test_the_plot_shows_what_was_seen_and_what_was_missed(
    visit: MakeVisit, appliance: StandIn, look: Look
) -> None:
    me = await visit(look)
    await me.start("/#/incident/45")
    plot = me.page.locator(".evidence-plot")
    await expect(plot.locator("circle.seen")).to_have_count(4)
    await expect(plot.locator("circle.missed")).to_have_count(1)
    await expect(plot.locator("circle.counted")).to_have_count(4)
    scores = [re.sub(r"\s", "", text) for text in await plot.locator("text.score").all_text_contents()]
    assert scores == ["62%", "71%", "84%", "90%"]
    await expect(plot).to_have_attribute("aria-label", re.compile("4"))
    # The last one lies on the line.
    certain_y = float(await plot.locator("line.certain").get_attribute("y1") or "nan")
    assert float(await plot.locator("circle").last.get_attribute("cy") or "nan") == pytest.approx(certain_y)
    captions = me.page.locator(".frames-row span")
    await expect(captions).to_have_count(4)
    await me.page.locator(".frames").scroll_into_view_if_needed()
    await me.until("document.querySelector('.frames img').naturalWidth === 4 * 96")


async def test_shape_and_way_show_no_score_of_nothing(visit: MakeVisit, appliance: StandIn) -> None:
    me = await visit(TWO_LOOKS[0])
    one = {**appliance.incidents[0], "score": 0.0}
    appliance.incidents[0] = one
    by_way = explanation()
    looks = [{**look, "score": None if look["score"] is None else 0.0} for look in by_way["examined"]]
    appliance.objects[45] = [seen_object(one, explanation={**by_way, "examined": looks, "by_way": True})]
    await me.start("/#/incident/45")
    plot = me.page.locator(".evidence-plot")
    await expect(plot.locator("circle.seen")).to_have_count(4)
    await expect(plot.locator("text.score")).to_have_count(0)
    await expect(me.page.locator(".frames-row b")).to_have_count(0)
    await expect(me.page.locator(".incident-facts")).to_contain_text(me.word("incident.by_way"))
    words = me.word("evidence.way.other", seconds="0,8" if me.look.language == "vi" else "0.8", n=4)
    await expect(me.page.locator(".evidence-words")).to_have_text(words)


async def test_an_incident_of_before_has_only_its_picture(visit: MakeVisit) -> None:
    me = await visit(TWO_LOOKS[0])
    await me.start("/#/incident/38")
    await me.until("document.querySelector('.evidence img')?.naturalWidth > 0")
    await expect(me.page.locator("nvr-objects")).to_be_hidden()
    await expect(me.page.locator("nvr-evidence")).to_be_hidden()


FRAME = {"left": 0, "right": 100, "top": 0, "bottom": 50}


async def test_places_in_the_plot(page: Any) -> None:
    found = await run(page, "evidence-plot", "m.plotOf(a[0], a[1])", explanation(), FRAME)
    assert [dot["x"] for dot in found["dots"]] == pytest.approx([0, 25, 50, 75, 100])
    assert found["certainY"] == pytest.approx(0) == found["dots"][-1]["y"]
    assert all(0 <= dot["y"] <= 50 for dot in found["dots"])
    assert found["dots"][1]["y"] > found["dots"][0]["y"], "a miss lowers it"
    assert [tick["beforeS"] for tick in found["ticks"]] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8])
    one = {**explanation(), "examined": explanation()["examined"][-1:], "counted": [0]}
    single = await run(page, "evidence-plot", "m.plotOf(a[0], a[1])", one, FRAME)
    assert [dot["x"] for dot in single["dots"]] == [100]


async def test_conditions_for_the_api(page: Any) -> None:
    search = {
        **ALL,
        "kind": "dog",
        "zone": "sân & vườn",
        "from": "2026-11-24",
        "to": "2026-11-25",
        "state": "waiting",
    }
    call = "String(m.conditions(a[0], new (await import('/static/time.js')).SiteTime('Asia/Ho_Chi_Minh')))"
    start_s = int(datetime(2026, 11, 24, tzinfo=HANOI).timestamp())
    assert await run(page, "incident-search", call, search) == (
        f"kind=dog&zone=s%C3%A2n+%26+v%C6%B0%E1%BB%9Dn&acknowledged=no&since_s={start_s}&until_s={start_s + 172800}"
    )
    there_and_back = "m.searchOf(m.searchAddress(a[0]).split('?')[1])"
    assert await run(page, "incident-search", there_and_back, search) == search
    assert await run(page, "incident-search", "m.dayAfter(a[0], 1)", "2026-12-31") == "2027-01-01"
    assert await run(page, "incident-search", "m.dayAfter(a[0], -1)", "2026-03-01") == "2026-02-28"
