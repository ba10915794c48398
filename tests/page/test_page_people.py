"""Accounts are made and changed by administrators; everybody has his own log-ins and password."""

from __future__ import annotations

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
async def test_accounts(visit: MakeVisit, appliance: StandIn, look: Look, shots: Path) -> None:
    me, known = await visit(look), appliance.people
    cameras = [camera["id"] for camera in appliance.cameras]
    known.know("an", "administrator", own=True, may_change=False)
    known.know("Trần Văn Minh", "operator", cameras=cameras[:2])
    known.know("Lê Thị Hoa", "viewer", disabled=True, sessions=0)
    await me.start("/", role="administrator")
    await me.button("menu").click()
    await me.shoot(shots, "70-menu-administrator")
    await me.page.get_by_role("link", name=me.word("accounts.title"), exact=True).click()
    card, sheet = me.page.locator('[data-account="Trần Văn Minh"]'), me.page.locator(".platform-sheet")
    await expect(card).to_contain_text(me.word("role.operator"))
    await me.shoot(shots, "71-accounts")

    await me.button("accounts.add").click()
    await sheet.locator("input[name=name]").fill("Phạm Quang Huy")
    await sheet.locator("select[name=role]").select_option("investigator")
    await sheet.get_by_label(me.word("accounts.all_cameras")).uncheck()
    await sheet.locator(f"[data-camera={cameras[0]}]").click()
    await me.shoot(shots, "72-account-add")
    await sheet.get_by_role("button", name=me.word("accounts.add")).click()
    await expect(sheet).to_contain_text(me.word("accounts.once"))
    told = [await area.input_value() for area in await sheet.locator("textarea").all()]
    assert told == ["Phạm Quang Huy", known.passwords[-1]]
    assert (known.kept[4]["role"], known.kept[4]["cameras"]) == ("investigator", cameras[:1])
    await me.shoot(shots, "73-account-password")
    await sheet.get_by_role("button", name=me.word("platforms.noted")).click()
    assert known.passwords[-1] not in await me.page.content()

    await card.get_by_role("button", name=me.word("accounts.edit")).click()
    await sheet.get_by_label(me.word("accounts.enabled")).uncheck()
    await sheet.get_by_role("button", name=me.word("schedule.save")).click()
    await expect(sheet).to_be_hidden()
    await expect(card).to_contain_text(me.word("accounts.off"))
    assert known.kept[2]["disabled"] and known.kept[2]["cameras"] == cameras[:2]
    await card.get_by_role("button", name=me.word("log_ins.title")).click()
    await sheet.locator("[data-log-in=b2]").get_by_role("button").click()
    await expect(sheet.locator("[data-log-in=b2]")).to_have_count(0)
    assert known.ended == ["b2"]
    await sheet.get_by_role("button", name=me.word("close")).click()
    await card.get_by_role("button", name=me.word("accounts.remove")).click()
    await me.shoot(shots, "74-account-remove")
    await sheet.get_by_role("button", name=me.word("accounts.remove")).click()
    await expect(card).to_have_count(0)


@each_look
async def test_a_first_password_is_changed_before_anything_else(
    visit: MakeVisit, appliance: StandIn, look: Look, shots: Path
) -> None:
    me, known = await visit(look), appliance.people
    known.passwords.append("k7fm-2qhx-9trd")
    appliance.account = {"name": "an", "role": "investigator", "cameras": None, "must_change": True}
    await me.start("/", role=None)
    await me.sees("password.first")
    await me.shoot(shots, "75-first-password")
    me.refusals_expected = True
    for old, new, refusal in (
        ("k7fm-2qhx-9trd", "ngắn", "weak_password"),
        ("sai", "một mật khẩu dài", "wrong_password"),
    ):
        await me.page.locator("input[name=old]").fill(old)
        await me.page.locator("input[name=new]").fill(new)
        await me.button("password.change").click()
        await me.sees(f"error.{refusal}")
    assert not [asked for asked in appliance.asked if asked.startswith("GET /api/events")]
    await me.page.locator("input[name=old]").fill("k7fm-2qhx-9trd")
    await me.button("password.change").click()
    # An investigator watches nothing live: what happened comes first.
    await expect(me.page.locator("nav.tabs a")).to_have_count(3)
    await expect(me.page.locator("nav.tabs [aria-current=page]")).to_have_attribute("data-page", "incidents")
    await me.page.goto(appliance.url + "/#/own")
    await expect(me.page.locator("[data-log-in=a1]")).to_contain_text(me.word("log_ins.own"))
    await me.shoot(shots, "76-own")
    await me.page.locator("[data-log-in=b2]").get_by_role("button").click()
    await expect(me.page.locator("[data-log-in=b2]")).to_have_count(0)
