"""Playback by touch and at every speed, and pictures that stand still, in a real browser against the stand-in."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import pytest
from page_browser import PHONE, TWO_LOOKS, Look, Visit, until
from page_playback import BAR, fingers, play_back
from page_standin import StandIn
from playwright.async_api import expect

pytestmark = pytest.mark.asyncio(loop_scope="session")
MakeVisit = Callable[[Look], Awaitable[Visit]]
each_look = pytest.mark.parametrize("look", TWO_LOOKS, ids=lambda look: look.name)
SHOWN = "[...document.querySelectorAll('nvr-reel')].map((reel) => reel.shownS)"
RATES = "[...document.querySelectorAll('nvr-reel video:not([hidden])')].map((v) => v.playbackRate)"


async def test_two_fingers_zoom_and_one_drags(visit: MakeVisit, appliance: StandIn) -> None:
    me = await visit(TWO_LOOKS[0])
    at_s = await play_back(me, appliance, "gate")
    box = await me.page.locator("nvr-timeline-bar canvas").bounding_box()
    assert box
    y = box["y"] + 30
    apart = [[(180 - d, y), (180 + d, y)] for d in range(30, 121, 10)]
    await fingers(me, apart)
    assert await me.page.evaluate(f"{BAR}.spanS") == pytest.approx(150, rel=0.05)
    assert await me.page.evaluate(f"{BAR}.centerS") == at_s
    await fingers(me, apart[::-1])
    assert await me.page.evaluate(f"{BAR}.spanS") == pytest.approx(600, rel=0.1)
    await fingers(me, [[(180 + d, y)] for d in range(0, 61, 10)])
    assert await me.page.evaluate(f"{BAR}.centerS") == pytest.approx(at_s - 600 * 60 / 360, abs=20)


@each_look
async def test_four_cameras_in_step_at_every_speed(visit: MakeVisit, appliance: StandIn, look: Look) -> None:
    me = await visit(look)
    at_s = await play_back(me, appliance, "gate,market,bridge,store")
    play = me.page.locator("button.play")
    for speed in (0.5, 1, 2, 4, 8):
        await me.page.evaluate(f"document.querySelector('nvr-timeline').goTo({at_s})")
        await me.page.locator("nvr-timeline select").select_option(str(speed))
        await play.click()
        await me.until(f"{BAR}.centerS > {at_s + 1.5 * speed}")
        for _ in range(5):
            rates, shown = await me.page.evaluate(f"[{RATES}, {SHOWN}]")
            together = [s for s in shown if s is not None]
            # Each plays at the speed, but for the little that keeps it with the others.
            assert all(0.8 * speed <= rate <= 1.2 * speed for rate in rates)
            if len(together) == 4:
                assert max(together) - min(together) <= 0.3 * max(1, speed)
            await me.page.wait_for_timeout(100)
        await play.click()
    # Paused, each has the very picture; where that is must not hang on how fast the machine was.
    await me.page.evaluate(f"document.querySelector('nvr-timeline').goTo({at_s + 2})")
    for n in range(4):
        await me.until(f"Math.abs({SHOWN}[{n}] - {BAR}.centerS) < 0.25")


@each_look
async def test_single_pictures_and_a_date(visit: MakeVisit, appliance: StandIn, look: Look) -> None:
    me = await visit(look)
    at_s = await play_back(me, appliance, "gate,market")
    on, back = (f"[aria-label='{me.word(f'timeline.step_{way}')}']" for way in ("on", "back"))
    step_s = await me.page.evaluate("document.querySelector('nvr-reel').frameS")
    for _ in range(3):
        await me.touch(on)
    assert await me.page.evaluate(f"{BAR}.centerS") == pytest.approx(at_s + 3 * step_s, abs=0.001)
    for n in range(2):
        await me.until(f"Math.abs({SHOWN}[{n}] - {BAR}.centerS) < 0.03")
    await me.touch(back)
    assert await me.page.evaluate(f"{BAR}.centerS") == pytest.approx(at_s + 2 * step_s, abs=0.001)
    there_s = at_s - 86400
    # The site is in Viet Nam, wherever the browser is.
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(there_s + 7 * 3600))
    await me.page.locator(".jump input").fill(text)
    await me.page.locator(".jump input").dispatch_event("change")
    await me.until(f"{BAR}.centerS === {there_s}")


@pytest.mark.parametrize("size", [PHONE, (1366, 768)])
async def test_controls_leave_the_pictures_uncovered(
    visit: MakeVisit, appliance: StandIn, size: tuple[int, int]
) -> None:
    me = await visit(Look("vi", size))
    await play_back(me, appliance, "gate,market,bridge,store")
    covered = (
        "Math.max(...[...document.querySelectorAll('nvr-reel')].map((r) => r.getBoundingClientRect().bottom))"
        " - document.querySelector('.timeline-panel').getBoundingClientRect().top"
    )
    assert await me.page.evaluate(covered) <= 0
    await me.page.get_by_role("button", name=me.word("hold.title"), exact=True).click()
    await me.sees("hold.from_here")
    assert await me.page.evaluate(covered) <= 0


async def test_what_is_not_yet_recorded_is_waited_for_in_words(visit: MakeVisit, appliance: StandIn) -> None:
    appliance.footage_until_s = time.time() - 12
    me = await visit(TWO_LOOKS[0])
    await me.start(f"/#/playback?cameras=gate&at={int(time.time())}")
    await expect(me.page.locator(".reel-cover")).to_have_text(me.word("timeline.not_yet"))
    await until(lambda: "GET /api/cameras/gate/footage/sub" in appliance.asked)
    appliance.footage_until_s = None
    await me.until(f"{SHOWN}[0] != null")
    await expect(me.page.locator(".reel-cover")).to_be_hidden()
    # Of a camera that sends nothing there is nothing to wait for.
    appliance.footage_until_s = time.time() - 12
    await me.page.locator(".camera-chips [data-camera=school]").tap()
    await me.page.locator(".camera-chips [data-camera=gate]").tap()
    await expect(me.page.locator(".reel-cover")).to_have_text(me.word("timeline.nothing"))


@pytest.mark.parametrize("path", ["/#/live", "/#/live/gate"])
async def test_a_picture_that_stands_still_is_not_called_live(
    visit: MakeVisit, appliance: StandIn, path: str
) -> None:
    appliance.cameras = appliance.cameras[:1]
    me = await visit(TWO_LOOKS[0])
    me.refusals_expected = True  # if it takes long, the page leaves and comes back
    await me.start(path)
    player = me.page.locator("nvr-player")
    await expect(player).to_have_attribute("data-state", "live", timeout=20_000)
    appliance.moving.clear()
    await expect(player).to_have_attribute("data-state", "late", timeout=20_000)
    await me.sees("player.late")
    if path == "/#/live":
        await expect(me.page.locator(".live-badge")).to_have_text("")
    appliance.moving.set()
    await expect(player).to_have_attribute("data-state", "live", timeout=30_000)
