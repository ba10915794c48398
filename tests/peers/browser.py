"""Debian's Chromium in the build without windows (half the cost), driven by Playwright; counts decoded frames of every
peer connection."""

from __future__ import annotations

import shlex
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.async_api import Browser, Page, async_playwright

from peers.namespace import Namespace

PHONE = {"width": 360, "height": 740}
DESKTOP = {"width": 1920, "height": 1080}

CHROMIUM = "/usr/bin/chromium-headless-shell"
# Twice the cost; the build without windows knows neither notifications nor policies for WebRTC's addresses.
WHOLE_CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# Remembers every RTCPeerConnection the page makes, so that getStats can be asked from outside.
_WATCH_PEERS = """
window.__peers = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...options) { super(...options); window.__peers.push(this); }
};
"""

_FRAMES_DECODED = """async () => {
  let most = 0;
  for (const peer of window.__peers) {
    for (const report of (await peer.getStats()).values())
      if (report.type === 'inbound-rtp' && report.kind === 'video') most = Math.max(most, report.framesDecoded || 0);
  }
  return most;
}"""


@asynccontextmanager
async def browser(namespace: Namespace | None = None) -> AsyncIterator[Browser]:
    """Chromium on the machine `namespace`, for `page_of`."""
    async with async_playwright() as playwright:
        with _program(namespace) as program:
            running = await playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        try:
            yield running
        finally:
            await running.close()


@contextmanager
def _program(namespace: Namespace | None) -> Iterator[str]:
    """What starts Chromium there."""
    if namespace is None:
        yield CHROMIUM
        return
    with TemporaryDirectory() as folder:
        script = Path(folder) / "chromium"
        script.write_text(f'#!/bin/sh\nexec {shlex.join(namespace.command(CHROMIUM))} "$@"\n')
        script.chmod(0o700)
        yield str(script)


@asynccontextmanager
async def page_of(
    running: Browser, viewport: dict[str, int] = PHONE, *, locale: str = "vi-VN"
) -> AsyncIterator[Page]:
    """A fresh profile. Console errors and uncaught exceptions are collected in `page.complaints`."""
    context = await running.new_context(
        viewport=viewport,
        locale=locale,
        ignore_https_errors=True,
        has_touch=viewport["width"] < 600,
        timezone_id="Asia/Ho_Chi_Minh",
    )
    await context.add_init_script(_WATCH_PEERS)
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.on(
        "response",
        lambda r: complaints.append(f"{r.status} {r.request.method} {r.url}") if r.status >= 400 else None,
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.complaints = complaints  # type: ignore[attr-defined]
    try:
        yield page
    finally:
        await context.close()


@asynccontextmanager
async def browser_page(
    viewport: dict[str, int] = PHONE, *, locale: str = "vi-VN", namespace: Namespace | None = None
) -> AsyncIterator[Page]:
    """A page in a browser of its own, on the machine `namespace`."""
    async with browser(namespace) as running, page_of(running, viewport, locale=locale) as page:
        yield page


async def frames_decoded(page: Page) -> int:
    """The most frames that any one peer connection of the page has decoded."""
    return int(await page.evaluate(_FRAMES_DECODED))
