"""A real browser as the viewer: Debian's Chromium, headless."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web
from live_peers import LoopCamera, Relay, encode, is_video, until
from playwright.async_api import Page, async_playwright

from peers.browser import ARGUMENTS, CHROMIUM
from webrtc.session import LiveServer, WhepError

OpenPage = Callable[..., Awaitable[Page]]

PAGE = """<!doctype html><meta charset="utf-8"><title>WHEP</title>
<video id="video" muted autoplay playsinline></video>"""

WATCH = """async ({policy, audioFirst}) => {
    const pc = window.pc = new RTCPeerConnection({bundlePolicy: policy});
    pc.ontrack = event => { video.srcObject = new MediaStream([event.track]); };
    if (audioFirst) {
        pc.addTransceiver("audio", {direction: "recvonly"});
        pc.createDataChannel("extra");
    }
    pc.addTransceiver("video", {direction: "recvonly"});
    await pc.setLocalDescription();
    const response = await fetch("/whep", {
        method: "POST", headers: {"Content-Type": "application/sdp"}, body: pc.localDescription.sdp,
    });
    const text = await response.text();
    if (response.status !== 201) throw new Error(response.status + " " + text);
    await pc.setRemoteDescription({type: "answer", sdp: text});
    return text;
}"""

STATS = """async () => {
    for (const report of (await pc.getStats()).values())
        if (report.type === "inbound-rtp" && report.kind === "video")
            return {decoded: report.framesDecoded || 0, dropped: report.framesDropped || 0, lost: report.packetsLost,
                    again: report.retransmittedPacketsReceived || 0,
                    gaveUp: report.pliCount || 0,
                    width: video.videoWidth, height: video.videoHeight};
    return {decoded: 0, dropped: 0, lost: 0, width: 0, height: 0};
}"""

# Red, green and blue at the far right and at the bar's height, of the picture shown now.
PIXEL = """() => {
    const canvas = document.createElement("canvas");
    canvas.width = video.videoWidth; canvas.height = video.videoHeight;
    const context = canvas.getContext("2d");
    context.drawImage(video, 0, 0);
    return Array.from(context.getImageData(canvas.width - 8, canvas.height / 2, 1, 1).data).slice(0, 3);
}"""


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM,
            headless=True,
            args=[*ARGUMENTS, "--autoplay-policy=no-user-gesture-required"],
        )
        yield await browser.new_page()
        await browser.close()


@pytest.fixture
async def open_page(page: Page) -> AsyncIterator[OpenPage]:
    """Serves the page and a WHEP endpoint for a camera, and opens it in the browser."""
    runners: list[web.AppRunner] = []

    async def open_for(server: LiveServer, camera: LoopCamera, network: Relay | None = None) -> Page:
        async def index(_: web.Request) -> web.Response:
            return web.Response(text=PAGE, content_type="text/html")

        async def whep(request: web.Request) -> web.Response:
            try:
                answer = await server.offer(camera, await request.text(), owner="browser")
            except WhepError as error:
                return web.Response(status=error.status, text=str(error))
            text = answer.sdp if network is None else await network.into(answer.sdp)
            return web.Response(status=201, text=text, content_type="application/sdp")

        app = web.Application()
        app.add_routes([web.get("/", index), web.post("/whep", whep)])
        runner = web.AppRunner(app)
        runners.append(runner)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        await page.goto(f"http://{host}:{port}/")
        return page

    yield open_for
    for runner in runners:
        await runner.cleanup()


async def wait_for_decoded(page: Page, count: int) -> dict[str, int]:
    for _ in range(300):
        stats: dict[str, int] = await page.evaluate(STATS)
        if stats["decoded"] >= count:
            return stats
        await page.wait_for_timeout(50)
    raise AssertionError(f"{stats['decoded']} frames decoded, {count} wanted")


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
    await page.evaluate(WATCH, {"policy": "balanced", "audioFirst": False})
    await wait_for_decoded(page, 20)
    camera.present.clear()
    await page.wait_for_timeout(1000)
    before = (await page.evaluate(STATS))["decoded"]
    camera.origin_90k = 1 << 32
    camera.present.set()
    await wait_for_decoded(page, before + 40)
    assert len(server.sessions()) == 1


async def test_three_percent_of_loss_cost_no_picture(
    serve: Callable[..., Awaitable[LiveServer]],
    open_page: OpenPage,
    relay: Callable[[Callable[[bytes], bool]], Relay],
) -> None:
    chance = random.Random(6)
    network = relay(lambda datagram: is_video(datagram) and chance.random() < 0.03)
    page = await open_page(await serve(), LoopCamera(encode("high", 640, 480, noise=True)), network)
    answer = await page.evaluate(WATCH, {"policy": "balanced", "audioFirst": False})
    assert "a=ssrc-group:FID" in answer
    stats = await wait_for_decoded(page, 150)
    assert network.lost >= 10
    assert stats["again"] >= 5
    assert stats["gaveUp"] == 0, "everything came in time to be decoded"


async def test_a_camera_that_changes_its_size_goes_on(
    serve: Callable[..., Awaitable[LiveServer]], open_page: OpenPage
) -> None:
    camera = LoopCamera(encode("high", 1920, 1080))
    page = await open_page(await serve(), camera)
    await page.evaluate(WATCH, {"policy": "balanced", "audioFirst": False})
    stats = await wait_for_decoded(page, 20)
    camera.frames = encode("high", 640, 480)
    while stats["width"] != 640:
        stats = await wait_for_decoded(page, stats["decoded"] + 1)
    await wait_for_decoded(page, stats["decoded"] + 20)


async def test_a_browser_that_offers_no_h264_is_told_so(
    serve: Callable[..., Awaitable[LiveServer]],
    open_page: OpenPage,
) -> None:
    page = await open_page(await serve(), LoopCamera(encode("baseline", 320, 240)))
    watch = WATCH.replace(
        "await pc.setLocalDescription();",
        """
        const codecs = RTCRtpReceiver.getCapabilities("video").codecs;
        pc.getTransceivers()[0].setCodecPreferences(codecs.filter(codec => codec.mimeType === "video/VP8"));
        await pc.setLocalDescription();""",
    )
    with pytest.raises(Exception, match="422 the offer has no H"):
        await page.evaluate(watch, {"policy": "balanced", "audioFirst": False})
