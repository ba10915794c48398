"""Incidents: list and search, one with its objects and their pictures; what staff do about it; outcomes by zone."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from pydantic import Field, StringConstraints

from nvr.alarm.handling import MAX_NOTE, AlreadyResolved, NotResolved, Outcome
from nvr.alarm.incidents import Incident
from nvr.alarm.object_pictures import frames_name, picture_name
from nvr.alarm.objects import MAX_OBJECTS
from nvr.alarm.search import Wanted
from nvr.web.access import Ability, Access, Subject
from nvr.web.errors import ApiError, not_found
from nvr.web.incident_answers import incident_answer, incident_with_objects, outcomes_answer
from nvr.web.request_body import Body, query_integer, query_number, query_text, read_json
from nvr.web.route import Call, Route

MAX_PAGE = 200
OUTCOMES_DAYS = 30

Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=MAX_NOTE)]


class Resolution(Body):
    """Body of POST …/resolve."""

    outcome: Annotated[Outcome, Field(strict=False)]
    note: Note = ""


class Reopening(Body):
    """Body of POST …/reopen."""

    reason: Annotated[Note, StringConstraints(min_length=1)]


async def page(call: Call) -> web.Response:
    before = query_integer(call.request, "before", default=None, least=0, most=1 << 53)
    limit = query_integer(call.request, "limit", default=50, least=1, most=MAX_PAGE) or MAX_PAGE
    incidents = await call.services.incidents.page(
        call.account.cameras,
        before=before,
        limit=limit,
        camera=call.found_camera.id if call.found_camera else None,
        conditions=_conditions(call.request),
    )
    return web.json_response(
        {
            "incidents": [incident_answer(call.services, incident) for incident in incidents],
            "next": incidents[-1].id if len(incidents) == limit else None,
        }
    )


def _conditions(request: web.Request) -> Wanted:
    """The query's `kind`, `zone`, `since_s`, `until_s`, `acknowledged`, `resolved`, `outcome`. Raises ApiError 400."""
    outcome = request.query.get("outcome")
    if outcome not in (None, *Outcome):
        raise ApiError(400, "bad_request", f"outcome: one of {', '.join(Outcome)}")
    since_s, until_s = (
        query_number(request, name) if name in request.query else None for name in ("since_s", "until_s")
    )
    return Wanted(
        kind=query_text(request, "kind"),
        zone=query_text(request, "zone"),
        since_s=since_s,
        until_s=until_s,
        acknowledged=_yes_or_no(request, "acknowledged"),
        resolved=_yes_or_no(request, "resolved"),
        outcome=None if outcome is None else Outcome(outcome),
    )


def _yes_or_no(request: web.Request, name: str) -> bool | None:
    """None where it is not given. Raises ApiError 400."""
    text = request.query.get(name)
    if text not in (None, "yes", "no"):
        raise ApiError(400, "bad_request", f"{name}: yes or no")
    return None if text is None else text == "yes"


async def show(call: Call) -> web.Response:
    return await _whole(call, call.incident)


async def _whole(call: Call, incident: Incident | None) -> web.Response:
    """The incident with what was seen and what was done about it. Raises ApiError 404: there is none."""
    if incident is None:
        raise not_found()
    store = call.services.incidents
    seen, history = await store.objects(incident.id), await store.history(incident.id)
    return web.json_response(incident_with_objects(call.services, incident, seen, history))


async def picture(call: Call) -> web.Response:
    """The whole picture, or with `object` the best one of that object."""
    number, incident = _object_number(call.request, default=None), call.incident
    if number is not None:
        return await _jpeg(call, picture_name(incident.id, number))
    if not incident.has_picture:
        raise not_found()
    return await _jpeg(call, str(incident.id))


async def frames(call: Call) -> web.Response:
    """The pictures that counted for an object, side by side."""
    number = _object_number(call.request, default=1) or 1
    return await _jpeg(call, frames_name(call.incident.id, number))


def _object_number(request: web.Request, *, default: int | None) -> int | None:
    return query_integer(request, "object", default=default, least=1, most=MAX_OBJECTS)


async def _jpeg(call: Call, name: str) -> web.Response:
    incident = call.incident
    jpeg = await call.services.disks.load_picture(name, incident.camera, incident.opened_s)
    if jpeg is None:
        raise not_found()
    return web.Response(body=jpeg, content_type="image/jpeg")


async def acknowledge(call: Call) -> web.Response:
    return await _whole(call, await call.services.alarm.acknowledge(call.incident.id, call.actor))


async def resolve(call: Call) -> web.Response:
    body = await read_json(call.request, Resolution)
    if body.outcome is Outcome.OTHER and not body.note:
        raise ApiError(422, "note_needed", "outcome other: say in the note what it was")
    try:
        incident = await call.services.alarm.resolve(call.incident.id, call.actor, body.outcome, body.note)
    except AlreadyResolved as error:
        raise ApiError(409, error.code, str(error), params={"name": error.by, "at_s": error.at_s}) from None
    return await _whole(call, incident)


async def reopen(call: Call) -> web.Response:
    body = await read_json(call.request, Reopening)
    try:
        return await _whole(call, await call.services.alarm.reopen(call.incident.id, call.actor, body.reason))
    except NotResolved as error:
        raise ApiError(409, error.code, str(error)) from None


async def outcomes(call: Call) -> web.Response:
    """What incidents of late turned out to be."""
    since_s = call.services.clock.wall() - OUTCOMES_DAYS * 86400
    found = await call.services.incidents.outcomes(since_s)
    return web.json_response(outcomes_answer(call.account, since_s, found))


ROUTES = (
    Route("GET", "/api/incidents", page, Access(Ability.SITE, Subject.CAMERA_IF_ASKED)),
    Route("GET", "/api/incidents/{incident}", show, Access(Ability.SITE, Subject.INCIDENT)),
    Route("GET", "/api/incidents/{incident}/picture", picture, Access(Ability.SITE, Subject.INCIDENT)),
    Route("GET", "/api/incidents/{incident}/frames", frames, Access(Ability.SITE, Subject.INCIDENT)),
    Route(
        "POST",
        "/api/incidents/{incident}/acknowledge",
        acknowledge,
        Access(Ability.HANDLE, Subject.INCIDENT),
    ),
    Route("POST", "/api/incidents/{incident}/resolve", resolve, Access(Ability.HANDLE, Subject.INCIDENT)),
    Route("POST", "/api/incidents/{incident}/reopen", reopen, Access(Ability.HANDLE, Subject.INCIDENT)),
    Route("GET", "/api/outcomes", outcomes, Access(Ability.SITE)),
)
