"""An incident that rang before the power went is told after it is back; the audit trail is whole all the while."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec

import pytest
from aiohttp import web

from nvr.cli.footage import EMPTY_SHOT, PERSON_SHOT

pytestmark = pytest.mark.timeout(240)

SHOTS = f"{EMPTY_SHOT}*2,{PERSON_SHOT}*3"


async def found(condition, what, timeout_s=90):
    """The first true value of an `await condition()`."""
    try:
        async with asyncio.timeout(timeout_s):
            while not (value := await condition()):
                await asyncio.sleep(0.1)
            return value
    except TimeoutError:
        raise AssertionError(f"not within {timeout_s} s: {what}") from None


async def verify(site) -> dict:
    """`nvr audit verify` beside the running service."""
    options = ("-m", "nvr", "audit", "verify", "--json", "--config", str(site.folder / "nvr.toml"))
    command = await create_subprocess_exec(sys.executable, *options, stdout=PIPE)
    answer, _ = await command.communicate()
    return json.loads(answer)


async def test_what_was_not_told_before_kill_9_is_told_after(site, clip):
    got, is_up = [], asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        if is_up.is_set():
            got.append((request.headers["X-Delivery"], await request.json()))
        return web.Response(status=204 if is_up.is_set() else 503)

    receiver = web.Application()
    receiver.router.add_post("/hook", answer)
    runner = web.AppRunner(receiver)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        await site.start_relay()
        await site.start_cameras(clip, "--shots", SHOTS)
        target = f'[[notify]]\nname = "xa"\nkind = "webhook"\nurl = "{url}"\nsecret = "{"x" * 32}"\n'
        site.configure(response="call", more=target)
        service = await site.start_service()
        async with site.api(claim=True) as api:
            await api.post("/api/alarm/arm")

            async def failing():
                for incident in (await api.get("/api/incidents"))["incidents"]:
                    told = (await api.get(f"/api/incidents/{incident['id']}/deliveries"))["deliveries"]
                    if told and told[0]["problem"] == "answered:503":
                        return incident
                return None

            incident = await found(failing, "an incident that could not be told")
            before = await verify(site)
            assert before["state"] == "whole"
        service.process.send_signal(signal.SIGKILL)
        await service.process.wait()
        assert (await verify(site))["state"] == "whole"
        is_up.set()
        await site.start_service()

        async def told():
            return [delivery for delivery, body in got if body["incident"]["id"] == incident["id"]]

        assert len(await found(told, "the incident of before is told")) == 1
    finally:
        await site.stop()
        await runner.cleanup()
    assert (await verify(site))["rows"] >= before["rows"]
    assert (await verify(site))["state"] == "whole"
    assert len(await told()) == 1
    head = json.loads((site.folder / "state/audit-head.json").read_text())
    assert head["row"] == (await verify(site))["rows"]
    numbers = [delivery for delivery, _ in got]
    assert len(numbers) == len(set(numbers))
    assert all(body["audit_head"] for _, body in got)
