"""The main job, from the camera's RTSP to the relay's bytes and the phone's picture, with nothing simulated but
the camera's lens and the board's relay: real processes, real sockets, a real pty, real Chromium."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nvr.cli.footage import EMPTY_SHOT, PERSON_SHOT
from peers.appliance import ADMINISTRATOR, ON, PASSWORD, now, until
from peers.browser import DESKTOP, browser_page, frames_decoded

pytestmark = pytest.mark.timeout(240)

SHOTS = f"{EMPTY_SHOT}*4,{PERSON_SHOT}*3"
SHOTS_FOLDER = os.environ.get("NVR_SCREENSHOTS")


async def screenshot(page, name: str) -> None:
    """For a person to look at, where the environment asks for it."""
    if SHOTS_FOLDER:
        Path(SHOTS_FOLDER).mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=f"{SHOTS_FOLDER}/{name}.png")


async def test_person_recorded_seen_and_sounded(site, clip):
    await site.start_relay()
    await site.start_cameras(clip, "--shots", SHOTS)
    site.configure()
    await site.start_service()
    assert site.claim_code

    async with browser_page() as page:
        # Claim with the code from the console.
        await page.goto(site.address)
        await page.fill("input[name=code]", site.claim_code)
        await page.fill("input[name=name]", ADMINISTRATOR)
        await page.fill("input[name=password]", PASSWORD)
        await page.click("form button[type=submit]")

        # Live video plays.
        await page.wait_for_selector("nvr-player video")
        first = await frames_decoded_beyond(page, 0)
        await frames_decoded_beyond(page, first + 25)
        assert await page.evaluate("document.querySelector('nvr-player video').videoWidth") > 0
        await screenshot(page, "live")

        # Disarmed, a person is recorded and the relay stays off.
        async with site.api() as api:

            async def incidents():
                return (await api.get("/api/incidents"))["incidents"]

            found = await until_found(incidents, lambda i: i, "an incident while disarmed")
            assert found[0]["kind"] == "person"
            assert found[0]["response"] == "record"
            assert not any(frame["on"] for frame in site.relay_frames())

            # Armed by a thumb on the page, the next person sounds the siren.
            await page.goto(f"{site.address}/#/alarm")
            armed_at = now()
            await page.click("nvr-alarm button.huge")
            await page.wait_for_selector("nvr-alarm.armed")
            frame = await until(lambda: site.relay_on_since(armed_at), 60, "the relay is switched on")
            assert frame["frame"] == ON
            await screenshot(page, "sounding")
            found = await until_found(
                incidents,
                lambda i: i[0]["response"] == "siren" and i[0]["picture"],
                "the siren's incident with its picture",
            )

            # Disarming on the page silences it.
            await page.click("dialog.ringing button.acknowledge")
            await page.goto(f"{site.address}/#/alarm")
            await page.click("nvr-alarm button.huge.disarm")
            await until(lambda: not site.relay_frames()[-1]["on"], 5, "the relay is switched off")
            alarm = await api.get("/api/alarm")
            assert not alarm["armed"]
            assert alarm["actor"] == ADMINISTRATOR

            # The incident is on the page, with its picture, and its footage plays.
            await page.goto(f"{site.address}/#/incidents")
            await page.wait_for_selector("nvr-incidents img")
            await screenshot(page, "incidents")
            await page.goto(f"{site.address}/#/incident/{found[0]['id']}")
            await page.wait_for_selector("video.footage")
            await footage_plays(page)
            await screenshot(page, "incident")
            picture = await api.download(found[0]["picture"])
            assert picture.startswith(b"\xff\xd8")

            # It shows whom it saw, says why it was certain, and is found again.
            await page.wait_for_selector("img.best-picture")
            await page.wait_for_selector(".evidence-plot circle.seen")
            await page.locator(".frames").scroll_into_view_if_needed()
            await screenshot(page, "incident-evidence")
            (seen, *_) = (await api.get(f"/api/incidents/{found[0]['id']}"))["objects"]
            for address in (seen["picture"], seen["frames"]):
                assert (await api.download(address)).startswith(b"\xff\xd8")
            examined = seen["explanation"]["examined"]
            assert examined[-1]["evidence"] >= seen["explanation"]["certain_at"] - 0.01
            assert seen["explanation"]["pictures"] >= 3
            await page.goto(f"{site.address}/#/incidents?kind={seen['kind']}&taken=yes")
            await page.wait_for_selector(f".as-grid a[href='#/incident/{found[0]['id']}'] img")
            await screenshot(page, "incidents-found")
        assert page.complaints == []


async def test_two_viewers_watch_the_same_camera(site, clip):
    await site.start_cameras(clip, "--shots", SHOTS)
    site.configure()
    await site.start_service()
    async with site.api(claim=True):
        pass
    async with browser_page(DESKTOP) as one, browser_page() as other:
        for page in (one, other):
            await page.goto(site.address)
            await page.fill("input[name=name]", ADMINISTRATOR)
            await page.fill("input[name=password]", PASSWORD)
            await page.click("form button[type=submit]")
            await page.wait_for_selector("nvr-player video")
        for page in (one, other):
            await frames_decoded_beyond(page, 50)
        await screenshot(one, "live-desktop")
        await one.close()
        seen = await frames_decoded(other)
        await frames_decoded_beyond(other, seen + 25)


async def footage_plays(page) -> None:
    """Start the recorded footage and wait until it has moved on by a second."""
    state = {}
    for _ in range(300):
        # No wait_for_function: it needs eval, which the page's own security policy forbids.
        state = await page.evaluate(
            "() => { const v = document.querySelector('video.footage'); v.muted = true; v.play().catch(() => {});"
            " return {at: v.currentTime, width: v.videoWidth, error: v.error && v.error.message}; }"
        )
        if state["at"] > 1 and state["width"] > 0:
            return
        await page.wait_for_timeout(100)
    raise AssertionError(f"the footage does not play: {state}")


async def frames_decoded_beyond(page, count: int) -> int:
    """Wait until the page has decoded more than `count` frames."""
    for _ in range(300):
        if (decoded := await frames_decoded(page)) > count:
            return decoded
        await page.wait_for_timeout(100)
    raise AssertionError(f"no more than {decoded} frames decoded, {count} wanted: {page.complaints}")


async def until_found(fetch, good, what: str, attempts: int = 300):
    """The first answer of `fetch()` that is `good`."""
    import asyncio

    for _ in range(attempts):
        if good(answer := await fetch()):
            return answer
        await asyncio.sleep(0.2)
    raise AssertionError(f"never: {what}")
