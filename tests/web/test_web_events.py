"""Server-sent events: what is told, to whom, and when it ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import ClientResponse
from web_site import GATE, Client, Site

from nvr.events import Actor, Fault
from nvr.web.access import AccountRole

BY = Actor("console")


class Events:
    """Reads one stream of events."""

    def __init__(self, response: ClientResponse):
        self._response = response

    async def next(self, name: str | None = None) -> tuple[str, Any]:
        """The next event, or the next of that name. Raises EOFError at the end of the stream."""
        async with asyncio.timeout(20):
            while True:
                event, data = "", ""
                while line := (await self._line()).rstrip("\n"):
                    kind, _, value = line.partition(": ")
                    event = value if kind == "event" else event
                    data = value if kind == "data" else data
                if event and name in (None, event):
                    return event, json.loads(data)

    async def end(self) -> None:
        """Wait until the stream has ended."""
        try:
            while True:
                await self.next()
        except EOFError:
            return

    async def _line(self) -> str:
        line = await self._response.content.readline()
        if not line:
            raise EOFError
        return line.decode()


@asynccontextmanager
async def events(client: Client) -> AsyncIterator[Events]:
    async with client.open("GET", "/api/events") as response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        yield Events(response)


async def test_all_at_once_and_then_what_changes(site: Site) -> None:
    client = await site.log_in("trực ban", AccountRole.OPERATOR)
    async with events(client) as stream:
        first = [await stream.next() for _ in range(3)]
        assert [name for name, _ in first] == ["alarm", "cameras", "status"]
        assert first[0][1] == (await client.ask("GET", "/api/alarm"))[1]
        assert first[1][1] == (await client.ask("GET", "/api/cameras"))[1]

        site.services.alarm.arm(BY)
        name, alarm = await stream.next()
        assert (name, alarm["armed"]) == ("alarm", True)
        site.show_live(GATE)
        name, cameras = await stream.next()
        assert (name, cameras["cameras"][0]["live"]) == ("cameras", "sub")
        site.services.faults.raise_fault(Fault("siren", "guard", "lost"))
        name, status = await stream.next()
        assert (name, status["faults"][0]["code"]) == ("status", "guard")
        incident = await site.open_incident("gate")
        answer = (await client.ask("GET", f"/api/incidents/{incident.id}"))[1]
        of_one = ("objects", "history")
        expected = {key: value for key, value in answer.items() if key not in of_one}
        told = dict([await stream.next()])
        while told.get("incident") != expected or "alarm" not in told:  # before and after its pictures
            told |= dict([await stream.next()])
        assert told["alarm"]["ringing"] == [incident.id]
        await client.ask("POST", f"/api/incidents/{incident.id}/acknowledge")
        told = dict([await stream.next(), await stream.next()])
        assert told["incident"]["acknowledged_by"] == "trực ban"
        assert told["alarm"]["ringing"] == []


async def test_other_cameras_are_not_told_of(site: Site) -> None:
    client = await site.log_in("cổng", AccountRole.VIEWER, frozenset({"gate"}))
    async with events(client) as stream:
        for _ in range(3):
            await stream.next()
        site.services.faults.raise_fault(Fault("camera:yard/main", "camera_stalled", "nothing"))
        await site.open_incident("yard")
        await site.open_incident("gate")
        _, incident = await stream.next("incident")
        assert incident["camera"] == "gate"


async def test_rights_that_change_show_at_once(site: Site) -> None:
    client = await site.log_in("xem", AccountRole.VIEWER)
    async with events(client) as stream:
        _, cameras = await stream.next("cameras")
        assert [c["id"] for c in cameras["cameras"]] == ["gate", "yard"]
        await site.services.auth.accounts.set_rights("xem", AccountRole.VIEWER, ["yard"], by=BY)
        _, cameras = await stream.next("cameras")
        assert [c["id"] for c in cameras["cameras"]] == ["yard"]


async def test_it_ends_with_the_account_the_session_and_the_server(site: Site) -> None:
    accounts = site.services.auth.accounts
    client = await site.log_in("sắp xoá", AccountRole.VIEWER)
    other = await site.log_in("ở lại", AccountRole.VIEWER)
    async with events(other) as staying:
        for _ in range(3):
            await staying.next()
        async with events(client) as stream:
            await stream.next()
            await accounts.remove("sắp xoá", by=BY)
            await stream.end()
        leaving = await site.log_in("đi ra", AccountRole.VIEWER)
        async with events(leaving) as stream:
            await stream.next()
            assert (await leaving.ask("POST", "/api/logout"))[0] == 204
            await stream.end()
        site.services.alarm.arm(BY)
        assert (await staying.next())[0] == "alarm"


async def test_open_streams_are_bounded(site: Site) -> None:
    client = await site.log_in("xem", AccountRole.VIEWER)
    streams = [client.open("GET", "/api/events") for _ in range(13)]
    answers = [(await stream.__aenter__()).status for stream in streams]
    for stream in streams:
        await stream.__aexit__(None, None, None)
    assert answers == [200] * 12 + [503]
