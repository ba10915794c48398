"""`kill -9` at any moment: what was recorded stays, and the parts go on without each other."""

from __future__ import annotations

import asyncio
import io
import os
import random
import signal
import time
from itertools import pairwise

import av
import pytest

from nvr.cli.footage import EMPTY_SHOT, PERSON_SHOT
from peers.appliance import Appliance, until

pytestmark = pytest.mark.timeout(240)

FRAME_S = 1 / 25


async def recorded(site: Appliance, api, role: str, start_s: float, end_s: float) -> list[float]:
    """Wall times of all frames of cam1 in the span, by decoding what the API serves."""
    answer = await api.footage("cam1", role, start_s, end_s)
    times = []
    for part in answer["parts"]:
        media_to_wall = part["media_to_wall"]
        with av.open(io.BytesIO(await api.download(part["url"]))) as file:
            for frame in file.decode(video=0):
                media_s, wall_s = max(
                    (m for m in media_to_wall if m[0] <= frame.time + 1e-3), key=lambda m: m[0]
                )
                times.append(wall_s + frame.time - media_s)
    return times


def gaps(times: list[float]) -> list[float]:
    return [b - a for a, b in pairwise(times) if b - a > 1.5 * FRAME_S]


async def test_killed_service_loses_at_most_its_last_moments(site, clip):
    """Several kills at seeded moments; after each restart all that was before is there without a hole."""
    rng = random.Random(7)
    await site.start_cameras(clip, "--shots", f"{EMPTY_SHOT}*4,{PERSON_SHOT}*3")
    site.configure()
    began = time.time()
    spans = []
    for life in range(3):
        service = await site.start_service()
        async with site.api(claim=life == 0) as api:
            await wait_recorded(api, time.time())
            await asyncio.sleep(rng.uniform(2.0, 5.0))
        killed = time.time()
        await service.stop(signal.SIGKILL)
        spans.append(killed)
    await site.start_service()
    async with site.api() as api:
        await wait_recorded(api, time.time())
        for role in ("main", "sub"):
            times = await recorded(site, api, role, began - 5, time.time())
            assert times == sorted(times)
            for killed in spans:
                last = max(t for t in times if t <= killed)
                assert killed - last <= 2.5, f"{role}: {killed - last:.2f} s lost before the kill"
            # No other hole than the ones the kills made.
            holes = [(a, b) for a, b in pairwise(times) if b - a > 1.5 * FRAME_S]
            assert len(holes) == len(spans), holes
            for (before, after), killed in zip(holes, spans, strict=True):
                assert before <= killed <= after


async def test_killed_analysis_loses_no_recorded_frame_and_comes_back(site, clip):
    await site.start_relay()
    await site.start_cameras(clip, "--shots", f"{EMPTY_SHOT}*4,{PERSON_SHOT}*3")
    site.configure()
    await site.start_service()
    async with site.api(claim=True) as api:
        await wait_recorded(api, time.time())
        began = time.time()
        pid = await until(lambda: worker(site), 30, "the analysis process runs")
        os.kill(pid, signal.SIGKILL)
        other = await until(lambda: worker(site, unlike=pid), 30, "another analysis process runs")
        assert other != pid

        async def sighted():
            found = (await api.get("/api/incidents"))["incidents"]
            return [i for i in found if i["last_s"] > began + 2]

        for _ in range(300):
            if await sighted():
                break
            await asyncio.sleep(0.2)
        else:
            raise AssertionError("the new analysis process sees nobody")
        end = time.time()
        await wait_recorded(api, end)
        for role in ("main", "sub"):
            times = await recorded(site, api, role, began, end)
            assert gaps(times) == []
            assert times[0] <= began + FRAME_S
            assert times[-1] >= end - 2 * FRAME_S


def worker(site: Appliance, unlike: int = -1) -> int | None:
    try:
        pid = site.worker_pid()
    except LookupError:
        return None
    return pid if pid != unlike else None


async def wait_recorded(api, wall_s: float) -> None:
    """Until both streams of cam1 are committed up to `wall_s`."""
    for role in ("main", "sub"):
        for _ in range(300):
            path = f"/api/cameras/cam1/footage/{role}?start_s={wall_s - 60}&end_s={wall_s + 60}"
            async with api.session.get(path) as answer:
                # 503: the page answers before the disk is open.
                covered = (await answer.json())["covered"] if answer.status != 503 else []
            if covered and covered[-1][1] >= wall_s:
                break
            await asyncio.sleep(0.1)
        else:
            raise AssertionError(f"{role} is not recorded up to now")
