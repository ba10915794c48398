"""What people do with the page, in a real browser, against a stand-in for the appliance."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from page_browser import TWO_LOOKS, Look, Visit, until
from page_data import ACCOUNTS, CODE, camera_fault, fault
from page_standin import StandIn
from playwright.async_api import Locator, Route, expect

pytestmark = pytest.mark.asyncio(loop_scope="session")
MakeVisit = Callable[[Look], Awaitable[Visit]]
each_look = pytest.mark.parametrize("look", TWO_LOOKS, ids=lambda look: look.name)


@each_look
async def test_claim_leads_to_the_cameras(visit: MakeVisit, appliance: StandIn, look: Look) -> None:
    appliance.claimed = False
    me = await visit(look)
    me.refusals_expected = True
    await me.start(role=None)
    await me.sees("claim.title")
    code, name, password = (me.page.locator(f"input[name={n}]") for n in ("code", "name", "password"))

    await me.button("claim.submit").click()
    await me.sees("error.empty_field")
    await code.press_sequentially("7k2mqx9d4tva")
    await expect(code).to_have_value("7K2M-QX9D-4TVA")
    await name.fill("an")
    await me.button(f"language.{'en' if look.language == 'vi' else 'vi'}").click()
    await me.button(f"language.{look.language}").click()
    await me.sees("claim.title")
    await expect(name).to_have_value("an")  # nothing has to be typed again
    await expect(code).to_have_value("7K2M-QX9D-4TVA")
    await password.fill("ngắn")
    await me.button("claim.submit").click()
    await me.sees("error.weak_password")
    await password.fill(ACCOUNTS["an"])
    await me.button("claim.submit").click()
    await me.sees("error.wrong_code")
    await code.fill(CODE.lower())
    await me.button("claim.submit").click()
    await me.sees("live.title")
    await expect(me.page.locator("nvr-tile")).to_have_count(6)


@each_look
async def test_login_says_what_is_wrong_and_then_shows_moving_pictures(
    visit: MakeVisit, appliance: StandIn, look: Look
) -> None:
    me = await visit(look)
    me.refusals_expected = True
    await me.start(role=None)
    await me.page.locator("input[name=name]").fill("an")
    await me.page.locator("input[name=password]").fill("sai mật khẩu rồi")
    await me.button("login.submit").click()
    await me.sees("error.wrong_login")
    appliance.refuse["POST /api/login"] = {"status": 429, "code": "too_many_attempts", "retry_after_s": 3.0}
    await me.button("login.submit").click()
    await me.sees("error.wait", seconds=3)
    await expect(me.button("login.submit")).to_be_disabled()
    appliance.refuse.clear()
    await expect(me.button("login.submit")).to_be_enabled()
    await me.page.locator("input[name=password]").fill(ACCOUNTS["an"])
    await me.button("login.submit").click()
    gate = me.page.locator("nvr-tile[data-camera=gate]")
    await expect(gate.locator("nvr-player")).to_have_attribute("data-state", "live", timeout=20_000)
    await expect(gate.locator(".live-badge")).to_have_text(me.word("player.live"))
    assert await gate.locator("video").evaluate("v => v.videoWidth") == 480


@each_look
async def test_a_tile_says_why_there_is_no_picture(visit: MakeVisit, look: Look) -> None:
    me = await visit(look)
    await me.start()
    words = me.page.locator("nvr-tile .player-words")
    unreachable = me.word("fault.camera_unreachable", stream=me.word("stream.all"))
    await expect(words.nth(3)).to_have_text(unreachable[0].upper() + unreachable[1:])
    await expect(words.nth(5)).to_have_text(me.word("error.b_frames"))


async def test_large_picture_switches_to_the_sharp_stream_in_the_same_session(
    visit: MakeVisit, appliance: StandIn
) -> None:
    me = await visit(TWO_LOOKS[0])
    await me.start()
    await me.page.locator("nvr-tile[data-camera=market]").click()
    player = me.page.locator("nvr-camera nvr-player")
    await expect(player).to_have_attribute("data-state", "live", timeout=20_000)
    await until(lambda: appliance.viewers == 1)  # the tiles' pictures were left
    assert "POST /api/cameras/market/live/sub" in appliance.asked, "enough for a phone"
    await me.page.locator("nvr-camera select").select_option("main")
    await until(lambda: appliance.wished == ["main"])
    await expect(player).to_have_attribute("data-state", "live", timeout=20_000)
    assert appliance.viewers == 1
    assert "POST /api/cameras/market/live/main" not in appliance.asked


async def test_picture_comes_back_by_itself(visit: MakeVisit, appliance: StandIn) -> None:
    appliance.cameras = appliance.cameras[:1]
    me = await visit(TWO_LOOKS[0])
    me.refusals_expected = True  # the page leaves what the appliance has ended already
    await me.start()
    player = me.page.locator("nvr-player")
    await expect(player).to_have_attribute("data-state", "live", timeout=20_000)
    await appliance.drop_viewers()
    await expect(player).not_to_have_attribute("data-state", "live", timeout=20_000)
    await expect(player).to_have_attribute("data-state", "live", timeout=20_000)


async def test_refused_live_is_said_in_words(visit: MakeVisit, appliance: StandIn) -> None:
    appliance.cameras = appliance.cameras[:1]
    appliance.refuse["POST /api/cameras/gate/live/sub"] = {"status": 503, "code": "too_many_viewers"}
    me = await visit(TWO_LOOKS[0])
    me.refusals_expected = True
    await me.start()
    await expect(me.page.locator(".player-words")).to_have_text(me.word("error.too_many_viewers"))


async def test_only_tiles_in_sight_are_streamed(visit: MakeVisit, appliance: StandIn) -> None:
    appliance.cameras = [{**appliance.cameras[0], "id": f"gate{i}", "name": f"Cổng {i}"} for i in range(12)]
    appliance.refuse = {
        f"POST /api/cameras/gate{i}/live/sub": {"status": 409, "code": "no_picture"} for i in range(12)
    }
    me = await visit(TWO_LOOKS[0])
    me.refusals_expected = True
    await me.start()
    await expect(me.page.locator(".player-words").first).to_have_text(me.word("error.no_picture"))
    assert "POST /api/cameras/gate11/live/sub" not in appliance.asked
    await me.page.locator("nvr-tile").last.scroll_into_view_if_needed()
    await until(lambda: "POST /api/cameras/gate11/live/sub" in appliance.asked)
    await expect(me.page.locator("nvr-player").first).to_have_attribute("data-state", "idle")


@each_look
async def test_incidents_are_paged_and_filtered(visit: MakeVisit, appliance: StandIn, look: Look) -> None:
    me = await visit(look)
    await me.start("/#/incidents")
    rows = me.page.locator("a.incident")
    await expect(rows).to_have_count(20)
    await me.button("incidents.more").click()
    await expect(rows).to_have_count(40)
    await me.button("incidents.more").click()
    await expect(rows).to_have_count(45)
    await expect(me.button("incidents.more")).to_be_hidden()
    await me.page.locator("[data-choice=camera]").select_option("gate")
    await expect(rows).to_have_count(11)
    await expect(rows.first).to_contain_text("Cổng UBND xã")
    appliance.incidents[1]["acknowledged_s"] = 1.8e9
    appliance.tell("incident", {**appliance.incidents[1], "camera_name": "Cổng đổi tên"})
    await expect(rows.first).to_contain_text("Cổng đổi tên")


async def test_what_happens_while_the_list_is_on_its_way_is_in_it(
    visit: MakeVisit, appliance: StandIn
) -> None:
    me = await visit(TWO_LOOKS[0])
    appliance.list_on_its_way.clear()
    await me.start("/#/incidents")
    await until(lambda: any(asked.startswith("GET /api/incidents") for asked in appliance.asked))
    appliance.ring(46, camera_name="Kho vật tư", kind="person")
    await expect(me.page.locator("nvr-ringing")).to_contain_text("Kho vật tư")
    appliance.list_on_its_way.set()
    await expect(me.page.locator("a.incident").first).to_contain_text("Kho vật tư")


async def test_what_concerns_no_camera_has_no_footage(visit: MakeVisit, appliance: StandIn) -> None:
    appliance.ring(
        46, camera="*", camera_name="Điểm trực", zone="*", kind="restarted", best=None, picture=None
    )
    me = await visit(TWO_LOOKS[0])
    await me.start("/#/incident/46")
    await expect(me.page.get_by_role("heading", level=1)).to_contain_text("Điểm trực")
    await expect(me.page.locator("nvr-footage")).to_be_hidden()
    await expect(me.page.locator(".to-timeline, .to-hold")).to_have_count(0)
    assert not any("/footage/" in asked for asked in appliance.asked)


@each_look
async def test_incident_shows_picture_box_and_footage(
    visit: MakeVisit, appliance: StandIn, look: Look
) -> None:
    appliance.footage_ready.clear()
    now = appliance.ring(46, camera="market", camera_name="Chợ Đầm", kind="person")
    appliance.alarm["ringing"] = []
    now["footage"] = {"role": "sub", "start_s": now["opened_s"] - 10, "end_s": now["last_s"] + 20}
    me = await visit(look)
    await me.start("/#/incidents")
    await me.page.locator("a.incident").first.click()
    title = me.word("incident.title", kind=me.word("kind.person"), camera="Chợ Đầm")
    await expect(me.page.get_by_role("heading", level=1)).to_have_text(title[0].upper() + title[1:])
    image, box = me.page.locator(".evidence img"), me.page.locator(".evidence .box")
    await expect(image).to_be_visible()
    await me.until("document.querySelector('.evidence img').naturalWidth === 480")
    whole, part = await image.bounding_box(), await box.bounding_box()
    assert whole and part
    assert (part["x"] - whole["x"]) / whole["width"] == pytest.approx(now["box"][0], abs=0.01)
    assert part["height"] / whole["height"] == pytest.approx(now["box"][3] - now["box"][1], abs=0.01)

    await me.sees("footage.still_recording")
    appliance.footage_ready.set()
    video = me.page.locator("video.footage")
    await expect(video).to_be_visible()
    await video.evaluate("v => { v.muted = true; return v.play(); }")
    await me.until("document.querySelector('video.footage').currentTime > 0.3")
    await expect(me.page.locator(".footage-clock")).to_have_text(re.compile(r"\d\d:\d\d:\d\d"))
    await me.button("footage.jump").click()
    await me.until("document.querySelector('video.footage').currentTime > 8.9")
    async with me.page.expect_download() as download:
        await me.page.locator("nvr-footage a[download]").click()
    assert "download=1" in (await download.value).url

    await me.button("incident.acknowledge").click()
    await expect(me.page.locator(".badge.done")).to_be_visible()
    await expect(me.button("incident.acknowledge")).to_be_hidden()


async def test_footage_that_still_grows_can_be_used(visit: MakeVisit, appliance: StandIn) -> None:
    now = appliance.ring(46, camera="market", camera_name="Chợ Đầm", kind="person")
    appliance.alarm["ringing"] = []
    now["footage"] = {"role": "sub", "start_s": now["opened_s"] - 10, "end_s": now["last_s"] + 600}
    appliance.footage_until_s = now["last_s"]
    me = await visit(TWO_LOOKS[0])
    await me.start("/#/incident/46")
    await me.sees("footage.still_recording")
    await expect(me.button("footage.jump")).to_be_visible()
    await expect(me.page.locator("nvr-footage a[download]")).to_be_visible()
    opened = await me.page.locator("video.footage").get_attribute("src")
    asked = appliance.asked.count("GET /api/cameras/market/footage/sub")
    await until(lambda: appliance.asked.count("GET /api/cameras/market/footage/sub") > asked)
    assert await me.page.locator("video.footage").get_attribute("src") == opened


async def test_footage_in_two_parts_plays_on(visit: MakeVisit, appliance: StandIn) -> None:
    appliance.footage_parts = 2
    me = await visit(TWO_LOOKS[0])
    await me.start("/#/incident/41")
    video = me.page.locator("video.footage")
    await expect(me.page.locator("nvr-footage a[download]")).to_have_count(2)
    await video.evaluate("async v => { v.muted = true; await v.play(); v.currentTime = v.duration - 0.2; }")
    await me.until("document.querySelector('video.footage').src.endsWith('part=1')")
    await expect(me.page.locator(".footage-clock")).to_contain_text(me.word("footage.part", part=2, count=2))


@pytest.mark.parametrize("sub_plays", [True, False])
async def test_h265_footage_is_replaced_or_offered_as_a_file(
    visit: MakeVisit, appliance: StandIn, sub_plays: bool
) -> None:
    """Debian's Chromium plays no H.265."""
    appliance.h265_roles = {"main"} if sub_plays else {"main", "sub"}
    incident = next(i for i in appliance.incidents if i["id"] == 41)
    incident["footage"] = {**incident["footage"], "role": "main"}
    me = await visit(TWO_LOOKS[0])
    await me.start("/#/incident/41")
    await expect(me.page.locator("nvr-footage a[download]")).to_be_visible()
    video = me.page.locator("video.footage")
    if sub_plays:
        await me.until("document.querySelector('video.footage').src.includes('/footage/sub/')")
        await expect(video).to_be_visible()
    else:
        await me.sees("footage.cannot_play")
        await expect(video).to_be_hidden()


@each_look
async def test_lines_and_loitering_are_said_in_words(
    visit: MakeVisit, appliance: StandIn, look: Look
) -> None:
    appliance.incidents[0].update(zone="hàng rào", rule="cross_left")
    appliance.incidents[1].update(zone="cổng sau", rule="loiter")
    appliance.incidents[2].update(zone="*", rule="loiter")
    gate = appliance.cameras[0]
    place = {"response": "call", "objects": ["person"], "hours": ["22:00-05:00"]}
    gate["zones"][0].update(rule="loiter", seconds=45)
    gate["lines"] = [{"name": "hàng rào", "from": [0, 0.5], "to": [1, 0.5], "direction": "left", **place}]
    me = await visit(look)
    await me.start("/#/incidents")
    listed = me.page.locator("a.incident")
    await expect(listed.nth(0)).to_contain_text(me.word("line.crossed", line="hàng rào"))
    await expect(listed.nth(1)).to_contain_text(me.word("zone.loitered", zone="cổng sau"))
    await expect(listed.nth(2)).to_contain_text(me.word("zone.loitered_anywhere"))
    await me.page.goto(f"{me.page.url.split('#')[0]}#/live/gate")
    facts = me.page.locator("nvr-camera .facts")
    await expect(facts).to_contain_text(me.word("zone.seconds", time="0:45"))
    await expect(facts).to_contain_text(me.word("line.named", line="hàng rào"))
    await expect(facts).to_contain_text("22:00–05:00")


async def test_unknown_incident(visit: MakeVisit) -> None:
    me = await visit(TWO_LOOKS[0])
    me.refusals_expected = True
    await me.start("/#/incident/999")
    await me.sees("error.not_found")


@each_look
async def test_arm_and_disarm(visit: MakeVisit, appliance: StandIn, look: Look) -> None:
    me = await visit(look)
    await me.start()
    await me.tab("alarm")
    await expect(me.page.locator(".alarm-state")).to_have_text(me.word("alarm.state.disarmed"))
    await me.button("alarm.arm").click()
    await expect(me.page.locator(".alarm-state")).to_have_text(me.word("alarm.state.armed"))
    await expect(me.page.locator(".guard-chip")).to_have_text(me.word("alarm.state.armed"))
    await expect(me.page.locator(".alarm-why")).to_contain_text("an")
    assert appliance.alarm["armed"]
    await me.button("alarm.disarm").click()
    await expect(me.page.locator(".alarm-state")).to_have_text(me.word("alarm.state.disarmed"))
    assert not appliance.alarm["armed"]


@each_look
async def test_siren_takes_two_steps_on_and_one_off(visit: MakeVisit, appliance: StandIn, look: Look) -> None:
    me = await visit(look)
    await me.start("/#/alarm")
    on = me.button("siren.on")
    await on.dblclick()
    await me.sees("siren.question")
    assert "POST /api/siren/on" not in appliance.asked
    await me.button("cancel").click()
    await expect(me.button("siren.sure")).to_be_hidden()
    await on.click()
    await me.button("siren.sure").click()
    off = me.button("siren.off")
    await me.tab("incidents")  # wherever one is
    await expect(off).to_be_visible()
    await expect(me.page.locator(".bottom .siren-bar-note")).to_have_text(re.compile(r"[23]:\d\d"))
    assert appliance.alarm["siren"]["on"]
    await off.click()
    await expect(off).to_be_hidden()
    assert not appliance.alarm["siren"]["on"]


async def test_siren_out_of_reach_or_absent_cannot_be_asked_for(visit: MakeVisit, appliance: StandIn) -> None:
    appliance.alarm["siren"]["link"] = "down"
    me = await visit(TWO_LOOKS[0])
    await me.start("/#/alarm")
    await me.sees("siren.link_down")
    await expect(me.button("siren.on")).to_be_disabled()
    appliance.alarm["siren"].update(configured=False, link="none")
    appliance.tell("alarm", appliance.alarm)
    await me.sees("siren.none")
    await expect(me.button("siren.on")).to_be_hidden()


async def test_refused_siren_is_said_in_words(visit: MakeVisit, appliance: StandIn) -> None:
    appliance.refuse["POST /api/siren/on"] = {"status": 503, "code": "siren_unavailable"}
    me = await visit(TWO_LOOKS[0])
    me.refusals_expected = True
    await me.start("/#/alarm")
    await me.button("siren.on").click()
    await me.button("siren.sure").click()
    await me.sees("error.siren_unavailable")


@each_look
async def test_rings_until_acknowledged(visit: MakeVisit, appliance: StandIn, look: Look) -> None:
    me = await visit(look)
    await me.start("/#/alarm")
    await me.touch("main h1")  # opens sound
    appliance.ring(46, camera_name="Kho vật tư", kind="person")
    dialog = me.page.locator("dialog.ringing")
    await expect(dialog).to_be_visible()
    await expect(dialog.get_by_role("heading")).to_contain_text("Kho vật tư")
    await expect(dialog.locator(".sound-hint")).to_be_hidden()
    assert await me.page.title() == me.word(
        "ringing.page_title.one" if look.language == "en" else "ringing.page_title.other", n=1
    )
    await me.button("incident.acknowledge").click()
    await expect(dialog).to_be_hidden()
    await expect(me.page.locator(".ringing-bar")).to_be_hidden()
    assert appliance.incidents[0]["acknowledged_by"] == "an"
    assert await me.page.title() == "Công an xã An Phú"


async def test_hushed_device_keeps_a_bar_and_rings_anew_for_the_next(
    visit: MakeVisit, appliance: StandIn
) -> None:
    me = await visit(TWO_LOOKS[0])
    await me.start("/#/alarm")
    await me.sees("alarm.arm")
    appliance.ring(46)
    dialog, bar = me.page.locator("dialog.ringing"), me.page.locator(".ringing-bar")
    await me.button("ringing.hush").click()
    await expect(dialog).to_be_hidden()
    await expect(bar).to_contain_text(me.word("ringing.bar.other", n=1))
    appliance.ring(47)
    await expect(dialog).to_be_visible()
    await me.button("ringing.acknowledge_all.other", n=2).click()
    await expect(dialog).to_be_hidden()
    await expect(bar).to_be_hidden()
    assert appliance.alarm["ringing"] == []


async def test_siren_can_be_silenced_while_the_page_rings(visit: MakeVisit, appliance: StandIn) -> None:
    me = await visit(TWO_LOOKS[0])
    await me.start("/#/incidents")
    appliance.alarm["siren"].update(wanted=True, on=True)
    appliance.ring(46)
    await me.page.locator("dialog.ringing").get_by_role("button", name=me.word("siren.off")).click()
    await until(lambda: not appliance.alarm["siren"]["on"])


async def test_viewers_see_but_cannot_act(visit: MakeVisit, appliance: StandIn) -> None:
    appliance.alarm["ringing"] = [45]
    me = await visit(TWO_LOOKS[0])
    await me.start("/#/alarm", role="viewer")
    await me.button("ringing.hush").click()
    await me.sees("only_viewing")
    await expect(me.button("alarm.arm")).to_be_disabled()
    await expect(me.button("siren.on")).to_be_disabled()
    await me.page.locator(".ringing-bar").click()
    await expect(me.button("incident.acknowledge")).to_have_count(0)


@each_look
async def test_faults_are_told_in_words(visit: MakeVisit, appliance: StandIn, look: Look) -> None:
    me = await visit(look)
    await me.start("/#/alarm")
    line = me.page.locator(".status-line")
    await expect(line).to_contain_text(me.word("status.well"))
    await expect(line).to_contain_text(me.word("storage.days.other", n=23))
    appliance.status["faults"] = [camera_fault("school", "main"), camera_fault("school", "sub")]
    appliance.tell("status", appliance.status)
    both = me.word("fault.camera_unreachable", stream=me.word("stream.all"))
    await expect(line).to_contain_text(f"Trường tiểu học số 2: {both}")
    appliance.status["faults"] += [fault("elsewhere", "of_a_later_version", "something new is wrong")]
    appliance.tell("status", appliance.status)
    await line.click()
    panel = me.page.locator(".status-panel")
    await expect(panel.locator("li")).to_have_count(2)
    await expect(panel).to_contain_text(me.word("remedy.camera_unreachable"))
    await expect(panel).to_contain_text("something new is wrong")
    await panel.get_by_text(me.word("status.detail")).click()
    await expect(panel.locator(".technical")).to_contain_text("192.168.1.67")


@each_look
async def test_a_sick_camera_is_shown_before_and_after(
    visit: MakeVisit, appliance: StandIn, look: Look, shots: Path
) -> None:
    me = await visit(look)
    await me.start("/#/alarm")
    appliance.status["faults"] = [
        fault("camera:school", "sick_covered", "camera school does not show what it did", before=1),
        fault("camera:gate", "sick_dark", "camera gate does not show what it did", before=0),
        fault("cameras", "sick_many", "4 of 6 cameras", sick=4, cameras=6),
    ]
    appliance.tell("status", appliance.status)
    line = me.page.locator(".status-line")
    await expect(line).to_contain_text("Trường tiểu học số 2")
    await line.click()
    covered, dark, many = (me.page.locator(".status-panel .faults > li").nth(n) for n in range(3))
    await expect(covered).to_contain_text(me.word("remedy.sick_covered"))
    await expect(covered.locator("figcaption")).to_have_text(
        [me.word("status.before"), me.word("status.since_then")]
    )
    for image in await covered.locator("img").all():
        await image.scroll_into_view_if_needed()
        await until_loaded(image)
    boxes = [await image.bounding_box() for image in await covered.locator("img").all()]
    assert boxes[0] and boxes[1] and boxes[0]["y"] == boxes[1]["y"]
    assert boxes[0]["x"] + boxes[0]["width"] < boxes[1]["x"]
    await expect(dark.locator("img")).to_have_count(1)
    await expect(many.locator("img")).to_have_count(0)
    await expect(many).to_contain_text(me.word("fault.sick_many", sick=4, cameras=6))
    await me.shoot(shots, "sick-cameras")


async def until_loaded(image: Locator) -> None:
    await image.evaluate("i => i.complete || new Promise(done => i.addEventListener('load', done))")
    assert await image.evaluate("i => i.naturalWidth") > 0


async def test_lost_connection_is_said_and_mended(visit: MakeVisit, appliance: StandIn) -> None:
    me = await visit(TWO_LOOKS[0])
    me.refusals_expected = True
    await me.start("/#/incidents")
    await expect(me.page.locator("a.incident")).to_have_count(20)
    appliance.refuse["GET /api/events"] = {"status": 503, "code": "restarting"}
    appliance.hang_up()
    await me.sees("link.lost")
    await expect(me.page.locator(".status-line")).to_be_hidden()  # nobody knows now whether all is well
    appliance.alarm.update(state="armed", armed=True, mode="away")
    appliance.refuse.clear()
    await expect(me.page.locator(".link-lost")).to_be_hidden(timeout=20_000)
    await expect(me.page.locator(".guard-chip")).to_have_text(me.word("alarm.state.armed"))
    await expect(me.page.locator(".status-line")).to_be_visible()


@pytest.mark.parametrize(
    ("path", "found"), [("/incidents", "a.incident"), ("/incidents/45", ".evidence img")]
)
async def test_what_could_not_be_loaded_is_loaded_when_the_connection_is_back(
    visit: MakeVisit, appliance: StandIn, path: str, found: str
) -> None:
    appliance.refuse[f"GET /api{path}"] = {"status": 502, "code": "restarting"}
    me = await visit(TWO_LOOKS[0])
    me.refusals_expected = True
    await me.start("/#/incidents" if path == "/incidents" else "/#/incident/45")
    await me.sees("error.unknown", status=502)
    appliance.refuse.clear()
    appliance.hang_up()
    await expect(me.page.locator(found).first).to_be_visible(timeout=20_000)


async def test_an_answer_older_than_the_events_does_not_end_the_ringing(
    visit: MakeVisit, appliance: StandIn
) -> None:
    appliance.alarm["siren"].update(wanted=True, on=True)
    me = await visit(TWO_LOOKS[0])
    await me.start()

    async def ring_first(route: Route) -> None:
        answer = await route.fetch()
        appliance.ring(46, camera="gate", camera_name="Cổng UBND xã", kind="person")
        await expect(me.page.locator("dialog.ringing")).to_be_visible()
        await route.fulfill(response=answer)

    await me.page.route("**/api/siren/off", ring_first)
    async with me.page.expect_response("**/api/siren/off") as answered:
        await me.button("siren.off").click()
    await (await answered.value).finished()
    await me.page.evaluate("new Promise(requestAnimationFrame)")
    await expect(me.page.locator("dialog.ringing")).to_be_visible()


async def test_ended_session_asks_to_log_in_again(visit: MakeVisit, appliance: StandIn) -> None:
    me = await visit(TWO_LOOKS[0])
    me.refusals_expected = True
    await me.start()
    await expect(me.page.locator("nvr-tile")).to_have_count(6)
    appliance.account = None
    appliance.hang_up()
    await me.sees("login.submit")
    await expect(me.page.locator("nvr-tile")).to_have_count(0)


async def test_log_in_from_another_tab_does_not_break_this_one(visit: MakeVisit, appliance: StandIn) -> None:
    me = await visit(TWO_LOOKS[0])
    me.refusals_expected = True
    await me.start("/#/alarm")
    await me.sees("alarm.arm")
    appliance.csrf = "of-the-other-tab"
    await me.button("alarm.arm").click()
    await me.sees("alarm.disarm")
    assert appliance.alarm["armed"]


async def test_language_is_switched_remembered_and_logout(visit: MakeVisit, appliance: StandIn) -> None:
    me = await visit(Look("vi", (360, 740)))
    me.refusals_expected = True  # the page leaves live pictures that ended with the session
    await me.start()
    await me.sees("live.title")
    await me.button("menu").click()
    await me.button("language.en").click()
    await expect(me.page.get_by_role("heading", level=1)).to_have_text("Live view")
    assert await me.page.locator("html").get_attribute("lang") == "en"
    await me.page.reload()
    await expect(me.page.get_by_role("heading", level=1)).to_have_text("Live view")
    await me.page.get_by_role("button", name="Account and language").click()
    await me.page.get_by_role("button", name="Log out").click()
    await expect(me.page.get_by_role("button", name="Log in")).to_be_visible()
    assert appliance.account is None


async def test_recorder_out_of_reach_is_said_in_both_languages(visit: MakeVisit, appliance: StandIn) -> None:
    appliance.refuse["GET /api/session"] = {"status": 502, "code": "x"}
    me = await visit(TWO_LOOKS[0])
    me.refusals_expected = True
    await me.start()
    await expect(me.page.locator("#unreachable h1")).to_be_visible()
    await expect(me.page.get_by_text("The recorder cannot be reached.")).to_be_visible()
    appliance.refuse.clear()
    await me.page.locator("#unreachable button").click()
    await me.sees("live.title")


async def test_data_never_becomes_markup(visit: MakeVisit, appliance: StandIn) -> None:
    hostile = '<img src=x onerror="document.title=1"><b>x</b>'
    appliance.cameras[0]["name"] = hostile
    appliance.incidents[0].update(camera_name=hostile, zone=hostile, kind=hostile, acknowledged_by=hostile)
    appliance.status["faults"] = [fault("disk", "unheard_of", hostile)]
    me = await visit(Look("vi", (1920, 1080)))
    await me.start()
    await expect(me.page.locator("nvr-tile .tile-name").first).to_have_text(hostile)
    await expect(me.page.locator(".status-words")).to_have_text(hostile)
    await expect(me.page.locator("a.incident strong").first).to_have_text(hostile)
    assert await me.page.locator("b").count() == 0
