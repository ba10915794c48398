"""Holds, days kept and deletions, as staff meet them, in a real browser against the stand-in."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import pytest
from page_browser import TWO_LOOKS, Look, Visit
from page_data import disk, hold, stock
from page_playback import BAR, fingers, moment, play_back
from page_standin import StandIn
from playwright.async_api import expect

pytestmark = pytest.mark.asyncio(loop_scope="session")
MakeVisit = Callable[[Look], Awaitable[Visit]]
each_look = pytest.mark.parametrize("look", TWO_LOOKS, ids=lambda look: look.name)
SAID = {"case": "Mất xe, 15/2026", "person": "Lê Văn Bình", "reason": "Xem lại lối ra"}


async def fill_in(me: Visit, **said: str) -> None:
    for name, text in said.items():
        await me.page.locator(f".hold-sheet input[name={name}]").fill(text)


async def drag(me: Visit, from_s: float, to_s: float) -> None:
    """A finger (or the mouse) on the timeline's scale, from one moment to another."""
    box = await me.page.locator("nvr-timeline-bar canvas").bounding_box()
    assert box
    places = [
        await me.page.evaluate(f"({s} - {BAR}.centerS) / {BAR}.spanS + 0.5") * box["width"] + box["x"]
        for s in (from_s, (from_s + to_s) / 2, to_s)
    ]
    y = box["y"] + 13
    if me.look.size[0] > 500:
        await me.page.mouse.move(places[0], y)
        await me.page.mouse.down()
        for x in places[1:]:
            await me.page.mouse.move(x, y)
        await me.page.mouse.up()
        return
    await fingers(me, [[(x, y)] for x in places])


async def colours(me: Visit, at_s: float, y: int) -> list[int]:
    """Red, green and blue of the timeline at a moment, `y` pixels from its top."""
    return await me.page.evaluate(
        f"""([at, y]) => {{
          const canvas = {BAR}.querySelector('canvas'), scale = canvas.width / {BAR}.clientWidth;
          const x = ((at - {BAR}.centerS) / {BAR}.spanS + 0.5) * canvas.width;
          const pen = new OffscreenCanvas(1, 1).getContext('2d');
          pen.drawImage(canvas, Math.round(x), Math.round(y * scale), 1, 1, 0, 0, 1, 1);
          return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
        }}""",
        [at_s, y],
    )


@each_look
async def test_what_is_chosen_on_the_timeline_is_held(
    visit: MakeVisit, appliance: StandIn, look: Look
) -> None:
    me = await visit(look)
    at_s = await play_back(me, appliance, "gate,market")
    start = me.page.get_by_role("button", name=me.word("hold.title"), exact=True)
    await start.click()
    assert await me.page.evaluate(f"{BAR}.selection") == [at_s - 75, at_s + 75]
    # By its handle, which moves nothing else; then by "from here".
    await drag(me, at_s + 75 + 1, at_s + 200)
    first_s, last_s = await me.page.evaluate(f"{BAR}.selection")
    assert first_s == at_s - 75
    assert last_s == pytest.approx(at_s + 200, abs=4)
    assert await me.page.evaluate(f"{BAR}.centerS") == at_s
    await me.button("hold.from_here").click()
    assert (await me.page.evaluate(f"{BAR}.selection"))[0] == at_s
    await me.button("hold.go_on").click()
    sheet = me.page.locator(".hold-sheet")
    await expect(sheet.locator(".hold-what")).to_contain_text("Cổng UBND xã, Chợ Đầm")
    submit = sheet.locator("button[type=submit]")
    await submit.click()
    await me.sees("error.empty_field")
    await fill_in(me, **SAID, expires="2020-01-01")
    await submit.click()
    await me.sees("error.hold_expiry")
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 40 * 86400))
    await fill_in(me, expires=day)
    await submit.click()
    await expect(sheet).to_be_hidden()
    await expect(me.page.locator(".hold-made")).to_contain_text(me.word("hold.done"))
    made = appliance.holds[:2]
    assert {one["camera"] for one in made} == {"gate", "market"}
    for one in made:
        assert {name: one[name] for name in SAID} == SAID
        assert (one["start_s"], one["end_s"]) == (at_s, last_s)
        assert one["expires_s"] == pytest.approx(time.time() + 40 * 86400, abs=2 * 86400)
    # It is drawn in both rows.
    await me.until(f"{BAR}.holds.length === 5")
    for y in (29, 59):
        assert await colours(me, at_s + 60, y) == [0x8A, 0xB6, 0xFF]
        assert await colours(me, at_s - 60, y) != [0x8A, 0xB6, 0xFF]
    await me.page.locator(".hold-made a").click()
    await expect(me.page.locator(".hold").first).to_contain_text(SAID["case"])


async def test_held_by_keyboard(visit: MakeVisit, appliance: StandIn) -> None:
    me = await visit(TWO_LOOKS[1])
    at_s = await play_back(me, appliance, "gate")
    press = me.page.keyboard.press
    await press("[")
    await press("Escape")
    assert await me.page.evaluate(f"{BAR}.selection") is None
    await press("h")
    await press("[")
    await press("Shift+ArrowRight")
    await press("ArrowRight")
    await press("]")
    assert await me.page.evaluate(f"{BAR}.selection") == [at_s, at_s + 70]
    await press("h")
    await expect(me.page.locator(".hold-sheet input[name=case]")).to_be_focused()
    await fill_in(me, **SAID)
    await press("Enter")
    await expect(me.page.locator(".hold-made")).to_contain_text(me.word("hold.done"))
    assert (appliance.holds[0]["start_s"], appliance.holds[0]["end_s"]) == (at_s, at_s + 70)


async def test_a_hold_refused_in_part_asks_only_for_the_rest_again(
    visit: MakeVisit, appliance: StandIn
) -> None:
    appliance.no_room_for.add("market")
    me = await visit(TWO_LOOKS[0])
    me.refusals_expected = True
    await play_back(me, appliance, "gate,market")
    await me.page.get_by_role("button", name=me.word("hold.title"), exact=True).click()
    await me.button("hold.go_on").click()
    await fill_in(me, **SAID)
    submit = me.page.locator(".hold-sheet button[type=submit]")
    await submit.click()
    await me.sees("error.hold_quota")
    await me.sees("hold.done_in_part", cameras="Cổng UBND xã")
    appliance.no_room_for.clear()
    await submit.click()
    await expect(me.page.locator(".hold-sheet")).to_be_hidden()
    assert [one["camera"] for one in appliance.holds[:2]] == ["market", "gate"]
    assert len(appliance.holds) == 5


@each_look
async def test_holds_are_listed_opened_and_ended(visit: MakeVisit, appliance: StandIn, look: Look) -> None:
    me = await visit(look)
    await me.start("/#/alarm")
    await me.button("menu").click()
    await me.page.locator("nvr-menu").get_by_role("link", name=me.word("holds.title")).click()
    cards = me.page.locator(".hold")
    await expect(cards).to_have_count(2)
    await expect(cards.first).to_contain_text("Cổng UBND xã, Chợ Đầm")
    await expect(cards.first).to_contain_text("Lê Văn Bình, Công an xã An Phú")
    await expect(cards.first).to_contain_text("2,5 GB" if look.language == "vi" else "2.5 GB")
    await expect(cards.last).to_have_class("hold expired")
    await expect(me.page.locator(".quota.in-trouble")).to_have_count(0)
    await cards.first.get_by_role("link").click()
    middle_s = appliance.holds[0]["start_s"] + 900
    await me.until(f"Math.abs({BAR}?.centerS - {middle_s}) < 2")
    assert await me.page.evaluate(f"{BAR}.spanS") == 3000
    appliance.held_bytes = appliance.quota_bytes * 9 // 10
    await me.page.go_back()
    await me.sees("holds.nearly_full")
    await cards.first.get_by_role("button", name=me.word("holds.end")).click()
    await me.button("holds.keep").click()
    assert len(appliance.holds) == 3
    await cards.first.get_by_role("button", name=me.word("holds.end")).click()
    await (
        me.page.locator("dialog[open]")
        .get_by_role("button", name=me.word("holds.end_sure"), exact=True)
        .click()
    )
    await expect(cards).to_have_count(1)
    assert [one["camera"] for one in appliance.holds] == ["bridge"]
    await cards.first.get_by_role("button", name=me.word("holds.forget")).click()
    await (
        me.page.locator("dialog[open]")
        .get_by_role("button", name=me.word("holds.end_sure"), exact=True)
        .click()
    )
    await me.sees("holds.none")


async def test_viewers_hold_nothing(visit: MakeVisit, appliance: StandIn) -> None:
    me = await visit(TWO_LOOKS[0])
    at_s = await play_back(me, appliance, "gate", "&from=60&to=120", role="viewer")
    assert await me.page.evaluate(f"{BAR}.selection") is None
    await me.page.keyboard.press("h")
    await me.page.keyboard.press("[")
    assert await me.page.evaluate(f"{BAR}.selection") is None
    assert await me.page.evaluate(f"{BAR}.centerS") == at_s
    await expect(me.page.get_by_role("button", name=me.word("hold.title"), exact=True)).to_have_count(0)
    await me.page.goto(appliance.url + "/#/incident/45")
    await expect(me.page.locator(".to-timeline")).to_be_visible()
    await expect(me.page.locator(".to-hold")).to_have_count(0)
    await me.page.goto(appliance.url + "/#/holds")
    await me.sees("error.forbidden")
    await me.page.goto(appliance.url + "/#/storage")
    await expect(me.page.locator(".stock")).to_have_count(6)
    await expect(me.page.locator(".storage-links a")).to_have_count(0)
    assert not [one for one in appliance.asked if "/api/holds" in one or "/api/deletions" in one]


@each_look
async def test_days_kept_at_a_glance(visit: MakeVisit, appliance: StandIn, look: Look) -> None:
    me = await visit(look)
    await me.start("/#/live")
    await me.page.locator(".status-line").click()
    await me.page.locator(".storage-link").click()
    rows = me.page.locator(".stock")
    await expect(rows).to_have_count(6)
    await expect(me.page.locator(".status-panel")).to_be_hidden()
    # Too little comes first, in words.
    few, many = me.word("span.days.other", n=24), me.word("span.days.other", n=30)
    await expect(rows.first).to_have_attribute("data-camera", "school")
    await expect(rows.first).to_contain_text(me.word("storage.too_little", days=few, least=many))
    await expect(me.page.locator(".stock.in-trouble")).to_have_count(1)
    width = "(e) => e.getBoundingClientRect().width"
    whole = await rows.nth(1).locator(".days-bar").evaluate(width)
    assert await rows.nth(1).locator(".days-kept").evaluate(width) == pytest.approx(whole * 23.4 / 30, abs=1)
    assert await rows.nth(1).locator(".days-possible").evaluate(width) == pytest.approx(
        whole * 24.2 / 30, abs=1
    )
    # A new recorder is no problem, although it keeps less than the minimum.
    minutes = me.word("span.minutes.other", n=6)
    new = stock(6.5 / 1440, 40, least=30, gigabytes=0.1)
    storage = appliance.status["storage"]
    storage.update(
        days_kept=6.5 / 1440, days_possible=40.0, cameras={"school": new, "gate": stock(0.25, 0.25)}
    )
    appliance.tell("status", appliance.status)
    await expect(rows).to_have_count(2)
    await expect(rows.nth(1)).to_contain_text(me.word("storage.new", span=minutes))
    await expect(rows.first).to_contain_text(me.word("storage.short", span=me.word("span.hours.other", n=6)))
    await expect(me.page.locator(".stock.in-trouble")).to_have_count(0)
    await expect(me.page.locator(".storage-days")).to_have_text(me.word("storage.new", span=minutes))
    await expect(me.page.locator(".status-days")).to_have_text(me.word("storage.new", span=minutes))


async def test_each_of_several_disks(visit: MakeVisit, appliance: StandIn) -> None:
    places = [disk("/data/a", cameras=("gate",)), disk("/data/b", "missing"), disk("/data/c", "idle")]
    appliance.status["storage"]["disks"] = places
    me = await visit(TWO_LOOKS[0])
    await me.start("/#/storage")
    disks = me.page.locator(".disk")
    await expect(disks).to_have_count(3)
    for n, place in enumerate(places):
        await expect(disks.nth(n)).to_contain_text(place["path"])
    await expect(disks.nth(1)).to_contain_text(me.word("storage.state.missing"))
    await expect(me.page.locator(".disk.in-trouble")).to_have_count(1)
    await expect(me.page.locator(".stock")).to_have_count(6)


@each_look
async def test_what_was_deleted_and_why(visit: MakeVisit, appliance: StandIn, look: Look) -> None:
    me = await visit(look)
    await me.start("/#/storage", role="administrator")
    await me.page.get_by_role("link", name=me.word("deletions.title")).click()
    rows = me.page.locator(".deletion")
    await expect(rows).to_have_count(5)
    for n, cause in enumerate(("space", "max_days", "space_min_days", "missing")):
        await expect(rows.nth(n)).to_contain_text(me.word(f"deletions.cause.{cause}"))
    await expect(rows.nth(4)).to_contain_text("of_a_later_version")
    await me.page.locator("nvr-deletions select").first.select_option("gate")
    await expect(rows).to_have_count(2)
    appliance.deletions = []
    await me.page.locator("nvr-deletions select").last.select_option("366")
    await me.sees("deletions.none")


@pytest.mark.parametrize("role", ["administrator", "operator"])
async def test_deletions_are_not_offered_where_there_are_none(
    visit: MakeVisit, appliance: StandIn, role: str
) -> None:
    if role == "administrator":
        appliance.deletions = None
    me = await visit(TWO_LOOKS[0])
    me.refusals_expected = True
    await me.start("/#/storage", role=role)
    await expect(me.page.locator(".stock")).to_have_count(6)
    if role == "administrator":
        await me.until(
            "performance.getEntriesByType('resource').some((e) => e.name.includes('/api/deletions'))"
        )
    await expect(me.page.locator(".storage-links a")).to_have_count(1)
    assert ("GET /api/deletions" in appliance.asked) == (role == "administrator")


@each_look
async def test_from_an_incident_to_its_moment_and_back(
    visit: MakeVisit, appliance: StandIn, look: Look
) -> None:
    me = await visit(look)
    opened_s = next(one["opened_s"] for one in appliance.incidents if one["id"] == 41)
    await me.start("/#/incident/41")
    await me.page.locator(".to-timeline").click()
    await me.until(f"{BAR}?.known('market') != null")
    assert await me.page.evaluate(f"{BAR}.centerS") == pytest.approx(opened_s - 3, abs=1)
    await expect(me.page.locator(".camera-chips [aria-pressed=true]")).to_have_attribute(
        "data-camera", "market"
    )
    # The mark, tapped in its row, opens the incident; on the scale above it a tap goes there.
    box = await me.page.locator("nvr-timeline-bar canvas").bounding_box()
    assert box
    x = await me.page.evaluate(f"({opened_s} - {BAR}.centerS) / {BAR}.spanS + 0.5") * box["width"] + 6
    tap = {"x": x, "y": 10}
    bar = me.page.locator("nvr-timeline-bar canvas")
    is_phone = look.size[0] < 500
    await (bar.tap(position=tap) if is_phone else bar.click(position=tap))
    assert await me.page.evaluate(f"{BAR}.centerS") > opened_s + 1
    here_s = await me.page.evaluate(f"{BAR}.centerS")
    tap = {
        "x": await me.page.evaluate(f"({opened_s} - {BAR}.centerS) / {BAR}.spanS + 0.5") * box["width"],
        "y": 36,
    }
    await (bar.tap(position=tap) if is_phone else bar.click(position=tap))
    await me.until("location.hash === '#/incident/41'")
    await me.page.go_back()
    await me.until(f"Math.abs({BAR}?.centerS - {here_s}) <= 1")
    # From there to its neighbours, by touch.
    await me.touch(f"[aria-label='{me.word('timeline.previous_incident')}']")
    await me.until(f"Math.abs({BAR}.centerS - {opened_s - 3}) < 0.1")
    earlier_s = next(one["opened_s"] for one in appliance.incidents if one["id"] == 37)
    await me.touch(f"[aria-label='{me.word('timeline.previous_incident')}']")
    await me.until(f"Math.abs({BAR}.centerS - {earlier_s - 3}) < 0.1")
    await me.touch(f"[aria-label='{me.word('timeline.next_incident')}']")
    await me.until(f"Math.abs({BAR}.centerS - {opened_s - 3}) < 0.1")


async def test_an_incident_is_held(visit: MakeVisit, appliance: StandIn) -> None:
    footage = next(one["footage"] for one in appliance.incidents if one["id"] == 41)
    me = await visit(TWO_LOOKS[0])
    await me.start("/#/incident/41")
    await me.page.locator(".to-hold").tap()
    await me.button("hold.go_on").tap()
    await fill_in(me, **SAID)
    await me.page.locator(".hold-sheet button[type=submit]").tap()
    await expect(me.page.locator(".hold-made")).to_contain_text(me.word("hold.done"))
    made = appliance.holds[0]
    assert made["camera"] == "market"
    assert made["start_s"] == pytest.approx(footage["start_s"], abs=1)
    assert made["end_s"] == pytest.approx(footage["end_s"], abs=1)


async def test_expired_holds_are_not_drawn(visit: MakeVisit, appliance: StandIn) -> None:
    at_s = moment()
    span = {"start_s": at_s - 100, "end_s": at_s + 100}
    appliance.holds = [hold(1, "gate", **span, expired=True), hold(1, "market", **span)]
    me = await visit(TWO_LOOKS[1])
    await play_back(me, appliance, "gate,market")
    await me.until(f"{BAR}.holds.length === 2 && {BAR}.known('gate') != null")
    assert await colours(me, at_s + 60, 29) != [0x8A, 0xB6, 0xFF]
    assert await colours(me, at_s + 60, 59) == [0x8A, 0xB6, 0xFF]
