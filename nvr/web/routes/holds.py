"""Holds: footage that the ring must not delete, for a case."""

from __future__ import annotations

import secrets

from aiohttp import web

from nvr.record.disk.holds import HoldQuota
from nvr.record.keep.hold import Hold
from nvr.web.access import Ability, Access
from nvr.web.answers import hold_answer
from nvr.web.errors import ApiError, not_found
from nvr.web.request_body import Body, read_json
from nvr.web.route import Call, Route

DAY_S = 86_400.0
MAX_SPAN_S = 31 * DAY_S
MAX_AHEAD_S = 7 * DAY_S
MAX_EXPIRY_S = 3660 * DAY_S


class NewHold(Body):
    """Body of POST /api/holds."""

    camera: str
    start_s: float
    end_s: float
    case: str
    person: str
    reason: str
    expires_s: float


async def listing(call: Call) -> web.Response:
    holds, now_s = call.services.disks.holds, call.services.clock.wall()
    seen = [hold for hold in holds.all if call.account.may_see(hold.camera)]
    sizes = await holds.sizes([hold.id for hold in seen])
    return web.json_response(
        {
            "holds": [{**hold_answer(hold, now_s), "bytes": sizes.get(hold.id)} for hold in seen],
            "held_bytes": holds.held_bytes,
            "quota_bytes": holds.quota_bytes,
        }
    )


async def add(call: Call) -> web.Response:
    wanted = await read_json(call.request, NewHold)
    camera = call.services.config.find_camera(wanted.camera)
    if camera is None or not call.account.may_see(camera.id):
        raise not_found()
    now_s = call.services.clock.wall()
    if not 0 <= wanted.start_s < wanted.end_s <= wanted.start_s + MAX_SPAN_S:
        raise ApiError(400, "bad_span", "start_s must lie before end_s, at most 31 days")
    if wanted.end_s > now_s + MAX_AHEAD_S:
        raise ApiError(400, "bad_span", "end_s lies more than 7 days ahead")
    if not now_s < wanted.expires_s <= now_s + MAX_EXPIRY_S:
        raise ApiError(400, "bad_request", "expires_s: must lie ahead, at most 10 years")
    for name, text, most in (
        ("case", wanted.case, 200),
        ("person", wanted.person, 200),
        ("reason", wanted.reason, 1000),
    ):
        if not text.strip() or len(text) > most:
            raise ApiError(400, "bad_request", f"{name}: must be given, at most {most} characters")
    hold = Hold(id=secrets.token_hex(8), made_by=call.account.name, made_s=now_s, **wanted.model_dump())
    try:
        await call.services.disks.holds.add(hold)
    except HoldQuota as error:
        raise ApiError(409, "hold_quota", str(error)) from None
    await _note(call, "hold-add", hold)
    return web.json_response(hold_answer(hold, now_s), status=201)


async def remove(call: Call) -> web.Response:
    holds = call.services.disks.holds
    wanted = call.request.match_info["hold"]
    hold = next((hold for hold in holds.all if hold.id == wanted), None)
    if hold is None or not call.account.may_see(hold.camera):
        raise not_found()
    # Before the deed: no hold ends without a record of who ended it.
    await _note(call, "hold-remove", hold)
    await holds.remove(hold)
    return web.Response(status=204)


async def _note(call: Call, action: str, hold: Hold) -> None:
    await call.note(
        action,
        hold.camera,
        {
            "hold": hold.id,
            "case": hold.case,
            "person": hold.person,
            "start_s": hold.start_s,
            "end_s": hold.end_s,
            "expires_s": hold.expires_s,
        },
    )


ROUTES = (
    Route("GET", "/api/holds", listing, Access(Ability.EVIDENCE)),
    Route("POST", "/api/holds", add, Access(Ability.EVIDENCE)),
    Route("DELETE", "/api/holds/{hold}", remove, Access(Ability.EVIDENCE)),
)
