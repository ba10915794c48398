"""Live tokens: a log-in lends one camera's live picture to a player that keeps no cookies (GStreamer, a web player)."""

from __future__ import annotations

from aiohttp import web
from pydantic import Field

from nvr.web.access import Ability, Access, Subject
from nvr.web.answers import Json
from nvr.web.errors import not_found
from nvr.web.live_tokens import LiveToken
from nvr.web.request_body import Body, read_json
from nvr.web.route import Call, Route


class TokenBody(Body):
    minutes: int = Field(ge=1, le=1440)


async def issue(call: Call) -> web.Response:
    """The one answer that holds the secret."""
    wanted = await read_json(call.request, TokenBody)
    secret, token = call.runtime.tokens.issue(
        call.session.key,
        call.camera.id,
        now_mono_s=call.services.clock.monotonic(),
        lifetime_s=60.0 * wanted.minutes,
    )
    await _note(call, "live-token", token, minutes=wanted.minutes)
    endpoints = {str(key.role): f"/api/cameras/{key.camera}/live/{key.role}" for key in call.camera.streams}
    return web.json_response({**_answer(call, token), "token": secret, "endpoints": endpoints}, status=201)


async def listing(call: Call) -> web.Response:
    tokens = call.runtime.tokens.of(call.session.key, call.services.clock.monotonic())
    return web.json_response({"tokens": [_answer(call, token) for token in tokens]})


async def revoke(call: Call) -> web.Response:
    """What it shows ends within 2 s."""
    token = call.runtime.tokens.revoke(call.request.match_info["token"], call.session.key)
    if token is None:
        raise not_found()
    await _note(call, "live-token-end", token)
    return web.Response(status=204)


def _answer(call: Call, token: LiveToken) -> Json:
    left_s = token.expires_mono_s - call.services.clock.monotonic()
    return {"id": token.id, "camera": token.camera, "expires_s": call.services.clock.wall() + left_s}


async def _note(call: Call, action: str, token: LiveToken, **detail: int) -> None:
    await call.note(action, token.camera, {"live_token": token.id, **detail})


ROUTES = (
    Route("POST", "/api/cameras/{camera}/live-tokens", issue, Access(Ability.LIVE, Subject.CAMERA)),
    Route("GET", "/api/live-tokens", listing, Access(Ability.LIVE)),
    Route("DELETE", "/api/live-tokens/{token}", revoke, Access(Ability.LIVE)),
)
