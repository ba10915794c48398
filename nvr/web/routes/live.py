"""Live pictures by WebRTC, as draft-ietf-wish-whep-04 has it, and what a viewing can be asked and told beyond it.

ICE is lite: the answer has all our addresses, and the client's come with its checks. So of trickled candidates none is
needed, and an ICE restart is refused, as the draft provides for: whoever changes its network just goes on checking.
"""

from __future__ import annotations

from typing import Literal

from aiohttp import web

from nvr.events import StreamKey
from nvr.web.access import Ability, Access, Subject
from nvr.web.answers import live_obstacle
from nvr.web.bearer import SDP
from nvr.web.errors import ApiError, not_found
from nvr.web.live_choice import best_live, check_live, obstacle_error, refusal
from nvr.web.live_source import HubFrames
from nvr.web.request_body import Body, read_bytes, read_json
from nvr.web.route import Call, Route, stream_key
from webrtc import trickle
from webrtc.session import SessionInfo, WhepError

WATCHING = Ability.LIVE


class StreamBody(Body):
    role: Literal["main", "sub"]


async def endpoint(call: Call) -> web.Response:
    """GET has no content; by HEAD's content type players tell that this is a WHEP endpoint."""
    stream_key(call)
    return web.Response(status=200, content_type=SDP)


async def start(call: Call) -> web.Response:
    key, services = stream_key(call), call.services
    offer = _text(await read_bytes(call.request, SDP))
    source = call.runtime.sources[best_live(services, call.camera, key, None)]
    try:
        answer = await services.live.offer(source, offer, owner=call.owner, user=str(call.account.id))
    except WhepError as error:
        raise _refusal(call, error, source) from None
    await _note(call, "live", source.key)
    headers = {
        "Location": f"/api/live/{answer.session_id}",
        "ETag": _entity_tag(answer.ice_ufrag),
        "Accept-Patch": trickle.MEDIA_TYPE,
    }
    return web.Response(status=201, text=answer.sdp, content_type=SDP, headers=headers)


async def look(call: Call) -> web.Response:
    """How the viewing fares, for who asks for JSON; the draft gives a session no representation."""
    info, source = _session(call)
    told = call.services.live.statistics(info.session_id, owner=call.owner)
    if told is None:
        raise not_found()
    if "application/json" not in call.request.headers.get("Accept", ""):
        return web.Response(status=204)
    return web.json_response(
        {
            "camera": source.key.camera,
            "role": str(source.key.role),
            "codec": source.codec,
            "state": info.state.value,
            "frames_sent": told.frames_sent,
            "packets_sent": told.packets_sent,
            "packets_retransmitted": told.packets_retransmitted,
            "packets_lost": told.packets_lost,
            "fraction_lost": told.fraction_lost,
            "round_trip_s": told.round_trip_s,
        }
    )


async def switch(call: Call) -> web.Response:
    """The other stream of the same camera, from its next keyframe on."""
    info, shown = _session(call)
    wanted = await read_json(call.request, StreamBody)
    source = next((other for other in shown.scene if other.key.role == wanted.role), None)
    if source is None:
        raise not_found()
    check_live(call.services, source.key)
    try:
        if not call.services.live.switch(info.session_id, source, owner=call.owner):
            raise not_found()
    except WhepError as error:
        raise _refusal(call, error, source) from None
    if source is not shown:
        await _note(call, "live-stream", source.key)
    return web.Response(status=204)


async def add_candidates(call: Call) -> web.Response:
    """PATCH: candidates are not needed and dropped; another ICE session is refused and leaves the present one alone."""
    info, _ = _session(call)
    fragment = _text(await read_bytes(call.request, trickle.MEDIA_TYPE))
    try:
        named = trickle.ice_sessions(fragment)
    except WhepError as error:
        raise _refusal(call, error) from None
    if named - {info.ice_ufrag}:
        raise ApiError(
            422,
            "no_ice_restart",
            "ICE is not restarted here: go on checking from the new address, or begin anew",
        )
    # The draft has 428 where If-Match is missing. Some players send none, its reference player among them, and where a
    # session has one ICE session for life, there is nothing that they could mistake it for.
    wanted = call.request.headers.get("If-Match", "*").strip()
    if wanted not in ("*", _entity_tag(info.ice_ufrag)):
        raise ApiError(412, "other_ice_session", "If-Match names another ICE session than this viewing's")
    return web.Response(status=204)


async def end(call: Call) -> web.Response:
    """Only who began it may end it."""
    if not await call.services.live.close(call.request.match_info["live"], owner=call.owner):
        raise not_found()
    return web.Response(status=200)


def _session(call: Call) -> tuple[SessionInfo, HubFrames]:
    """The session that the path names, and what it shows now. Raises ApiError 404: there is none, or it is another's,
    or its camera is hidden from this account by now."""
    for info in call.services.live.sessions():
        if info.session_id == call.request.match_info["live"] and info.owner == call.owner:
            source = info.source
            if isinstance(source, HubFrames) and call.account.may_see(source.key.camera):
                return info, source
    raise not_found()


def _refusal(call: Call, error: WhepError, source: HubFrames | None = None) -> ApiError:
    """WhepError's words, or what it is about the stream that led to them."""
    obstacle = live_obstacle(call.services, source.key) if source is not None else None
    if source is not None and obstacle is not None and error.status in (409, 422):
        return obstacle_error(source.key, obstacle)
    return refusal(error)


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise ApiError(400, "bad_offer", "what was sent is not UTF-8 text") from None


def _entity_tag(ice_ufrag: str) -> str:
    """Of the ICE session: a session has one for life, which the client's fragment names (RFC 9110, 8.8.3)."""
    return f'"{ice_ufrag}"'


async def _note(call: Call, action: str, key: StreamKey) -> None:
    await call.note(action, str(key), {"live_token": call.token.id} if call.token is not None else None)


_ENDPOINT, _SESSION = "/api/cameras/{camera}/live/{role}", "/api/live/{live}"
_OF_CAMERA = Access(WATCHING, Subject.CAMERA, live_token=True)
_OF_SESSION = Access(WATCHING, live_token=True)

ROUTES = (
    Route("GET", _ENDPOINT, endpoint, _OF_CAMERA),
    Route("POST", _ENDPOINT, start, _OF_CAMERA),
    Route("GET", _SESSION, look, _OF_SESSION),
    Route("PATCH", _SESSION, add_candidates, _OF_SESSION),
    Route("POST", _SESSION + "/stream", switch, _OF_SESSION),
    Route("DELETE", _SESSION, end, _OF_SESSION),
)
