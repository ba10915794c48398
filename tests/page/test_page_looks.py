"""Every page in both languages on a phone and on the duty room's screen: fits, and says nothing in bare keys."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from page_browser import LOOKS, Look, Visit
from page_data import CODE, GAP_EVERY_S, GAP_S, camera_fault, explanation, fault, seen_object
from page_standin import WEB, StandIn
from playwright.async_api import expect

pytestmark = pytest.mark.asyncio(loop_scope="session")
MakeVisit = Callable[[Look], Awaitable[Visit]]
BARE_KEY = re.compile(
    r"\b(?:nav|wall|layout|quality|readout|transport|holds?|packages|storage|deletions|live|player|camera|timeline|stream|zone|kind|response|incidents?|evidence|search|footage|alarm|siren|ringing|status|storage|analysis|clock|day|span|audit|notify|delivery|mode|trial|outcomes?|resolve|reopen|fault|remedy|error)\.[a-z_.]+\b|\{\w+\}"
)


async def said_in_words(me: Visit) -> None:
    text = await me.page.inner_text("body")
    assert BARE_KEY.findall(text.replace("nvr.toml", "").replace("analysis.model", "")) == []


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
async def test_every_page(visit: MakeVisit, appliance: StandIn, look: Look, shots: Path) -> None:
    me = await visit(look)

    async def look_at(name: str) -> None:
        await me.shoot(shots, name)
        await said_in_words(me)

    appliance.claimed = False
    await me.start(role=None)
    await me.page.locator("input[name=code]").fill(CODE[:9])
    await look_at("01-claim")
    appliance.claimed = True
    await me.page.reload()
    await me.sees("login.submit")
    await look_at("02-login")

    await me.start()
    for camera in ("gate", "market"):
        player = me.page.locator(f"nvr-tile[data-camera={camera}] nvr-player")
        await expect(player).to_have_attribute("data-state", "live", timeout=20_000)
    await asyncio.sleep(1)  # for the eye: let the other tiles come
    await look_at("03-live")
    await me.page.locator("main").evaluate("m => m.scrollTo(0, 560)")
    await look_at("04-live-scrolled")
    appliance.status["faults"] = [
        camera_fault("school", "main"),
        camera_fault("school", "sub"),
        fault(
            "disk", "record_overflow", "disk /recordings: 12 fragments dropped, the disk takes 5.6 s a commit"
        ),
        fault("siren", "siren", "/dev/serial/by-id/usb-1a86: no reply within 0.5 s"),
    ]
    appliance.tell("status", appliance.status)
    await expect(me.page.locator(".faulty")).to_be_visible()
    await look_at("05-live-faults")
    await me.page.locator(".status-line").click()
    await look_at("06-faults-open")
    await me.page.locator(".status-line").click()
    appliance.status["faults"] = []
    appliance.tell("status", appliance.status)

    await me.page.locator("main").evaluate("m => m.scrollTo(0, 0)")
    await me.page.locator("nvr-tile[data-camera=market]").click()
    await expect(me.page.locator("nvr-player.large")).to_have_attribute("data-state", "live", timeout=20_000)
    await look_at("07-camera")
    await me.button("menu").click()
    await look_at("08-menu")
    await me.button("close").click()

    await me.tab("incidents")
    await expect(me.page.locator("a.incident")).to_have_count(20)
    await me.until("document.querySelector('img.thumbnail')?.naturalWidth > 0")
    await look_at("09-incidents")
    await me.page.locator("[data-choice=kind]").select_option("person")
    await expect(me.page.locator(".as-grid .card")).to_have_count(24)
    await me.until(
        "[...document.querySelectorAll('.card-picture')].slice(0, 3).every((e) => e.naturalWidth > 0)"
    )
    await look_at("09b-search")
    await me.page.locator("[data-choice=camera]").select_option("school")
    await me.page.locator("[data-choice=day]").select_option("choose")
    await me.page.locator(".search-days input").nth(0).fill("2020-01-01")
    await me.page.locator(".search-days input").nth(1).fill("2020-01-02")
    await me.sees("search.none")
    await look_at("09c-search-nothing")
    appliance.objects[45] = [
        seen_object(appliance.incidents[0]),
        seen_object(appliance.incidents[0], 2, kind="dog", explanation=explanation(scores=(0.4, 0.3) * 12)),
        seen_object(appliance.incidents[0], 3, picture=None, frames=None, explanation=None),
    ]
    await me.page.goto(appliance.url + "/#/incident/45")
    await me.until("document.querySelector('.evidence img')?.naturalWidth > 0")
    await me.until("document.querySelector('.best-picture')?.naturalWidth > 0")
    await expect(me.page.locator("nvr-footage a[download]")).to_be_visible()
    await look_at("10-incident")
    await me.page.locator("main").evaluate("m => m.scrollTo(0, 9999)")
    await look_at("11-incident-footage")
    await me.page.locator("nvr-evidence").scroll_into_view_if_needed()
    await me.page.locator(".frames").scroll_into_view_if_needed()
    await me.until("document.querySelector('.frames img')?.naturalWidth > 0")
    await look_at("11a-incident-evidence")
    await me.page.locator(".object-button").nth(1).click()
    await me.page.locator(".frames").scroll_into_view_if_needed()
    await look_at("11a2-incident-evidence-long")

    await me.tab("playback")
    await expect(me.page.locator(".camera-chips button[aria-pressed=true]")).to_have_count(1)
    for camera in ("market", "bridge", "store"):
        await me.page.locator(f".camera-chips [data-camera={camera}]").click()
    await expect(me.page.locator(".camera-chips [data-camera=school]")).to_be_disabled()
    # To where there is no gap, soon after a whole 10 minutes: the stand-in's footage is half a minute long.
    moment_s = (time.time() - 12000) // GAP_EVERY_S * GAP_EVERY_S + GAP_S + 610
    await me.page.goto(f"{appliance.url}/#/playback?cameras=gate,market,bridge,store&at={int(moment_s)}")
    for n in range(4):
        await me.until(f"(document.querySelectorAll('nvr-reel')[{n}]?.shownS ?? null) !== null")
    await look_at("11b-playback-four")
    await me.page.get_by_role("button", name=me.word("hold.title"), exact=True).click()
    await me.sees("hold.from_here")
    await look_at("11c-hold-choosing")
    await me.button("hold.go_on").click()
    await expect(me.page.locator("dialog.hold-sheet")).to_be_visible()
    await look_at("11d-hold-form")
    await me.button("hold.back").click()
    await me.page.goto(f"{appliance.url}/#/holds")
    await expect(me.page.locator(".hold")).to_have_count(2)
    await look_at("11e-holds")
    await me.page.goto(f"{appliance.url}/#/storage")
    await expect(me.page.locator(".stock")).to_have_count(6)
    await look_at("11f-storage")
    await me.start("/#/deletions", role="administrator")
    await me.page.reload()
    await expect(me.page.locator(".deletion")).to_have_count(5)
    await look_at("11g-deletions")
    await me.start("/#/alarm")
    await me.page.reload()
    await me.tab("alarm")
    await me.sees("alarm.arm")
    await look_at("12-alarm-disarmed")
    await me.button("alarm.arm").click()
    await me.sees("alarm.disarm")
    await me.button("siren.on").click()
    await expect(me.button("siren.sure")).to_be_enabled()
    await look_at("13-alarm-armed-siren-question")
    await me.button("siren.sure").click()
    await expect(me.button("siren.off")).to_be_visible()
    await look_at("14-siren-sounding")
    appliance.ring(46, camera="store", camera_name="Kho vật tư", zone="Sân sau", kind="person")
    await expect(me.page.locator("dialog.ringing img")).to_be_visible()
    await me.until("document.querySelector('dialog.ringing img').naturalWidth > 0")
    await look_at("15-ringing-siren")
    await me.page.locator("dialog.ringing").get_by_role("button", name=me.word("siren.off")).click()
    await expect(me.page.locator("dialog.ringing nvr-siren-bar")).to_be_hidden()
    appliance.ring(47, camera="gate", camera_name="Cổng UBND xã", kind="person")
    await expect(me.page.locator("dialog.ringing h2")).to_contain_text("Cổng UBND xã")
    await look_at("16-ringing-two")
    await me.button("ringing.hush").click()
    await me.tab("live")
    await look_at("17-live-ringing-bar")


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
async def test_touch_targets_are_large(visit: MakeVisit, look: Look) -> None:
    me = await visit(look)
    for path in (
        "/#/live",
        "/#/live/gate",
        "/#/playback",
        "/#/incidents",
        "/#/incidents?kind=person&from=2026-11-01",
        "/#/incident/45",
        "/#/alarm",
        "/#/holds",
        "/#/packages",
        "/#/storage",
        "/#/deletions",
        "/#/audit",
        "/#/notify",
    ):
        await me.start(path, role="administrator")
        await me.page.reload()
        await expect(me.page.locator("main > *")).to_have_count(1)
        await expect(me.page.locator(".status-days")).not_to_be_empty()
        small = await me.page.evaluate(
            "[...document.querySelectorAll('a, button, select, summary, input')].filter((e) => e.checkVisibility())"
            ".map((e) => [e.className, e.getBoundingClientRect()]).filter(([, r]) => r.width < 48 || r.height < 48)"
            ".map(([name, r]) => `${name} ${r.width}x${r.height}`)"
        )
        assert small == [], path


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
async def test_certificate_page(visit: MakeVisit, appliance: StandIn, look: Look, shots: Path) -> None:
    html = (WEB / "static" / "http.html").read_text()
    values = {
        "site": "Công an xã An Phú",
        "fingerprint": ":".join(["A7"] * 32),
        "https_url": "https://192.168.1.10:8443/",
    }
    for name, value in values.items():
        html = html.replace("{{" + name + "}}", value)
    assert "{{" not in html
    appliance.index = html
    me = await visit(look)
    me.refusals_expected = True  # browsers ask for a favicon.ico
    await me.start(role=None)
    await expect(me.page.get_by_role("heading", level=1)).to_have_count(2)
    await me.fits()
    await me.page.screenshot(path=shots / f"20-certificate-{look.name}.png", full_page=True)
