"""WHEP: live pictures by WebRTC."""

from __future__ import annotations

from aiohttp import web

from nvr import audit
from nvr.web.access import Access, AccountRole, Subject
from nvr.web.answers import live_obstacle
from nvr.web.errors import ApiError, not_found
from nvr.web.request_body import read_bytes
from nvr.web.route import Call, Route, stream_key
from webrtc.session import WhepError

SDP = "application/sdp"
_CODES = {400: "bad_offer", 409: "no_picture", 422: "bad_offer", 503: "too_many_viewers"}


async def start(call: Call) -> web.Response:
    key, services = stream_key(call), call.services
    try:
        offer = (await read_bytes(call.request, SDP)).decode("utf-8")
    except UnicodeDecodeError:
        raise ApiError(400, "bad_offer", "the offer is not UTF-8 text") from None
    obstacle = live_obstacle(services, key)
    if obstacle == "h265":
        raise ApiError(
            409,
            "h265",
            f'camera "{key.camera}" sends H.265 on its {key.role} stream, which most browsers cannot show live; '
            "choose H.264 for its sub stream and enter that as `sub` in nvr.toml",
        )
    if obstacle == "b_frames":
        raise ApiError(
            409,
            "b_frames",
            f'camera "{key.camera}" sends B-frames on its {key.role} stream, which browsers cannot show live; '
            "switch B-frames off in the camera (profile Baseline, or no smart codec), or watch its other stream",
        )
    if services.streams.get(key).state != "live":
        raise ApiError(
            409, "no_picture", f'camera "{key.camera}" delivers no picture on its {key.role} stream'
        )
    try:
        answer = await services.live.offer(call.runtime.sources[key], offer, owner=call.session.key)
    except WhepError as error:
        raise ApiError(error.status, _CODES.get(error.status, "bad_offer"), str(error)) from None
    await audit.record(
        services.state,
        wall_s=services.clock.wall(),
        actor=call.account.name,
        address=call.address,
        action="live",
        subject=str(key),
    )
    headers = {"Location": f"/api/live/{answer.session_id}"}
    return web.Response(status=201, text=answer.sdp, content_type=SDP, headers=headers)


async def end(call: Call) -> web.Response:
    """Only the log-in that began it may end it."""
    if not await call.services.live.close(call.request.match_info["live"], owner=call.session.key):
        raise not_found()
    return web.Response(status=200)


ROUTES = (
    Route("POST", "/api/cameras/{camera}/live/{role}", start, Access(AccountRole.VIEWER, Subject.CAMERA)),
    Route("DELETE", "/api/live/{live}", end, Access(AccountRole.VIEWER)),
)
