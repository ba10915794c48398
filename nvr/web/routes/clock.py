"""The appliance's clock: an administrator says that it is right."""

from __future__ import annotations

from aiohttp import web
from pydantic import Field

from nvr.web.access import Ability, Access
from nvr.web.answers import clock_answer
from nvr.web.errors import ApiError
from nvr.web.request_body import Body, read_json
from nvr.web.route import Call, Route


class ConfirmBody(Body):
    confirm: bool = Field(description="the time shown is right")


async def confirm(call: Call) -> web.Response:
    services = call.services
    if not (await read_json(call.request, ConfirmBody)).confirm:
        raise ApiError(400, "bad_request", "confirm must be true")
    if not await services.timekeeping.confirm():
        raise ApiError(409, "clock_impossible", "this time is before this software was made")
    await call.note("clock-confirm")
    return web.json_response(clock_answer(services))


ROUTES = (Route("POST", "/api/clock", confirm, Access(Ability.ADMINISTER)),)
