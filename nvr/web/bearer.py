"""Live tokens on the wire (RFC 6750) and what pages of other origins need to use them (Fetch, CORS protocol).

A token in a header is no ambient authority: no browser adds it by itself. So where it is given, the rules that protect
the cookie (origin, CSRF token) are not asked, and the cookie does not count.
"""

from __future__ import annotations

from aiohttp import web

from webrtc import trickle

SDP = "application/sdp"
CHALLENGE = 'Bearer realm="live"'
PREFLIGHT_S = 600
_SHARED = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Location, ETag, Accept-Patch, Retry-After",
}
_PREFLIGHT = {
    **_SHARED,
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match",
    "Access-Control-Max-Age": str(PREFLIGHT_S),
    "Accept-Post": SDP,
    "Accept-Patch": trickle.MEDIA_TYPE,
}


def bearer_token(request: web.Request) -> str | None:
    """The token of the header `Authorization: Bearer`; None without such a header, "" if it holds no token."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    return token.strip()


async def preflight(_request: web.Request) -> web.Response:
    """OPTIONS: the same for everybody and each address, so it tells nothing of what exists."""
    return web.Response(status=200, headers=_PREFLIGHT)


def share(request: web.Request, response: web.StreamResponse) -> None:
    """Of a route that takes tokens: let the page that sent one read the answer, and say how to log in."""
    if bearer_token(request) is not None:
        response.headers.update(_SHARED)
    if response.status == 401:
        response.headers["WWW-Authenticate"] = CHALLENGE
