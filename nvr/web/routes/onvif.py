"""ONVIF for platforms, by HTTPS and plain HTTP: its signatures (WS-UsernameToken, HTTP Digest) show no password."""

from __future__ import annotations

from aiohttp import web

from nvr.onvif import device, media
from nvr.web.access import PLATFORM
from nvr.web.route import Call, Route


async def device_service(call: Call) -> web.Response:
    return await call.runtime.onvif.answer(call.request, "device", call.address)


async def media_service(call: Call) -> web.Response:
    return await call.runtime.onvif.answer(call.request, "media", call.address)


async def snapshot(call: Call) -> web.Response:
    profile = call.request.match_info["profile"]
    return await call.runtime.onvif.snapshot(call.request, profile, call.address)


ROUTES = (
    Route("POST", device.PATH, device_service, PLATFORM),
    Route("POST", media.PATH, media_service, PLATFORM),
    Route("GET", f"{media.SNAPSHOT_PATH}/{{profile}}", snapshot, PLATFORM),
)
