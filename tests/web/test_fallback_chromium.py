"""The page in Chromium where no UDP gets through: live pictures come by fragments, and it says so."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from playwright.async_api import ConsoleMessage, Locator, Page, async_playwright, expect
from test_web_live import BY
from web_live import STEP_90K, taken_udp_port, until
from web_site import GATE, Site, access_units, running_site

import nvr.web
from nvr.events import Role, StreamKey
from nvr.media.access_unit import Discontinuity
from nvr.web.access import AccountRole
from peers.browser import ARGUMENTS, WHOLE_CHROMIUM

MAIN = StreamKey("gate", Role.MAIN)
NO_UDP = "--webrtc-ip-handling-policy=disable_non_proxied_udp"
WORDS = json.loads((Path(nvr.web.__file__).parent / "locales/vi.json").read_text("utf-8"))
VIDEO = "document.querySelector('nvr-player video')"
# What the player says, also where it is soon something else.
SAID = """
window.said = [];
new MutationObserver((records) => {
  for (const { target } of records)
    if (target.classList?.contains("player-words")) said.push(target.textContent);
}).observe(document, { childList: true, subtree: true });
"""
SIZE = f"{VIDEO}.videoWidth"
SHOWN = f"{VIDEO}.getVideoPlaybackQuality().totalVideoFrames"
BEHIND = f"(v => v.buffered.end(v.buffered.length - 1) - v.currentTime)({VIDEO})"


class Cameras:
    """Streams that go on in real time; each may be given other pictures."""

    def __init__(self, site: Site):
        self._site = site
        self.pts_90k: dict[StreamKey, int] = {}
        self.size = {GATE: (320, 240), MAIN: (640, 480)}

    async def play(self, key: StreamKey) -> None:
        hub, clock = self._site.services.hub[key], self._site.services.clock
        self._site.show_live(key)
        self.pts_90k[key] = 0
        while True:
            for unit in access_units(key, 0.0, self.size[key])[:25]:
                pts_90k = self.pts_90k[key] = self.pts_90k[key] + STEP_90K
                hub.publish(replace(unit, pts_90k=pts_90k, received_mono_s=clock.monotonic()))
                await asyncio.sleep(1 / 25)


@asynccontextmanager
async def playing(site: Site) -> AsyncIterator[Cameras]:
    cameras = Cameras(site)
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(cameras.play(key)) for key in (GATE, MAIN)]
        yield cameras
        for task in running:
            task.cancel()


class Visitor:
    """A page, what it asked, and what it complained of."""

    def __init__(self, page: Page):
        self.page = page
        self.asked: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda r: self.asked.append(f"{r.method} {r.url.partition('/api/')[2]}"))
        page.on("websocket", lambda w: self.asked.append(f"GET {w.url.partition('/api/')[2]}"))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._heard)

    def _heard(self, message: ConsoleMessage) -> None:
        # There is no analysis process here that makes still pictures.
        if message.type == "error" and "/picture?at_s" not in message.location["url"]:
            self.complaints.append(f"{message.text} {message.location['url']}")

    @property
    def player(self) -> Locator:
        return self.page.locator("nvr-player").first

    async def until(self, script: str) -> None:
        async with asyncio.timeout(30):
            while not await self.page.evaluate(script):
                await asyncio.sleep(0.05)

    async def plays(self) -> None:
        """New pictures are shown, and not those of long ago."""
        await expect(self.player).to_have_attribute("data-state", "live", timeout=30_000)
        shown = await self.page.evaluate(SHOWN)
        await self.until(f"{SHOWN} > {shown} + 20 && {BEHIND} < 1.5")

    def attempts(self, way: str) -> int:
        return sum(f"cameras/gate/{way}/" in asked for asked in self.asked)


@asynccontextmanager
async def visiting(site: Site, name: str, *arguments: str) -> AsyncIterator[Visitor]:
    client = await site.log_in(name, AccountRole.VIEWER)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=WHOLE_CHROMIUM, args=[*ARGUMENTS, *arguments]
        )
        context = await browser.new_context(ignore_https_errors=True, locale="vi-VN")
        cookie: Any = {"name": "__Host-nvr", "value": client.token(), "url": site.url, "secure": True}
        await context.add_cookies([cookie])
        await context.add_init_script(SAID)
        visitor = Visitor(await context.new_page())
        try:
            yield visitor
        finally:
            await browser.close()


async def test_no_udp_gets_through(site: Site) -> None:
    async with playing(site) as cameras, visiting(site, "xem", NO_UDP) as me:
        await me.page.clock.install()
        await me.page.goto(f"{site.url}/#/live/gate")
        await me.plays()
        assert WORDS["player.fallback_connecting"] in await me.page.evaluate("said")
        await expect(me.player.locator(".player-fallback")).to_be_visible()
        await expect(me.player.locator(".player-fallback")).to_have_text(WORDS["player.fallback"])
        assert me.attempts("live") == 1 and me.attempts("fragments") == 1
        # The other stream, by a connection of its own and without a break.
        assert await me.page.evaluate(SIZE) == 640
        await me.page.evaluate("said.length = 0")
        await me.page.locator("nvr-camera select").select_option("sub")
        await me.until(f"{SIZE} === 320")
        await me.plays()
        assert await me.page.evaluate("said") == []
        assert [asked.partition("?")[0] for asked in me.asked if "/fragments/" in asked] == [
            "GET cameras/gate/fragments/main",
            "GET cameras/gate/fragments/sub",
        ]
        # What was shown long ago is forgotten, and it goes on.
        await me.until(f"{VIDEO}.buffered.start(0) > 0")
        await me.plays()
        # The camera is set to another size, and then begins anew with its time.
        for key in (GATE, MAIN):
            cameras.size[key] = (352, 288)
        await me.until(f"{SIZE} === 352")
        await me.plays()
        for key in (GATE, MAIN):
            site.services.hub[key].publish(Discontinuity(key, "reconnect", 0.0))
            cameras.pts_90k[key] = 0
        await me.plays()
        # Begun anew it does not try again what it knows.
        await me.page.evaluate("location.hash = '#/live'")
        await me.plays()
        await me.page.evaluate("location.hash = '#/live/gate'")
        await me.plays()
        assert me.attempts("live") == 1
        # Later it does: this device may be in another network.
        await me.page.clock.fast_forward("05:01")
        await me.page.evaluate("location.hash = '#/live'")
        await me.plays()
        assert me.attempts("live") == 2
        assert me.complaints == []
        await site.services.auth.accounts.set_rights("xem", AccountRole.VIEWER, ["yard"], by=BY)
        await expect(me.player).not_to_have_attribute("data-state", "live", timeout=30_000)
        await until(lambda: len(site.server._watches) == 1)


async def test_the_live_port_is_taken(tmp_path: Path) -> None:
    with taken_udp_port() as port:
        async with (
            running_site(tmp_path, live_port=port) as site,
            playing(site),
            visiting(site, "xem") as me,
        ):
            await me.page.goto(f"{site.url}/#/live/gate")
            await me.plays()
            await expect(me.player.locator(".player-fallback")).to_be_visible()


async def test_where_udp_gets_through_it_is_not_needed(site: Site) -> None:
    async with playing(site), visiting(site, "xem") as me:
        await me.page.goto(f"{site.url}/#/live/gate")
        await expect(me.player).to_have_attribute("data-state", "live", timeout=30_000)
        await expect(me.player.locator(".player-fallback")).not_to_be_visible()
        assert me.attempts("fragments") == 0
