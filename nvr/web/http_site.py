"""The plain-HTTP site: how to install the appliance's CA, and what platforms ask that know no TLS."""

from __future__ import annotations

import html
from collections.abc import Iterable

from aiohttp import web

from nvr.web.guarded import GuardedApplication
from nvr.web.host import host_of
from nvr.web.route import Route, Runtime
from nvr.web.tls import Certificates


def http_application(
    runtime: Runtime, routes: Iterable[Route], certificates: Certificates
) -> web.Application:
    """GET / explains, GET /ca.crt is the certificate (PEM), GET /static/http.css its style; `routes` are answered here
    too, within the gate's rules; everything else is sent to HTTPS with 308. Raises ValueError: one of `routes` is for
    people, whose secrets must not come here."""
    files, config = runtime.files, runtime.services.config
    https_port = config.web.https_port
    routes = tuple(routes)
    if not all(route.access.platform for route in routes):
        raise ValueError("what is for people needs TLS")

    async def explain(request: web.Request) -> web.Response:
        values = {
            "site": config.site.name,
            "fingerprint": certificates.ca_fingerprint,
            "https_url": _https(request, https_port) + "/",
        }
        text = files.http_page
        for name, value in values.items():
            text = text.replace(f"{{{{{name}}}}}", html.escape(value))
        return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-store"})

    async def authority(_request: web.Request) -> web.Response:
        # No Content-Disposition: with one, iPhones store the file instead of offering to install the profile.
        return web.Response(body=certificates.ca_pem, content_type="application/x-x509-ca-cert")

    async def style(request: web.Request) -> web.StreamResponse:
        file = files.get("static/http.css")
        return file.answer(request) if file else web.Response(status=404)

    async def no_icon(_request: web.Request) -> web.Response:
        # Browsers ask by themselves, and the page's policy forbids following them to HTTPS for it.
        return web.Response(status=404)

    async def elsewhere(request: web.Request) -> web.Response:
        return web.Response(
            status=308, headers={"Location": _https(request, https_port) + str(request.rel_url)}
        )

    guarded = GuardedApplication(runtime, routes)
    pages = {"/": explain, "/ca.crt": authority, "/static/http.css": style, "/favicon.ico": no_icon}
    for path, handler in pages.items():
        guarded.open_to_anybody(("GET", "HEAD"), path, handler)
    guarded.open_to_anybody("*", "/{path:.*}", elsewhere)
    return guarded.app


def _https(request: web.Request, port: int) -> str:
    """The same host by HTTPS. A Host header that is no host is not repeated."""
    host = host_of(request)
    name = host[0] if host else "localhost"
    return f"https://{name}" if port == 443 else f"https://{name}:{port}"
