"""Arm, disarm, siren, tests, all clear. The alarm acts before these answer, and writes its own audit rows."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from pydantic import Field

from nvr.alarm.runner import QUIET_MINUTES, TEST_S
from nvr.alarm.siren import SirenUnavailable
from nvr.events import Mode
from nvr.web.access import Ability, Access
from nvr.web.alarm_answer import alarm_answer
from nvr.web.errors import ApiError
from nvr.web.request_body import Body, read_json
from nvr.web.route import Call, Route


class ArmBody(Body):
    mode: Annotated[Mode, Field(strict=False)] = Mode.AWAY


class SirenTestBody(Body):
    seconds: Annotated[float, Field(ge=TEST_S[0], le=TEST_S[1])]


class QuietTestBody(Body):
    minutes: Annotated[int, Field(ge=QUIET_MINUTES[0], le=QUIET_MINUTES[1])]


async def show(call: Call) -> web.Response:
    return web.json_response(await alarm_answer(call.services, call.account))


async def arm(call: Call) -> web.Response:
    body = await read_json(call.request, ArmBody) if call.request.body_exists else ArmBody()
    call.services.alarm.arm(call.actor, body.mode)
    return await show(call)


async def disarm(call: Call) -> web.Response:
    call.services.alarm.disarm(call.actor)
    return await show(call)


async def siren_on(call: Call) -> web.Response:
    _require_siren(call)
    try:
        call.services.alarm.siren_on(call.actor)
    except SirenUnavailable as error:
        raise ApiError(503, "siren_unavailable", str(error)) from None
    return await show(call)


async def siren_off(call: Call) -> web.Response:
    call.services.alarm.siren_off(call.actor)
    return await show(call)


async def siren_test(call: Call) -> web.Response:
    body = await read_json(call.request, SirenTestBody)
    _require_siren(call)
    try:
        sounds = call.services.alarm.test_siren(call.actor, body.seconds)
    except SirenUnavailable as error:
        raise ApiError(503, "siren_unavailable", str(error)) from None
    if not sounds:
        raise _not_now(call)
    return await show(call)


async def quiet_test(call: Call) -> web.Response:
    body = await read_json(call.request, QuietTestBody)
    if not call.services.alarm.quiet_test(call.actor, body.minutes):
        raise _not_now(call)
    return await show(call)


async def end_quiet_test(call: Call) -> web.Response:
    call.services.alarm.end_quiet_test(call.actor)
    return await show(call)


async def all_clear(call: Call) -> web.Response:
    call.services.alarm.all_clear(call.actor)
    return await show(call)


def _require_siren(call: Call) -> None:
    if call.services.config.siren is None:
        raise ApiError(409, "no_siren", "this appliance has no siren; add a [siren] section to nvr.toml")


def _not_now(call: Call) -> ApiError:
    state = call.services.alarm.view().state
    return ApiError(409, "not_now", f"no test can begin now: {state}; wait until that is over, or disarm")


_GUARD = Access(Ability.GUARD)
ROUTES = (
    Route("GET", "/api/alarm", show, Access(Ability.SITE)),
    Route("POST", "/api/alarm/arm", arm, _GUARD),
    Route("POST", "/api/alarm/disarm", disarm, _GUARD),
    Route("POST", "/api/alarm/all-clear", all_clear, _GUARD),
    Route("POST", "/api/alarm/quiet-test", quiet_test, _GUARD),
    Route("POST", "/api/alarm/quiet-test/end", end_quiet_test, _GUARD),
    Route("POST", "/api/siren/on", siren_on, _GUARD),
    Route("POST", "/api/siren/off", siren_off, _GUARD),
    Route("POST", "/api/siren/test", siren_test, _GUARD),
)
