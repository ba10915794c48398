"""What is one's own: the password, and the log-ins."""

from __future__ import annotations

from aiohttp import web
from pydantic import Field

from nvr.web.access import Ability, Access
from nvr.web.request_body import Body, read_json
from nvr.web.route import Call, Route
from nvr.web.routes.accounts import end_answer, log_ins_answer


class PasswordBody(Body):
    old: str = Field(max_length=1000, repr=False)
    new: str = Field(max_length=1000, repr=False)


async def change_password(call: Call) -> web.Response:
    body = await read_json(call.request, PasswordBody)
    await call.services.auth.change_password(call.session, body.old, body.new, call.address)
    return web.Response(status=204)


async def log_ins(call: Call) -> web.Response:
    return await log_ins_answer(call, call.account)


async def end_log_in(call: Call) -> web.Response:
    return await end_answer(call, call.account)


_OWN = Access(Ability.OWN)
ROUTES = (
    Route("POST", "/api/password", change_password, _OWN),
    Route("GET", "/api/sessions", log_ins, _OWN),
    Route("DELETE", "/api/sessions/{session}", end_log_in, _OWN),
)
