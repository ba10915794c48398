"""The siren sounds, and something dies: the service, the guard, both. It is off in the end, whatever the board."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from peers.appliance import OFF, Api, Appliance, now, until

pytestmark = pytest.mark.timeout(240)

BOARDS = {
    "timing": (("--board", "modbus"), 'board = "modbus"', "010500000000cdca"),
    "latching": ((), "", OFF),
}
"""Options of the simulated board, keys of [siren], and OFF in its language."""
BY_ITSELF = ""


@pytest.fixture(params=BOARDS)
async def kind(request: pytest.FixtureRequest, site: Appliance) -> str:
    """A board is plugged in and configured; nothing but the guard ends a sounding within ten minutes."""
    options, keys, _ = BOARDS[request.param]
    await site.start_relay(*options)
    site.configure(siren=f"{keys}\nmax_seconds = 600")
    return str(request.param)


@asynccontextmanager
async def sounding(site: Appliance) -> AsyncIterator[Api]:
    """The service runs, and somebody has switched the siren on."""
    await site.start_service()
    async with site.api(claim=True) as api:
        while (await api.get("/api/alarm"))["siren"]["link"] != "up":
            await asyncio.sleep(0.1)
        pressed_s = now()
        await api.post("/api/siren/on")
        await until(lambda: site.relay_on_since(pressed_s), 20, "it sounds")
        yield api


def is_on(site: Appliance) -> bool:
    return bool(site.relay_frames()[-1]["on"])


def causes(site: Appliance) -> list[str]:
    """Why the guard changed its mind, from its log."""
    events: list[dict[str, Any]] = []
    for line in (site.folder / "service.log").read_text().splitlines():
        with suppress(json.JSONDecodeError):
            events.append(json.loads(line))
    return [event["cause"] for event in events if event.get("event") == "state"]


@pytest.mark.parametrize(
    ("number", "cause"), [(signal.SIGKILL, "connection lost"), (signal.SIGSTOP, "lease expired")]
)
async def test_service(site: Appliance, kind: str, number: int, cause: str) -> None:
    async with sounding(site):
        assert site.service
        guard = site.guard_pid()
        site.service.process.send_signal(number)
        try:
            await until(lambda: not is_on(site), 20, "the guard ends it")
            await until(lambda: cause in causes(site), 5, "for the right reason")
        finally:
            site.service.process.kill()
            os.kill(guard, signal.SIGKILL)  # it would stay for 5 s more


async def test_guard(site: Appliance, kind: str) -> None:
    async with sounding(site) as api:
        before = len(site.relay_frames())
        os.kill(site.guard_pid(), signal.SIGKILL)
        await until(lambda: not all(f["on"] for f in site.relay_frames()[before:]), 20, "it is switched off")
        first = site.relay_frames()[before]
        assert first["frame"] in (BOARDS[kind][2], BY_ITSELF), "nothing comes before OFF"
        off_s = first["t_mono"]
        await until(lambda: site.relay_on_since(off_s), 20, "it is still wanted: the next guard sounds it")
        await api.post("/api/siren/off")
        await until(lambda: not is_on(site), 20, "a person silences it")


async def test_both_and_the_next_start_begins_with_off(site: Appliance, kind: str) -> None:
    async with sounding(site):
        assert site.service
        guard = site.guard_pid()
        for pid, number in ((guard, signal.SIGSTOP), (site.service.process.pid, signal.SIGKILL)):
            os.kill(pid, number)  # in this order the guard cannot switch off what it lost
        os.kill(guard, signal.SIGKILL)
        await site.service.stop()
    if kind == "timing":
        await until(lambda: site.relay_frames()[-1]["frame"] == BY_ITSELF, 20, "it ends by itself")
    assert is_on(site) is (kind == "latching")
    before = len(site.relay_frames())
    await site.start_service()
    await until(lambda: len(site.relay_frames()) > before, 20, "the next start switches it off")
    assert site.relay_frames()[before]["frame"] == BOARDS[kind][2]
    assert not any(frame["on"] for frame in site.relay_frames()[before:])
    async with site.api() as api:
        assert not (await api.get("/api/alarm"))["siren"]["wanted"]
