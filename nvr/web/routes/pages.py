"""The page's files."""

from __future__ import annotations

from aiohttp import web

from nvr.web.access import PUBLIC
from nvr.web.errors import not_found
from nvr.web.route import Call, Route


async def index(call: Call) -> web.StreamResponse:
    return _file(call, "static/index.html")


async def manifest(call: Call) -> web.StreamResponse:
    return _file(call, "static/manifest.webmanifest")


async def service_worker(call: Call) -> web.StreamResponse:
    """At the top, since a worker's scope is the folder of its address."""
    return _file(call, "static/push-worker.js")


async def static(call: Call) -> web.StreamResponse:
    return _file(call, f"static/{call.request.match_info['file']}")


async def locale(call: Call) -> web.StreamResponse:
    return _file(call, f"locales/{call.request.match_info['language']}.json")


def _file(call: Call, path: str) -> web.Response:
    file = call.runtime.files.get(path)
    if file is None:
        raise not_found()
    return file.answer(call.request)


ROUTES = (
    Route("GET", "/", index, PUBLIC),
    Route("GET", "/manifest.webmanifest", manifest, PUBLIC),
    Route("GET", "/push-worker.js", service_worker, PUBLIC),
    Route("GET", "/static/{file:.+}", static, PUBLIC),
    Route("GET", "/locales/{language}.json", locale, PUBLIC),
)
