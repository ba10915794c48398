"""Server-sent events (HTML, 9.2): what an open page must know at once."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

from aiohttp import web

from nvr.web.access import Ability, Access, Account
from nvr.web.alarm_answer import alarm_answer
from nvr.web.answers import Json, cameras_answer, status_answer
from nvr.web.changes import Listener
from nvr.web.incident_answers import incident_answer
from nvr.web.route import Call, Route
from nvr.web.watches import Watch

COALESCE_S = 0.5
COMMENT_S = 15.0
STALLED_S = 20.0


async def stream(call: Call) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    if call.request.method == "HEAD":
        return response
    with (
        call.services.changes.listen() as listener,
        # What changes or ends the right to listen wakes the loop below like any change.
        call.runtime.watches.open(
            call.session, Ability.SITE, None, lambda _watch: listener.changed.set()
        ) as watch,
    ):
        await response.prepare(call.request)
        # A page that left, or reads no more, needs no answer.
        with contextlib.suppress(ConnectionError, TimeoutError):
            await _feed(call, response, listener, watch)
    return response


async def _feed(call: Call, response: web.StreamResponse, listener: Listener, watch: Watch) -> None:
    sent: dict[str, Any] = {}
    while True:
        listener.changed.clear()
        text = await _news(call, watch.session.account, listener, sent)
        if watch.ended:
            return
        async with asyncio.timeout(STALLED_S):
            await response.write((text or ":\n\n").encode())
        await asyncio.sleep(COALESCE_S)
        try:
            async with asyncio.timeout(COMMENT_S - COALESCE_S):
                await listener.changed.wait()
        except TimeoutError:
            continue


async def _news(call: Call, account: Account, listener: Listener, sent: dict[str, Any]) -> str:
    """The events that differ from `sent`, which is brought up to date."""
    services = call.services
    status = status_answer(services, account, uptime_s=call.runtime.uptime_s)
    events = {
        "alarm": await alarm_answer(services, account),
        "cameras": cameras_answer(services, account),
        "status": status,
    }
    told = []
    for name, data in events.items():
        compared = _steady(data) if data is status else data
        if sent.get(name) != compared:
            sent[name] = compared
            told.append(_event(name, data))
    told += [
        _event("incident", incident_answer(services, incident))
        for incident in listener.take()
        if account.may_see(incident.camera)
    ]
    return "".join(told)


def _steady(status: Json) -> Json:
    """The part of a status that does not change with every second."""
    days_kept = status["storage"]["days_kept"]
    return {
        "faults": status["faults"],
        "running": status["analysis"]["running"],
        "acting": [c for c, told in status["analysis"]["cameras"].items() if told["mode"] == "acting"],
        "days_kept": days_kept and round(days_kept, 1),
    }


def _event(name: str, data: object) -> str:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n"


ROUTES = (Route("GET", "/api/events", stream, Access(Ability.SITE)),)
