"""The audit trail: who did what, and whether its chain is whole."""

from __future__ import annotations

import json

from aiohttp import web

from nvr import audit
from nvr.audit_chain import Row
from nvr.web.access import Ability, Access
from nvr.web.answers import Json
from nvr.web.errors import ApiError
from nvr.web.request_body import query_integer, query_number
from nvr.web.route import Call, Route

MAX_PAGE = 200


async def listing(call: Call) -> web.Response:
    query = call.request.query
    limit = query_integer(call.request, "limit", default=50, least=1, most=MAX_PAGE) or MAX_PAGE
    rows = await audit.page(
        call.services.state,
        before=query_integer(call.request, "before", default=None, least=0, most=1 << 53),
        limit=limit,
        actor=_text(call, "who"),
        action=_text(call, "action"),
        since_s=query_number(call.request, "since_s") if "since_s" in query else None,
        until_s=query_number(call.request, "until_s") if "until_s" in query else None,
    )
    return web.json_response(
        {
            "rows": [_row(row) for row in rows],
            "next": rows[-1].id if len(rows) == limit else None,
            "chain": await _chain(call),
        }
    )


async def check(call: Call) -> web.Response:
    await call.services.audit.check()
    return web.json_response(await _chain(call))


async def _chain(call: Call) -> Json:
    watch = call.services.audit
    head = await watch.head()
    verdict, checked_s = watch.verdict or (None, None)
    return {
        "head": str(head) if head else None,
        "state": verdict.state if verdict else None,
        "checked_s": checked_s,
        "rows": verdict.rows if verdict else None,
        "broken_row": verdict.broken_row if verdict else None,
        "missing_head": str(verdict.missing) if verdict and verdict.missing else None,
    }


def _row(row: Row) -> Json:
    return {
        "id": row.id,
        "wall_s": row.wall_s,
        "actor": row.actor,
        "address": row.address,
        "action": row.action,
        "subject": row.subject,
        "detail": _detail(row.detail),
    }


def _detail(text: str) -> Json:
    """Somebody may have written anything there, which is no reason to show nothing."""
    try:
        detail = json.loads(text)
    except ValueError:
        return {"?": text}
    return detail if isinstance(detail, dict) else {"?": text}


def _text(call: Call, name: str) -> str | None:
    """Raises ApiError 400."""
    text = call.request.query.get(name)
    if text is not None and len(text) > audit.MAX_TEXT:
        raise ApiError(400, "bad_request", f"{name}: at most {audit.MAX_TEXT} characters")
    return text or None


ROUTES = (
    Route("GET", "/api/audit", listing, Access(Ability.ADMINISTER)),
    Route("POST", "/api/audit/check", check, Access(Ability.ADMINISTER)),
)
