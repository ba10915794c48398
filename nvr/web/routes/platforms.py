"""Platforms: recorders elsewhere that may fetch cameras; administrators alone. A password stands in one answer only,
that of the request that made it."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from pydantic import Field

from nvr.restream.accounts import MAX_NAME, Platform, PlatformRefused, UnknownPlatform
from nvr.web.access import Ability, Access
from nvr.web.errors import ApiError, not_found
from nvr.web.request_body import Body, read_json
from nvr.web.route import Call, Route

Cameras = Annotated[list[Annotated[str, Field(max_length=32)]], Field(max_length=256)]


class AddBody(Body):
    name: str = Field(max_length=100)
    cameras: Cameras


class ChangeBody(Body):
    cameras: Cameras
    enabled: bool


async def show(call: Call) -> web.Response:
    config = call.services.config
    return web.json_response(
        {
            "platforms": [_shown(platform) for platform in call.services.platforms.all()],
            "max_name": MAX_NAME,
            "http_port": config.web.http_port,
            "rtsp_port": config.restream.rtsp_port,
            "rtsps_port": config.restream.rtsps_port,
        }
    )


async def add(call: Call) -> web.Response:
    body = await read_json(call.request, AddBody)
    cameras = _known_cameras(call, body.cameras)
    try:
        platform = await call.services.platforms.add(body.name, cameras, by=call.actor)
    except PlatformRefused as refusal:
        raise ApiError(422, refusal.code, str(refusal), place="name") from None
    return web.json_response(_shown(platform) | {"password": platform.password}, status=201)


async def change(call: Call) -> web.Response:
    body = await read_json(call.request, ChangeBody)
    cameras = _known_cameras(call, body.cameras)
    try:
        platform = await call.services.platforms.change(_name(call), cameras, body.enabled, by=call.actor)
    except UnknownPlatform:
        raise not_found() from None
    return web.json_response(_shown(platform))


async def renew_password(call: Call) -> web.Response:
    try:
        platform = await call.services.platforms.renew_password(_name(call), by=call.actor)
    except UnknownPlatform:
        raise not_found() from None
    return web.json_response(_shown(platform) | {"password": platform.password})


async def remove(call: Call) -> web.Response:
    try:
        await call.services.platforms.remove(_name(call), by=call.actor)
    except UnknownPlatform:
        raise not_found() from None
    return web.Response(status=204)


def _name(call: Call) -> str:
    return call.request.match_info["platform"]


def _known_cameras(call: Call, cameras: list[str]) -> list[str]:
    """Raises ApiError 422: one of them does not exist, or not for this account."""
    for camera in cameras:
        if call.services.config.find_camera(camera) is None or not call.account.may_see(camera):
            raise ApiError(422, "no_such_camera", "there is no such camera", place="cameras")
    return cameras


def _shown(platform: Platform) -> dict[str, object]:
    return {
        "name": platform.name,
        "cameras": sorted(platform.cameras),
        "enabled": platform.enabled,
        "created_s": platform.created_wall_s,
        "created_by": platform.created_by,
        "seen_s": platform.seen_wall_s,
        "seen_address": platform.seen_address or None,
    }


_ADMINISTRATOR = Access(Ability.ADMINISTER)
ROUTES = (
    Route("GET", "/api/platforms", show, _ADMINISTRATOR),
    Route("POST", "/api/platforms", add, _ADMINISTRATOR),
    Route("PUT", "/api/platforms/{platform}", change, _ADMINISTRATOR),
    Route("POST", "/api/platforms/{platform}/password", renew_password, _ADMINISTRATOR),
    Route("DELETE", "/api/platforms/{platform}", remove, _ADMINISTRATOR),
)
