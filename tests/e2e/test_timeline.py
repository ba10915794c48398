"""Playback in the page against the real service: drawn, chosen, scrubbed, in step, and honest about what is missing."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

from nvr.cli.footage import EMPTY_SHOT, PERSON_SHOT
from peers.appliance import ADMINISTRATOR, PASSWORD, Api, Appliance
from peers.browser import DESKTOP, PHONE, browser_page

pytestmark = pytest.mark.timeout(300)
SHOTS_FOLDER = os.environ.get("NVR_SCREENSHOTS")

REELS = "[...document.querySelectorAll('nvr-reel')]"
CENTER = "document.querySelector('nvr-timeline-bar').centerS"


async def screenshot(page: Page, name: str) -> None:
    """For a person to look at, where the environment asks for it."""
    if SHOTS_FOLDER:
        Path(SHOTS_FOLDER).mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=f"{SHOTS_FOLDER}/{name}.png")


async def until(look: Callable[[], Awaitable[Any]], what: str, timeout_s: float = 60) -> Any:
    """The first true answer of `look`."""
    try:
        async with asyncio.timeout(timeout_s):
            while not (value := await look()):
                await asyncio.sleep(0.1)
            return value
    except TimeoutError:
        raise AssertionError(f"not within {timeout_s} s: {what}") from None


@asynccontextmanager
async def two_recorded_cameras(site: Appliance, clip: Path) -> AsyncIterator[tuple[Api, float]]:
    """Two cameras recorded with a gap between two lives of the service; yields the API and when it was killed."""
    await site.start_cameras(clip, "--shots", f"{EMPTY_SHOT}*4,{PERSON_SHOT}*3", count=2)
    site.configure(response="call")
    service = await site.start_service()
    async with site.api(claim=True) as api:
        began = time.time()
        await recorded(api, began + 14)
        await until(lambda: incidents(api), "an incident")
    killed = time.time()
    await service.stop(signal.SIGKILL)
    await asyncio.sleep(6)
    await site.start_service()
    async with site.api() as api:
        await recorded(api, time.time() + 22)
        yield api, killed


async def incidents(api: Api) -> Any:
    return (await api.get("/api/incidents"))["incidents"]


async def recorded(api: Api, wall_s: float) -> None:
    """Until both cameras are committed up to `wall_s`."""

    async def done() -> bool:
        answer = await timeline(api, wall_s - 600, wall_s + 600)
        return all(c["spans"] and c["spans"][-1][1] >= wall_s for c in answer["cameras"])

    await until(done, "both cameras are recorded")


async def timeline(api: Api, start_s: float, end_s: float) -> Any:
    return await api.get(f"/api/timeline?cameras=cam1,cam2&role=sub&start_s={start_s}&end_s={end_s}")


async def log_in(page: Page, site: Appliance) -> None:
    await page.goto(site.address)
    await page.fill("input[name=name]", ADMINISTRATOR)
    await page.fill("input[name=password]", PASSWORD)
    await page.click("form button[type=submit]")
    await page.wait_for_selector("nav.tabs a[data-page=playback]")


async def colours(page: Page, at_s: float, row: int = 0) -> list[list[int]]:
    """The colours of a camera's row at a moment and two pixels beside it, from the top down."""
    return await page.evaluate(
        """([at, row]) => {
          const bar = document.querySelector('nvr-timeline-bar'), canvas = bar.querySelector('canvas');
          const x = Math.round(((at - bar.centerS) / bar.spanS + 0.5) * canvas.width);
          const scale = canvas.width / bar.clientWidth;
          const data = canvas.getContext('2d').getImageData(x, (28 + row * 30) * scale, 1, 26 * scale).data;
          return Array.from({length: data.length / 4}, (_, i) => [...data.slice(4 * i, 4 * i + 3)]);
        }""",
        [at_s, row],
    )


FOOTAGE, GAP, NOTHING = [0x2C, 0x7F, 0x6A], [0x7A, 0x3A, 0x35], [0x1A, 0x22, 0x28]


async def shown(page: Page) -> list[float | None]:
    return await page.evaluate(f"{REELS}.map((reel) => reel.shownS)")


async def presses(page: Page, at_s: float) -> None:
    """Tap the timeline at a moment."""
    box = await page.locator("nvr-timeline-bar canvas").bounding_box()
    assert box
    share = await page.evaluate(
        f"(at) => (at - {CENTER}) / document.querySelector('nvr-timeline-bar').spanS + 0.5", at_s
    )
    await page.mouse.click(box["x"] + share * box["width"], box["y"] + 12)


async def shows(page: Page, at_s: float, count: int = 1, off_s: float = 0.3) -> None:
    """Until every reel shows that moment."""

    async def there() -> bool:
        found = await shown(page)
        return len(found) == count and all(s is not None and abs(s - at_s) < off_s for s in found)

    await until(there, f"the picture of {at_s}", 30)


async def test_playback(site: Appliance, clip: Path) -> None:
    async with two_recorded_cameras(site, clip) as (api, killed):
        answer = await timeline(api, killed - 600, killed + 600)
        first = answer["cameras"][0]
        (before, after) = first["spans"]
        (gap,) = first["gaps"]
        assert gap == [pytest.approx(before[1]), pytest.approx(after[0]), "stopped"]
        assert before[1] <= killed <= after[0]
        marks = [mark for camera in answer["cameras"] for mark in camera["incidents"]]
        assert any(mark["kind"] == "person" for mark in marks)
        assert any(camera["motion"] for camera in answer["cameras"])
        picture = await api.download(f"/api/cameras/cam1/picture?at_s={before[0] + 5}")
        assert picture.startswith(b"\xff\xd8")
        async with browser_page(PHONE) as page:
            await log_in(page, site)
            await on_the_phone(page, before, after)
            assert page.complaints == []  # type: ignore[attr-defined]
        async with browser_page(DESKTOP) as page:
            await log_in(page, site)
            await on_the_desktop(page, site, before, after, [mark["start_s"] for mark in marks])
            await held_by_keyboard(page, site, api, int(before[0]) + 4)
            assert page.complaints == []  # type: ignore[attr-defined]


async def on_the_phone(page: Page, before: list[float], after: list[float]) -> None:
    await page.click("nav.tabs a[data-page=playback]")
    await page.wait_for_selector("nvr-timeline-bar canvas")
    for _ in range(6):
        await page.get_by_label("Phóng to dòng thời gian").click()
    # Drawn: footage before and after, and the gap of the kill between them.
    middle = (before[1] + after[0]) / 2

    async def drawn() -> bool:
        there = await colours(page, after[0] + 4), await colours(page, middle)
        return FOOTAGE in there[0] and GAP in there[1]

    await until(drawn, "footage and gap are drawn")
    assert GAP not in await colours(page, after[0] + 4)
    # One of them may lie beneath a mark of the scale.
    empty = [await colours(page, before[0] - before_s) for before_s in (5, 6, 7)]
    assert any(NOTHING in there for there in empty)
    # A tap shows that moment; what the picture says of its time agrees with the appliance.
    await presses(page, after[0] + 6)
    await shows(page, after[0] + 6, off_s=0.6)
    at_s = await page.evaluate(CENTER)
    await screenshot(page, "phone-paused")
    assert abs(at_s - after[0] - 6) < 0.6
    await presses(page, middle)

    async def told() -> bool:
        words = await page.locator(".reel-cover").inner_text()
        return "đầu ghi không chạy" in words

    await until(told, "why there is no picture in the gap")
    await screenshot(page, "phone-gap")
    # Playing from the gap goes on with the next footage.
    await page.click("button.play")

    async def goes_on() -> bool:
        (now_s,) = await shown(page)
        return now_s is not None and now_s > after[0] + 1.5

    await until(goes_on, "the gap is skipped and it plays")
    await screenshot(page, "phone-playing")
    await page.click("button.play")
    # Scrubbing shows stills from the analysis process.
    box = await page.locator("nvr-timeline-bar canvas").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    await page.mouse.move(x, y)
    await page.mouse.down()
    for step in range(12):
        await page.mouse.move(x - 2 * step, y)
        await page.wait_for_timeout(100)
    still = "document.querySelector('.reel-still')"
    await until(
        lambda: page.evaluate(f"{still}.naturalWidth > 100 && !{still}.hidden"), "a still while scrubbing"
    )
    await screenshot(page, "phone-scrubbing")
    await page.mouse.up()
    chosen = await page.evaluate(CENTER)
    await shows(page, chosen)
    await until(lambda: page.evaluate(f"{still}.hidden"), "the picture takes the still's place")
    wide = await page.evaluate(
        "document.querySelector('main').scrollWidth - document.querySelector('main').clientWidth"
    )
    assert wide <= 1


async def on_the_desktop(
    page: Page, site: Appliance, before: list[float], after: list[float], incident_times: list[float]
) -> None:
    await page.goto(f"{site.address}/#/playback?cameras=cam1,cam2&at={int(after[0]) + 3}")
    await shows(page, int(after[0]) + 3, count=2)
    await page.mouse.move(5, 5)
    for _ in range(6):
        await page.keyboard.press("+")
    await screenshot(page, "desktop-paused")
    # Frame steps: another picture each time, and back again.
    (one, _) = await shown(page)
    assert one is not None
    await page.keyboard.press(".")
    await shows(page, one + 0.04, count=2, off_s=0.03)
    await page.keyboard.press(",")
    await shows(page, one, count=2, off_s=0.03)
    # In step, at one speed and another.
    for key, speed in ((" ", 1), ("ArrowUp", 2)):
        start_s = await page.evaluate(CENTER)
        await page.keyboard.press(key)
        differences = []

        async def together(start_s: float = start_s, differences: list[float] = differences) -> bool:
            first, other = await shown(page)
            if first is None or other is None or first < start_s + 2:
                return False
            differences.append(abs(first - other))
            return len(differences) >= 10

        await until(together, f"both play at {speed}x", 30)
        assert max(differences) <= 0.3
        assert abs(await page.evaluate(CENTER) - (await shown(page))[0]) < 0.5 * speed  # type: ignore[operator]
    await screenshot(page, "desktop-playing")
    await page.keyboard.press(" ")
    # From incident to incident.
    await page.keyboard.press("p")
    here = await page.evaluate(CENTER)
    earlier = [at_s for at_s in incident_times if at_s - 3 < here + 0.1]
    assert earlier
    assert here == pytest.approx(max(earlier) - 3, abs=0.1)
    # To a date and time of the site.
    moment = int(before[0]) + 4
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment + 7 * 3600))
    await page.fill(".jump input", text)
    await page.locator(".jump input").dispatch_event("change")
    await shows(page, moment, count=2)
    # Out to a day and in to seconds.
    bar = "document.querySelector('nvr-timeline-bar').spanS"
    await page.mouse.move(5, 5)
    await page.locator("nvr-timeline-bar canvas").hover()
    for _ in range(40):
        await page.mouse.wheel(0, 200)
    assert await page.evaluate(bar) >= 86_400
    await page.wait_for_timeout(500)
    await screenshot(page, "desktop-day")
    for _ in range(60):
        await page.mouse.wheel(0, -200)
    assert await page.evaluate(bar) <= 60
    await screenshot(page, "desktop-seconds")


async def held_by_keyboard(page: Page, site: Appliance, api: Api, start_s: int) -> None:
    await page.goto(f"{site.address}/#/playback?cameras=cam1,cam2&at={start_s}&span=60")
    await shows(page, start_s, count=2)
    for key in ("h", "[", "ArrowRight", "]", "h"):
        await page.keyboard.press(key)
    for name, text in (("case", "12/2027"), ("person", "Lê Văn B"), ("reason", "trộm xe")):
        await page.fill(f".hold-sheet input[name={name}]", text)
    await page.keyboard.press("Enter")
    await page.locator(".hold-made a").click()
    await page.get_by_text("Lê Văn B").wait_for()
    holds = (await api.get("/api/holds"))["holds"]
    assert {hold["camera"] for hold in holds} == {"cam1", "cam2"}
    assert all((hold["start_s"], hold["end_s"]) == (start_s, start_s + 10) for hold in holds)
    assert all(hold["bytes"] > 0 for hold in holds)
    await screenshot(page, "desktop-holds")
    # Both were made together, so they end together, after a question.
    assert await page.locator(".hold").count() == 1
    await page.get_by_role("button", name="Thôi giữ").click()
    await page.locator("dialog[open]").get_by_role("button", name="Thôi giữ", exact=True).click()
    await page.get_by_text("Chưa giữ đoạn nào").wait_for()
    assert (await api.get("/api/holds"))["holds"] == []
