"""The way in from outside as administrators set it up, in a real browser; its QR code read by another's decoder."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from page_browser import LOOKS, TWO_LOOKS, Look, Visit
from page_standin import StandIn
from page_tunnel import MINH
from playwright.async_api import expect

from nvr.tunnel.health import Link, TunnelState
from nvr.tunnel.settings import read_hub

pytestmark = pytest.mark.asyncio(loop_scope="session")
MakeVisit = Callable[[Look], Awaitable[Visit]]
SOON_MS = 20_000
"""The page looks every five seconds."""
BARE_KEY = re.compile(r"\b(?:tunnel|error|span|copy|back)\.[a-z_.]+\b|\{\w+\}")
HUB = {
    "endpoint": "hub.example.org:51820",
    "hub_key": "2Hi1KkXRQ+F2p6RBx4erDnZpRHD5+1f/AR8jO1K21kk=",
    "network": "10.77.0.0/24",
    "address": "10.77.0.2",
}


async def set_up(appliance: StandIn, *phones: str) -> None:
    store = appliance.remote.store
    await store.set_hub(read_hub(**HUB), by=MINH)
    for name in phones:
        await store.add_phone(name, by=MINH)


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
async def test_the_page_in_every_look(visit: MakeVisit, appliance: StandIn, look: Look, shots: Path) -> None:
    me = await visit(look)
    await me.start("/", role="administrator")
    await me.button("menu").click()
    await me.page.get_by_role("link", name=me.word("tunnel.title"), exact=True).click()
    await me.sees("tunnel.not_set_up")
    await me.shoot(shots, "50-tunnel-new")
    await set_up(appliance, "Điện thoại của Lan", "Máy tính phòng trực ban")
    await appliance.remote.store.switch(True, by=MINH)
    appliance.remote.link = Link(TunnelState.CONNECTED, 20.0, 12_400_000, 3_480_000_000)
    await expect(me.page.locator(".tunnel-state")).to_have_text(
        me.word("tunnel.state.connected_since", age=me.word("tunnel.seconds.other", n=20)), timeout=SOON_MS
    )
    await me.shoot(shots, "51-tunnel")
    await me.page.locator("main").evaluate("m => m.scrollTo(0, 99999)")
    await me.shoot(shots, "52-tunnel-below")
    await me.page.get_by_label(me.word("tunnel.phone_name")).fill("Máy của Đức")
    await me.button("tunnel.add").click()
    await expect(me.page.locator("img.qr")).to_be_visible()
    await me.shoot(shots, "53-tunnel-code")
    assert BARE_KEY.findall(await me.page.inner_text("body")) == []
    small = await me.page.evaluate(
        "[...document.querySelectorAll('a, button, input')].filter((e) => e.checkVisibility())"
        ".map((e) => [e.className, e.getBoundingClientRect()]).filter(([, r]) => r.width < 48 || r.height < 48)"
        ".map(([name, r]) => `${name} ${r.width}x${r.height}`)"
    )
    assert small == []


@pytest.mark.parametrize("look", TWO_LOOKS, ids=lambda look: look.name)
async def test_the_hub_is_set_up_and_switched_on(visit: MakeVisit, appliance: StandIn, look: Look) -> None:
    me = await visit(look)
    me.refusals_expected = True
    await me.start("/#/tunnel", role="administrator")
    await expect(me.page.locator("input[name=network]")).to_have_value("10.77.0.0/24")
    await expect(me.button("tunnel.switch_on")).to_be_hidden()
    await me.page.fill("input[name=endpoint]", "hub.example.org")
    await me.page.fill("input[name=hub_key]", "x")
    await me.button("schedule.save").click()
    await me.sees("error.tunnel_key")
    await me.page.fill("input[name=hub_key]", HUB["hub_key"])
    await me.button("schedule.save").click()
    await expect(me.page.locator("input[name=endpoint]")).to_have_value(
        "hub.example.org:51820", timeout=SOON_MS
    )
    store = appliance.remote.store
    assert store.hub == read_hub(**HUB)
    conf = me.page.locator("textarea.conf").first
    assert f"PublicKey = {store.public_key}" in await conf.input_value()
    await me.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await me.button("copy").first.click()
    await me.sees("copy.done")
    assert await me.page.evaluate("navigator.clipboard.readText()") == await conf.input_value()

    await me.button("tunnel.switch_on").click()
    await me.sees("tunnel.state.waiting")
    assert store.enabled
    # What is being typed is left alone when the page looks again.
    await me.page.fill("input[name=address]", "10.77.0.9")
    appliance.remote.link = Link(TunnelState.LOST)
    await expect(me.text("tunnel.state.lost")).to_be_visible(timeout=SOON_MS)
    await expect(me.page.locator("input[name=address]")).to_have_value("10.77.0.9")

    before = store.public_key
    await me.button("tunnel.new_key").click()
    await me.page.get_by_role("dialog").get_by_role("button", name=me.word("tunnel.new_key")).click()
    await expect(conf).not_to_have_value(re.compile(re.escape(before or "")), timeout=SOON_MS)
    assert store.public_key != before
    await me.button("tunnel.switch_off").click()
    await me.sees("tunnel.state.off")


@pytest.mark.parametrize("look", TWO_LOOKS, ids=lambda look: look.name)
async def test_a_phone_comes_and_goes(visit: MakeVisit, appliance: StandIn, look: Look) -> None:
    me = await visit(look)
    me.refusals_expected = True
    await set_up(appliance)
    await me.start("/#/tunnel", role="administrator")
    name, add = me.page.get_by_label(me.word("tunnel.phone_name")), me.button("tunnel.add")
    await name.fill("Máy <b>Lan</b> / 2")
    await add.click()
    picture = me.page.locator("img.qr")
    await expect(picture).to_be_visible()
    await me.until("document.querySelector('img.qr').naturalWidth > 0")
    assert read_code(await picture.screenshot()) == appliance.remote.codes[-1]
    async with me.page.expect_download() as download:
        await me.page.get_by_role("link", name=me.word("tunnel.file")).click()
    file = await (await download.value).path()
    assert file.read_text("utf-8") == appliance.remote.codes[-1]
    await me.button("tunnel.scanned").click()
    await expect(picture).to_have_count(0)
    assert "PrivateKey" not in await me.page.content()
    await me.sees("tunnel.paste_again")
    await expect(me.page.locator("[data-phone]")).to_have_count(1, timeout=SOON_MS)
    await expect(me.page.locator("[data-phone] strong")).to_have_text("Máy <b>Lan</b> / 2")
    assert "# Máy <b>Lan</b> / 2" in await me.page.locator("textarea.conf").first.input_value()

    await name.fill("máy <B>lan</B> / 2")
    await add.click()
    await me.sees("error.tunnel_phone_taken")
    await me.page.locator("[data-phone]").get_by_role("button").click()
    await me.page.get_by_role("dialog").get_by_role("button", name=me.word("tunnel.remove")).click()
    await expect(me.page.locator("[data-phone]")).to_have_count(0, timeout=SOON_MS)
    assert appliance.remote.store.phones == []


async def test_nobody_else_is_offered_it(visit: MakeVisit, appliance: StandIn) -> None:
    me = await visit(TWO_LOOKS[0])
    await me.start("/", role="operator")
    await me.button("menu").click()
    await expect(me.page.get_by_role("link", name=me.word("schedule.title"))).to_be_visible()
    await expect(me.page.get_by_role("link", name=me.word("tunnel.title"), exact=True)).to_have_count(0)


def read_code(png: bytes) -> str:
    """The text of the QR code in a picture, as OpenCV reads it."""
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
    text, *_ = cv2.QRCodeDetector().detectAndDecode(picture)
    return str(text)
