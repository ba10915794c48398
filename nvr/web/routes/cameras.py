"""The cameras this account may see, and pictures of those that are sick."""

from __future__ import annotations

from aiohttp import web

from nvr.events import CameraHealth
from nvr.web.access import Ability, Access, Subject
from nvr.web.answers import cameras_answer
from nvr.web.errors import not_found
from nvr.web.route import Call, Route


async def show(call: Call) -> web.Response:
    return web.json_response(cameras_answer(call.services, call.account))


async def sick_before(call: Call) -> web.Response:
    return _picture(_health(call).before)


async def sick_now(call: Call) -> web.Response:
    return _picture(_health(call).now)


def _health(call: Call) -> CameraHealth:
    health = call.services.sick(call.camera.id)
    if health is None:
        raise not_found()
    return health


def _picture(jpeg: bytes) -> web.Response:
    if not jpeg:
        raise not_found()
    return web.Response(body=jpeg, content_type="image/jpeg")


ROUTES = (
    Route("GET", "/api/cameras", show, Access(Ability.CAMERAS)),
    Route("GET", "/api/cameras/{camera}/sick/before", sick_before, Access(Ability.LIVE, Subject.CAMERA)),
    Route("GET", "/api/cameras/{camera}/sick/now", sick_now, Access(Ability.LIVE, Subject.CAMERA)),
)
