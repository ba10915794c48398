"""One person at the page: a fresh browser profile with a language and a screen."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from page_standin import WEB, StandIn
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect

PHONE, DESK = (360, 740), (1920, 1080)
# Chromium writes this to the console itself when an answer has status >= 400; what the page makes of it is tested.
REFUSED = "Failed to load resource: the server responded with a status of"


@dataclass(frozen=True)
class Look:
    language: str
    size: tuple[int, int]

    @property
    def name(self) -> str:
        return f"{self.language}-{self.size[0]}"


LOOKS = [Look(language, size) for language in ("vi", "en") for size in (PHONE, DESK)]
TWO_LOOKS = [Look("vi", PHONE), Look("en", DESK)]


async def until(true: Callable[[], bool]) -> None:
    """Until something outside of the page is so."""
    async with asyncio.timeout(15):
        while not true():
            await asyncio.sleep(0.02)


@dataclass
class Visit:
    chromium: Browser
    appliance: StandIn
    look: Look
    refusals_expected: bool = False
    errors: list[str] = field(default_factory=list)

    async def open(self) -> None:
        width, height = self.look.size
        self.context: BrowserContext = await self.chromium.new_context(
            viewport={"width": width, "height": height},
            has_touch=width < 500,
            is_mobile=width < 500,
            device_scale_factor=2 if width < 500 else 1,
        )
        self.appliance.language = self.look.language
        # Not by the page's own scripts, so that violations are counted from the first line on.
        await self.context.add_init_script(
            "addEventListener('securitypolicyviolation', (e) => console.error('CSP ' + e.violatedDirective))"
        )
        self.page: Page = await self.context.new_page()
        self.page.set_default_timeout(15_000)
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.words: dict[str, str] = json.loads((WEB / "locales" / f"{self.look.language}.json").read_text())

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning"):
            return
        if self.refusals_expected and message.text.startswith(REFUSED):
            return
        self.errors.append(f"{message.text} {message.location.get('url')}")

    async def close(self) -> None:
        await self.context.close()
        assert not self.errors, self.errors

    async def start(self, path: str = "/", *, role: str | None = "operator") -> None:
        """Open the page, already logged in unless `role` is None."""
        if role is not None:
            self.appliance.account = {"name": "an", "role": role, "cameras": None}
        await self.page.goto(self.appliance.url + path)

    def word(self, key: str, **params: object) -> str:
        text = self.words[key]
        for name, value in params.items():
            text = text.replace("{" + name + "}", str(value))
        return text

    def button(self, key: str, **params: object) -> Locator:
        return self.page.get_by_role("button", name=self.word(key, **params), exact=True)

    def text(self, key: str, **params: object) -> Locator:
        return self.page.get_by_text(self.word(key, **params), exact=True)

    async def sees(self, key: str, **params: object) -> None:
        await expect(self.text(key, **params).first).to_be_visible(timeout=15_000)

    async def tab(self, page: str) -> None:
        await self.page.locator(f"nav.tabs a[data-page={page}]").click()

    async def touch(self, selector: str) -> None:
        """With a finger on the phone, with the mouse on the desk."""
        place = self.page.locator(selector)
        await (place.tap() if self.look.size[0] < 500 else place.click())

    async def until(self, script: str) -> None:
        """Until the expression is true (Playwright's own way needs eval in the page, which the CSP forbids)."""
        async with asyncio.timeout(20):
            while not await self.page.evaluate(script):
                await asyncio.sleep(0.05)

    async def fits(self) -> None:
        """Nothing makes the page wider than the screen."""
        wide = await self.page.evaluate(
            "[document.documentElement, ...document.querySelectorAll('main, dialog[open], .notices')]"
            ".filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.tagName + ' ' + e.scrollWidth)"
        )
        assert wide == []

    async def shoot(self, directory: Path, name: str) -> None:
        await self.fits()
        await self.page.screenshot(path=directory / f"{name}-{self.look.name}.png")
