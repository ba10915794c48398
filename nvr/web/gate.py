"""The one middleware: nothing reaches a handler that its route's rule does not allow."""

from __future__ import annotations

import hmac
import ipaddress
import sqlite3
from collections.abc import Awaitable, Callable, Collection, Mapping

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from nvr.alarm.incidents import Incident
from nvr.config import Camera
from nvr.errors import NvrError
from nvr.web.access import Access, Session, Subject
from nvr.web.bearer import bearer_token, share
from nvr.web.errors import ApiError, not_found
from nvr.web.live_tokens import LiveToken
from nvr.web.request_body import MAX_BODY_BYTES
from nvr.web.route import Call, Route, Runtime

log = structlog.get_logger(__name__)

COOKIE = "__Host-nvr"
CSRF_HEADER = "X-CSRF-Token"
_READING = frozenset({"GET", "HEAD"})

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
        "connect-src 'self'; manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Server": "nvr",
}


async def add_security_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Signal for `on_response_prepare`: every answer carries them, errors and streams too."""
    response.headers.update(SECURITY_HEADERS)
    if request.path.startswith("/api/"):
        response.headers["Cache-Control"] = "no-store"


def gate(
    runtime: Runtime, rules: Mapping[web.AbstractRoute, Route], unguarded: Collection[web.AbstractRoute]
) -> Middleware:
    """The middleware for an application whose routes are `rules`, and `unguarded`, which are open to anybody.

    In this order: size (413), route (404, 405), origin (403), session (401), CSRF token (403), ability (403), camera
    (404). A live token, where the rule takes it, stands for origin, session and CSRF token. What is for platforms is
    404 while there is none, and else left to the handler. Turns what handlers raise into JSON answers.
    """

    @web.middleware
    async def middleware(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.match_info.route in unguarded:
            return await handler(request)
        rule = rules.get(request.match_info.route)
        answer = await answered(request)
        if rule is not None and rule.access.live_token:
            share(request, answer)
        return answer

    async def answered(request: web.Request) -> web.StreamResponse:
        try:
            call = await _admit(request, runtime, rules)
            return await rules[request.match_info.route].handler(call)
        except ApiError as error:
            return error_answer(error)
        except web.HTTPRequestEntityTooLarge:
            return error_answer(_too_large())
        except NvrError as error:
            log.warning("request failed", path=request.path, error=str(error))
            return error_answer(ApiError(503, error.code, str(error)))
        except sqlite3.Error as error:
            log.error("database failed", path=request.path, error=str(error))
            return error_answer(
                ApiError(503, "storage", f"the appliance's database cannot be used: {error}. Check its disk")
            )

    return middleware


def error_answer(error: ApiError) -> web.Response:
    """`error` as JSON."""
    body: dict[str, object] = {"error": error.code, "message": error.message}
    headers = {}
    if error.params:
        body["params"] = error.params
    if error.retry_after_s is not None:
        body["retry_after_s"] = error.retry_after_s
        headers["Retry-After"] = str(max(1, round(error.retry_after_s)))
    if error.place:
        body["place"] = error.place
    return web.json_response(body, status=error.status, headers=headers)


async def _admit(request: web.Request, runtime: Runtime, rules: Mapping[web.AbstractRoute, Route]) -> Call:
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise _too_large()
    refusal = request.match_info.http_exception
    if refusal is not None and refusal.status == 405:
        raise ApiError(405, "method_not_allowed", f"{request.method} is not for this address")
    route = rules.get(request.match_info.route)
    if route is None:
        raise not_found()
    address = remote_address(request)
    if route.access.platform:
        if not runtime.services.platforms.any_enabled:
            raise not_found()
        return Call(request, runtime, address)
    changing = request.method not in _READING
    secret = bearer_token(request) if route.access.live_token else None
    if secret is None and (changing or request.path.startswith("/api/")):
        check_origin(request, changing=changing)
    if route.access.needs is None:
        return Call(request, runtime, address)
    if secret is not None:
        session, token = await _by_token(runtime, secret)
    else:
        session, token = await _by_cookie(request, runtime, changing=changing), None
    if not session.account.may(route.access.needs):
        if session.account.must_change:
            raise ApiError(
                403, "password_change_needed", "somebody else knows this password; change it first"
            )
        raise ApiError(403, "forbidden", f"this is not for the role {session.account.role.word}")
    camera, incident = await _subject(request, runtime, route.access, session)
    if token is not None and camera is not None and camera.id != token.camera:
        raise not_found()
    cameras = _cameras(request, runtime, session) if route.access.subject is Subject.CAMERAS_IF_ASKED else ()
    return Call(request, runtime, address, session, camera, incident, cameras, token)


async def _by_cookie(request: web.Request, runtime: Runtime, *, changing: bool) -> Session:
    session = await runtime.services.auth.accounts.session(request.cookies.get(COOKIE, ""))
    if session is None:
        raise ApiError(401, "not_logged_in", "log in first")
    if changing and not _same(request.headers.get(CSRF_HEADER, ""), session.csrf_token):
        raise ApiError(403, "bad_csrf", f"the header {CSRF_HEADER} is missing or wrong; load the page anew")
    return session


async def _by_token(runtime: Runtime, secret: str) -> tuple[Session, LiveToken]:
    """The token, and the log-in that issued it with the rights that it has now."""
    token = runtime.tokens.find(secret, runtime.services.clock.monotonic())
    session = await runtime.services.auth.accounts.session_by_key(token.session_key) if token else None
    if token is None or session is None:
        raise ApiError(
            401, "bad_live_token", "this live token is not valid (any more); get another on the page"
        )
    return session, token


async def _subject(
    request: web.Request, runtime: Runtime, access: Access, session: Session
) -> tuple[Camera | None, Incident | None]:
    """What the rule's subject names. Raises ApiError 404: it does not exist, or not for this account."""
    services = runtime.services
    match access.subject:
        case Subject.CAMERA | Subject.CAMERA_IF_ASKED:
            asked = request.match_info.get("camera") or request.query.get("camera")
            if asked is None and access.subject is Subject.CAMERA_IF_ASKED:
                return None, None
            camera = services.config.find_camera(asked or "")
            if camera is None or not session.account.may_see(camera.id):
                raise not_found()
            return camera, None
        case Subject.INCIDENT:
            number = request.match_info["incident"]
            known = number.isascii() and number.isdigit() and len(number) <= 15
            incident = await services.incidents.get(int(number)) if known else None
            if incident is None or not session.account.may_see(incident.camera):
                raise not_found()
            return None, incident
    return None, None


def _cameras(request: web.Request, runtime: Runtime, session: Session) -> tuple[Camera, ...]:
    """The cameras that the query names, each once, or all that the account may see. Raises ApiError 404: one of them
    does not exist, or not for this account."""
    config, account = runtime.services.config, session.account
    asked = request.query.get("cameras")
    if asked is None:
        return tuple(camera for camera in config.camera if account.may_see(camera.id))
    found = []
    for name in dict.fromkeys(asked.split(",")):
        camera = config.find_camera(name)
        if camera is None or not account.may_see(camera.id):
            raise not_found()
        found.append(camera)
    return tuple(found)


def check_origin(request: web.Request, *, changing: bool) -> None:
    """Only our own page may call the API from a browser: Fetch Metadata and the Origin header must say so where
    they are sent. What sends neither is no browser; it needs the session's token all the same. Raises ApiError 403."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    own_site = site in ((None, "same-origin") if changing else (None, "same-origin", "none"))
    own_origin = origin is None or origin.lower() == f"https://{request.headers.get('Host', '')}".lower()
    if not own_site or not own_origin:
        raise ApiError(403, "cross_origin", "only the appliance's own page may do this")


def remote_address(request: web.Request) -> str:
    """The peer's IP address without scope; an IPv4 address mapped into IPv6 as IPv4."""
    text = (request.remote or "").partition("%")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())


def _too_large() -> ApiError:
    return ApiError(413, "too_large", f"at most {MAX_BODY_BYTES} bytes are taken")
