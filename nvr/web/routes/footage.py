"""Recorded footage: what there is of a span, and the span as MP4 files that can be sought in."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from aiohttp import web

from nvr.record.mp4.virtual_mp4 import VirtualMp4
from nvr.record.play.playback import Audio
from nvr.web.access import Ability, Access, Subject
from nvr.web.byte_range import Unsatisfiable, parse_range
from nvr.web.errors import ApiError, not_found
from nvr.web.request_body import query_integer, query_number
from nvr.web.route import Call, Route, stream_key
from nvr.web.sending import abort, send

MAX_SPAN_S = 3600.0
MAX_PARTS = 1000


async def parts(call: Call) -> web.Response:
    key = stream_key(call)
    start_s, end_s = _span(call)
    audio = _audio(call)
    found = await call.services.disks.mp4(key, start_s, end_s, audio)
    covered = await call.services.disks.coverage(key, start_s, end_s)
    base = f"/api/cameras/{key.camera}/footage/{key.role}/part.mp4?start_s={start_s!r}&end_s={end_s!r}"
    if audio != "all":
        base += f"&audio={audio}"
    return web.json_response(
        {
            "parts": [
                {
                    "url": f"{base}&part={number}",
                    "start_s": part.start_s,
                    "duration_s": part.duration_s,
                    "bytes": part.length,
                    "content_type": part.content_type,
                    "media_to_wall": part.media_to_wall,
                    "audio": part.audio.codec if part.audio else None,
                }
                for number, part in enumerate(found)
            ],
            "covered": [[interval.start_s, interval.end_s] for interval in covered],
        }
    )


async def part_file(call: Call) -> web.StreamResponse:
    key, request = stream_key(call), call.request
    start_s, end_s = _span(call)
    number = query_integer(request, "part", default=0, least=0, most=MAX_PARTS) or 0
    found = await call.services.disks.mp4(key, start_s, end_s, _audio(call))
    if number >= len(found):
        raise not_found()
    part = found[number]
    etag = f'"{part.etag.strip(chr(34))}"'
    headers = {"ETag": etag, "Accept-Ranges": "bytes", "Content-Type": part.content_type}
    download = "download" in request.query
    if download:
        headers["Content-Disposition"] = f'attachment; filename="{_file_name(call, part)}"'
    if request.headers.get("If-None-Match") == etag:
        return web.Response(status=304, headers=headers)
    # If-Range with anything but our strong tag (13.1.5): the content is another one, so all of it.
    wanted = request.headers.get("Range") if request.headers.get("If-Range", etag) == etag else None
    try:
        span = parse_range(wanted, part.length)
    except Unsatisfiable:
        return web.json_response(
            {"error": "bad_range", "message": f"the file has {part.length} bytes"},
            status=416,
            headers={"Content-Range": f"bytes */{part.length}"},
        )
    start, stop = span or (0, part.length)
    if span:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{part.length}"
    response = web.StreamResponse(status=206 if span else 200, headers=headers)
    response.content_length = stop - start
    if request.method == "HEAD":
        return response
    await _note_view(call, "download" if download else "playback", str(key), start_s, end_s)
    with call.runtime.watches.open(
        call.session, Ability.PLAYBACK, key.camera, lambda watch: abort(request) if watch.ended else None
    ):
        await response.prepare(request)
        await send(response, request, call.runtime.reader.chunks(part.plan(start, stop)))
    return response


def _span(call: Call) -> tuple[float, float]:
    start_s, end_s = query_number(call.request, "start_s"), query_number(call.request, "end_s")
    if not 0 <= start_s < end_s or end_s - start_s > MAX_SPAN_S or end_s > 1e11:
        raise ApiError(400, "bad_span", f"start_s must lie before end_s, at most {MAX_SPAN_S:g} s")
    return start_s, end_s


def _audio(call: Call) -> Audio:
    """`?audio=`: "all" (default), "aac" for a browser that cannot play G.711, or "none"."""
    asked = call.request.query.get("audio", "all")
    if asked not in ("all", "aac", "none"):
        raise ApiError(400, "bad_request", 'audio must be "all", "aac" or "none"')
    return cast(Audio, asked)


def _file_name(call: Call, part: VirtualMp4) -> str:
    begin = datetime.fromtimestamp(part.start_s, call.services.config.site.zone)
    return f"{call.camera.id}_{begin:%Y-%m-%d_%H%M%S}.mp4"


async def _note_view(call: Call, action: str, subject: str, start_s: float, end_s: float) -> None:
    """One audit row for what a player fetches in many ranges; where it cannot be written nothing is shown."""
    view = (call.session.key, action, subject, start_s, end_s)
    if call.runtime.viewed.first(view):
        try:
            await call.note(action, subject, {"start_s": start_s, "end_s": end_s})
        except BaseException:
            call.runtime.viewed.forget(view)
            raise


_ACCESS = Access(Ability.PLAYBACK, Subject.CAMERA)
ROUTES = (
    Route("GET", "/api/cameras/{camera}/footage/{role}", parts, _ACCESS),
    Route("GET", "/api/cameras/{camera}/footage/{role}/part.mp4", part_file, _ACCESS),
)
