"""Packages of evidence: asked for from a hold, approved by another, fetched."""

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
async def test_asked_for_approved_and_fetched(
    visit: MakeVisit, appliance: StandIn, look: Look, shots: Path
) -> None:
    me = await visit(look)
    await me.start("/#/holds")
    await me.button("packages.ask").first.click()
    card = me.page.locator(".package")
    await expect(card).to_have_count(1)
    assert appliance.packages.requests[0]["cameras"] == ["market", "gate"]
    await me.sees("packages.state.requested")
    await expect(me.button("packages.approve")).to_have_count(0)
    await expect(me.page.locator(".fingerprint")).to_contain_text("5647 5aa7")

    await me.start("/#/packages", role="administrator")
    await me.page.reload()
    me.refusals_expected = True
    appliance.packages.refuses = "same_person"
    await me.button("packages.approve").click()
    await me.sees("error.same_person")
    appliance.packages.refuses = ""
    await me.button("packages.approve").click()
    await me.sees("packages.making", percent=42)
    await me.fits()
    await me.page.screenshot(path=shots / f"packages-{look.name}.png", full_page=True)
    # The page looks again by itself while one is being made.
    appliance.packages.requests[0] |= {"state": "ready", "bytes": 2_500_000_000, "progress": None}
    link = me.page.get_by_role("link", name=me.word("packages.download"))
    await expect(link).to_have_attribute("href", f"/api/evidence/{1:016x}/package.zip")

    appliance.packages.requests[0] |= {"state": "failed", "failure": "disk_away"}
    await me.page.reload()
    await me.sees("packages.failed.disk_away")
    await me.button("packages.refuse").click()
    await me.sees("packages.state.refused")


async def test_viewers_see_no_packages(visit: MakeVisit) -> None:
    me = await visit(TWO_LOOKS[0])
    await me.start("/#/packages", role="viewer")
    await me.sees("error.forbidden")
