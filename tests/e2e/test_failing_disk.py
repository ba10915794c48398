"""The disk stands still, becomes read-only, is pulled out: the alarm does not notice, staff see one clear state, what
was recorded stays, and recording comes back by itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hw.port import SerialPort
from nvr.cli.footage import EMPTY_SHOT, PERSON_SHOT
from peers.appliance import OFF, ON, Api, Appliance, now, until
from peers.faulty_disk import FaultyDisk

pytestmark = pytest.mark.timeout(240)

SHOTS = f"{EMPTY_SHOT}*4,{PERSON_SHOT}*3"


@pytest.fixture
def recordings(site: Appliance, tmp_path: Path) -> Iterator[FaultyDisk]:
    """The disk of the site's recordings. Asking for `site` first has this one ended first: what is still being
    written must not wait for it for ever."""
    disk = FaultyDisk(tmp_path / "disk", site.folder / "recordings")
    try:
        yield disk
    finally:
        disk.close()


@pytest.fixture
def system(site: Appliance, tmp_path: Path) -> Iterator[FaultyDisk]:
    """The disk of the site's state."""
    disk = FaultyDisk(tmp_path / "system", site.folder / "state")
    try:
        yield disk
    finally:
        disk.close()


async def codes(api: Api) -> set[str]:
    return {fault["code"] for fault in (await api.get("/api/status"))["faults"]}


async def until_codes(api: Api, wanted: set[str], timeout_s: float) -> None:
    """Wait until exactly these faults stand."""
    found: set[str] = set()
    try:
        async with asyncio.timeout(timeout_s):
            while (found := await codes(api)) != wanted:
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(f"faults are {found}, not {wanted}") from None


async def covered(api: Api, start_s: float, end_s: float) -> list[list[float]]:
    spans: list[list[float]] = (await api.footage("cam1", "main", start_s, end_s))["covered"]
    return spans


async def until_covered(api: Api, start_s: float, end_s: float, *, spans: int = 1) -> list[list[float]]:
    """Wait until footage reaches to `end_s`, in `spans` pieces since `start_s`."""
    found: list[list[float]] = []
    try:
        async with asyncio.timeout(60):
            while True:
                found = await covered(api, start_s, end_s)
                if found and found[-1][1] >= end_s - 0.5:
                    break
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(f"not recorded until {end_s}: {found}") from None
    assert len(found) == spans, found
    return found


async def start(site: Appliance, clip: Path, shots: str) -> None:
    await site.start_relay()
    await site.start_cameras(clip, "--shots", shots)
    site.configure()
    await site.start_service()


async def test_alarm_acts_while_both_disks_stand_still(
    site: Appliance, clip: Path, recordings: FaultyDisk, system: FaultyDisk
) -> None:
    await start(site, clip, SHOTS)
    async with site.api(claim=True) as api:
        await until_codes(api, set(), 30)
        begin_s = time.time()
        await until_covered(api, begin_s, begin_s + 3)
        recordings.stall()
        system.stall()
        try:
            # Everything until `go_on` happens without a disk.
            await until_codes(api, {"disk_slow"}, 30)
            armed_at = now()
            assert (await api.post("/api/alarm/arm"))["armed"]
            await until(lambda: site.relay_on_since(armed_at), 60, "a person sounds the siren")
            assert not (await api.post("/api/alarm/disarm"))["armed"]
            await until(lambda: not site.relay_frames()[-1]["on"], 5, "disarming silences it")
            pressed_at = now()
            await api.post("/api/siren/on")
            await until(lambda: site.relay_on_since(pressed_at), 5, "a person sounds it")
            await api.post("/api/siren/off")
            await until(lambda: not site.relay_frames()[-1]["on"], 5, "a person silences it")
            (entry,) = (await api.get("/api/cameras"))["cameras"]
            assert entry["streams"]["main"]["state"] == "live"
        finally:
            recordings.go_on()
            system.go_on()
        await until_codes(api, set(), 30)
        # The stall cost no picture: what came meanwhile waited in memory.
        await until_covered(api, begin_s, time.time())
        incidents = (await api.get("/api/incidents"))["incidents"]
        assert any(incident["response"] == "siren" for incident in incidents)


async def test_a_siren_left_on_is_silenced_while_the_systems_disk_keeps_the_start_waiting(
    site: Appliance, system: FaultyDisk
) -> None:
    await site.start_relay()
    site.configure(siren="max_seconds = 600")
    port = SerialPort(str(site.folder / "relay"))
    port.write(bytes.fromhex(ON))
    port.close()
    await until(lambda: site.relay_frames(), 10, "an earlier life left it on")
    system.stall()
    try:
        service = await site.spawn_service()
        await until(lambda: len(site.relay_frames()) > 1, 60, "the start switches it off")
        assert site.relay_frames()[1]["frame"] == OFF
    finally:
        system.go_on()
    await service.line("ready")
    assert not any(frame["on"] for frame in site.relay_frames()[1:])


async def test_read_only_and_pulled_disk_come_back(
    site: Appliance, clip: Path, recordings: FaultyDisk
) -> None:
    await start(site, clip, EMPTY_SHOT)
    async with site.api(claim=True) as api:
        begin_s = time.time()
        await until_covered(api, begin_s, begin_s + 3)

        recordings.break_file_system()
        await until_codes(api, {"storage"}, 30)
        recordings.unmount()
        await until_codes(api, {"disk_missing"}, 60)
        recordings.mount()
        await until_codes(api, set(), 60)
        again_s = time.time()
        await until_covered(api, begin_s, again_s + 3, spans=2)

        recordings.pull()
        pulled_s = time.time()
        await until_codes(api, {"storage"}, 60)
        await api.post("/api/siren/on")
        await until(lambda: any(frame["on"] for frame in site.relay_frames()), 5, "the siren sounds")
        await api.post("/api/siren/off")

        recordings.unmount()
        await until_codes(api, {"disk_missing"}, 60)
        assert not list(recordings.mounted.iterdir()), "nothing is written beneath the mount point"
        recordings.mount()
        await until_codes(api, set(), 60)
        plugged_s = time.time()
        first, second, last = await until_covered(api, begin_s, plugged_s + 3, spans=3)
        assert first[0] <= begin_s + 2
        assert pulled_s - second[1] < 4
        parts = (await api.footage("cam1", "main", begin_s, pulled_s))["parts"]
        footage = await api.download(parts[0]["url"])
        assert footage[4:8] == b"ftyp"
        assert last[1] > plugged_s
