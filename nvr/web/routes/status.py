"""Faults, storage, analysis."""

from __future__ import annotations

from aiohttp import web

from nvr.web.access import Ability, Access
from nvr.web.answers import status_answer
from nvr.web.route import Call, Route


async def show(call: Call) -> web.Response:
    return web.json_response(status_answer(call.services, call.account, uptime_s=call.runtime.uptime_s))


ROUTES = (Route("GET", "/api/status", show, Access(Ability.SITE)),)
