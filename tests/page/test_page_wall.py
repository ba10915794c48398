"""The wall of cameras: sizes, pages, saved layouts, keyboard, and one picture made large."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from page_browser import TWO_LOOKS, Look, Visit, until
from page_data import cameras
from page_standin import StandIn
from playwright.async_api import Locator, expect

pytestmark = pytest.mark.asyncio(loop_scope="session")
MakeVisit = Callable[[Look], Awaitable[Visit]]
PHONE, DESK = TWO_LOOKS
each_look = pytest.mark.parametrize("look", TWO_LOOKS, ids=lambda look: look.name)


def many(appliance: StandIn, count: int) -> None:
    """So many cameras, of which none can be shown: this is about tiles, not pictures."""
    away = cameras()[3]
    appliance.cameras = [{**away, "id": f"c{n}", "name": f"Mắt số {n}"} for n in range(1, count + 1)]


async def names(me: Visit) -> list[str]:
    return await me.page.locator(".grid .tile-name:visible").all_inner_texts()


def view(me: Visit) -> Locator:
    return me.page.locator(".wall-tools select")


@each_look
async def test_sizes_and_pages(visit: MakeVisit, appliance: StandIn, look: Look) -> None:
    many(appliance, 18)
    me = await visit(look)
    await me.start()
    shown = 18 if look is PHONE else 16
    await expect(me.page.locator("nvr-tile")).to_have_count(shown)  # a phone scrolls
    await view(me).select_option("tiles:4")
    await expect(me.page.locator("nvr-tile")).to_have_count(4)
    await expect(me.page.locator(".pager")).to_contain_text("1/5")
    await expect(me.button("wall.previous")).to_be_disabled()
    for _ in range(4):
        await me.button("wall.next").click()
    assert await names(me) == ["Mắt số 17", "Mắt số 18"]
    await expect(me.page.locator(".tile-empty")).to_have_count(2)
    await expect(me.button("wall.next")).to_be_disabled()
    await me.fits()
    boxes = [await tile.bounding_box() for tile in await me.page.locator(".grid > *").all()]
    assert len({round(box["width"]) for box in boxes if box}) == 1, "an empty tile is as large"
    await me.page.reload()
    await expect(me.page.locator("nvr-tile")).to_have_count(4)  # this device shows what it showed
    await view(me).select_option("tiles:16")
    await expect(me.page.locator("nvr-tile")).to_have_count(16)
    await me.fits()


async def test_the_whole_wall_is_in_sight(visit: MakeVisit, appliance: StandIn) -> None:
    many(appliance, 18)
    me = await visit(DESK)
    await me.start()
    for size in (1, 4, 9, 16):
        await view(me).select_option(f"tiles:{size}")
        await expect(me.page.locator("nvr-tile")).to_have_count(size)
        last = await me.page.locator(".grid > *").last.bounding_box()
        assert last and last["y"] + last["height"] <= 1080


@each_look
async def test_a_layout_is_saved_changed_and_removed(
    visit: MakeVisit, appliance: StandIn, look: Look
) -> None:
    many(appliance, 6)
    me = await visit(look)
    me.refusals_expected = True
    await me.start()
    await view(me).select_option("tiles:4")
    await me.button("wall.save_as").click()
    sheet = me.page.locator(".layout-sheet")
    submit = sheet.get_by_role("button", name=me.word("layout.save"), exact=True)
    await submit.click()
    await me.sees("error.empty_field")
    await sheet.locator("input[name=name]").fill("Ca đêm")
    places = sheet.locator(".layout-page select")
    await expect(places).to_have_count(8)  # six cameras on two pages
    await places.nth(0).select_option("c5")  # it leaves its place on the second page
    await expect(places.nth(4)).to_have_value("")
    await places.nth(1).select_option("")
    await me.fits()
    await submit.click()
    await expect(sheet).to_be_hidden()
    slots = ["c5", None, "c3", "c4", None, "c6", None, None]
    assert appliance.layouts.kept == {1: {"id": 1, "name": "Ca đêm", "tiles": 4, "cameras": slots}}
    assert await names(me) == ["Mắt số 5", "Mắt số 3", "Mắt số 4"]
    await expect(me.page.locator(".tile-empty")).to_have_count(1)
    await expect(view(me)).to_have_value("layout:1")

    await me.button("wall.edit").click()
    await sheet.locator("select[name=tiles]").select_option("9")
    await submit.click()
    await expect(sheet).to_be_hidden()
    assert appliance.layouts.kept[1]["tiles"] == 9
    await expect(me.page.locator(".tile-empty")).to_have_count(5)
    await me.page.reload()
    await expect(view(me)).to_have_value("layout:1")
    await expect(me.page.locator(".tile-empty")).to_have_count(5)
    # What this account may see no more stays empty.
    appliance.layouts.kept[1]["cameras"][0] = None
    appliance.cameras = [one for one in appliance.cameras if one["id"] != "c3"]
    await me.page.reload()
    await expect(me.page.locator(".tile-empty")).to_have_count(7)
    assert await names(me) == ["Mắt số 4", "Mắt số 6"]

    await view(me).select_option("")
    await me.button("wall.save_as").click()
    await sheet.locator("input[name=name]").fill("Ca đêm")
    await submit.click()
    await me.sees("error.layout_name_taken")
    await me.button("close").click()
    await view(me).select_option("layout:1")
    await me.button("wall.edit").click()
    await sheet.get_by_role("button", name=me.word("layout.remove"), exact=True).click()
    await expect(sheet).to_be_hidden()
    assert appliance.layouts.kept == {}
    await expect(view(me)).to_have_value("")
    await expect(me.page.locator("nvr-tile")).to_have_count(5)


async def test_keyboard(visit: MakeVisit, appliance: StandIn) -> None:
    many(appliance, 7)
    me = await visit(DESK)
    await me.start()
    await view(me).select_option("tiles:4")
    await me.page.locator(".wall h1").click()
    press = me.page.keyboard.press
    at = "document.activeElement.closest('nvr-tile')?.dataset.camera"
    for key, camera in (
        ("ArrowRight", "c1"),
        ("ArrowRight", "c2"),
        ("ArrowDown", "c4"),
        ("ArrowDown", "c4"),
        ("ArrowRight", "c5"),
        ("ArrowLeft", "c4"),
        ("ArrowUp", "c2"),
    ):
        await press(key)
        assert await me.page.evaluate(at) == camera, key
    await press("PageDown")
    assert await names(me) == ["Mắt số 5", "Mắt số 6", "Mắt số 7"]
    await press("4")  # an empty tile
    assert len(await names(me)) == 3
    await press("2")
    assert await names(me) == ["Mắt số 6"]
    await press("Escape")
    await press("3")
    assert await names(me) == ["Mắt số 7"]
    await press("3")
    assert len(await names(me)) == 3
    await press("f")
    await me.until("document.fullscreenElement?.className.includes('wall')")
    await press("1")
    assert await names(me) == ["Mắt số 5"]
    await press("Enter")
    await me.until("location.hash === '#/live/c5'")


@each_look
async def test_two_taps_make_a_picture_large_and_the_others_are_left(
    visit: MakeVisit, appliance: StandIn, look: Look
) -> None:
    appliance.cameras = appliance.cameras[:3]
    me = await visit(look)
    await me.start()
    await view(me).select_option("tiles:4")
    market = me.page.locator("nvr-tile[data-camera=market]")
    for camera in ("gate", "market", "bridge"):
        player = me.page.locator(f"nvr-tile[data-camera={camera}] nvr-player")
        await expect(player).to_have_attribute("data-state", "live", timeout=20_000)
    await until(lambda: appliance.viewers == 3)
    assert not [one for one in appliance.asked if one.endswith("/live/main")]
    box = await market.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    if look is PHONE:
        for _ in range(2):
            await me.page.touchscreen.tap(x, y)
    else:
        await me.page.mouse.dblclick(x, y)
    await until(lambda: appliance.viewers == 1)
    assert await names(me) == ["Chợ Đầm"]
    large = await market.bounding_box()
    assert large and large["width"] > 1.8 * box["width"]
    if look is DESK:
        await until(lambda: appliance.wished == ["main"])
    await expect(market.locator("nvr-player")).to_have_attribute("data-state", "live")
    await me.button("wall.shrink").click()
    await until(lambda: appliance.viewers == 3)
    await market.click()
    await me.until("location.hash === '#/live/market'")
