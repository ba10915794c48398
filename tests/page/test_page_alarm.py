"""The alarm's page: every state in words, what can be done about it within a thumb's reach, tests and all clear."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from page_browser import TWO_LOOKS, Look, Visit, until
from page_standin import StandIn
from playwright.async_api import Locator, expect
from test_page_looks import said_in_words

pytestmark = pytest.mark.asyncio(loop_scope="session")
MakeVisit = Callable[[Look], Awaitable[Visit]]
SMALL = Look("vi", (320, 568))
NIGHT_PHONE, LAPTOP = (390, 844), (1366, 768)
ALARM_LOOKS = [Look(language, size) for language in ("vi", "en") for size in (NIGHT_PHONE, LAPTOP)]
each_look = pytest.mark.parametrize("look", TWO_LOOKS, ids=lambda look: look.name)
STATES = ("disarmed", "arming", "armed", "pending", "calling", "warning", "sounding", "silenced", "fault")
ABOUT = {"camera": "store", "zone": "Sân sau", "kind": "person", "at_s": time.time(), "incident": 45}


def situation(state: str) -> dict[str, Any]:
    """What the appliance tells in that state."""
    delay_s = {"arming": 99, "pending": 99, "warning": 99, "sounding": 170, "silenced": 99}.get(state)
    told: dict[str, Any] = {
        "state": state,
        "armed": state != "disarmed",
        "mode": None if state == "disarmed" else "night",
        "actor": "Trần Văn Minh",
        "why": "manual",
        "deadline_s": None if delay_s is None else time.time() + delay_s,
        "about": ABOUT if state in ("pending", "calling", "warning", "sounding") else None,
        "missing": ["siren", "camera:bridge"] if state == "fault" else [],
    }
    return told


def show(appliance: StandIn, state: str) -> None:
    told = situation(state)
    loud = state == "sounding"
    appliance.alarm["siren"].update(wanted=loud, on=loud, ends_s=told["deadline_s"] if loud else None)
    appliance.desk.change(**told)


async def box(place: Locator) -> dict[str, float]:
    found = await place.bounding_box()
    assert found is not None
    return dict(found)


@pytest.mark.parametrize("look", [*ALARM_LOOKS, SMALL], ids=lambda look: look.name)
async def test_every_state_is_said_and_can_be_answered(
    visit: MakeVisit, appliance: StandIn, look: Look, shots: Path
) -> None:
    me = await visit(look)
    await me.start("/#/alarm")
    for state in STATES:
        show(appliance, state)
        await expect(me.page.locator("main h1")).to_have_text(me.word(f"alarm.state.{state}"))
        await expect(me.page.locator(".guard-chip")).to_have_text(me.word(f"alarm.state.{state}"))
        await said_in_words(me)
        await me.shoot(shots, f"30-alarm-{state}")
        stop = me.page.locator(".bottom .silence, .alarm-controls .huge").locator("visible=true")
        await expect(stop).to_have_count(2 if state == "sounding" else 1)
        if look.size[0] > 500:
            continue
        for button in (
            await me.page.locator(".alarm-first button, .bottom .silence").locator("visible=true").all()
        ):
            place = await box(button)
            assert place["height"] >= 64, await button.text_content()
        place = await box(stop.last)
        assert place["y"] >= look.size[1] / 2, "at the bottom half"
        assert place["y"] + place["height"] <= look.size[1], "in sight without scrolling"
        siren = me.page.locator("nvr-siren button")
        if await siren.count() and await siren.is_visible():
            controls = [await box(one) for one in await me.page.locator(".alarm-controls button").all()]
            above = await box(siren)
            assert min(one["y"] for one in controls) - above["y"] - above["height"] >= 16


async def test_a_state_of_a_later_version_is_shown_as_it_is_called(
    visit: MakeVisit, appliance: StandIn
) -> None:
    me = await visit(TWO_LOOKS[0])
    await me.start("/#/alarm")
    appliance.desk.change(state="hibernating", armed=True, mode="siesta", why="oracle", missing=["lamp"])
    await expect(me.page.locator("main h1")).to_have_text("Hibernating")
    await expect(me.page.locator(".alarm-mode")).to_have_text("siesta")
    await expect(me.button("alarm.disarm")).to_be_enabled()
    appliance.desk.change(state="fault")
    await expect(me.page.locator(".alarm-advice")).to_contain_text("lamp")


@each_look
async def test_the_mode_is_chosen_and_remembered(visit: MakeVisit, appliance: StandIn, look: Look) -> None:
    me = await visit(look)
    await me.start("/#/alarm")
    await expect(me.button("mode.away")).to_have_attribute("aria-pressed", "true")
    await me.button("mode.night").click()
    await expect(me.button("mode.away")).to_have_attribute("aria-pressed", "false")
    await me.button("alarm.arm").click()
    await expect(me.page.locator(".alarm-mode")).to_have_text(me.word("mode.night"))
    assert (appliance.alarm["mode"], appliance.alarm["actor"]) == ("night", "an")
    await me.page.reload()
    await me.button("alarm.disarm").click()
    await expect(me.button("mode.night")).to_have_attribute("aria-pressed", "true")


async def test_a_double_tap_arms_once(visit: MakeVisit, appliance: StandIn) -> None:
    me = await visit(TWO_LOOKS[1])
    await me.start("/#/alarm")
    await me.button("alarm.arm").dblclick()
    await expect(me.page.locator("main h1")).to_have_text(me.word("alarm.state.armed"))
    assert "POST /api/alarm/disarm" not in appliance.asked


@each_look
async def test_the_exit_delay_is_counted_down(visit: MakeVisit, appliance: StandIn, look: Look) -> None:
    appliance.desk.exit_s = 95.0
    me = await visit(look)
    await me.start("/#/alarm")
    await me.button("alarm.arm").click()
    await expect(me.page.locator("main h1")).to_have_text(me.word("alarm.state.arming"))
    ring = me.page.locator(".alarm-face .ring")
    await expect(ring).to_be_visible()
    await expect(ring).to_have_text(re.compile(r"^\d\d?$"))
    await me.sees("alarm.advice.arming")
    appliance.desk.end()
    await expect(me.page.locator("main h1")).to_have_text(me.word("alarm.state.armed"))
    await expect(ring).to_be_hidden()


@each_look
async def test_who_comes_in_can_disarm_although_the_page_rings(
    visit: MakeVisit, appliance: StandIn, look: Look, shots: Path
) -> None:
    me = await visit(look)
    await me.start("/#/live")
    await expect(me.page.locator(".guard-chip")).to_have_text(me.word("alarm.state.disarmed"))
    appliance.ring(46, camera="store", camera_name="Kho vật tư", zone="Sân sau", kind="person")
    show(appliance, "pending")
    dialog = me.page.locator("dialog.ringing")
    mode = me.word("alarm.mode_now", mode=me.word("mode.night").lower())
    await expect(dialog.locator(".ringing-state")).to_have_text(f"{me.word('alarm.state.pending')} · {mode}")
    bar = dialog.locator("nvr-siren-bar")
    await expect(bar).to_contain_text(re.compile(r"[01]:\d\d"))
    await expect(bar).to_contain_text("Kho vật tư")
    await me.until("document.querySelector('dialog.ringing img').naturalWidth > 0")
    await me.shoot(shots, "31-ringing-pending")
    await me.page.keyboard.press("Enter")  # meant for the page that the sheet has come over
    assert await me.page.evaluate("document.activeElement.className") == "ringing"
    assert "POST /api/alarm/disarm" not in appliance.asked
    await bar.get_by_role("button", name=me.word("alarm.disarm")).click()
    await until(lambda: appliance.alarm["state"] == "disarmed")
    await expect(bar).to_be_hidden()


@each_look
async def test_silencing_is_the_largest_thing(visit: MakeVisit, appliance: StandIn, look: Look) -> None:
    me = await visit(look)
    await me.start("/#/alarm")
    show(appliance, "sounding")
    await expect(me.page.locator("nvr-alarm.loud")).to_be_visible()
    await expect(me.page.locator("nvr-siren")).to_be_hidden()
    areas = {}
    for button in await me.page.locator("button, a.button").locator("visible=true").all():
        place = await box(button)
        areas[await button.text_content()] = place["width"] * place["height"]
    assert max(areas, key=areas.__getitem__) == me.word("siren.off")
    await me.button("siren.off").click()
    await expect(me.page.locator("main h1")).to_have_text(me.word("alarm.state.silenced"))
    until_clock = me.page.locator(".alarm-advice")
    await expect(until_clock).to_contain_text(":")
    await me.button("alarm.all_clear").click()
    await expect(me.page.locator("main h1")).to_have_text(me.word("alarm.state.armed"))


async def test_all_clear_acknowledges_what_rings(visit: MakeVisit, appliance: StandIn) -> None:
    me = await visit(TWO_LOOKS[0])
    await me.start("/#/alarm")
    await expect(me.button("alarm.all_clear")).to_have_count(0)
    appliance.ring(46)
    appliance.ring(47)
    show(appliance, "calling")
    await me.button("ringing.hush").click()
    await me.button("alarm.all_clear").click()
    await expect(me.page.locator(".ringing-bar")).to_be_hidden()
    assert [one["acknowledged_by"] for one in appliance.incidents[:2]] == ["an", "an"]


async def test_a_fault_says_what_cannot_act_and_what_happens_instead(
    visit: MakeVisit, appliance: StandIn
) -> None:
    me = await visit(TWO_LOOKS[1])
    await me.start("/#/alarm")
    show(appliance, "fault")
    camera = me.word("alarm.missing.camera", camera="Cầu Ông Lớn, lối vào thôn 4")
    what = me.word("alarm.missing", things=f"{me.word('alarm.missing.siren')}, {camera}")
    advice = me.page.locator(".alarm-advice")
    await expect(advice).to_have_text(f"{what} {me.word('alarm.instead.call')}")
    appliance.desk.change(instead="warn")
    await expect(advice).to_contain_text(me.word("alarm.instead.warn"))


@each_look
async def test_the_next_change_is_told_with_its_mode(
    visit: MakeVisit, appliance: StandIn, look: Look
) -> None:
    me = await visit(look)
    await me.start("/#/alarm")
    await expect(me.page.locator(".alarm-next")).to_contain_text(f"({me.word('mode.night').lower()})")
    await expect(me.page.get_by_role("link", name=me.word("alarm.schedule"))).to_have_attribute(
        "href", "#/schedule"
    )


@each_look
async def test_the_siren_is_tested_after_a_countdown_that_can_be_cancelled(
    visit: MakeVisit, appliance: StandIn, look: Look, shots: Path
) -> None:
    me = await visit(look)
    await me.start("/#/alarm")
    test = me.button("trial.siren", seconds=3)
    await test.click()
    await me.sees("trial.siren_soon", seconds=3)
    await me.page.locator("nvr-trials").scroll_into_view_if_needed()
    await me.shoot(shots, "32-siren-test")
    await me.button("trial.cancel").click()
    await expect(test).to_be_enabled()
    # Whoever leaves the page, or is overtaken by what happens, has cancelled it too.
    await test.click()
    await me.tab("incidents")
    await me.tab("alarm")
    await expect(test).to_be_enabled()
    await test.click()
    show(appliance, "pending")
    await expect(me.button("trial.cancel")).to_have_count(0)
    show(appliance, "armed")
    await expect(test).to_be_enabled()
    assert "POST /api/siren/test" not in appliance.asked
    await test.click()
    await expect(me.page.locator("main h1")).to_have_text(me.word("alarm.testing"), timeout=20_000)
    assert appliance.alarm["siren"]["test"]
    appliance.desk.end()
    await expect(me.page.locator("main h1")).to_have_text(me.word("alarm.state.armed"))


async def test_a_refused_test_is_said_in_words(visit: MakeVisit, appliance: StandIn) -> None:
    appliance.refuse["POST /api/alarm/quiet-test"] = {"status": 503, "code": "storage"}
    me = await visit(TWO_LOOKS[0])
    me.refusals_expected = True
    await me.start("/#/alarm")
    await me.button("trial.quiet_start").click()
    await me.sees("error.storage")


@each_look
async def test_a_quiet_test_is_told_on_every_page(
    visit: MakeVisit, appliance: StandIn, look: Look, shots: Path
) -> None:
    me = await visit(look)
    await me.start("/#/alarm")
    await me.page.get_by_label(me.word("trial.minutes")).select_option("15")
    await me.button("trial.quiet_start").click()
    bar = me.page.locator("nvr-quiet-bar")
    await expect(bar).to_contain_text(me.word("trial.quiet_now"))
    await expect(bar.locator(".quiet-note")).to_contain_text(re.compile(r"1[345]:\d\d"))
    await expect(me.button("trial.quiet_start")).to_have_count(0)
    appliance.desk.change(**{**situation("sounding"), "would_sound": True})
    await expect(me.page.locator("main h1")).to_have_text(me.word("alarm.would_sound"))
    await expect(me.page.locator(".bottom nvr-siren-bar")).to_be_hidden()
    await me.shoot(shots, "33-would-sound")
    await me.button("alarm.end_would_sound").click()
    await until(lambda: "POST /api/siren/off" in appliance.asked)
    await me.tab("live")
    await expect(bar).to_be_visible()
    await me.button("trial.quiet_end").click()
    await expect(bar).to_be_hidden()
    assert appliance.alarm["quiet_test"] is None


async def test_viewers_read_all_of_it_and_can_do_nothing(visit: MakeVisit, appliance: StandIn) -> None:
    me = await visit(TWO_LOOKS[0])
    await me.start("/#/alarm", role="viewer")
    for state in STATES:
        show(appliance, state)
        await expect(me.page.locator("main h1")).to_have_text(me.word(f"alarm.state.{state}"))
        open_to_them = me.page.locator("main button:enabled, .bottom button:enabled").locator("visible=true")
        await expect(open_to_them).to_have_count(0)
    await me.sees("only_viewing")
