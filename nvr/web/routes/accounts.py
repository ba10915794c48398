"""Accounts: administrators make, change and remove them, and end their log-ins. A password stands in one answer only,
that of the request that made it, and its owner must change it."""

from __future__ import annotations

from typing import Annotated, Literal

from aiohttp import web
from pydantic import Field

from nvr.web.access import Ability, Access, Account, AccountRole
from nvr.web.errors import ApiError, not_found
from nvr.web.log_ins import LogIn, LogIns
from nvr.web.people import People, Person
from nvr.web.request_body import Body, read_json
from nvr.web.route import Call, Route

Role = Literal["viewer", "operator", "administrator", "investigator"]
Cameras = Annotated[list[Annotated[str, Field(max_length=32)]], Field(max_length=256)] | None


class RightsBody(Body):
    role: Role
    cameras: Cameras


class AddBody(RightsBody):
    name: str = Field(max_length=100)


class ChangeBody(RightsBody):
    disabled: bool


async def show(call: Call) -> web.Response:
    everybody = await _people(call).all()
    return web.json_response({"accounts": [_shown(call, person) for person in everybody]})


async def add(call: Call) -> web.Response:
    body = await read_json(call.request, AddBody)
    cameras = _known_cameras(call, body.cameras)
    password, password_hash = await call.services.auth.first_password()
    role = AccountRole.from_word(body.role)
    account = await _people(call).add(
        body.name, role, cameras, password_hash, by=call.account, actor=call.actor
    )
    shown = _shown(call, Person(account, call.services.clock.wall(), 0))
    return web.json_response(shown | {"password": password}, status=201)


async def change(call: Call) -> web.Response:
    body = await read_json(call.request, ChangeBody)
    cameras, role = _known_cameras(call, body.cameras), AccountRole.from_word(body.role)
    await _people(call).change(_number(call), role, cameras, body.disabled, by=call.account, actor=call.actor)
    return web.Response(status=204)


async def new_password(call: Call) -> web.Response:
    people, number = _people(call), _number(call)
    await people.find(number, by=call.account)  # no password is computed for nothing
    password, password_hash = await call.services.auth.first_password()
    account = await people.new_password(number, password_hash, by=call.account, actor=call.actor)
    return web.json_response({"name": account.name, "password": password})


async def remove(call: Call) -> web.Response:
    await _people(call).remove(_number(call), by=call.account, actor=call.actor)
    return web.Response(status=204)


async def log_ins(call: Call) -> web.Response:
    account = await _people(call).find(_number(call), by=call.account)
    return await log_ins_answer(call, account)


async def end_log_in(call: Call) -> web.Response:
    account = await _people(call).find(_number(call), by=call.account)
    return await end_answer(call, account)


async def log_ins_answer(call: Call, account: Account) -> web.Response:
    """The log-ins of `account`, as everybody sees his own too."""
    found = await _log_ins(call).of(account)
    at_the_page = call.runtime.watches.sessions()
    return web.json_response({"sessions": [_log_in(call, one, at_the_page) for one in found]})


async def end_answer(call: Call, account: Account) -> web.Response:
    """End the log-in of `account` that the path names. Raises ApiError 404: it has no such."""
    if not await _log_ins(call).end(account, call.request.match_info["session"], by=call.actor):
        raise not_found()
    return web.Response(status=204)


def _people(call: Call) -> People:
    return People(call.services.state, call.services.clock)


def _log_ins(call: Call) -> LogIns:
    return LogIns(call.services.state, call.services.clock)


def _number(call: Call) -> int:
    """Raises ApiError 404: what stands in the path is no account's number."""
    text = call.request.match_info["account"]
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise not_found()
    return int(text)


def _known_cameras(call: Call, cameras: list[str] | None) -> list[str] | None:
    """Raises ApiError 422: one of them does not exist."""
    for camera in cameras or []:
        if call.services.config.find_camera(camera) is None:
            raise ApiError(422, "no_such_camera", "there is no such camera", place="cameras")
    return cameras


def _shown(call: Call, person: Person) -> dict[str, object]:
    account = person.account
    return {
        "id": account.id,
        "name": account.name,
        "role": account.role.word,
        "cameras": None if account.cameras is None else sorted(account.cameras),
        "disabled": account.disabled,
        "must_change": account.must_change,
        "created_s": person.created_wall_s,
        "sessions": person.log_ins,
        "own": account.id == call.account.id,
        "may_change": account.id != call.account.id and call.account.sees_all_of(account),
    }


def _log_in(call: Call, found: LogIn, at_the_page: frozenset[str]) -> dict[str, object]:
    return {
        "id": found.key,
        "begun_s": found.begun_wall_s,
        "expires_s": found.expires_wall_s,
        "address": found.address,
        "agent": found.agent,
        "own": found.key == call.session.key,
        "open": found.key in at_the_page,
    }


_ADMINISTER = Access(Ability.ADMINISTER)
ROUTES = (
    Route("GET", "/api/accounts", show, _ADMINISTER),
    Route("POST", "/api/accounts", add, _ADMINISTER),
    Route("PUT", "/api/accounts/{account}", change, _ADMINISTER),
    Route("DELETE", "/api/accounts/{account}", remove, _ADMINISTER),
    Route("POST", "/api/accounts/{account}/password", new_password, _ADMINISTER),
    Route("GET", "/api/accounts/{account}/sessions", log_ins, _ADMINISTER),
    Route("DELETE", "/api/accounts/{account}/sessions/{session}", end_log_in, _ADMINISTER),
)
