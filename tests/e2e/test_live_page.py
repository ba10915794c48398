"""The live page against the real service with real cameras: RTSP from our simulator and from gst-rtsp-server (H.265 and
sound), `nvr serve`, Chromium. One site for all tests of this file."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

import nvr.web
from footage import bikes_mp4
from peers.appliance import ADMINISTRATOR, PASSWORD, Appliance, Child, free_port
from peers.browser import DESKTOP, PHONE, browser, page_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

GST = Path(__file__).parents[1] / "peers/rtsp_gst.py"
WORDS = json.loads((Path(nvr.web.__file__).parent / "locales/vi.json").read_text("utf-8"))
SLOW_MS = 90_000
SIMULATED = 13
SMALL = ("--main", "320x136", "--sub", "160x68", "--fps", "10", "--gop", "10", "--bitrate", "150")
OTHER_SIZE = ("--main", "240x102", *SMALL[2:])
VIEWER, VIEWER_PASSWORD = "Xem", "chỉ-xem-một-mắt"

# Of each tile, how many pictures were shown.
SHOWN = "[...document.querySelectorAll('nvr-tile video')].map((v) => v.getVideoPlaybackQuality().totalVideoFrames)"
VIDEO = "document.querySelector('nvr-stage video')"
# When the last picture was shown, in milliseconds since 1970.
WATCH_FRAMES = f"""() => {{
  const shown = () => {{
    window.lastShownMs = performance.timeOrigin + performance.now();
    {VIDEO}?.requestVideoFrameCallback(shown);
  }};
  {VIDEO}.requestVideoFrameCallback(shown);
}}"""
HEARD = """async () => {
  for (const peer of window.__peers)
    for (const report of (await peer.getStats()).values())
      if (report.type === "inbound-rtp" && report.kind === "audio") return report.totalAudioEnergy ?? 0;
  return 0;
}"""


class LivePage:
    """A site with sixteen cameras: cam1 to cam13 as one simulator has them, `gate` of a simulator of its own, `thap` of
    which the main stream is H.265, and `loa`, which can be heard."""

    def __init__(self, folder: Path, running: Browser):
        self.site, self.browser = Appliance(folder), running
        self._gate_port = free_port()
        self._gate: Child | None = None

    async def start(self) -> None:
        await self.site.start_cameras(bikes_mp4(), *SMALL, count=SIMULATED)
        await self.gate_on(*SMALL)
        gst = await asyncio.create_subprocess_exec(
            "/usr/bin/python3", str(GST), "none", stdin=PIPE, stdout=PIPE, env={"PATH": "/usr/bin:/bin"}
        )
        self._gst = gst
        assert gst.stdout
        port = int(await gst.stdout.readline())
        self.site.configure(response="record")
        gate, peer = f"rtsp://127.0.0.1:{self._gate_port}/cam1", f"rtsp://127.0.0.1:{port}"
        more = ""
        for name, main, sub, rest in (
            ("gate", f"{gate}/main", f"{gate}/sub", ""),
            ("thap", f"{peer}/h265", f"{peer}/h264", ""),
            ("loa", f"{peer}/h264-alaw", "", "audio = true"),
        ):
            more += f'[[camera]]\nid = "{name}"\nname = "Mắt {name}"\nmain = "{main}"\n{rest}\n'
            more += f'sub = "{sub}"\n' if sub else ""
        with (self.site.folder / "nvr.toml").open("a", encoding="utf-8") as file:
            file.write(more)
        await self.site.start_service()
        async with self.site.api(claim=True) as api:
            ids = [one["id"] for one in (await api.get("/api/cameras"))["cameras"]]
            assert len(ids) == 16

            async def all_live() -> bool:
                cameras = (await api.get("/api/cameras"))["cameras"]
                return all(one["streams"]["main"]["state"] == "live" for one in cameras)

            async with asyncio.timeout(90):
                while not await all_live():
                    await asyncio.sleep(0.2)

    async def gate_on(self, *options: str) -> None:
        self._gate = await Child.start(
            self.site.folder / "gate.log",
            *("nvr", "simulate", str(bikes_mp4()), "--port", str(self._gate_port), "--json", *options),
        )
        await self._gate.line("{", 120)

    async def gate_off(self) -> None:
        assert self._gate
        await self._gate.stop()
        self._gate = None

    async def stop(self) -> None:
        await self.site.stop()
        if self._gate:
            await self.gate_off()
        self._gst.kill()
        await self._gst.wait()

    async def user(self, *arguments: str, password: str = "") -> None:
        """`nvr user`, beside the running service."""
        config = ("--config", str(self.site.folder / "nvr.toml"))
        command = (sys.executable, "-m", "nvr", "user", arguments[0], *config, *arguments[1:])
        process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
        await process.communicate(f"{password}\n".encode())
        assert process.returncode == 0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LivePage]:
    async with browser() as running:
        live = LivePage(tmp_path_factory.mktemp("live"), running)
        try:
            await live.start()
            yield live
        finally:
            await live.stop()


async def enter(page: Page, live: LivePage, name: str = ADMINISTRATOR, password: str = PASSWORD) -> None:
    await page.goto(live.site.address)
    await page.fill("input[name=name]", name)
    await page.fill("input[name=password]", password)
    await page.click("form button[type=submit]")
    await page.wait_for_selector("nvr-player video")


async def open_camera(page: Page, live: LivePage, camera: str) -> Locator:
    """Its page; the player once its picture moves."""
    await page.goto(f"{live.site.address}/#/live/{camera}")
    player = page.locator("nvr-stage nvr-player")
    await expect(player).to_have_attribute("data-state", "live", timeout=SLOW_MS)
    return player


async def page_is(page: Page, expression: str) -> None:
    """Until it is true; the page's policy forbids Playwright's own way."""
    async with asyncio.timeout(SLOW_MS / 1000):
        while not await page.evaluate(expression):
            await asyncio.sleep(0.05)


def begun(page: Page) -> list[str]:
    """The sessions that the page asks for from now on."""
    asked: list[str] = []
    page.on(
        "request", lambda one: asked.append(one.url) if one.method == "POST" and "/live/" in one.url else None
    )
    return asked


async def test_sixteen_cameras_play_on_one_page(live: LivePage) -> None:
    async with page_of(live.browser, DESKTOP) as page:
        await enter(page, live)
        await expect(page.locator("nvr-player[data-state=live]")).to_have_count(16, timeout=SLOW_MS)
        before = await page.evaluate(SHOWN)
        await page_is(page, f"{SHOWN}.every((count, i) => count >= {before}[i] + 20)")
        assert await page.evaluate(
            "[...document.querySelectorAll('nvr-tile video')].every((v) => v.videoWidth >= 160)"
        )


async def test_an_h265_camera_is_seen_through_its_sub_where_the_browser_has_no_h265(live: LivePage) -> None:
    async with page_of(live.browser, DESKTOP) as page:
        await enter(page, live)
        await open_camera(page, live, "thap")
        await page.get_by_role("button", name=WORDS["camera.readout"], exact=True).click()
        has_h265 = await page.evaluate(
            "RTCRtpReceiver.getCapabilities('video').codecs.some((one) => one.mimeType === 'video/H265')"
        )
        stream, codec = ("Luồng chính", "H265") if has_h265 else ("Luồng phụ", "H264")
        await expect(page.locator("nvr-readout")).to_contain_text(codec, timeout=SLOW_MS)
        await expect(page.locator("nvr-readout")).to_contain_text(stream)


async def test_the_other_stream_comes_in_the_same_session(live: LivePage) -> None:
    async with page_of(live.browser, DESKTOP) as page:
        await enter(page, live)
        await page.goto(f"{live.site.address}/#/alarm")
        asked = begun(page)
        await open_camera(page, live, "cam2")
        for quality, width in (("sub", 160), ("main", 320), ("sub", 160), ("auto", 320)):
            await page.locator("nvr-camera select").select_option(quality)
            await page_is(page, f"{VIDEO}.videoWidth === {width}")
        assert sum(one.endswith("/stream") for one in asked) >= 4
        # Else there were five. A machine that is too busy to show anything for 5 s makes the page begin anew once.
        assert sum("/api/cameras/" in one for one in asked) <= 2, asked


async def test_a_camera_goes_and_comes_back_with_another_size(live: LivePage) -> None:
    async with page_of(live.browser, PHONE) as page:
        await enter(page, live)
        player = await open_camera(page, live, "gate")
        await page.locator("nvr-camera select").select_option("main")
        await page_is(page, f"{VIDEO}.videoWidth === 320")
        await live.gate_off()
        await expect(player).to_have_attribute("data-state", "waiting", timeout=SLOW_MS)
        await expect(player.locator(".player-words")).not_to_be_empty()
        await expect(player.locator(".player-poster")).to_be_visible()
        await live.gate_on(*OTHER_SIZE)
        await expect(player).to_have_attribute("data-state", "live", timeout=SLOW_MS)
        await page_is(page, f"{VIDEO}.videoWidth === 240")


async def test_sound_is_heard_where_it_is_switched_on(live: LivePage) -> None:
    async with page_of(live.browser, PHONE) as page:
        await enter(page, live)
        await open_camera(page, live, "loa")
        sound = page.get_by_role("button", name=WORDS["camera.sound"], exact=True)
        await expect(sound).to_be_visible(timeout=SLOW_MS)
        assert await page.evaluate(HEARD) == 0
        await sound.click()
        async with asyncio.timeout(SLOW_MS / 1000):
            while await page.evaluate(HEARD) < 0.01:
                await asyncio.sleep(0.1)
        assert not await page.evaluate(f"{VIDEO}.muted")


async def test_a_withdrawn_camera_ends_its_picture(live: LivePage) -> None:
    await live.user("add", VIEWER, "--all-cameras", "--password-stdin", password=VIEWER_PASSWORD)
    async with page_of(live.browser, PHONE) as page:
        await enter(page, live, VIEWER, VIEWER_PASSWORD)
        player = await open_camera(page, live, "cam1")
        await page.evaluate(WATCH_FRAMES)
        await page_is(page, "window.lastShownMs > 0")
        before_ms = time.time() * 1000
        await live.user("rights", VIEWER, "--cameras", "cam2")
        after_ms = time.time() * 1000
        await expect(player.locator(".player-words")).to_have_text(WORDS["error.not_found"], timeout=SLOW_MS)
        await asyncio.sleep(2)
        last_ms = await page.evaluate("window.lastShownMs")
        told = f"{last_ms - before_ms:.0f} ms after `nvr user rights` began, {last_ms - after_ms:.0f} ms after it ended"
        print(f"the last picture was shown {told}")
        assert last_ms - after_ms < 8000, "2 s where nothing else keeps the machine busy"
        assert await page.evaluate(f"{VIDEO}.srcObject") is None
        await page.goto(f"{live.site.address}/#/live")
        await expect(page.locator("nvr-tile")).to_have_count(1, timeout=SLOW_MS)


async def test_the_picture_comes_back_after_a_restart_of_the_service(live: LivePage) -> None:
    """Last: it leaves a service that has just begun."""
    async with page_of(live.browser, PHONE) as page:
        await enter(page, live)
        player = await open_camera(page, live, "cam3")
        assert live.site.service
        await live.site.service.stop()
        await expect(player.locator(".player-words")).to_have_text(WORDS["player.unlinked"], timeout=SLOW_MS)
        await live.site.start_service()
        await expect(player).to_have_attribute("data-state", "live", timeout=SLOW_MS)
