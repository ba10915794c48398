"""What was recorded, what is missing and why, and what happened, over any span; and how a moment looked."""

from __future__ import annotations

from aiohttp import web

from nvr.config import Camera
from nvr.detect.messages.protocol import MAX_STILL
from nvr.events import Role, StreamKey
from nvr.web.access import Ability, Access, Subject
from nvr.web.answers import Json
from nvr.web.errors import ApiError, not_found
from nvr.web.request_body import query_number
from nvr.web.route import Call, Route

MAX_SPAN_S = 366 * 86_400.0


async def show(call: Call) -> web.Response:
    start_s, end_s = query_number(call.request, "start_s"), query_number(call.request, "end_s")
    if not 0 <= start_s < end_s or end_s - start_s > MAX_SPAN_S or end_s > 1e11:
        raise ApiError(400, "bad_span", "start_s must lie before end_s, at most 366 days")
    role = call.request.query.get("role", Role.MAIN.value)
    if role not in list(Role):
        raise ApiError(400, "bad_request", "role: main or sub")
    cameras = [await _camera(call, camera, Role(role), start_s, end_s) for camera in call.cameras]
    partial = any(camera["partial"] for camera in cameras)
    return web.json_response({"start_s": start_s, "end_s": end_s, "partial": partial, "cameras": cameras})


async def _camera(call: Call, camera: Camera, role: Role, start_s: float, end_s: float) -> Json:
    services = call.services
    key = StreamKey(camera.id, role if camera.url(role) else Role.MAIN)
    timeline = await services.disks.timeline(key, start_s, end_s)
    motion = await services.motion.intervals(camera.id, start_s, end_s, timeline.resolution_s)
    marks = await services.incidents.marks(camera.id, start_s, end_s)
    return {
        "id": camera.id,
        "role": key.role,
        "resolution_s": timeline.resolution_s,
        "partial": timeline.is_partial,
        "spans": [[span.start_s, span.end_s] for span in timeline.spans],
        "gaps": [[gap.start_s, gap.end_s, gap.cause] for gap in timeline.gaps],
        "motion": motion,
        "incidents": [
            {
                "id": mark.id,
                "kind": mark.kind,
                "response": mark.response,
                "start_s": mark.opened_s,
                "end_s": mark.last_s,
            }
            for mark in marks
        ],
    }


async def picture(call: Call) -> web.Response:
    at_s = query_number(call.request, "at_s")
    if not 0 <= at_s <= 1e11:
        raise ApiError(400, "bad_span", "at_s must be seconds since 1970")
    key = call.camera.analysed
    keyframe = await call.services.disks.keyframe(key, at_s, MAX_STILL)
    if keyframe is None:
        raise not_found()
    await _note(call, key, at_s)
    jpeg = await call.runtime.stills.get(key, keyframe)
    if jpeg is None:
        raise not_found()
    return web.Response(body=jpeg, content_type="image/jpeg")


async def _note(call: Call, key: StreamKey, at_s: float) -> None:
    """One audit row for each hour of footage that somebody looks through."""
    hour_s = at_s // 3600 * 3600
    if call.runtime.viewed.first((call.session.key, "picture", str(key), hour_s)):
        await call.note("picture", str(key), {"start_s": hour_s, "end_s": hour_s + 3600})


ROUTES = (
    Route("GET", "/api/timeline", show, Access(Ability.PLAYBACK, Subject.CAMERAS_IF_ASKED)),
    Route("GET", "/api/cameras/{camera}/picture", picture, Access(Ability.PLAYBACK, Subject.CAMERA)),
)
