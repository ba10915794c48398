"""`make bench-latency`: glass to glass, from a simulated camera's picture to the page's video in Chromium.

See README.md in this folder. `BENCH_SAMPLES` (500: 20 s) makes it shorter.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Any

from playwright.async_api import Page

from bench.burned_clock import READ
from bench.rig import until_all_live, write_config
from peers.appliance import ADMINISTRATOR, PASSWORD, Appliance
from peers.browser import DESKTOP, browser_page, frames_decoded

SAMPLES = int(os.environ.get("BENCH_SAMPLES", "500"))
SETTLE_S = 6.0
"""Until a viewer who began with the cached GOP is at the present, and its jitter buffer knows the stream."""
BUFFERED = """async () => {
  for (const peer of window.__peers)
    for (const report of (await peer.getStats()).values())
      if (report.type === "inbound-rtp" && report.kind === "video" && peer.connectionState === "connected")
        return ["jitterBufferDelay", "jitterBufferEmittedCount", "totalDecodeTime", "framesDecoded"]
          .map(name => report[name]);
  return [0, 0, 0, 0];
}"""


async def main() -> None:
    """The JSON line last."""
    with tempfile.TemporaryDirectory() as folder:
        site = Appliance(Path(folder))
        camera = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.clock_camera", stdin=PIPE, stdout=PIPE
        )
        try:
            await site.start_relay()
            write_config(site, (await heard(camera))["urls"])
            await site.start_service()
            async with site.api(claim=True) as api:
                await until_all_live(api)
                async with browser_page(DESKTOP) as page:
                    await page.add_init_script(READ)
                    await log_in(page, site.address)
                    figures = await measured(page)
        finally:
            await site.stop()
            assert camera.stdin
            camera.stdin.close()
            encoding = await heard(camera)
            await camera.wait()
    print(json.dumps({**figures, **encoding}), flush=True)


async def log_in(page: Page, address: str) -> None:
    """The page of cameras, playing."""
    await page.goto(address)
    await page.fill("input[name=name]", ADMINISTRATOR)
    await page.fill("input[name=password]", PASSWORD)
    await page.click("form button[type=submit]")
    await page.wait_for_selector("nvr-player video")
    async with asyncio.timeout(60):
        while await frames_decoded(page) < 1:
            await asyncio.sleep(0.1)


async def measured(page: Page) -> dict[str, Any]:
    """Ages in ms of SAMPLES pictures, and where the median goes."""
    await asyncio.sleep(SETTLE_S)
    before = await page.evaluate(BUFFERED)
    read = await page.evaluate(f"readClock(document.querySelector('nvr-player video'), {SAMPLES})")
    waited_s, emitted, decoding_s, decoded = (
        now - then for now, then in zip(await page.evaluate(BUFFERED), before, strict=True)
    )
    shown = [sample["shown"] for sample in read["samples"]]
    came = [sample["came"] for sample in read["samples"]]
    return {
        "latency_ms_median": round(statistics.median(shown)),
        "latency_ms_p95": round(statistics.quantiles(shown, n=20, method="inclusive")[-1]),
        "samples": len(shown),
        "unread": read["unread"],
        "to_last_packet_ms": round(statistics.median(came)),
        "jitter_buffer_ms": round(1000 * waited_s / emitted) if emitted else None,
        "decode_ms": round(1000 * decoding_s / decoded, 1) if decoded else None,
    }


async def heard(process: Process) -> dict[str, Any]:
    assert process.stdout
    answer: dict[str, Any] = json.loads(await process.stdout.readline())
    return answer


if __name__ == "__main__":
    asyncio.run(main())
