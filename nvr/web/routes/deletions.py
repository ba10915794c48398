"""What footage was deleted, and why."""

from __future__ import annotations

from aiohttp import web

from nvr.record.model import TICKS
from nvr.web.access import Ability, Access, Subject
from nvr.web.request_body import query_number
from nvr.web.route import Call, Route

LIMIT = 500
DAY_S = 86_400
MAX_S = 1e11


async def listing(call: Call) -> web.Response:
    since_s = query_number(call.request, "since_s") if "since_s" in call.request.query else 0.0
    since_day = int(min(max(since_s, 0.0), MAX_S) // DAY_S)
    cameras = call.account.cameras if call.found_camera is None else frozenset({call.found_camera.id})
    found = await call.services.disks.deletions(since_day, cameras, LIMIT)
    return web.json_response(
        {
            "deletions": [
                {
                    "day_s": deletion.day * DAY_S,
                    "camera": deletion.key.camera,
                    "role": deletion.key.role,
                    "cause": deletion.cause,
                    "segments": deletion.segments,
                    "bytes": deletion.bytes,
                    "start_s": deletion.start_90k / TICKS,
                    "end_s": deletion.end_90k / TICKS,
                }
                for deletion in found
            ]
        }
    )


ROUTES = (Route("GET", "/api/deletions", listing, Access(Ability.ADMINISTER, Subject.CAMERA_IF_ASKED)),)
