"""Claim, log in, log out."""

from __future__ import annotations

from aiohttp import web
from pydantic import Field

from nvr.web.access import PUBLIC, Ability, Access, Session
from nvr.web.accounts import SESSION_S
from nvr.web.answers import session_answer
from nvr.web.gate import COOKIE
from nvr.web.request_body import Body, read_json
from nvr.web.route import Call, Route


class LoginBody(Body):
    name: str = Field(max_length=200)
    password: str = Field(max_length=1000, repr=False)


class ClaimBody(LoginBody):
    code: str = Field(max_length=100, repr=False)


async def show(call: Call) -> web.Response:
    accounts = call.services.auth.accounts
    session = await accounts.session(call.request.cookies.get(COOKIE, ""))
    claimed = session is not None or await accounts.any()
    return web.json_response(session_answer(call.services, session, claimed=claimed))


async def claim(call: Call) -> web.Response:
    body = await read_json(call.request, ClaimBody)
    begun = await call.services.auth.claim(
        code=body.code, name=body.name, password=body.password, address=call.address, agent=call.agent
    )
    return _logged_in(call, *begun, status=201)


async def login(call: Call) -> web.Response:
    body = await read_json(call.request, LoginBody)
    begun = await call.services.auth.login(
        name=body.name, password=body.password, address=call.address, agent=call.agent
    )
    return _logged_in(call, *begun, status=200)


async def logout(call: Call) -> web.Response:
    await call.services.auth.logout(call.session, call.address)
    response = web.Response(status=204)
    response.del_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="Strict")
    return response


def _logged_in(call: Call, token: str, session: Session, *, status: int) -> web.Response:
    response = web.json_response(session_answer(call.services, session, claimed=True), status=status)
    response.set_cookie(
        COOKIE, token, max_age=int(SESSION_S), path="/", secure=True, httponly=True, samesite="Strict"
    )
    return response


ROUTES = (
    Route("GET", "/api/session", show, PUBLIC),
    Route("POST", "/api/claim", claim, PUBLIC),
    Route("POST", "/api/login", login, PUBLIC),
    Route("POST", "/api/logout", logout, Access(Ability.OWN)),
)
