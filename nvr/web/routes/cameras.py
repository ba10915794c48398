"""The cameras this account may see."""

from __future__ import annotations

from aiohttp import web

from nvr.web.access import Access, AccountRole
from nvr.web.answers import cameras_answer
from nvr.web.route import Call, Route


async def show(call: Call) -> web.Response:
    return web.json_response(cameras_answer(call.services, call.account))


ROUTES = (Route("GET", "/api/cameras", show, Access(AccountRole.VIEWER)),)
