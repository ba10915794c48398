"""Layouts of the live page: each account has its own, and nobody else's are there for it."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from pydantic import Field

from nvr.web.access import Ability, Access
from nvr.web.answers import Json
from nvr.web.errors import ApiError, not_found
from nvr.web.layouts import MAX_CAMERAS, Layout, LayoutRefused, Layouts, Tiles, UnknownLayout
from nvr.web.request_body import MAX_TEXT, Body, read_json
from nvr.web.route import Call, Route


class LayoutBody(Body):
    name: Annotated[str, Field(max_length=MAX_TEXT)]
    tiles: Tiles
    cameras: Annotated[list[Annotated[str, Field(max_length=32)] | None], Field(max_length=MAX_CAMERAS)]


async def show(call: Call) -> web.Response:
    layouts = await _layouts(call).of(call.account)
    return web.json_response({"layouts": [_shown(call, number, one) for number, one in layouts.items()]})


async def add(call: Call) -> web.Response:
    layout = await _wanted(call)
    try:
        number = await _layouts(call).add(call.account, layout)
    except LayoutRefused as refusal:
        raise _refused(refusal) from None
    return web.json_response(_shown(call, number, layout), status=201)


async def change(call: Call) -> web.Response:
    layout = await _wanted(call)
    try:
        await _layouts(call).change(call.account, _number(call), layout)
    except LayoutRefused as refusal:
        raise _refused(refusal) from None
    except UnknownLayout:
        raise not_found() from None
    return web.json_response(_shown(call, _number(call), layout))


async def remove(call: Call) -> web.Response:
    try:
        await _layouts(call).remove(call.account, _number(call))
    except UnknownLayout:
        raise not_found() from None
    return web.Response(status=204)


def _layouts(call: Call) -> Layouts:
    return Layouts(call.services.state)


def _number(call: Call) -> int:
    """Raises ApiError 404: no such number can be."""
    text = call.request.match_info["layout"]
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise not_found()
    return int(text)


async def _wanted(call: Call) -> Layout:
    """Raises ApiError 400: a camera stands there twice; 422: one does not exist, or not for this account."""
    body = await read_json(call.request, LayoutBody)
    cameras = [camera for camera in body.cameras if camera is not None]
    if len(set(cameras)) < len(cameras):
        raise ApiError(400, "bad_request", "cameras: each has one place", place="cameras")
    if not all(_is_seen(call, camera) for camera in cameras):
        raise ApiError(422, "no_such_camera", "there is no such camera", place="cameras")
    return Layout(body.name, body.tiles, tuple(body.cameras))


def _refused(refusal: LayoutRefused) -> ApiError:
    status = 422 if refusal.code == "bad_layout_name" else 409
    return ApiError(status, refusal.code, str(refusal), place="name")


def _shown(call: Call, number: int, layout: Layout) -> Json:
    """What the account may see no more, and cameras that are gone, leave their tile empty."""
    cameras = [camera if camera is not None and _is_seen(call, camera) else None for camera in layout.cameras]
    return {"id": number, "name": layout.name, "tiles": layout.tiles, "cameras": cameras}


def _is_seen(call: Call, camera: str) -> bool:
    return call.account.may_see(camera) and call.services.config.find_camera(camera) is not None


_LIVE = Access(Ability.LIVE)
ROUTES = (
    Route("GET", "/api/layouts", show, _LIVE),
    Route("POST", "/api/layouts", add, _LIVE),
    Route("PUT", "/api/layouts/{layout}", change, _LIVE),
    Route("DELETE", "/api/layouts/{layout}", remove, _LIVE),
)
