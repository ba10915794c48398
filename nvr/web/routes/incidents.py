"""Incidents: list and search, one with its objects, their pictures, acknowledge."""

from __future__ import annotations

from aiohttp import web

from nvr.alarm.object_pictures import frames_name, picture_name
from nvr.alarm.objects import MAX_OBJECTS
from nvr.alarm.search import Wanted
from nvr.web.access import Access, AccountRole, Subject
from nvr.web.answers import incident_answer, incident_with_objects
from nvr.web.errors import ApiError, not_found
from nvr.web.request_body import query_integer, query_number, query_text
from nvr.web.route import Call, Route

MAX_PAGE = 200


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
    """The query's `kind`, `zone`, `since_s`, `until_s`, `acknowledged`. Raises ApiError 400."""
    acknowledged = request.query.get("acknowledged")
    if acknowledged not in (None, "yes", "no"):
        raise ApiError(400, "bad_request", "acknowledged: yes or no")
    since_s, until_s = (
        query_number(request, name) if name in request.query else None for name in ("since_s", "until_s")
    )
    return Wanted(
        kind=query_text(request, "kind"),
        zone=query_text(request, "zone"),
        since_s=since_s,
        until_s=until_s,
        acknowledged=None if acknowledged is None else acknowledged == "yes",
    )


async def show(call: Call) -> web.Response:
    seen = await call.services.incidents.objects(call.incident.id)
    return web.json_response(incident_with_objects(call.services, call.incident, seen))


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
    incident = await call.services.alarm.acknowledge(call.incident.id, call.actor)
    if incident is None:
        raise not_found()
    seen = await call.services.incidents.objects(incident.id)
    return web.json_response(incident_with_objects(call.services, incident, seen))


ROUTES = (
    Route("GET", "/api/incidents", page, Access(AccountRole.VIEWER, Subject.CAMERA_IF_ASKED)),
    Route("GET", "/api/incidents/{incident}", show, Access(AccountRole.VIEWER, Subject.INCIDENT)),
    Route("GET", "/api/incidents/{incident}/picture", picture, Access(AccountRole.VIEWER, Subject.INCIDENT)),
    Route("GET", "/api/incidents/{incident}/frames", frames, Access(AccountRole.VIEWER, Subject.INCIDENT)),
    Route(
        "POST",
        "/api/incidents/{incident}/acknowledge",
        acknowledge,
        Access(AccountRole.OPERATOR, Subject.INCIDENT),
    ),
)
