"""Debian's Chromium, headless, as a viewer: a page with a `<video>`, and a WHEP endpoint for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from live_peers import LoopCamera, Relay
from playwright.async_api import Page, async_playwright

from peers.browser import ARGUMENTS, CHROMIUM
from webrtc.session import LiveServer, WhepError

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

# From now on, of each picture that is shown its RTP time, and how long after the one before.
SHOWN = """() => {
    window.times = []; window.gaps = [];
    let last = null;
    const shown = (now, {rtpTimestamp}) => {
        times.push(rtpTimestamp);
        if (last !== null) gaps.push(now - last);
        last = now;
        video.requestVideoFrameCallback(shown);
    };
    video.requestVideoFrameCallback(shown);
}"""

DEFAULT = {"policy": "balanced", "audioFirst": False}


@asynccontextmanager
async def chromium() -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM,
            headless=True,
            args=[*ARGUMENTS, "--autoplay-policy=no-user-gesture-required"],
        )
        yield await browser.new_page()
        await browser.close()


@asynccontextmanager
async def served(
    page: Page, server: LiveServer, camera: LoopCamera, network: Relay | None = None
) -> AsyncIterator[Page]:
    """The page, opened, and beside it a WHEP endpoint for `camera`, behind `network` if there is one."""

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
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        await page.goto(f"http://{host}:{port}/")
        yield page
    finally:
        await runner.cleanup()


async def wait_for_decoded(page: Page, count: int) -> dict[str, int]:
    for _ in range(300):
        stats: dict[str, int] = await page.evaluate(STATS)
        if stats["decoded"] >= count:
            return stats
        await page.wait_for_timeout(50)
    raise AssertionError(f"{stats['decoded']} frames decoded, {count} wanted")


async def wait_for_size(page: Page, width: int) -> dict[str, int]:
    """Until the picture is so wide."""
    await page.wait_for_function("width => video.videoWidth === width", arg=width, timeout=60_000)
    stats: dict[str, int] = await page.evaluate(STATS)
    return stats
