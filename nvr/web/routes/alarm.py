"""Arm, disarm, siren. The alarm acts before these answer, and writes its own audit rows."""

from __future__ import annotations

from aiohttp import web

from nvr.alarm.siren import SirenUnavailable
from nvr.web.access import Access, AccountRole
from nvr.web.answers import alarm_answer
from nvr.web.errors import ApiError
from nvr.web.route import Call, Route


async def show(call: Call) -> web.Response:
    return web.json_response(await alarm_answer(call.services, call.account))


async def arm(call: Call) -> web.Response:
    call.services.alarm.arm(call.actor)
    return await show(call)


async def disarm(call: Call) -> web.Response:
    call.services.alarm.disarm(call.actor)
    return await show(call)


async def siren_on(call: Call) -> web.Response:
    if call.services.config.siren is None:
        raise ApiError(409, "no_siren", "this appliance has no siren; add a [siren] section to nvr.toml")
    try:
        call.services.alarm.siren_on(call.actor)
    except SirenUnavailable as error:
        raise ApiError(503, "siren_unavailable", str(error)) from None
    return await show(call)


async def siren_off(call: Call) -> web.Response:
    call.services.alarm.siren_off(call.actor)
    return await show(call)


ROUTES = (
    Route("GET", "/api/alarm", show, Access(AccountRole.VIEWER)),
    Route("POST", "/api/alarm/arm", arm, Access(AccountRole.OPERATOR)),
    Route("POST", "/api/alarm/disarm", disarm, Access(AccountRole.OPERATOR)),
    Route("POST", "/api/siren/on", siren_on, Access(AccountRole.OPERATOR)),
    Route("POST", "/api/siren/off", siren_off, Access(AccountRole.OPERATOR)),
)
