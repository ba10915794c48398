"""A real browser as the viewer: Debian's Chromium, headless."""

from __future__ import annotations

import itertools
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from live_browser import (
    DEFAULT,
    PIXEL,
    SHOWN,
    STATS,
    WATCH,
    chromium,
    served,
    wait_for_decoded,
    wait_for_size,
)
from live_peers import LoopCamera, Relay, encode, encode_h265, is_video, until
from playwright.async_api import Page

from webrtc.session import LiveServer, WhepError

OpenPage = Callable[..., Awaitable[Page]]


ONLY = """
    const codecs = RTCRtpReceiver.getCapabilities("video").codecs;
    pc.getTransceivers()[0].setCodecPreferences(codecs.filter(codec => codec.mimeType WANTED));
    await pc.setLocalDescription();"""


@pytest.fixture
async def open_page() -> AsyncIterator[OpenPage]:
    """Opens the page for a camera in a browser of its own."""
    async with AsyncExitStack() as stack:

        async def open_for(server: LiveServer, camera: LoopCamera, network: Relay | None = None) -> Page:
            page = await stack.enter_async_context(chromium())
            return await stack.enter_async_context(served(page, server, camera, network))

        yield open_for


@pytest.mark.parametrize(
    ("policy", "audio_first"),
    [("balanced", False), ("balanced", True), ("max-bundle", True)],
)
async def test_high_profile_1080p_plays(
    serve: Callable[..., Awaitable[LiveServer]],
    open_page: OpenPage,
    policy: str,
    audio_first: bool,
) -> None:
    camera, server = LoopCamera(encode("high", 1920, 1080)), await serve()
    assert camera.sps is not None
    assert camera.sps[1] == 100
    page = await open_page(server, camera)
    answer = await page.evaluate(WATCH, {"policy": policy, "audioFirst": audio_first})
    assert "profile-level-id=42" not in answer, "High under a Baseline entry stays black on iOS"
    first = await wait_for_decoded(page, 20)
    later = await wait_for_decoded(page, first["decoded"] + 25)
    assert (later["width"], later["height"]) == (1920, 1080)
    assert min(await page.evaluate(PIXEL)) > 180, "the right edge of the picture is white"
    await page.evaluate("pc.close()")
    await until(lambda: not server.sessions())


async def test_the_picture_goes_on_after_the_camera_was_away(
    serve: Callable[..., Awaitable[LiveServer]],
    open_page: OpenPage,
) -> None:
    camera, server = LoopCamera(encode("baseline", 320, 240)), await serve()
    page = await open_page(server, camera)
    await page.evaluate(WATCH, DEFAULT)
    await wait_for_decoded(page, 20)
    camera.present.clear()
    await page.wait_for_timeout(1000)
    before = (await page.evaluate(STATS))["decoded"]
    camera.origin_90k = 1 << 32
    camera.present.set()
    await wait_for_decoded(page, before + 40)
    assert len(server.sessions()) == 1


async def test_three_percent_of_loss_freeze_no_second(
    serve: Callable[..., Awaitable[LiveServer]],
    open_page: OpenPage,
    relay: Callable[[Callable[[bytes], bool]], Relay],
) -> None:
    """How long the picture stands still is for `bench.live_loss`; here that no second of the stream is missing."""
    chance = random.Random(6)
    network = relay(lambda datagram: is_video(datagram) and chance.random() < 0.03)
    server = await serve()
    page = await open_page(server, LoopCamera(encode("high", 1920, 1080, noise=True)), network)
    answer = await page.evaluate(WATCH, DEFAULT)
    assert "a=ssrc-group:FID" in answer
    await page.evaluate(SHOWN)
    stats = await wait_for_decoded(page, 150)
    times = await page.evaluate("times")
    assert all(0 < (b - a) & 0xFFFFFFFF < 90_000 for a, b in itertools.pairwise(times))
    assert network.lost >= 10
    assert stats["again"] >= 5
    assert stats["gaveUp"] == 0, "everything came in time to be decoded"
    (session,) = server.sessions()
    ours = server.statistics(session.session_id, owner="browser")
    assert ours is not None
    assert ours.packets_retransmitted >= stats["again"]
    assert ours.packets_lost and ours.round_trip_s is not None
    assert server.statistics(session.session_id, owner="somebody else") is None


async def test_a_camera_that_changes_its_size_goes_on(
    serve: Callable[..., Awaitable[LiveServer]], open_page: OpenPage
) -> None:
    camera = LoopCamera(encode("high", 1280, 720))
    page = await open_page(await serve(), camera)
    await page.evaluate(WATCH, DEFAULT)
    await wait_for_decoded(page, 20)
    camera.frames = encode("high", 640, 480)
    stats = await wait_for_size(page, 640)
    await wait_for_decoded(page, stats["decoded"] + 20)


async def test_a_browser_that_offers_no_h264_is_told_so(
    serve: Callable[..., Awaitable[LiveServer]],
    open_page: OpenPage,
) -> None:
    page = await open_page(await serve(), LoopCamera(encode("baseline", 320, 240)))
    watch = WATCH.replace("await pc.setLocalDescription();", ONLY.replace("WANTED", '=== "video/VP8"'))
    with pytest.raises(Exception, match="422 the offer has no H"):
        await page.evaluate(watch, DEFAULT)


async def test_one_session_shows_the_streams_of_a_scene_as_they_are_asked_for(
    serve: Callable[..., Awaitable[LiveServer]], open_page: OpenPage
) -> None:
    """High and Baseline, so that the payload type changes too; a sub whose clock says something else."""
    main, sub = LoopCamera(encode("high", 1280, 720)), LoopCamera(encode("baseline", 320, 240))
    main.scene = sub.scene = (main, sub)
    sub.origin_90k = 1 << 40
    server = await serve()
    page = await open_page(server, main)
    answer = await page.evaluate(WATCH, DEFAULT)
    assert answer.count("profile-level-id=") == 2
    await wait_for_size(page, 1280)
    (session,) = server.sessions()
    await page.evaluate(SHOWN)
    for wish, width in ((sub, 320), (main, 1280), (sub, 320)):
        assert server.switch(session.session_id, wish, owner="browser")
        stats = await wait_for_size(page, width)
        await wait_for_decoded(page, stats["decoded"] + 15)
        statistics = server.statistics(session.session_id, owner="browser")
        assert statistics is not None
        assert statistics.source is wish
        assert (main.viewers, sub.viewers) == ((1, 0) if wish is main else (0, 1)), (
            "only what is shown is read"
        )
    assert not server.switch(session.session_id, main, owner="somebody else")
    times = await page.evaluate("times")
    assert all(0 < (b - a) & 0xFFFFFFFF < 1 << 31 for a, b in itertools.pairwise(times)), "time goes on"
    assert stats["gaveUp"] == 0, "and nothing is missed"


async def test_a_main_stream_that_the_browser_cannot_take_is_seen_through_the_sub(
    serve: Callable[..., Awaitable[LiveServer]], open_page: OpenPage
) -> None:
    main, sub = LoopCamera(encode_h265(320, 240)), LoopCamera(encode("high", 640, 480))
    main.scene = sub.scene = (main, sub)
    server = await serve()
    page = await open_page(server, main)
    without_h265 = WATCH.replace(
        "await pc.setLocalDescription();", ONLY.replace("WANTED", '!== "video/H265"')
    )
    await page.evaluate(without_h265, DEFAULT)
    await wait_for_size(page, 640)
    (session,) = server.sessions()
    assert session.source is sub
    with pytest.raises(WhepError, match="has not offered H265") as caught:
        server.switch(session.session_id, main, owner="browser")
    assert caught.value.status == 422
