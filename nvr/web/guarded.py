"""An HTTP application whose routes pass the gate."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from aiohttp import web

from nvr.web.gate import add_security_headers, gate
from nvr.web.request_body import MAX_BODY_BYTES
from nvr.web.route import Route, Runtime

AiohttpHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class GuardedApplication:
    """`app` answers `routes` as far as the gate lets through; what is added by `open_to_anybody` passes it unasked."""

    def __init__(self, runtime: Runtime, routes: Iterable[Route]):
        rules: dict[web.AbstractRoute, Route] = {}
        self._unguarded: set[web.AbstractRoute] = set()
        middlewares = [gate(runtime, rules, self._unguarded)]
        self.app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=middlewares)
        self.app.on_response_prepare.append(add_security_headers)
        for route in routes:
            for method in ("GET", "HEAD") if route.method == "GET" else (route.method,):
                rules[self.app.router.add_route(method, route.path, _ungated)] = route

    def open_to_anybody(self, methods: Iterable[str], path: str, handler: AiohttpHandler) -> None:
        """`path` as aiohttp writes it; it comes behind all that was added before."""
        for method in methods:
            self._unguarded.add(self.app.router.add_route(method, path, handler))


async def _ungated(_request: web.Request) -> web.StreamResponse:
    raise RuntimeError("the gate calls the route's handler")
