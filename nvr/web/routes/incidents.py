"""Incidents: list, one, its picture, acknowledge."""

from __future__ import annotations

from aiohttp import web

from nvr.web.access import Access, AccountRole, Subject
from nvr.web.answers import incident_answer
from nvr.web.errors import not_found
from nvr.web.request_body import query_integer
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
    )
    return web.json_response(
        {
            "incidents": [incident_answer(call.services, incident) for incident in incidents],
            "next": incidents[-1].id if len(incidents) == limit else None,
        }
    )


async def show(call: Call) -> web.Response:
    return web.json_response(incident_answer(call.services, call.incident))


async def picture(call: Call) -> web.Response:
    incident = call.incident
    jpeg = None
    if incident.has_picture:
        jpeg = await call.services.disks.load_picture(str(incident.id), incident.camera, incident.opened_s)
    if jpeg is None:
        raise not_found()
    return web.Response(body=jpeg, content_type="image/jpeg")


async def acknowledge(call: Call) -> web.Response:
    incident = await call.services.alarm.acknowledge(call.incident.id, call.actor)
    if incident is None:
        raise not_found()
    return web.json_response(incident_answer(call.services, incident))


ROUTES = (
    Route("GET", "/api/incidents", page, Access(AccountRole.VIEWER, Subject.CAMERA_IF_ASKED)),
    Route("GET", "/api/incidents/{incident}", show, Access(AccountRole.VIEWER, Subject.INCIDENT)),
    Route("GET", "/api/incidents/{incident}/picture", picture, Access(AccountRole.VIEWER, Subject.INCIDENT)),
    Route(
        "POST",
        "/api/incidents/{incident}/acknowledge",
        acknowledge,
        Access(AccountRole.OPERATOR, Subject.INCIDENT),
    ),
)
