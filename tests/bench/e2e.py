"""`make bench-e2e`: how long the main job takes, measured from outside on the shipped service.

- person_to_relay_ms: from the moment the access unit that first shows the person leaves the simulated camera to the
  relay bytes at the board, over at least 10 entries of a person into an armed `siren` zone. The entry is a hard cut
  from an empty street to a waiting cyclist, at a random phase of the detector's sampling.
- page_to_first_frame_ms: from navigation (cold cache, logged in) to the first decoded frame of the live view, in
  headless Chromium; median of 5.
- start_to_recording_ms: from spawning `nvr serve` to the first fragment with pictures in a file of both streams;
  `start_to_committed_ms`: until it is indexed and so survives a power cut; medians of 3.

The last line is one JSON object. Times are wall times: on a machine that does other work they grow.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from footage import bikes_mp4
from nvr.cli.footage import EMPTY_SHOT, PERSON_SHOT
from peers.appliance import ADMINISTRATOR, PASSWORD, Appliance, now, until
from peers.browser import browser_page, frames_decoded

ENTRIES = 12
STARTS = 3
PAGES = 5
# 49 x 8 frames empty (15.7 s), 31 x 2 frames with the person (2.5 s). The detector takes somebody who comes back to
# the same place within 10 s for the same person and tells nothing new, so the empty part is longer.
SHOTS = f"{EMPTY_SHOT}*8,{PERSON_SHOT}*2"
PERSON = 1
SIREN = "max_seconds = 1\ncooldown_seconds = 0"


async def main() -> None:
    """Print figures as they come, the JSON line last."""
    with tempfile.TemporaryDirectory() as folder:
        site = Appliance(Path(folder))
        try:
            await site.start_relay()
            await site.start_cameras(bikes_mp4(), "--shots", SHOTS)
            site.configure(siren=SIREN)
            await measure(site)
        finally:
            await site.stop()


async def measure(site: Appliance) -> None:
    starts = [await start_to_recording(site, number) for number in range(STARTS)]
    say(f"start to first fragment on the disk, to its commit (ms): {starts}")
    async with site.api(claim=True) as api:
        await api.post("/api/alarm/arm")
        delays = await person_to_relay(site)
        say(f"person to relay (ms): {delays}")
        await api.post("/api/alarm/disarm")
    pages = [await page_to_first_frame(site) for _ in range(PAGES)]
    say(f"page to first frame (ms): {pages}")
    result = {
        "person_to_relay_ms": {
            "median": round(statistics.median(delays)),
            "p95": round(statistics.quantiles(delays, n=20, method="inclusive")[-1]),
            "entries": len(delays),
        },
        "page_to_first_frame_ms": round(statistics.median(pages)),
        "start_to_recording_ms": round(statistics.median(first for first, _ in starts)),
        "start_to_committed_ms": round(statistics.median(committed for _, committed in starts)),
    }
    print(json.dumps(result), flush=True)


async def person_to_relay(site: Appliance) -> list[int]:
    """Milliseconds of ENTRIES entries; an entry the siren did not answer within the person's shot is an error."""
    delays: list[int] = []
    seen = len(site.shots())
    while len(delays) < ENTRIES:
        await until(lambda: len(site.shots()) > seen, 60, "the next shot begins")  # noqa: B023
        shots = site.shots()[seen:]
        seen += len(shots)
        for shot in shots:
            if shot["shot"] == PERSON:
                entered = shot["t_mono"]
                frame = await until(lambda: site.relay_on_since(entered), 10, "the siren answers the person")  # noqa: B023
                delays.append(round(1000 * (frame["t_mono"] - entered)))
                say(f"  entry {len(delays)}: {delays[-1]} ms")
    return delays


async def start_to_recording(site: Appliance, number: int) -> tuple[int, int]:
    """(ms to the first fragment in both files, ms to its commit) of one start; the last one keeps running."""
    known = {file: file.stat().st_size for file in footage_files(site)}
    began = now()
    service = await site.spawn_service()

    def recording() -> bool:
        roles = {
            file.parent.parent.name
            for file in footage_files(site)
            if file not in known and b"mdat" in file.read_bytes()[:65536]
        }
        return roles == {"main", "sub"}

    await until(recording, 30, "both streams are on the disk")
    first = now() - began
    committed = await until_committed(site, began)
    await site.reachable()
    if number < STARTS - 1:
        await service.stop()
    else:
        site.service = service
    return round(1000 * first), round(1000 * committed)


async def until_committed(site: Appliance, began: float) -> float:
    """Seconds from `began` until the index of the recordings knows a segment begun since."""
    import sqlite3

    wall = time.time() - (now() - began)

    def indexed() -> bool:
        (database,) = (site.folder / "recordings").glob("index.db")
        connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
        try:
            query = "SELECT count(DISTINCT stream) FROM segments WHERE start_90k >= ?"
            (roles,) = connection.execute(query, (int(wall * 90000),)).fetchone()
        except sqlite3.OperationalError:
            return False
        finally:
            connection.close()
        return roles == 2

    await until(indexed, 30, "both streams are committed")
    return now() - began


def footage_files(site: Appliance) -> list[Path]:
    return list((site.folder / "recordings").rglob("*.mp4"))


async def page_to_first_frame(site: Appliance) -> int:
    """Milliseconds from navigation to the first decoded frame, with a fresh profile that is logged in."""
    async with browser_page() as page:
        await page.goto(site.address)
        await page.fill("input[name=name]", ADMINISTRATOR)
        await page.fill("input[name=password]", PASSWORD)
        await page.click("form button[type=submit]")
        await page.wait_for_selector("nvr-player video")
        await page.goto("about:blank")
        session = await page.context.new_cdp_session(page)
        await session.send("Network.clearBrowserCache")
        began = now()
        await page.goto(site.address, wait_until="commit")
        while await frames_decoded(page) < 1:
            await asyncio.sleep(0.01)
        return round(1000 * (now() - began))


def say(text: str) -> None:
    """Progress, on the standard error."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
