"""Packages of evidence: asked for by one person, approved by another, made, and fetched."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Annotated

from aiohttp import web
from pydantic import Field

from nvr.evidence.building import MAX_SPAN_S
from nvr.evidence.requests import AlreadyDecided, EvidenceRequest, SamePerson, UnknownRequest
from nvr.evidence.verifier_page import VERIFIER, verifier_page
from nvr.record.keep.hold import Hold
from nvr.web.access import Ability, Access
from nvr.web.answers import Json
from nvr.web.byte_range import Unsatisfiable, parse_range
from nvr.web.errors import ApiError, not_found
from nvr.web.request_body import Body, read_json
from nvr.web.route import Call, Route
from nvr.web.sending import abort, send

MAX_CAMERAS = 100


class NewRequest(Body):
    """Body of POST /api/evidence: holds of one case and span."""

    holds: Annotated[list[str], Field(min_length=1, max_length=MAX_CAMERAS)]


async def listing(call: Call) -> web.Response:
    desk = call.services.evidence
    requests = [one for one in await desk.requests.newest() if _may_see(call, one)]
    return web.json_response(
        {"fingerprint": await desk.fingerprint(), "requests": [_answer(call, one) for one in requests]}
    )


async def ask(call: Call) -> web.Response:
    wanted = await read_json(call.request, NewRequest)
    known = {hold.id: hold for hold in call.services.disks.holds.all}
    holds: list[Hold] = []
    for hold_id in wanted.holds:
        hold = known.get(hold_id)
        if hold is None or not call.account.may_see(hold.camera):
            raise not_found()
        holds.append(hold)
    if len({(hold.case, hold.person, hold.reason, hold.start_s, hold.end_s) for hold in holds}) > 1:
        raise ApiError(400, "bad_request", "holds: must be of one case and span")
    first, now_s = holds[0], call.services.clock.wall()
    if first.end_s > now_s or first.end_s - first.start_s > MAX_SPAN_S:
        raise ApiError(400, "evidence_span", "the span must be over, and a day at most")
    request = await call.services.evidence.ask(holds, call.actor)
    return web.json_response(_answer(call, request), status=201)


async def approve(call: Call) -> web.Response:
    return await _decide(call, approve=True)


async def refuse(call: Call) -> web.Response:
    return await _decide(call, approve=False)


async def _decide(call: Call, *, approve: bool) -> web.Response:
    request = await _request(call)
    try:
        decided = await call.services.evidence.decide(request.id, approve=approve, by=call.actor)
    except SamePerson:
        raise ApiError(409, "same_person", "somebody else must decide on a request of one's own") from None
    except AlreadyDecided:
        raise ApiError(409, "already_decided", "this was decided before") from None
    return web.json_response(_answer(call, decided))


async def package_file(call: Call) -> web.StreamResponse:
    asked, request = await _request(call), call.request
    if asked.state != "ready":
        raise not_found()
    package = await call.services.evidence.package(asked.id)
    total = package.zip_bytes
    try:
        span = parse_range(request.headers.get("Range"), total)
    except Unsatisfiable:
        return web.json_response(
            {"error": "bad_range", "message": f"the file has {total} bytes"},
            status=416,
            headers={"Content-Range": f"bytes */{total}"},
        )
    start, stop = span or (0, total)
    response = web.StreamResponse(
        status=206 if span else 200,
        headers={
            "Accept-Ranges": "bytes",
            "Content-Type": "application/zip",
            "Content-Disposition": f'attachment; filename="evidence_{asked.id}.zip"',
        },
    )
    if span:
        response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{total}"
    response.content_length = stop - start
    if request.method == "HEAD":
        return response
    await call.note("evidence-download", asked.id, {"first": start, "bytes": stop - start})
    with ExitStack() as watches:
        for camera in asked.cameras:
            watches.enter_context(
                call.runtime.watches.open(
                    call.session,
                    Ability.EVIDENCE,
                    camera,
                    lambda watch: abort(request) if watch.ended else None,
                    counted=camera == asked.cameras[0],
                )
            )
        await response.prepare(request)
        await send(response, request, call.runtime.reader.chunks(package.zip_plan(start, stop)))
    return response


async def verifier(call: Call) -> web.Response:
    headers = {"Content-Disposition": f'attachment; filename="{VERIFIER}"'}
    return web.Response(body=verifier_page(), content_type="text/html", charset="utf-8", headers=headers)


async def _request(call: Call) -> EvidenceRequest:
    """The one that the path names. Raises ApiError 404."""
    try:
        request = await call.services.evidence.requests.get(call.request.match_info["package"])
    except UnknownRequest:
        raise not_found() from None
    if not _may_see(call, request):
        raise not_found()
    return request


def _may_see(call: Call, request: EvidenceRequest) -> bool:
    return all(call.account.may_see(camera) for camera in request.cameras)


def _answer(call: Call, request: EvidenceRequest) -> Json:
    return {
        "id": request.id,
        "case": request.case,
        "person": request.person,
        "reason": request.reason,
        "cameras": list(request.cameras),
        "start_s": request.start_s,
        "end_s": request.end_s,
        "state": request.state,
        "failure": request.failure,
        "requested_by": request.requested_by,
        "requested_s": request.requested_s,
        "decided_by": request.decided_by,
        "decided_s": request.decided_s,
        "bytes": request.bytes,
        "progress": call.services.evidence.progress(request.id),
        "may_decide": (
            call.account.may(Ability.ADMINISTER)
            and request.state in ("requested", "failed")
            and request.requested_by != call.account.name
        ),
    }


_EVIDENCE, _ADMINISTRATOR = Access(Ability.EVIDENCE), Access(Ability.ADMINISTER)
ROUTES = (
    Route("GET", "/api/evidence", listing, _EVIDENCE),
    Route("POST", "/api/evidence", ask, _EVIDENCE),
    Route("GET", "/api/evidence/verify.html", verifier, _EVIDENCE),
    Route("POST", "/api/evidence/{package}/approve", approve, _ADMINISTRATOR),
    Route("POST", "/api/evidence/{package}/refuse", refuse, _ADMINISTRATOR),
    Route("GET", "/api/evidence/{package}/package.zip", package_file, _EVIDENCE),
)
