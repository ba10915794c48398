"""The plain-HTTP site: how to install the appliance's CA, and nothing else."""

from __future__ import annotations

import html
import re

from aiohttp import web

from nvr.web.gate import add_security_headers
from nvr.web.static_files import StaticFiles
from nvr.web.tls import Certificates

_HOST = re.compile(r"(?P<name>[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


def http_application(
    files: StaticFiles, certificates: Certificates, *, site: str, https_port: int
) -> web.Application:
    """GET / explains, GET /ca.crt is the certificate (PEM), GET /static/http.css its style; everything else is
    sent to HTTPS with 308."""

    async def explain(request: web.Request) -> web.Response:
        values = {
            "site": site,
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

    application = web.Application(client_max_size=1024)
    application.on_response_prepare.append(add_security_headers)
    application.router.add_get("/", explain)
    application.router.add_get("/ca.crt", authority)
    application.router.add_get("/static/http.css", style)
    application.router.add_get("/favicon.ico", no_icon)
    application.router.add_route("*", "/{path:.*}", elsewhere)
    return application


def _https(request: web.Request, port: int) -> str:
    """The same host by HTTPS. A Host header that is no host is not repeated."""
    match = _HOST.fullmatch(request.headers.get("Host", ""))
    name = match["name"] if match else "localhost"
    return f"https://{name}" if port == 443 else f"https://{name}:{port}"
