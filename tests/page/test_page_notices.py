"""The access log, who was told of an incident, and the phone's own notifications, in a real browser."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from page_browser import TWO_LOOKS, Look, Visit
from page_standin import StandIn
from playwright.async_api import async_playwright, expect

from peers.browser import ARGUMENTS, WHOLE_CHROMIUM

pytestmark = pytest.mark.asyncio(loop_scope="session")
MakeVisit = Callable[[Look], Awaitable[Visit]]
each_look = pytest.mark.parametrize("look", TWO_LOOKS, ids=lambda look: look.name)


@each_look
async def test_the_access_log_is_read_and_checked(
    visit: MakeVisit, appliance: StandIn, look: Look, shots: Path
) -> None:
    me = await visit(look)
    await me.start("/", role="administrator")
    await me.button("menu").click()
    await me.page.get_by_role("link", name=me.word("audit.title")).click()
    rows = me.page.locator("nvr-audit .deletion")
    await expect(rows).to_have_count(50)
    await expect(rows.first).to_contain_text(me.word("audit.row", row=137))
    await expect(me.page.locator(".chain")).to_contain_text(me.word("audit.chain.unknown"))
    await expect(me.page.locator(".chain")).to_contain_text("137:3f2a 9c1b 77d0 5e21")
    await me.button("audit.check").click()
    await expect(me.page.locator(".chain")).to_contain_text(me.word("audit.chain.whole"))
    await me.shoot(shots, "30-audit")
    await me.button("audit.more").click()
    await expect(rows).to_have_count(100)
    await me.button("audit.more").click()
    await expect(rows).to_have_count(137)
    await expect(me.button("audit.more")).to_be_hidden()
    await me.page.locator("nvr-audit select").select_option("login-refused")
    await expect(rows).to_have_count(23)
    await expect(rows.first).to_contain_text(me.word("audit.stranger"))
    await expect(rows.first).to_contain_text(me.word("audit.did.login-refused"))
    await me.page.locator("nvr-audit select").select_option("")
    await me.page.locator("nvr-audit input").fill("Lan")
    await me.page.locator("nvr-audit input").press("Enter")
    await me.sees("audit.none")
    appliance.notices.chain.update(state="broken", broken_row=41)
    await me.button("audit.check").click()
    await expect(me.page.locator(".chain [role=alert]")).to_contain_text(
        me.word("audit.chain.broken", row=41)
    )
    appliance.notices.chain.update(state="cut", broken_row=None, missing_head="90:00")
    await me.button("audit.check").click()
    await expect(me.page.locator(".chain [role=alert]")).to_contain_text(me.word("audit.chain.cut", row=90))


@each_look
async def test_receivers_are_shown_and_tested(
    visit: MakeVisit, appliance: StandIn, look: Look, shots: Path
) -> None:
    me = await visit(look)
    await me.start("/#/notify", role="administrator")
    targets = me.page.locator("nvr-notify [data-target]")
    await expect(targets).to_have_count(2)
    await expect(targets.last).to_contain_text(me.word("notify.failing"))
    await expect(targets.last).to_contain_text(me.word("notify.waiting.other", n=2))
    await me.sees("notify.phone.not_configured")
    await targets.first.get_by_role("button").click()
    await expect(targets.first.get_by_role("status")).to_have_text(me.word("notify.arrived.one", n=1))
    appliance.notices.tested = {"arrived": 0, "problem": "answered:503"}
    await targets.last.get_by_role("button").click()
    problem = me.word("notify.problem.answered", what=503)
    await expect(targets.last.get_by_role("status")).to_have_text(
        me.word("notify.not_arrived", problem=problem)
    )
    await me.shoot(shots, "31-notify")
    await me.start("/#/notify", role="operator")
    await me.page.reload()
    await expect(targets).to_have_count(2)
    await expect(targets.get_by_role("button")).to_have_count(0)
    appliance.asked.clear()
    await me.start("/#/notify", role="viewer")
    await me.page.reload()
    await me.sees("notify.phone.not_configured")
    assert "GET /api/notify" not in appliance.asked


@each_look
async def test_an_incident_says_who_was_told(
    visit: MakeVisit, appliance: StandIn, look: Look, shots: Path
) -> None:
    me = await visit(look)
    notices = appliance.notices
    phone = notices.delivery("may", "push", "delivered")
    notices.deliveries = [
        notices.delivery("truc-ban", "mqtt", "delivered"),
        phone,
        dict(phone),
        notices.delivery("huyen", "webhook", "waiting", attempts=3, problem="unreachable"),
        notices.delivery("tinh", "webhook", "given_up", attempts=9, problem="expired"),
    ]
    await me.start("/#/incident/45")
    lines = me.page.locator("nvr-deliveries .delivery")
    await expect(lines).to_have_count(4)
    await expect(lines.first).to_contain_text("MQTT (truc-ban)")
    await expect(lines.nth(1)).to_contain_text("× 2")
    await expect(lines.nth(2)).to_contain_text(me.word("notify.problem.unreachable"))
    await expect(lines.nth(3)).to_have_attribute("data-state", "given_up")
    await me.shoot(shots, "32-incident-told")
    # What changes is told by the incident's event.
    notices.deliveries[3].update(state="delivered", problem=None)
    appliance.tell("incident", appliance.incidents[0])
    await expect(lines.nth(2)).to_have_attribute("data-state", "delivered")


async def test_the_worker_shows_what_it_is_sent(appliance: StandIn) -> None:
    """The real service worker in the real browser; the push comes from the browser's own protocol."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=WHOLE_CHROMIUM, args=list(ARGUMENTS))
        me = Visit(chromium, appliance, TWO_LOOKS[0])
        await me.open()
        await me.context.grant_permissions(["notifications"], origin=appliance.url)
        await me.start("/")
        cdp = await me.context.new_cdp_session(me.page)
        registrations: list[str] = []
        cdp.on(
            "ServiceWorker.workerRegistrationUpdated",
            lambda event: registrations.extend(r["registrationId"] for r in event["registrations"]),
        )
        await cdp.send("ServiceWorker.enable")
        await me.page.evaluate(
            "navigator.serviceWorker.register('/push-worker.js').then(() => navigator.serviceWorker.ready)"
        )
        await me.until("navigator.serviceWorker.ready.then((r) => r.active?.state === 'activated')")
        message = {"site": "Trạm Đông", "text": "22:13 Cổng: phát hiện người", "incident": {"id": 45}}
        await cdp.send(
            "ServiceWorker.deliverPushMessage",
            {
                "origin": appliance.url,
                "registrationId": registrations[-1],
                "data": json.dumps(message, ensure_ascii=False),
            },
        )
        shown = "navigator.serviceWorker.ready.then((r) => r.getNotifications())"
        await me.until(f"{shown}.then((all) => all.length === 1)")
        found = await me.page.evaluate(f"{shown}.then(([n]) => [n.title, n.body, n.tag, n.data.url])")
        assert found == ["Trạm Đông", message["text"], "incident-45", "/#/incident/45"]
        await me.close()
        await chromium.close()
