"""Platforms are added, changed and removed by administrators; a password is shown once."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from page_browser import TWO_LOOKS, Look, Visit
from page_standin import StandIn
from playwright.async_api import expect

pytestmark = pytest.mark.asyncio(loop_scope="session")
MakeVisit = Callable[[Look], Awaitable[Visit]]
each_look = pytest.mark.parametrize("look", TWO_LOOKS, ids=lambda look: look.name)


@each_look
async def test_a_platform_is_added_and_its_password_shown_once(
    visit: MakeVisit, appliance: StandIn, look: Look, shots: Path
) -> None:
    me = await visit(look)
    known = appliance.platforms
    await me.start("/", role="administrator")
    await me.button("menu").click()
    await me.page.get_by_role("link", name=me.word("platforms.title")).click()
    await me.sees("platforms.none")
    await me.shoot(shots, "60-platforms-none")
    await me.button("platforms.add").click()
    sheet = me.page.locator(".platform-sheet")
    cameras = [camera["id"] for camera in appliance.cameras]
    await sheet.locator("input[name=name]").fill("cong-an-tinh")
    for camera in cameras[:2]:
        await sheet.locator(f"[data-camera={camera}]").click()
    await me.shoot(shots, "61-platform-add")
    await sheet.get_by_role("button", name=me.word("platforms.add")).click()
    await expect(sheet).to_contain_text(me.word("platforms.once"))
    texts = [await area.input_value() for area in await sheet.locator("textarea").all()]
    assert texts[:2] == ["cong-an-tinh", known.passwords[-1]]
    assert texts[2] == "http://127.0.0.1:8080/onvif/device_service"
    assert texts[3].split() == [f"rtsp://127.0.0.1:8554/{camera}/main" for camera in cameras[:2]]
    assert texts[4].split() == [f"rtsps://127.0.0.1:8322/{camera}/main" for camera in cameras[:2]]
    await me.shoot(shots, "62-platform-login")
    await sheet.get_by_role("button", name=me.word("platforms.noted")).click()
    await expect(sheet).to_be_hidden()
    assert known.passwords[-1] not in await me.page.content()
    card = me.page.locator("[data-platform=cong-an-tinh]")
    await expect(card).to_contain_text(me.word("platforms.never"))
    await card.get_by_role("button", name=me.word("platforms.addresses")).click()
    await expect(sheet).to_contain_text(me.word("platforms.password_not_shown"))
    again = [await area.input_value() for area in await sheet.locator("textarea").all()]
    assert again == [texts[0], *texts[2:]]
    assert len(known.passwords) == 1, "looking the addresses up costs no password"
    await me.shoot(shots, "66-platform-addresses")
    await sheet.get_by_role("button", name=me.word("close")).click()
    await me.button("platforms.add").click()
    me.refusals_expected = True
    await sheet.locator("input[name=name]").fill("cong-an-tinh")
    await sheet.get_by_role("button", name=me.word("platforms.add")).click()
    await expect(sheet.get_by_role("alert")).to_have_text(me.word("error.platform_taken"))


@each_look
async def test_a_platform_is_changed_and_removed(
    visit: MakeVisit, appliance: StandIn, look: Look, shots: Path
) -> None:
    me = await visit(look)
    known = appliance.platforms
    cameras = [camera["id"] for camera in appliance.cameras]
    for name, chosen, seen_s in (("dau-ghi-xa", cameras[:3], time.time() - 400), ("tinh", [], None)):
        known.kept[name] = {
            "name": name,
            "cameras": chosen,
            "enabled": seen_s is not None,
            "created_s": 1.0,
            "created_by": "Lan",
            "seen_s": seen_s,
            "seen_address": seen_s and "10.20.0.5",
        }
    await me.start("/#/platforms", role="administrator")
    card, sheet = me.page.locator("[data-platform=dau-ghi-xa]"), me.page.locator(".platform-sheet")
    await expect(card).to_contain_text("10.20.0.5")
    await me.shoot(shots, "63-platforms")
    await card.get_by_role("button", name=me.word("platforms.edit")).click()
    await sheet.locator(f"[data-camera={cameras[0]}]").click()
    await sheet.get_by_label(me.word("platforms.allow")).uncheck()
    await me.shoot(shots, "64-platform-cameras")
    await sheet.get_by_role("button", name=me.word("schedule.save")).click()
    await expect(sheet).to_be_hidden()
    await expect(card).to_contain_text(me.word("platforms.off"))
    assert (known.kept["dau-ghi-xa"]["cameras"], known.kept["dau-ghi-xa"]["enabled"]) == (cameras[1:3], False)
    await card.get_by_role("button", name=me.word("platforms.login")).click()
    await sheet.get_by_role("button", name=me.word("platforms.renew_sure")).click()
    await expect(sheet.locator("textarea").nth(1)).to_have_value("mAtKhauSo0000000")
    await me.page.keyboard.press("Escape")
    await expect(sheet).to_be_hidden()
    assert known.passwords[-1] not in await me.page.content()
    await card.get_by_role("button", name=me.word("platforms.remove")).click()
    await me.shoot(shots, "65-platform-remove")
    await sheet.get_by_role("button", name=me.word("platforms.remove_sure")).click()
    await expect(card).to_have_count(0)
    assert list(known.kept) == ["tinh"]
