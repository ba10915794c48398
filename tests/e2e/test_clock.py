"""A boot without clock of the real service under libfaketime: told, recorded, and put right once the time is known."""

from __future__ import annotations

import asyncio
import platform
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from peers.appliance import ADMINISTRATOR, PASSWORD, Api, Appliance

pytestmark = pytest.mark.timeout(300)

(LIBRARY,) = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
WRONG = datetime(2025, 12, 31, tzinfo=UTC)
"""Before this software was made, so not even a machine that NTP keeps believes it."""


class FakeTime:
    """The wall clock of a service, to be set while it runs; its monotonic clock stays real."""

    def __init__(self, folder: Path):
        self._file = folder / "faketime"
        self.env = {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def set(self, off_s: float) -> None:
        new = self._file.with_suffix(".new")
        new.write_text(f"{off_s:+.0f}\n")
        new.replace(self._file)


@asynccontextmanager
async def logged_in(site: Appliance) -> AsyncIterator[Api]:
    """No certificate is valid in every year that this test visits, and no session lasts that long."""
    connector = aiohttp.TCPConnector(ssl=False)
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(site.address, connector=connector, cookie_jar=jar) as session:
        api = Api(session)
        await api.post("/api/login", name=ADMINISTRATOR, password=PASSWORD)
        yield api


async def spans(api: Api) -> list[list[float]]:
    """Of the last minutes, in true time."""
    now_s = time.time()
    answer = await api.get(f"/api/timeline?cameras=cam1&role=sub&start_s={now_s - 600}&end_s={now_s + 600}")
    found: list[list[float]] = answer["cameras"][0]["spans"]
    return found


async def recorded(api: Api, seconds: float) -> list[list[float]]:
    """The spans, once they are that long in all."""
    async with asyncio.timeout(60):
        while True:
            found = await spans(api)
            if sum(end - start for start, end in found) >= seconds:
                return found
            await asyncio.sleep(0.2)


async def clock_codes(api: Api) -> tuple[str, set[str]]:
    status = await api.get("/api/status")
    return status["clock"]["source"], {f["code"] for f in status["faults"] if f["place"] == "clock"}


async def test_a_boot_without_clock(site: Appliance, clip: Path) -> None:
    await site.start_cameras(clip)
    now_h = datetime.now(UTC).hour + 7
    schedule = f'[schedule]\narm = "{(now_h - 1) % 24:02}:00"\ndisarm = "{(now_h + 2) % 24:02}:00"\n'
    site.configure(more=f"[analysis]\nenabled = false\n{schedule}")

    service = await site.start_service()
    async with site.api(claim=True) as api:
        assert (await api.get("/api/alarm"))["armed"]
        before = await recorded(api, 6)
    await service.stop()
    stopped_s = time.time()
    await asyncio.sleep(4)

    # The power comes back, and the clock shows a time at which the schedule would have disarmed.
    fake = FakeTime(site.folder)
    wrong = WRONG.replace(hour=(datetime.now(UTC).hour + 6) % 24)
    fake.set(wrong.timestamp() - time.time())
    began_s = time.time()
    service = await site.start_service(fake.env)
    async with logged_in(site) as api:
        assert abs((await api.get("/api/status"))["now_s"] - wrong.timestamp()) < 60
        assert await clock_codes(api) == ("none", {"clock_untrusted"})
        stacked = await recorded(api, before[0][1] - before[0][0] + 8)
        assert stacked[0][0] == pytest.approx(before[0][0], abs=0.1)
        alarm = await api.get("/api/alarm")
        assert (alarm["armed"], alarm["why"]) == (True, "schedule")

    # NTP answers.
    fake.set(0)
    async with logged_in(site) as api:
        if platform.machine() != "x86_64":  # there may be no clock that runs without power
            await api.post("/api/clock", confirm=True)
        true = await put_right(api)
        last_night, here = true[0], true[1:]
        assert last_night == [pytest.approx(before[0][0], abs=0.1), pytest.approx(stopped_s, abs=3)]
        assert len(here) == 1, "one piece, from before the clock was set until after"
        assert began_s < here[0][0] < began_s + 20
        assert abs((await spans(api))[-1][1] - time.time()) < 5
        assert (await api.get("/api/alarm"))["armed"]
    await service.stop()

    for path in (site.folder / "recordings").glob("index.db*"):
        path.unlink()
    service = await site.start_service()
    async with logged_in(site) as api:
        async with asyncio.timeout(60):
            while len(again := await spans(api)) < 3:
                await asyncio.sleep(0.2)
        assert again[0] == pytest.approx(last_night, abs=0.01)
        assert again[1][0] == pytest.approx(here[0][0], abs=0.01)
        assert again[1][1] < again[2][0]
    await service.stop()


async def put_right(api: Api) -> Any:
    """The spans once the clock is trusted and the footage before has moved."""
    async with asyncio.timeout(60):
        while True:
            source, codes = await clock_codes(api)
            found = await spans(api)
            if source != "none" and not codes and len(found) == 2 and found[1][1] > time.time() - 4:
                return found
            await asyncio.sleep(0.2)
