"""The large live picture: magnified, taken, switched, measured; and what is seen until it comes."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import av
import pytest
from page_browser import TWO_LOOKS, Look, Visit, until
from page_data import stream
from page_standin import StandIn
from playwright.async_api import Locator, expect

pytestmark = pytest.mark.asyncio(loop_scope="session")
MakeVisit = Callable[[Look], Awaitable[Visit]]
PHONE, DESK = TWO_LOOKS
SCALE = "new DOMMatrix(getComputedStyle(document.querySelector('nvr-stage .player-picture')).transform).a"


async def open_camera(me: Visit, camera: str = "gate") -> Locator:
    """Its page; the picture once it moves."""
    await me.start(f"/#/live/{camera}")
    player = me.page.locator("nvr-stage nvr-player")
    await expect(player).to_have_attribute("data-state", "live", timeout=20_000)
    return player


async def test_wheel_double_click_keys_and_dragging_magnify(visit: MakeVisit, appliance: StandIn) -> None:
    me = await visit(DESK)
    player = await open_camera(me)
    await until(lambda: "POST /api/cameras/gate/live/main" in appliance.asked)
    box = await player.bounding_box()
    assert box
    right, bottom = box["x"] + box["width"] - 4, box["y"] + box["height"] - 4
    await me.page.mouse.move(box["x"] + 4, box["y"] + 4)
    await me.page.mouse.wheel(0, -500)
    await me.until(f"{SCALE} > 2")
    scale = await me.page.evaluate(SCALE)
    corner = "(({x, y}) => [x, y])(document.querySelector('nvr-stage video').getBoundingClientRect())"
    left, top = await me.page.evaluate(corner)
    assert abs(left - box["x"]) < 10 and abs(top - box["y"]) < 10, "what was pointed at stays where it is"
    await me.page.mouse.down()
    await me.page.mouse.move(box["x"] - 300, box["y"] - 200, steps=4)
    await me.page.mouse.up()
    left, top = await me.page.evaluate(corner)
    assert left < box["x"] - 250 and top < box["y"] - 150
    await me.page.keyboard.press("-")
    assert await me.page.evaluate(SCALE) < scale
    await me.button("camera.whole_picture").click()
    assert await me.page.evaluate(SCALE) == 1
    await me.page.mouse.dblclick(right, bottom - 80)
    assert await me.page.evaluate(SCALE) == 2.5
    await me.page.keyboard.press("0")
    assert await me.page.evaluate(SCALE) == 1
    await me.fits()


async def test_two_taps_and_a_pinch_magnify_on_a_phone_and_then_the_sharp_stream_comes(
    visit: MakeVisit, appliance: StandIn
) -> None:
    me = await visit(PHONE)
    player = await open_camera(me)
    assert "POST /api/cameras/gate/live/sub" in appliance.asked
    box = await player.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for _ in range(2):
        await me.page.touchscreen.tap(x, y)
    await me.until(f"{SCALE} === 2.5")
    await until(lambda: appliance.wished == ["main"])
    await me.page.touchscreen.tap(x, y)
    await asyncio.sleep(0.5)
    await me.page.touchscreen.tap(x, y)
    assert await me.page.evaluate(SCALE) == 2.5, "two taps that are apart are no double tap"
    await me.button("camera.whole_picture").click()
    await until(lambda: appliance.wished == ["main", "sub"])
    session = await me.context.new_cdp_session(me.page)

    async def touch(kind: str, apart: float) -> None:
        points = [] if kind == "touchEnd" else [{"x": x - apart, "y": y}, {"x": x + apart, "y": y}]
        await session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    await touch("touchStart", 30)
    for apart in (50, 70, 90):
        await touch("touchMove", apart)
    await touch("touchEnd", 90)
    await me.until(f"Math.abs({SCALE} - 3) < 0.3")


async def test_snapshot_is_named_by_camera_and_time(visit: MakeVisit, tmp_path: Path) -> None:
    me = await visit(DESK)
    await open_camera(me)
    async with me.page.expect_download() as downloading:
        await me.button("camera.snapshot").click()
    download = await downloading.value
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 7 * 3600))
    assert re.fullmatch(rf"Cổng UBND xã {day} \d\d-\d\d-\d\d\.jpg", download.suggested_filename)
    await download.save_as(tmp_path / "snapshot.jpg")
    with av.open(tmp_path / "snapshot.jpg") as picture:
        frame = next(picture.decode(video=0))
        assert (frame.width, frame.height) == (480, 270)
        assert frame.to_ndarray(format="gray").std() > 10, "it is not a black picture"


async def test_figures_on_demand(visit: MakeVisit, appliance: StandIn) -> None:
    me = await visit(PHONE)
    await open_camera(me)
    asked = "/api/live/s"
    assert not [one for one in appliance.asked if one.startswith(f"GET {asked}")]
    await me.button("camera.readout").click()
    facts = me.page.locator("nvr-readout")
    await expect(facts).to_contain_text("480 × 270 · VP8")
    await expect(facts).to_contain_text("kbit/s")
    await expect(facts).to_contain_text(" ms")
    await expect(facts).to_contain_text(me.word("transport.webrtc"))
    await me.fits()
    await me.button("camera.readout").click()
    await expect(facts).to_have_count(0)


async def test_sound_is_asked_for_where_there_is_some_and_only_then(
    visit: MakeVisit, appliance: StandIn
) -> None:
    appliance.cameras[0]["sound"] = True
    me = await visit(PHONE)
    await open_camera(me, "market")
    await expect(me.button("camera.sound")).to_be_hidden()
    player = await open_camera(me)
    assert not any("m=audio" in offer for offer in appliance.offers)
    await me.button("camera.sound").click()
    await until(lambda: "m=audio" in appliance.offers[-1])
    await expect(player).to_have_attribute("data-state", "live", timeout=20_000)
    assert not await player.locator("video").evaluate("v => v.muted")
    await me.button("camera.sound").click()
    await until(lambda: "m=audio" not in appliance.offers[-1])
    assert await player.locator("video").evaluate("v => v.muted")


async def test_the_last_picture_is_seen_until_the_live_one_comes(
    visit: MakeVisit, appliance: StandIn
) -> None:
    me = await visit(PHONE)
    me.refusals_expected = True
    await me.start()
    tile = me.page.locator("nvr-tile[data-camera=gate]")
    await expect(tile.locator("nvr-player")).to_have_attribute("data-state", "live", timeout=20_000)
    appliance.refuse["POST /api/cameras/gate/live/sub"] = {"status": 409, "code": "no_picture"}
    await tile.click()
    player = me.page.locator("nvr-stage nvr-player")
    await expect(player.locator(".player-words")).to_have_text(me.word("error.no_picture"))
    await expect(player.locator(".player-poster")).to_be_visible()
    await expect(player.locator(".player-when")).to_contain_text(":")
    assert "GET /api/cameras/gate/picture" not in appliance.asked, "it was on the screen before"
    appliance.refuse.clear()
    appliance.tell("cameras", {"cameras": appliance.cameras})


async def test_a_camera_that_is_away_shows_how_it_last_looked(visit: MakeVisit, appliance: StandIn) -> None:
    me = await visit(PHONE)
    await me.start("/#/live/school")
    await expect(me.page.locator(".player-poster")).to_be_visible()
    await expect(me.page.locator(".player-when")).to_contain_text(":")
    assert "GET /api/cameras/school/picture" in appliance.asked


async def test_what_is_waited_for_is_said_and_the_session_waits_for_its_camera(
    visit: MakeVisit, appliance: StandIn
) -> None:
    me = await visit(PHONE)
    me.refusals_expected = True
    player = await open_camera(me)
    gate = appliance.cameras[0]
    live = gate["streams"]
    gate["streams"] = {"main": stream("connecting"), "sub": stream("connecting")}
    appliance.moving.clear()
    appliance.tell("cameras", {"cameras": appliance.cameras})
    await expect(player).to_have_attribute("data-state", "waiting", timeout=20_000)
    await expect(player.locator(".player-words")).to_have_text(me.word("camera.connecting"))
    await expect(player.locator(".player-poster")).to_be_visible()
    assert appliance.viewers == 1
    appliance.moving.set()
    gate["streams"] = live
    appliance.tell("cameras", {"cameras": appliance.cameras})
    await expect(player).to_have_attribute("data-state", "live", timeout=20_000)
    assert sum(one.startswith("POST /api/cameras/gate/live") for one in appliance.asked) == 1


async def test_a_camera_that_may_not_be_seen_any_more_leaves_no_picture(
    visit: MakeVisit, appliance: StandIn
) -> None:
    me = await visit(PHONE)
    player = await open_camera(me)
    appliance.tell("cameras", {"cameras": appliance.cameras[1:]})
    await expect(player.locator(".player-words")).to_have_text(me.word("error.not_found"))
    await expect(player.locator(".player-poster")).to_be_hidden()
    assert await player.locator("video").evaluate("v => v.srcObject") is None
    await until(lambda: appliance.viewers == 0)
