"""From outside: the appliance behind a carrier's NAT that lets nothing in, a phone behind another, a WireGuard hub
between. Five machines as network namespaces (as root); wg-quick sets up hub and phone from the texts of the API."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Locator, Page

from peers.appliance import ADMINISTRATOR, PASSWORD, Api, Appliance
from peers.browser import PHONE, browser_page, frames_decoded
from peers.namespace import Namespace, connect, masquerade
from peers.wireguard import new_keys, quick_up

pytestmark = pytest.mark.timeout(300)
SHOTS_FOLDER = os.environ.get("NVR_SCREENSHOTS")

HUB_ADDRESS, APPLIANCE_INSIDE = "192.0.2.1", "10.77.0.2"
RTSP_PORT = 8554
SETTINGS = {"endpoint": f"{HUB_ADDRESS}:51820", "network": "10.77.0.0/24", "address": APPLIANCE_INSIDE}


class Village:
    """The appliance's house, its carrier, the hub, the phone's carrier, and the phone."""

    def __init__(self, opened: ExitStack) -> None:
        names = ("appliance", "carrier-a", "hub", "carrier-b", "phone")
        machines = [opened.enter_context(closing(Namespace(name))) for name in names]
        self.appliance, self.carrier_a, self.hub, self.carrier_b, self.phone = machines
        connect(self.hub, self.carrier_a, "wan-a", ("198.51.100.1/24", "198.51.100.2/24"))
        connect(self.hub, self.carrier_b, "wan-b", ("203.0.113.1/24", "203.0.113.2/24"))
        connect(self.carrier_a, self.appliance, "lan", ("192.168.1.1/24", "192.168.1.2/24"))
        connect(self.carrier_b, self.phone, "mobile", ("10.200.0.1/24", "10.200.0.2/24"))
        self.hub.run("ip", "address", "add", f"{HUB_ADDRESS}/32", "dev", "lo")
        for machine, gateway in (
            (self.carrier_a, "198.51.100.1"),
            (self.carrier_b, "203.0.113.1"),
            (self.appliance, "192.168.1.1"),
            (self.phone, "10.200.0.1"),
        ):
            machine.run("ip", "route", "add", "default", "via", gateway)
        masquerade(self.carrier_a, outside="wan-a")
        masquerade(self.carrier_b, outside="wan-b")


@pytest.fixture
def village() -> Iterator[Village]:
    with ExitStack() as opened:
        yield Village(opened)


async def test_page_live_and_playback_from_outside(village: Village, tmp_path: Path, clip: Path) -> None:
    site = Appliance(tmp_path, namespace=village.appliance)
    try:
        await site.start_cameras(clip)
        site.configure(response="call", host="0.0.0.0")
        await site.start_service()
        async with site.api(claim=True) as api:
            began = time.time()
            assert not opens(village.hub, "198.51.100.2", site.https_port), "the carrier lets something in"
            phone_conf = await set_up(village, api, tmp_path)
            await recorded(api, began + 8)
            await until_async(
                lambda: certified(village.phone, site), "the certificate names the tunnel's address"
            )
            await watch(village, site, began + 3)
            await fetch(village, api)
            await killed_and_back(village, site)
        async with site.api() as api:
            # A phone that is removed is out at once, though the hub still knows it.
            assert opens(village.phone, APPLIANCE_INSIDE, site.https_port)
            await api.delete("/api/tunnel/phones/Lan")
            await until_async(
                lambda: not opens(village.phone, APPLIANCE_INSIDE, site.https_port), "the phone is out"
            )
            await api.post("/api/tunnel/switch", enabled=False)
            await until_async(lambda: "nvr-tunnel" not in village.appliance.run("ip", "link"), "it is off")
        private_key = phone_conf.split("PrivateKey = ")[1].split("\n")[0]
        for file in (*tmp_path.glob("*.log"), *(tmp_path / "state").iterdir()):
            if file.is_file():
                assert private_key.encode() not in file.read_bytes(), f"a phone's key is in {file.name}"
    finally:
        await site.stop()


async def set_up(village: Village, api: Api, folder: Path) -> str:
    """As an administrator does: the hub's key into the appliance, its text into the hub, the QR's into a phone."""
    hub_keys = new_keys()
    await api.put("/api/tunnel", **SETTINGS, hub_key=hub_keys.public)
    await api.post("/api/tunnel/switch", enabled=True)
    await until_async(lambda: state_is(api, "waiting"), "the tunnel is up")
    phone = await api.post("/api/tunnel/phones", name="Lan")
    quick_up(village.hub, "hub", (await api.get("/api/tunnel"))["hub_conf"], folder, key=hub_keys.private)
    await until_async(lambda: state_is(api, "connected"), "the hub answers")
    quick_up(village.phone, "phone", phone["conf"], folder)
    return str(phone["conf"])


async def watch(village: Village, site: Appliance, at_s: float) -> None:
    """On the phone, inside the tunnel: page, live, playback."""
    page_address = f"https://{APPLIANCE_INSIDE}:{site.https_port}"
    async with browser_page(PHONE, namespace=village.phone) as page:
        await page.goto(page_address)
        await page.fill("input[name=name]", ADMINISTRATOR)
        await page.fill("input[name=password]", PASSWORD)
        await page.click("form button[type=submit]")
        await page.wait_for_selector("nvr-player video")
        first = await frames_beyond(page, 0)
        await frames_beyond(page, first + 50)
        assert APPLIANCE_INSIDE in await remote_addresses(page), (
            "live video comes over UDP inside of the tunnel"
        )
        await screenshot(page, "tunnel-live")
        await page.goto(f"{page_address}/#/playback?cameras=cam1&at={int(at_s)}")
        await until_async(lambda: shown(page), "the moment's picture")
        start_s = await shown(page)
        await page.click("button.play")

        async def plays() -> bool:
            now_s = await shown(page)
            return now_s is not None and start_s is not None and now_s > start_s + 1.5

        await until_async(plays, "it plays")
        await screenshot(page, "tunnel-playback")
        await page.goto(f"{page_address}/#/tunnel")
        state = page.locator(".tunnel-state")
        await until_async(lambda: says(state, "Đã nối, lần cuối"), "the page says that it is connected")
        await until_async(lambda: says(page.locator(".tunnel-again").first, "chính kết nối này"), "a warning")
        await screenshot(page, "tunnel-page")
        assert page.complaints == []  # type: ignore[attr-defined]


async def fetch(village: Village, api: Api) -> None:
    """As a platform elsewhere does: RTSP with Digest, by TCP and by UDP."""
    platform = await api.post("/api/platforms", name="xa-dong", cameras=["cam1"])
    address = f"rtsp://xa-dong:{platform['password']}@{APPLIANCE_INSIDE}:{RTSP_PORT}/cam1/main"
    await until_async(lambda: opens(village.phone, APPLIANCE_INSIDE, RTSP_PORT), "RTSP is served")
    for transport in ("tcp", "udp"):
        ffprobe = ("ffprobe", "-loglevel", "error", "-rtsp_transport", transport)
        show = ("-show_entries", "stream=codec_name,width", "-of", "csv=p=0", "-read_intervals", "%+2")
        told = await asyncio.to_thread(village.phone.run, *ffprobe, *show, address)
        assert told.startswith("h264,") and not told.startswith("h264,0"), f"{transport}: {told}"


async def killed_and_back(village: Village, site: Appliance) -> None:
    """The service dies without a word, and the tunnel it left behind is in nobody's way."""
    assert site.service
    await site.service.stop(signal.SIGKILL)
    await site.start_service()
    async with site.api() as api:
        await until_async(lambda: state_is(api, "connected"), "the tunnel is back by itself")
        assert [
            fault["code"] for fault in (await api.get("/api/status"))["faults"] if fault["place"] == "tunnel"
        ] == []
    await until_async(lambda: certified(village.phone, site), "the phone is back")


async def state_is(api: Api, state: str) -> bool:
    return (await api.get("/api/tunnel"))["state"] == state


async def recorded(api: Api, wall_s: float) -> None:
    """Until the camera is committed up to `wall_s`."""

    async def done() -> bool:
        answer = await api.get(
            f"/api/timeline?cameras=cam1&role=sub&start_s={wall_s - 600}&end_s={wall_s + 600}"
        )
        spans = answer["cameras"][0]["spans"]
        return bool(spans) and spans[-1][1] >= wall_s

    await until_async(done, "the camera is recorded")


def opens(machine: Namespace, address: str, port: int) -> bool:
    """Whether a connection from there is taken within a second."""
    with machine.socket(socket.AF_INET, socket.SOCK_STREAM) as connection:
        connection.settimeout(1)
        try:
            connection.connect((address, port))
        except OSError:
            return False
        return True


def certified(machine: Namespace, site: Appliance) -> bool:
    """Whether who trusts the appliance's own CA, there, believes the address in the tunnel."""
    authority = (site.folder / "state/tls/ca.pem").read_text()
    context = ssl.create_default_context(cadata=authority[authority.index("-----BEGIN CERT") :])
    with machine.socket(socket.AF_INET, socket.SOCK_STREAM) as connection:
        connection.settimeout(5)
        try:
            connection.connect((APPLIANCE_INSIDE, site.https_port))
            with context.wrap_socket(connection, server_hostname=APPLIANCE_INSIDE):
                return True
        except OSError:  # ssl.SSLError is one
            return False


async def remote_addresses(page: Page) -> list[str]:
    """Of the candidate pairs in use."""
    return await page.evaluate(
        """async () => {
          const found = [];
          for (const peer of window.__peers) {
            const stats = await peer.getStats();
            for (const report of stats.values())
              if (report.type === 'candidate-pair' && report.nominated && report.state === 'succeeded')
                found.push(stats.get(report.remoteCandidateId)?.address);
          }
          return found;
        }"""
    )


async def says(place: Locator, words: str) -> bool:
    return words in await place.inner_text()


async def shown(page: Page) -> float | None:
    """The moment whose picture the page shows."""
    return await page.evaluate("document.querySelector('nvr-reel')?.shownS ?? null")


async def frames_beyond(page: Page, count: int) -> int:
    """Wait until the page has decoded more than `count` frames."""
    decoded = 0
    for _ in range(600):
        if (decoded := await frames_decoded(page)) > count:
            return decoded
        await page.wait_for_timeout(100)
    raise AssertionError(f"no more than {decoded} frames decoded: {page.complaints}")  # type: ignore[attr-defined]


async def until_async(condition: Callable[[], Any], what: str, timeout_s: float = 60) -> None:
    """Until `condition()`, a value or something to await, is true."""
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                found = condition()
                if await found if asyncio.iscoroutine(found) else found:
                    return
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(f"not within {timeout_s} s: {what}") from None


async def screenshot(page: Page, name: str) -> None:
    """For a person to look at, where the environment asks for it."""
    if SHOTS_FOLDER:
        Path(SHOTS_FOLDER).mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=f"{SHOTS_FOLDER}/{name}.png")
